"""Checkpoints by Hub id: downloaded once, only the files of a classifier, never code."""

from __future__ import annotations

from pathlib import Path

from ..errors import CheckpointError, first_line
from .checkpoint import (
    ADAPTER_FILE,
    CARD_FILE,
    PICKLE_SUFFIXES,
    PICKLED_FILE,
    TOKENIZER_FILES,
    is_pickled,
    pickled_only,
)

OFFLINE_ADVICE = "pass the folder of a checkpoint, or arch:albert-base-v2 for latency, memory and size alone"


def fetch_checkpoint(repo_id: str, *, allow_pickle: bool = False, offline_advice: str = OFFLINE_ADVICE) -> Path:
    """Folder of the downloaded checkpoint ``repo_id`` ("owner/name" or "name"), newest revision.

    Raises CheckpointError if the Hub does not have it, does not show it, has only pickled weights of it, or cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    wanted = ["config.json", "*.safetensors", "*.safetensors.index.json", ADAPTER_FILE, CARD_FILE, *TOKENIZER_FILES]
    try:
        folder = Path(snapshot_download(repo_id, allow_patterns=[*wanted, PICKLED_FILE] if allow_pickle else wanted))
    except HFValidationError as error:
        raise CheckpointError(
            f"checkpoint {repo_id!r}: no such folder, and no Hub id either; pass a folder or owner/name"
        ) from error
    except GatedRepoError as error:
        raise CheckpointError(
            f"checkpoint {repo_id!r}: the Hub asks for permission; accept its terms there and log in"
        ) from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"checkpoint {repo_id!r}: no such folder, and the Hub has no such model or does not show it; check the name or log in"
        ) from error
    except LocalEntryNotFoundError as error:
        raise CheckpointError(
            f"checkpoint {repo_id!r}: no such folder, and the Hub cannot be reached; {offline_advice}"
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise CheckpointError(
            f"checkpoint {repo_id!r}: cannot be fetched from the Hub ({first_line(error)}); pass a folder instead"
        ) from error
    if not (any(folder.glob("*.safetensors")) or is_pickled(folder)):
        _refuse_pickles(repo_id)
    return folder


def _refuse_pickles(repo_id: str) -> None:
    """Raise CheckpointError if the Hub has pickled weights: they were not fetched, so the folder does not show them."""
    from huggingface_hub import list_repo_files
    from huggingface_hub.errors import HfHubHTTPError

    try:
        names = sorted(list_repo_files(repo_id))
    except (HfHubHTTPError, OSError):
        return  # offline: the folder is then refused since it has no weights
    pickles = [name for name in names if "/" not in name and Path(name).suffix in PICKLE_SUFFIXES]
    if pickles:
        raise pickled_only(f"checkpoint {repo_id!r}", pickles)
