"""Options of a run: the flags that the command line, pytest and the studies share, and the value that they become."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.artifacts.artifact import holds_artifact_alone
from ...exporters.artifacts.catalogue import (
    absent_packages,
    check_variant_name,
    default_variants,
    trains_another_model,
    usable_variants,
    variant_names,
)
from ...exporters.artifacts.plugins import use_plugins
from ...exporters.cascades.certified import BOUND
from ...exporters.cascades.names import is_cascade
from ...exporters.checkpoints.checkpoint import TRAINING_TEXTS_FILE
from ...exporters.checkpoints.long_texts import POOLS, Pool, Windows
from ...exporters.errors import UserError
from ...exporters.variant import REFERENCE
from ..machine.cpu import available_cores, cpu_features
from ..measure.schedule import Schedule
from ..texts.pairs import PairColumns
from .arguments import names, path, positive_number, share, whole_number, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

EVERY = "all"  # in place of names of variants
MEMORY_BATCH_SIZE = 8  # of thorough profiles
SCORING_BATCH_SIZE = 8
THROUGHPUT_BATCH_SIZE = 8  # one process of all threads against one process per thread

_NAME = re.compile(r"[\w.-]+", re.ASCII)  # of a model: it is part of the names of rows, model/variant
_SEQUENCE_LENGTHS = (64, 128, 256, 512)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How thorough a run is; single flags override parts of it."""

    description: str
    batch_sizes: tuple[int, ...]
    sequence_lengths: tuple[int, ...]
    schedule: Schedule
    budget_s: float  # of everything after the exports
    thorough: bool  # leaks, instances and padding policies as well


