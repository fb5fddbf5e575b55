"""Train checkpoints by a recipe: one, or one per seed, in this process or in one per GPU."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, cast

import tabulate

from ...exporters.checkpoints.architectures import check_architecture
from ...exporters.checkpoints.checkpoint import is_pickled
from ...exporters.checkpoints.hub import fetch_checkpoint
from ...exporters.checkpoints.pickled import convert_pickled_base
from ...exporters.errors import DeploybenchError, UserError
from ...exporters.training.base import base_digest
from ...exporters.training.processes import is_main, process_count
from ...exporters.training.recipe import VALIDATION, Student, read_recipe
from ...exporters.training.scores import overlapping_texts
from ...exporters.training.steps import steps
from ...exporters.training.tasks import DECIDING, METRIC_NAMES, METRICS
from ...exporters.training.thresholds import FEWEST
from ...exporters.training.train import follow, train
from ...exporters.training.unfinished import Unfinished
from ..console import say
from ..machine.environment import describe_commit, describe_environment
from ..printable import printable
from ..units import format_bytes, format_count, format_duration, format_share, many
from ..worker.client import call_in_child
from .checkpoints import unpickled
from .options import Options, read_options
from .seeds import is_finished, keep_seeds, seed_folder, seeded_recipes
from .training_data import training_sets

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from ...exporters.training.recipe import Recipe
    from ...exporters.training.record import TrainingReport
    from ..texts.data import LabelledSet

_WAIT_S = 5.0  # for a process that knows the reason of a failure
_OFFLINE_ADVICE = (
    "pass its folder with --checkpoint DIR, or --checkpoint arch:NAME to train the published architecture from scratch"
)


def train_checkpoint(parsed: argparse.Namespace, draw: Callable[[Path], object]) -> str:
    """Train as the command line says; returns the report as text. ``draw`` writes plots into a trained checkpoint.

    Raises UserError for a mistake of the user.
    """
    recipe, options, count = read_recipe(parsed.recipe), read_options(parsed), parsed.seeds
    if parsed.teacher or parsed.layers:
        recipe = _student(recipe, parsed)
    elif parsed.checkpoint:
        recipe = _starting_from(recipe, parsed.checkpoint)
    _refuse_own_start(recipe, Path(parsed.output))
    train, evaluation = training_sets(recipe, options, train=parsed.train, validation=parsed.validation)
    _warn_of_overlap(train, evaluation)
    _warn_of_warmup(recipe, len(train.texts))
    training = _Training(
        train_set=train,
        evaluation=evaluation,
        options=options,
        tokenizer=parsed.tokenizer,
        resume=parsed.resume,
        bundled=not parsed.train and recipe.data is None,
        draw=draw,
    )
    if count is not None:
        _check_seeds(evaluation)
        return _train_seeds(training, seeded_recipes(recipe, count), Path(parsed.output))
    report = training.train(recipe, Path(parsed.output))
    lines = [f"trained on {train.summary} in {format_duration(report.seconds)}: {report.num_parameters:,} parameters"]
    if recipe.fine_tunes:
        lines.append(_started(recipe, report))
    lines += _costs(report, DECIDING[recipe.task])
    lines += _thresholds(report, evaluation)
    lines += [_scored(report, name, one.summary) for name, one in evaluation.items()]
    return _shown([*lines, f"checkpoint: {parsed.output}, weights {report.weights_sha256[:12]}"])


def _shown(lines: Sequence[str]) -> str:
    return "\n".join(map(printable, lines))


def follow_training(parsed: argparse.Namespace) -> None:
    """Train together with the main process, which sends everything."""
    threads = _threads_of_each(read_options(parsed))
    call_in_child(follow, threads=threads, label="training", visible=True)


def _threads_of_each(options: Options) -> int:
    """Threads of one of the launched processes."""
    return max(1, options.threads // process_count())


@contextmanager
def report_from_one_rank() -> Iterator[None]:
    """Let one process of a launched training report an error: the main one, or another that knows the reason.

    torchrun and `accelerate launch` end all processes once one has failed, so the best informed one must end first. A process
    that only lost its connection to the others waits longest.
    """
    try:
        yield
    except DeploybenchError as error:
        if process_count() > 1:
            lost = not isinstance(error, UserError)
            time.sleep(_WAIT_S * (2 * lost + (not is_main())))
        raise
    except KeyboardInterrupt:
        if is_main():
            raise
        raise SystemExit(130) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    """Everything of a training except its recipe and its folder."""

    train_set: LabelledSet
    evaluation: dict[str, LabelledSet]
    options: Options
    tokenizer: Path | None
    resume: bool
    bundled: bool  # on the texts of the demonstration
    draw: Callable[[Path], object]  # writes plots into the trained checkpoint

    def train(self, recipe: Recipe, output: Path) -> TrainingReport:
        """Train in a new process."""
        unfinished = Unfinished(output, {})
        if self.resume:
            step = unfinished.step()
            say(f"{output}: {'nothing to resume: starts' if step is None else 'resumes'} at step {step or 0}")
        keywords = {
            "texts": self.train_set.texts,
            "labels": self.train_set.labels,
            "label_names": self.train_set.label_names,
            "out_dir": output,
            "evaluation": {name: (one.texts, one.labels) for name, one in self.evaluation.items()},
            "tokenizer_dir": self.tokenizer,
            "checkpoint_dir": _checkpoint_dir(recipe, self.options),
            "demonstration": self.bundled,
            "origin": _origin(_threads_of_each(self.options)),
            "resume": self.resume,
            "progress": True,
        }
        try:
            report: TrainingReport = call_in_child(
                train,
                recipe,
                threads=_threads_of_each(self.options),
                label=f"training {recipe.name}",
                visible=True,
                keywords=keywords,
            )
        except KeyboardInterrupt:
            step = unfinished.step()
            if step is not None:
                say(f"{output}: is saved up to step {step}; the same command with --resume continues from there")
            raise
        self.draw(output)
        return report


def _origin(threads: int) -> dict[str, Any]:
    """Machine, and git commit of the working folder, for the training record."""
    environment = describe_environment()
    return {"cpu": environment["cpu"], "cores": environment["cores"], "threads": threads, **describe_commit()}


def _check_seeds(evaluation: dict[str, LabelledSet]) -> None:
    """Refuse before hours of training that could not give a result."""
    if process_count() > 1:
        raise UserError(
            f"--seeds: found {process_count()} processes, expected one, which trains the seeds one after the other; leave "
            "the launcher out, or train each seed by its own recipe"
        )
    if not evaluation:
        raise UserError(
            "--seeds: found no labelled set, expected one to compare the accuracy of the seeds on; pass --validation or --external"
        )


def _refuse_own_start(recipe: Recipe, output: Path) -> None:
    if recipe.fine_tunes and output.exists() and output.resolve() == Path(recipe.checkpoint or "").resolve():
        raise UserError(f"--output: {output} is the checkpoint that the training starts from; name another folder")


def _train_seeds(training: _Training, recipes: list[Recipe], output: Path) -> str:
    """Train every seed that an interrupted call left out; returns the accuracies as text."""
    base_sha256 = base_digest(_checkpoint_dir(recipes[0], training.options))
    metric = METRICS[recipes[0].task][0]
    word = METRIC_NAMES[metric]
    for number, recipe in enumerate(recipes, start=1):
        folder = seed_folder(output, recipe)
        if training.resume and is_finished(folder, recipe, training.train_set, training.evaluation, base_sha256):
            say(f"seed {recipe.seed}, {number} of {len(recipes)}: reused")
            continue
        report = training.train(recipe, folder)
        reached = ", ".join(f"{name} {_reached(report, name, metric)}" for name in training.evaluation)
        say(f"seed {recipe.seed}, {number} of {len(recipes)}: {format_duration(report.seconds)}; {word}: {reached}")
    found = keep_seeds(output, recipes, training.evaluation)
    heads = ["set", "mean", "lowest", "highest", "95% prediction interval"]
    rows = [
        [
            printable(name),
            *map(format_share, (fmean(one.values), min(one.values), max(one.values))),
            _band(one.band),
        ]
        for name, one in found.items()
    ]
    return _shown(
        [
            f"{word} of {recipes[0].name} from {len(recipes)} seeds, trained on {training.train_set.summary}",
            "",
            *tabulate.tabulate(rows, heads, disable_numparse=True).splitlines(),
            "",
            f"95% prediction interval: range of the {word} of one more training with another seed",
            f"checkpoints: {', '.join(str(seed_folder(output, one)) for one in recipes)}",
        ]
    )


def _new(weights: Sequence[str]) -> str:
    return f"with new {', '.join(weights)}" if weights else "including its classification head"


def _band(band: tuple[float, float]) -> str:
    return " to ".join(map(format_share, band))


def _scored(report: TrainingReport, name: str, summary: str) -> str:
    """The scores on one set, in one line."""
    if name in report.accuracy:
        return f"accuracy on {name}, {summary}: {format_share(report.accuracy[name])}"
    reached = ", ".join(f"{METRIC_NAMES[metric]} {_reached(report, name, metric)}" for metric in report.scores[name])
    return f"{name}, {summary}: {reached}"


def _reached(report: TrainingReport, name: str, metric: str) -> str:
    found = report.accuracy[name] if metric == "accuracy" else report.scores[name][metric]
    return "undefined" if found is None else format_share(found)


def _thresholds(report: TrainingReport, evaluation: dict[str, LabelledSet]) -> list[str]:
    """Where the thresholds of labels were chosen, and how many have none of their own."""
    if not report.thresholds:
        return []
    counts = Counter(label for labels in evaluation[VALIDATION].labels for label in cast("tuple[int, ...]", labels))
    few = sum(counts[label] < FEWEST for label in range(len(report.thresholds)))
    ends = f"{format_share(min(report.thresholds))} to {format_share(max(report.thresholds))}"
    line = f"thresholds in config.json: {ends}, each with the highest F1 on {VALIDATION}, so that scores there are too high"
    return [line + f"; 0.5 for {many(few, 'label')} with fewer than {FEWEST} texts there" * bool(few)]


def _costs(report: TrainingReport, metric: str) -> list[str]:
    """Loss and time of each epoch, speed and memory."""
    lines = [
        f"epoch {one['number']}: loss {one['loss']:.4f}{_validated(one['validation'], metric)}, {format_duration(one['seconds'])}"
        for one in report.epochs
    ]
    if report.best_epoch is not None:
        lines.append(f"weights of epoch {report.best_epoch}, which has the highest {METRIC_NAMES[metric]}")
    rates = f"steps: {report.samples_per_second:.1f} texts/s, {report.tokens_per_second:.0f} tokens/s"
    memory = f"memory: {format_bytes(report.peak_memory)} resident"
    if report.peak_device_memory is not None:
        memory += f", {format_bytes(report.peak_device_memory)} of the GPU"
    return [*lines, f"{rates}, {100 * report.padding_share:.1f} % padding; {memory}"]


def _validated(scores: dict[str, float] | None, metric: str) -> str:
    return f", validation {METRIC_NAMES[metric]} {scores[metric]:.4f}" if scores else ""


def _starting_from(recipe: Recipe, checkpoint: str) -> Recipe:
    """The recipe with ``checkpoint`` as its start, as the training record will say."""
    if recipe.architecture is not None:
        raise UserError(
            f"--checkpoint: recipe {recipe.name!r} trains its own architecture from scratch, found {checkpoint!r} as well; "
            "leave it out, or name a recipe that starts from a checkpoint"
        )
    changed = replace(recipe, checkpoint=checkpoint)
    if changed.architecture_name is not None:
        check_architecture(changed.architecture_name)
    return replace(changed, tokenizer=None) if changed.fine_tunes else changed


def _student(recipe: Recipe, parsed: argparse.Namespace) -> Recipe:
    """The recipe for a student of ``--teacher``, which has its architecture and tokenizer, with ``--layers`` of its layers."""
    if not parsed.teacher or not parsed.layers:
        given, missing = ("--teacher", "--layers N") if parsed.teacher else ("--layers", "--teacher DIR")
        raise UserError(f"{given}: was given without {missing}; pass both, such as --teacher news --layers 3")
    if parsed.checkpoint:
        raise UserError("--checkpoint: a student starts from --teacher, found both; leave one out")
    if not Path(parsed.teacher).is_dir():
        raise UserError(f"--teacher: {parsed.teacher} is no folder, expected that of a trained classifier; pass one")
    student = Student(layers=parsed.layers)
    return replace(recipe, checkpoint=parsed.teacher, architecture=None, tokenizer=None, student=student)


def _started(recipe: Recipe, report: TrainingReport) -> str:
    if report.student:
        kept = ", ".join(str(one + 1) for one in report.student["layers"])
        return f"student of {recipe.checkpoint}: layers {kept} of {report.student['of']}, which learnt its outputs"
    return f"started from {recipe.checkpoint}, {_new(report.new_weights)}"


def _warn_of_overlap(train: LabelledSet, evaluation: dict[str, LabelledSet]) -> None:
    for name, shared in overlapping_texts(train.texts, {name: one.texts for name, one in evaluation.items()}).items():
        if shared:
            of = f"{format_count(shared)} of {many(len(evaluation[name].texts), 'text')}"
            say(
                f"set {name}: {of} are also in the training set: scores on it will be too high; deploybench prepare fixes that"
            )


def _warn_of_warmup(recipe: Recipe, rows: int) -> None:
    plan = steps(rows, recipe)
    if plan.warmup > plan.total:
        say(
            f"recipe {recipe.name}: its warm-up has {many(plan.warmup, 'step')}, and "
            f"{many(rows, 'text')} give {format_count(plan.total)} in all: the learning rate will not reach its peak; "
            "use warmup_ratio in the recipe"
        )


def _checkpoint_dir(recipe: Recipe, options: Options) -> Path | None:
    """The checkpoint that the recipe starts from; fetched here, because the training process is offline."""
    if not recipe.fine_tunes:
        return None
    asked = recipe.checkpoint or ""
    folder = Path(asked)
    if not folder.is_dir():
        folder = fetch_checkpoint(asked, allow_pickle=options.allow_pickle, offline_advice=_OFFLINE_ADVICE)
    if is_pickled(folder) and options.allow_pickle:
        return unpickled(folder, options, convert_pickled_base)
    return folder
