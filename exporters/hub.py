"""Checkpoints by Hub id: fetched once, only what a classifier needs, never code."""

from __future__ import annotations

from pathlib import Path

from exporters.checkpoint import TOKENIZER_FILES
from exporters.errors import CheckpointError


def fetch_checkpoint(repo_id: str, *, allow_pickle: bool = False) -> Path:
    """Folder of the downloaded checkpoint ``repo_id`` ("owner/name" or "name"), newest revision.

    Raises CheckpointError, in one line, when the Hub does not have it, does not show it, or cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    wanted = ["config.json", "*.safetensors", "*.safetensors.index.json", *TOKENIZER_FILES]
    try:
        return Path(
            snapshot_download(repo_id, allow_patterns=[*wanted, "pytorch_model.bin"] if allow_pickle else wanted)
        )
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
            f"checkpoint {repo_id!r}: no such folder, and the Hub cannot be reached; pass the folder of a checkpoint, "
            "or arch:albert-base-v2 for latency, memory and size alone"
        ) from error
    except (HfHubHTTPError, OSError) as error:
        line = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"checkpoint {repo_id!r}: cannot be fetched from the Hub ({line}); pass a folder instead"
        ) from error