PROFILES = {
    "quick": Profile(
        description="minutes on two cores with a small model",
        batch_sizes=(1, 8, 32),
        sequence_lengths=(512,),
        schedule=Schedule(launches=4, blocks=8, rounds=1, block_s=0.01, enough_s=0.6, later=2, target_width=0.08),
        budget_s=165,
        thorough=False,
    ),
    "standard": Profile(
        description="batch sizes 1-32 at the longest length, one text and memory at 64-512 tokens",
        batch_sizes=_BATCH_SIZES,
        sequence_lengths=_SEQUENCE_LENGTHS,
        schedule=Schedule(launches=4, blocks=8, rounds=1, block_s=0.01, cold=2),
        budget_s=1800,
        thorough=True,
    ),
    "full": Profile(
        description="as standard, with more launches and rounds",
        batch_sizes=_BATCH_SIZES,
        sequence_lengths=_SEQUENCE_LENGTHS,
        schedule=Schedule(launches=6, blocks=16, rounds=2, block_s=0.02, cold=3),
        budget_s=3600,
        thorough=True,
    ),
}
_QUICK = PROFILES["quick"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a run, checked as far as possible without the checkpoint; raises UserError where two contradict."""

    checkpoint: str | None = None  # folder, Hub id or arch:NAME; None: the bundled demonstration
    model: str = ""  # the checkpoint's name in results; empty: its own
    real: Path | None = None  # given together with ``fake``
    fake: Path | None = None
    real_label: str | None = None  # the checkpoint's name for real; None: its label names say it
    external: tuple[str, ...] = ()  # "[NAME=]FILE"
    unlabelled: tuple[Path, ...] = ()
    calibration: Path | None = None
    text_columns: tuple[str, ...] = ()  # PairColumns for pairs of texts; empty: found by name
    scores_pairs: bool | None = None  # whether the file to score holds pairs of texts; None: there is none
    windows: Windows | None = None  # by which long texts are read as well; of a scoring, by which all are
    label_column: str | None = None  # None: "label"
    rate_at_p99_ms: float | None = None  # by which the highest rate of each variant's server is found; None: it is not
    drop_bad_rows: bool = False
    allow_pickle: bool = False
    max_other_classes: float = BOUND  # share of texts that a cascade may give another class than its last stage
    train: Path | None = None  # labelled texts that another model is trained on; None: those that training left
    variants: tuple[str, ...] = ()  # the reference first; empty: the default ones
    batch_sizes: tuple[int, ...] = _QUICK.batch_sizes
    sequence_lengths: tuple[int, ...] | None = None  # None: the profile's, up to the checkpoint's limit
    threads: int = field(default_factory=available_cores)
    profile: str = "quick"
    target_width: float = _QUICK.schedule.target_width  # of an interval, relative to its value
    time_budget: float = _QUICK.budget_s  # seconds of everything after the exports
    resume: bool = False
    work_dir: Path = Path(".deploybench")
    artifacts: Path | None = None  # folder for artifacts; None: below the work folder

    def __post_init__(self) -> None:
        """Put the reference first; refuse half a pair of files, and a label without a file."""
        asked = self.variants or default_variants(cpu_features(), labelled=self._has_training_texts)
        object.__setattr__(self, "variants", tuple(dict.fromkeys((REFERENCE, *asked))))
        if bool(self.real) != bool(self.fake):
            given, missing = ("--real", "--fake") if self.real else ("--fake", "--real")
            raise UserError(f"{given}: was given without {missing}; pass both, or one labelled file")
        if self.real_label is not None and not self.real and not self.external and not self.train:
            raise UserError("--real-label: was given without a set; pass --real with --fake, or --external, as well")

    @property
    def _has_training_texts(self) -> bool:
        """Whether there are labelled texts to train another model on."""
        if self.train is not None or self.checkpoint is None:
            return True
        return (Path(self.checkpoint) / TRAINING_TEXTS_FILE).is_file()

    @property
    def p99_limit(self) -> float | None:
        """``rate_at_p99_ms`` in seconds."""
        return None if self.rate_at_p99_ms is None else self.rate_at_p99_ms / 1000

    @property
    def memory_batch_size(self) -> int:
        """Texts of the batch whose memory is measured: as few as are timed, or as all thorough runs have."""
        return MEMORY_BATCH_SIZE if PROFILES[self.profile].thorough else min(self.batch_sizes)

    @property
    def cascades(self) -> bool:
        """Whether a variant is a cascade, whose time depends on the text."""
        return any(map(is_cascade, self.variants))

    @property
    def schedule(self) -> Schedule:
        """How often latency is timed."""
        return replace(PROFILES[self.profile].schedule, target_width=self.target_width, budget_s=self.time_budget)


def _columns(text: str) -> tuple[str, ...]:
    found = names(text)
    if not found or len(set(found)) < len(found):
        raise UserError(f"--text-columns: found {text!r}, expected different columns such as title,body")
    return found


def _pair_columns(text: str) -> PairColumns:
    found = names(text)
    if len(set(found)) != 2 or len(found) != 2:  # noqa: PLR2004 - of a pair
        raise UserError(f"--pair-columns: found {text!r}, expected two columns such as premise,hypothesis")
    return PairColumns(found)


def _windows(text: str) -> Windows:
    length, slash, stride = text.partition("/")
    expected = "LENGTH/STRIDE in tokens such as 512/256"
    if not slash or not all(part.isdecimal() and int(part) for part in (length, stride)):
        raise UserError(f"--windows: found {text!r}, expected {expected}")
    if int(stride) > int(length):
        raise UserError(
            f"--windows: found {text!r}, whose stride is larger than a window, so that tokens are left out; expected {expected}"
        )
    return Windows(length=int(length), stride=int(stride))


def _pool(text: str) -> Pool:
    for known in POOLS:
        if text == known:
            return known
    raise UserError(f"--pool: {text!r} is unknown; known ways: {', '.join(POOLS)}")


def _variants(text: str) -> tuple[str, ...]:
    asked = names(text)
    if not asked:
        raise UserError(f"--variants: found {text!r}, expected names such as onnx-fp32,openvino-int8")
    return asked


def asked_variants(given: Collection[str]) -> tuple[str, ...]:
    """The variants that ``--variants`` names, once plugins are known; raises UserError for one that cannot be used."""
    if tuple(given) == (EVERY,):
        return tuple(name for name in usable_variants() if not absent_packages(name))
    for name in given:
        check_variant_name(name)
    return tuple(given)


def _bound(text: str) -> float:
    flag = "--max-other-classes"
    if not (found := share(flag)(text)):
        raise UserError(
            f"{flag}: found {text!r}, expected a share above 0: no number of texts shows that there is none"
        )
    return found


def _threads(text: str) -> int:
    cores = available_cores()
    return whole_number("--threads", 1, cores, f"a whole number from 1 to {cores}, the cores this process may use")(
        text
    )


def _profile(text: str) -> str:
    if text not in PROFILES:
        raise UserError(f"--profile: {text!r} is unknown; known profiles: {', '.join(PROFILES)}")
    return text


_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--checkpoint",), {"metavar": "DIR|ID|arch:NAME", "help": "fine-tuned classifier: a folder, a Hub id, or "
      "arch:NAME for random weights (default: a small demonstration, which is trained first)"}),
    (("--teacher",), {"metavar": "DIR", "help": "the model whose outputs --checkpoint, a student, has learnt: both are "
      "measured in one run, as models called teacher and student"}),
    (("--external",), {"metavar": "[NAME=]FILE", "action": "append", "help": "labelled set to score; repeatable"}),
    (("--real",), {"metavar": "FILE", "type": path, "help": "texts that are all real; needs --fake"}),
    (("--fake",), {"metavar": "FILE", "type": path, "help": "texts that are all fake; needs --real"}),
    (("--real-label",), {"metavar": "NAME", "help": "the checkpoint's label for real texts, if its names do not tell"}),
    (("--text-columns",), {"metavar": "A,B", "type": _columns, "help": "columns that are joined to one text (default: "
      "title and content, or text)"}),
    (("--pair-columns",), {"metavar": "A,B", "type": _pair_columns, "help": "columns of the two texts of a pair (default: "
      "premise and hypothesis, sentence1 and sentence2, query and document, or the like)"}),
    (("--windows",), {"metavar": "LENGTH/STRIDE", "type": _windows, "help": "read each text by windows of LENGTH tokens "
      "that start every STRIDE tokens: `score` answers by them, `run` measures them beside cutting texts"}),
    (("--pool",), {"metavar": "WAY", "type": _pool, "help": "mean or max of the windows' logits (default: mean)"}),
    (("--rate-at-p99-ms",), {"metavar": "MS", "type": positive_number("--rate-at-p99-ms", 100), "help": "also find the highest "
      "rate of requests that each variant's server answers with the 99th percentile within MS; takes a minute or two a variant"}),
    (("--label-column",), {"metavar": "NAME", "help": "column that holds the labels (default: label)"}),
    (("--drop-bad-rows",), {"action": "store_true", "help": "drop unusable rows and report how many, instead of "
      "stopping at the first"}),
    (("--unlabelled",), {"metavar": "FILE", "type": path, "action": "append", "help": "texts without labels, on which "
      "changed classes are counted; repeatable"}),
    (("--calibration",), {"metavar": "FILE", "type": path, "help": "training texts to calibrate static int8 with "
      "(default: those that training saved)"}),
    (("--train",), {"metavar": "FILE", "type": path, "help": "labelled texts to train linear-tokens on, another model "
      "to compare with (default: those that training saved)"}),
    (("--max-other-classes",), {"metavar": "SHARE", "type": _bound, "help": "of texts, that "
      f"a cascade such as linear-tokens+onnx-int8-dynamic may give another class than its last stage (default: {BOUND:g})"}),
    (("--allow-pickle",), {"action": "store_true", "help": "read pytorch_model.bin if there are no safetensors"}),
    (("--variants",), {"metavar": "A,B", "type": _variants, "help": "variants, or all (default: see deploybench list; "
      f"{REFERENCE} is always included)"}),
    (("--plugin",), {"metavar": "MODULE", "action": "append", "help": "module of your own that holds a variant; repeatable"}),
    (("--batch-sizes",), {"metavar": "N,N", "type": whole_numbers("--batch-sizes"), "help": "batch sizes to time "
      "(default: the profile's)"}),
    (("--sequence-lengths",), {"metavar": "N,N", "type": whole_numbers("--sequence-lengths"), "help": "tokens: memory "
      "and latency of the smallest batch are measured at each, of larger ones at the longest (default: the profile's; "
      "quick times a set's own texts)"}),
    (("--threads",), {"metavar": "N", "type": _threads, "help": "threads of each variant (default: the cores this "
      "process may use)"}),
    (("--profile",), {"metavar": "NAME", "type": _profile, "default": "quick", "help": "quick, standard or full "
      "(default: quick)"}),
    (("--target-width", "--precision"), {"metavar": "SHARE", "type": positive_number("--target-width", 0.02), "help":
      "time until every speed-up's 95%% interval is narrower than this share of it (default: the profile's)"}),
    (("--time-budget",), {"metavar": "SECONDS", "type": positive_number("--time-budget", 180), "help": "stop "
      "measuring this long after the exports, whatever is missing (default: the profile's)"}),
    (("--resume",), {"action": "store_true", "help": "reuse the finished measurements of an interrupted run"}),
    (("--work-dir",), {"metavar": "DIR", "type": path, "default": ".deploybench", "help": "cache of checkpoints and "
      "artifacts (default: .deploybench)"}),
)  # fmt: skip


class _Once(argparse.Action):
    """Refuse a flag that is given twice: argparse would silently take the last value."""

    def __call__(self, _: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        given = getattr(namespace, f"{self.dest}_given", None)
        if given is not None:
            raise UserError(f"{option_string}: found {given!r} and {values!r}, expected one; `run` alone takes several")
        setattr(namespace, f"{self.dest}_given", values)
        setattr(namespace, self.dest, values)


_SEVERAL = {"action": "append", "metavar": "[NAME=]DIR|ID|arch:NAME"}  # where a run may have several checkpoints


def add_options(add: Callable[..., Any], flags: Collection[str] = ()) -> None:
    """Give the options to argparse's ``add_argument`` or pytest's ``addoption``: all, or those in ``flags``.

    ``flags`` may be a dict with help texts; "" keeps the text of ``run``.
    """
    helps = flags if isinstance(flags, dict) else {}
    for spellings, keywords in _FLAGS:
        if not flags or spellings[0] in flags:
            several = (_SEVERAL if not flags else {"action": _Once}) if spellings[0] == "--checkpoint" else {}
            add(*spellings, **{**keywords, **several, "help": helps.get(spellings[0]) or keywords["help"]})


def artifacts_dir(text: str | None) -> Path | None:
    """The folder that ``export`` writes to; it replaces folders named like variants, so none of them may be the user's."""
    if text is None:
        return None
    folder = Path(text)
    if not text or (folder.exists() and not folder.is_dir()):
        raise UserError(f"--output: found {text!r}, expected a folder, new or with artifacts; name another")
    for name in variant_names():
        if (folder / name).exists() and not holds_artifact_alone(folder / name):
            raise UserError(f"--output: {folder / name} holds more than an artifact; name another folder")
    return folder


def read_models(parsed: argparse.Namespace) -> tuple[Options, ...]:
    """Options of each model of a run: one for each ``--checkpoint``, with a name where there are several."""
    found = _each_model(_with_teacher(parsed))
    variants = {name for one in found for name in one.variants}
    if found[0].train and not any(map(trains_another_model, variants)):
        raise UserError(
            "--train: no variant of --variants is trained on texts; add linear-tokens, or leave --train out"
        )
    return found


def _with_teacher(parsed: argparse.Namespace) -> argparse.Namespace:
    """``--checkpoint STUDENT --teacher DIR`` as the two models that they are, the teacher first."""
    teacher = getattr(parsed, "teacher", None)
    if teacher is None:
        return parsed
    given = parsed.checkpoint if isinstance(parsed.checkpoint, list) else [parsed.checkpoint]
    if len(given) != 1 or given[0] is None:
        raise UserError(
            f"--teacher: found {len([*filter(None, given)])} models beside it, expected one, its student; pass one --checkpoint DIR"
        )
    both = [f"teacher={teacher}", f"student={_named(given[0])[1]}"]
    return argparse.Namespace(**{**vars(parsed), "checkpoint": both})


def _each_model(parsed: argparse.Namespace) -> tuple[Options, ...]:
    if not isinstance(parsed.checkpoint, list) or len(parsed.checkpoint) == 1:
        return (read_options(parsed),)
    options = read_options(argparse.Namespace(**{**vars(parsed), "checkpoint": None}))
    if parsed.time_budget is None:
        options = replace(options, time_budget=options.time_budget * len(parsed.checkpoint))
    found: dict[str, str] = {}
    for given, checkpoint in map(_named, parsed.checkpoint):
        name = given or _usual_name(checkpoint)
        if not _NAME.fullmatch(name):
            raise UserError(
                f"--checkpoint: a model called {name!r}, expected letters, digits and . _ - alone; write NAME={checkpoint}"
            )
        if name in found:
            raise UserError(
                f"--checkpoint: two models are called {name!r}; name them apart, such as second={checkpoint}"
            )
        found[name] = checkpoint
    # Default ones are a model's own: not every training left labelled texts.
    asked = asked_variants(parsed.variants or ())
    return tuple(
        replace(options, checkpoint=checkpoint, model=name, variants=asked) for name, checkpoint in found.items()
    )


def _named(asked: str) -> tuple[str, str]:
    """Name and checkpoint from ``[NAME=]CHECKPOINT``; a folder whose name has a ``=`` is a folder."""
    name, equals, one = asked.partition("=")
    if not equals or "/" in name or Path(asked).exists():
        return "", asked
    if not name or not one:
        raise UserError(
            f"--checkpoint: {asked!r} is not [NAME=]CHECKPOINT; write a name and a checkpoint, or a checkpoint alone"
        )
    return name, one


def _usual_name(checkpoint: str) -> str:
    """The folder's, or that of the architecture or Hub id without its prefix."""
    folder = Path(checkpoint)
    return folder.resolve().name if folder.is_dir() else checkpoint.rpartition("/")[2].rpartition(":")[2]


def read_options(parsed: argparse.Namespace) -> Options:
    """Options from parsed flags; those that are missing have their defaults, some of them by the profile.

    The modules of ``--plugin`` are used from now on.
    """
    use_plugins(getattr(parsed, "plugin", None) or ())
    known = {one.name for one in fields(Options)}
    given = {name: value for name, value in vars(parsed).items() if name in known and value is not None}
    if isinstance(checkpoints := given.get("checkpoint"), list):
        if len(checkpoints) > 1:
            raise UserError(f"--checkpoint: found {len(checkpoints)} checkpoints, expected one; give one")
        given["model"], given["checkpoint"] = _named(checkpoints[0])
    pair = getattr(parsed, "pair_columns", None)
    if pair and given.get("text_columns"):
        raise UserError("--pair-columns: was given with --text-columns; pass one of them")
    if pair:
        given["text_columns"] = pair
    pool = getattr(parsed, "pool", None)
    if pool and "windows" not in given:
        raise UserError(
            f"--pool: {pool} was given without --windows; pass --windows LENGTH/STRIDE, such as 512/256, as well"
        )
    if pool:
        given["windows"] = replace(given["windows"], pool=pool)
    given["variants"] = asked_variants(given.get("variants", ()))
    profile = PROFILES[given.get("profile", "quick")]
    defaults = {
        "batch_sizes": profile.batch_sizes,
        "time_budget": profile.budget_s,
        "target_width": profile.schedule.target_width,
    }
    repeated = {name: tuple(given.get(name, ())) for name in ("external", "unlabelled")}
    return Options(**{**defaults, **given, **repeated})
