"""The command line: the one place that prints answers and exits."""

from __future__ import annotations

import importlib.util
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.arguments import BEST_FLAGS, LIMITS, RESULTS, SHOWN, TABLES, parser
from bench.console import say
from bench.pipeline.options import as_arguments, names, read_options
from exporters.errors import DeploybenchError, OutputError, UserError, first_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import pytest

    from bench.analysis.recommendation import Recommendation
    from bench.compare.changes import Comparison
    from bench.compare.thresholds import Thresholds
    from bench.pipeline.prepare import Prepared
    from bench.report.render import Format
    from bench.runs.store import Run
    from bench.texts.data import LabelledSet


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 is well, 1 a variant or test that failed, 2 something that the person can mend; compare has more."""
    _ready_output()
    parsed = parser().parse_args(arguments)
    try:
        code: int = _COMMANDS[parsed.command](parsed)
    except BrokenPipeError:  # `deploybench report RUN | head`: whoever reads has read enough
        return 141  # what a shell says of it
    except UserError as error:
        say(f"deploybench: error: {error}")
        return 2
    except DeploybenchError as error:
        say(f"deploybench: error: {error}")
        return 3 if parsed.command in ("compare", "duel") else 1  # theirs for "nothing was compared"; 1 is "worse"
    except OSError as error:  # a name too long, a disk gone
        say(f"deploybench: error: {first_line(error)}")
        return 2
    except KeyboardInterrupt:
        say("deploybench: interrupted")
        return 130
    return code


def _run(parsed: argparse.Namespace) -> int:
    """Prepare, run the suites on what was prepared, and print the tables of the file that they saved."""
    from bench.machine.alone import alone
    from bench.pipeline.prepare import prepare
    from bench.runs.store import read_run
    from bench.runs.whole_file import refuse_unwritable

    values = vars(parsed)
    options = read_options(values)
    refuse_unwritable(Path(RESULTS))
    with alone():
        handover = _Handover(prepare(options))
        before = set(Path(RESULTS).rglob("*.json"))
        code = _run_suites(handover, values)
    saved = sorted(set(Path(RESULTS).rglob("*.json")) - before)
    if not saved:
        return handover.exit_code(code) or 1
    _print_run(read_run(saved[-1]), "text", SHOWN)
    say(f"saved: {saved[-1]}\ntables: deploybench report {saved[-1]} --format md|csv|latex|json|card")
    return handover.exit_code(code)


def _run_suites(
    handover: _Handover, values: dict[str, Any], storage: str = f"./{RESULTS}", files: Sequence[str] = ("",)
) -> int:
    """What `pytest suites` does, on what is prepared, or ``files`` of it; pytest's exit code."""
    from bench.pipeline.started_pytest import run_pytest

    suites = importlib.util.find_spec("suites")
    assert suites is not None
    assert suites.submodule_search_locations
    folder = Path(suites.submodule_search_locations[0]).absolute()
    saving = ("--benchmark-autosave", f"--benchmark-storage=file://{storage}")
    return run_pytest(folder, files, [*saving, *as_arguments(values)], handover)


class _Handover:
    """What the command line has prepared, for the suites' conftest: a pytest plugin that is found by its name."""

    __name__ = "deploybench_prepared"

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self._stopped: int | None = None

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep why pytest stopped: its exit code is 2 for an interrupt, for a UserError and for errors of collection."""
        # Errors of collection are a subclass of KeyboardInterrupt; only pytest.exit has a code.
        self._stopped = 130 if excinfo.type is KeyboardInterrupt else getattr(excinfo.value, "returncode", None)

    def exit_code(self, code: int) -> int:
        """Our exit code for pytest's: pytest's own 2 to 5 mean nothing to who did not call pytest."""
        return self._stopped if self._stopped is not None else min(int(code), 1)


def _export(parsed: argparse.Namespace) -> int:
    """Export and prove variants; print where each one lies."""
    if parsed.best:
        return _export_best(parsed)
    from bench.machine.alone import alone
    from bench.pipeline.prepare import prepare
    from bench.report.exports import render_exports

    unwanted = [flag for flag, value in _of_best(parsed).items() if value]
    if unwanted:
        raise UserError(f"{unwanted[0]}: says which variant is best, expected with --best; pass --best as well")
    options = read_options(vars(parsed))
    with alone():
        prepared = prepare(options)
    _print(render_exports(prepared.variants, prepared.artifacts))
    return 1 if len(prepared.artifacts) < len(prepared.variants) else 0


def _export_best(parsed: argparse.Namespace) -> int:
    """Measure every variant by what decides, and put the best one, with its evidence, where it was asked for."""
    from bench.analysis.choice import choose
    from bench.machine.alone import alone
    from bench.pipeline.best import DECIDES, read_drop, read_target, said_of, write_best
    from bench.pipeline.prepare import prepare
    from bench.report.best import render_choice, render_evidence
    from bench.runs.predictions import read_right
    from bench.runs.store import read_run

    objective: Any = parsed.objective or "latency"
    max_drop, target = read_drop(parsed.max_accuracy_drop), read_target(parsed.artifacts)
    values = {**vars(parsed), "artifacts": None}
    options = read_options(values)
    storage = options.work_dir.absolute() / "best"  # no saved run that later ones are compared with
    with alone():
        handover = _Handover(prepare(options))
        before = set(storage.rglob("*.json"))
        code = _run_suites(handover, values, str(storage), DECIDES[objective])
    saved = sorted(set(storage.rglob("*.json")) - before)
    run = read_run(saved[-1]) if saved else None
    choice = choose(run, read_right(run), objective, max_drop) if run else None
    if run is None or choice is None:
        if run is not None:
            say(f"nothing was written: {objective} of no variant could be measured, not even the reference's")
        return handover.exit_code(code) or 1
    write_best(handover.prepared.artifacts[choice.best.variant].path, target, render_evidence(run, choice))
    _print(render_choice(choice))
    say(said_of(target))
    return 0


def _of_best(parsed: argparse.Namespace) -> dict[str, Any]:
    """What was asked that has a meaning for the search of the best alone, by flag; a default ("quick") was not asked."""
    flags = ("--objective", "--max-accuracy-drop", *BEST_FLAGS)
    return {
        flag: value
        for flag in flags
        if (value := getattr(parsed, flag[2:].replace("-", "_"))) not in (None, False, "quick")
    }


def _score(parsed: argparse.Namespace) -> int:
    """Label a file with one variant, and print what that took."""
    from bench.machine.alone import alone
    from bench.pipeline.prepare import prepare, reading
    from bench.report.scoring import render_scoring
    from bench.runs.whole_file import refuse_unwritable
    from bench.score.rows import survey
    from bench.score.score_file import Job, score_file

    source, output = Path(parsed.file), Path(parsed.output)
    if output.suffix != ".parquet" or output.is_dir():
        raise UserError(f"--output: found {parsed.output!r}, expected a file that ends in .parquet; name one")
    if output.exists() and source.exists() and output.samefile(source):
        raise UserError(f"--output: {parsed.output!r} is the file whose texts are scored, expected another; name one")
    refuse_unwritable(output.parent)
    options = read_options({**vars(parsed), "variants": parsed.variant})
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)  # of tokenizers, in this process
    most = None if parsed.max_memory_mb is None else _read_limit("--max-memory-mb", parsed.max_memory_mb) * 1e6
    found = survey(source, **reading(options))  # what cannot be read is said before an export
    with alone():
        prepared = prepare(options)
        if parsed.variant not in prepared.artifacts:
            raise UserError(f"--variant: {parsed.variant} cannot be used: {prepared.variants[parsed.variant].failed}")
        job = Job(prepared=prepared, variant=parsed.variant, source=source, found=found, output=output, max_memory=most)
        done = score_file(job)
    _print(render_scoring(done))
    say(f"written: {output}")
    return 0


def _prepare(parsed: argparse.Namespace) -> int:
    """Split labelled files, and print what was found in them."""
    from bench.report.preparation import render_preparation
    from bench.texts.prepare.preparation import Asked, prepare_texts
    from bench.texts.prepare.rows import Files
    from bench.texts.prepare.splits import read_shares

    options = read_options(vars(parsed))
    if bool(parsed.files) == bool(options.real):
        raise UserError("prepare: expected labelled files, or --real with --fake, and not both; name one or more")
    test = Path(parsed.test) if parsed.test else None
    files = Files(labelled=tuple(map(Path, parsed.files)), real=options.real, fake=options.fake, test=test)
    asked = Asked(
        files=files,
        output=Path(parsed.output),
        shares=read_shares(parsed.split, test_given=test is not None),
        seed=_read_count("--seed", parsed.seed),
        text_columns=options.text_columns,
        label_column=options.label_column,
        bad_rows="drop" if options.drop_bad_rows else "refuse",
        strict=parsed.strict,
    )
    _print(render_preparation(prepare_texts(asked)))
    say(f"written: {parsed.output}")
    return 0


def _train(parsed: argparse.Namespace) -> int:
    """Train a classifier by a recipe, in a process of its own, and print what it reached."""
    from bench.machine.alone import alone
    from bench.pipeline.launched import one_speaks
    from bench.pipeline.training import follow_training, train_checkpoint
    from bench.report.training_plots import write_training_plots
    from exporters.training.processes import is_main

    with one_speaks():
        if not is_main():
            follow_training(parsed)
            return 0
        with alone():
            _print(train_checkpoint(parsed, write_training_plots))
    return 0


def _report(parsed: argparse.Namespace) -> int:
    """Print the tables of a saved run."""
    from bench.report.tables import build_tables
    from bench.runs.store import read_run

    tables = SHOWN if parsed.table is None else tuple(name.strip() for name in parsed.table.split(","))
    unknown = [name for name in tables if name not in TABLES]
    if unknown:
        raise UserError(f"--table: {unknown[0]!r} is unknown; known tables: {', '.join(TABLES)}")
    if parsed.table and parsed.format == "html":
        raise UserError("--table: a page has all tables; leave --table out, or name another --format")
    run = read_run(parsed.run)
    lacking = [name for name in tables if parsed.table and not build_tables(run, [name])]
    if lacking == list(tables):
        raise UserError(f"--table: {parsed.run} holds nothing for {', '.join(lacking)}; measure again, or name another")
    if parsed.plots:
        _write_plots(run, Path(parsed.plots))
    _print_run(run, parsed.format, tables, parsed.output, _texts_of(run, parsed) if parsed.format == "html" else ())
    for name in lacking:
        say(f"table {name} is left out: {parsed.run} holds nothing for it")
    return 0


def _recommend(parsed: argparse.Namespace) -> int:
    """Print which variant of a saved run to take, and copy it if asked; 1 where none is surely within every limit."""
    from bench.analysis.recommendation import Limit, recommend
    from bench.pipeline.best import read_drop, read_target
    from bench.report.recommendation import render_recommendation
    from bench.runs.predictions import read_right
    from bench.runs.store import read_run

    limits = [
        Limit(flag=flag, metric=metric, most=_read_limit(flag, text) * unit)
        for flag, (metric, unit, _) in LIMITS.items()
        if (text := getattr(parsed, flag[2:].replace("-", "_"))) is not None
    ]
    target = None if parsed.copy_to is None else read_target(parsed.copy_to, "--copy-to")
    max_drop, run = read_drop(parsed.max_accuracy_drop), read_run(parsed.run)
    found = recommend(run, read_right(run), parsed.objective or "latency", max_drop, limits)
    _print(render_recommendation(found))
    if target:
        _copy_recommended(run, found, Path(parsed.work_dir), target)
    return 0 if found.best else 1


def _copy_recommended(run: Run, found: Recommendation, work_dir: Path, target: Path) -> None:
    from bench.pipeline.best import said_of, write_best
    from bench.pipeline.made import find_artifact
    from bench.report.recommendation import render_reasons

    if found.best is None:
        say("nothing was written: no variant is surely within every limit")
        return
    write_best(find_artifact(run, found.best.variant, work_dir).path, target, render_reasons(run, found))
    say(said_of(target))


def _read_limit(flag: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise UserError(f"{flag}: found {text!r}, expected a number above 0 such as 100")
    return number


def _errors(parsed: argparse.Namespace) -> int:
    """Print which texts of a saved run were called wrong, and accuracy by a column of their files."""
    from bench.analysis.misclassified.analysis import Asked, find_errors
    from bench.report.error_examples import render_errors
    from bench.runs.store import read_run

    asked = Asked(
        variant=parsed.variant,
        by=parsed.by,
        examples=_read_count("--examples", parsed.examples),
        seed=_read_count("--seed", parsed.seed),
    )
    run = read_run(parsed.run)
    _print(render_errors(find_errors(run, _texts_of(run, parsed), asked), run.checkpoint.labels, asked))
    return 0


def _texts_of(run: Run, parsed: argparse.Namespace) -> tuple[LabelledSet, ...]:
    """The labelled files that were given; of a run of the demonstration, its own texts."""
    from bench.pipeline.prepare import demonstration_sets, labelled_sets

    sets = labelled_sets(read_options(vars(parsed)), run.checkpoint.labels)
    if not sets and run.checkpoint.demonstration:
        known = {one.sha256 for one in run.sets}
        sets = tuple(one for one in demonstration_sets() if one.sha256 in known)
    return sets


def _read_count(flag: str, text: str) -> int:
    if not text.isdecimal():
        raise UserError(f"{flag}: found {text!r}, expected a whole number such as 3")
    return int(text)


def _compare(parsed: argparse.Namespace) -> int:
    """Print what changed between two saved runs, or over all of them; the outcome decides the exit code."""
    if parsed.history is not None:
        return _history(parsed)
    from bench.compare.outcome import outcome_of
    from bench.report.comparison import render_comparison

    if parsed.contender is None:
        raise UserError("compare: expected BASE and CONTENDER, two saved runs or folders; or --history [FOLDER]")
    comparison = _compared(parsed)
    outcome = outcome_of(comparison.changes, lenient=parsed.lenient)
    _print(render_comparison(comparison, parsed.format, every_row=parsed.all, outcome=outcome))
    return outcome.code


def _history(parsed: argparse.Namespace) -> int:
    from bench.compare.history import history_of
    from bench.compare.outcome import outcome_of_history
    from bench.compare.saved_runs import read_saved_runs
    from bench.report.history import render_history

    flags = {"--all": parsed.all, "--normalise": parsed.normalise}
    unwanted = [parsed.base] if parsed.base else [flag for flag, given in flags.items() if given]
    if unwanted:
        raise UserError(
            f"--history: takes one folder and neither BASE nor CONTENDER nor {', '.join(flags)}: {unwanted[0]!r}"
        )
    folder = Path(parsed.history)
    if not folder.is_dir():
        raise UserError(f"--history: {str(folder)!r} is no folder; expected one with saved runs, such as {RESULTS}")
    history = history_of(read_saved_runs(folder), _thresholds(parsed))
    outcome = outcome_of_history(history, lenient=parsed.lenient)
    _print(render_history(history, parsed.format, outcome))
    return outcome.code


def _thresholds(parsed: argparse.Namespace) -> Thresholds:
    from bench.compare.thresholds import Thresholds, read_thresholds

    own = Path("pyproject.toml")
    file = Path(parsed.config) if parsed.config is not None else own if own.is_file() else None
    return read_thresholds(file) if file else Thresholds()


def _compared(parsed: argparse.Namespace) -> Comparison:
    from bench.compare.changes import compare_runs
    from bench.compare.stock import compare_stock, is_stock, read_stock
    from bench.runs.predictions import read_right
    from bench.runs.store import read_run

    thresholds = _thresholds(parsed)
    if is_stock(parsed.base) or is_stock(parsed.contender):
        if parsed.normalise:
            raise UserError(
                "--normalise: needs the yardsticks of both runs, and a stock file of pytest-benchmark has none"
            )
        stock = read_stock(parsed.base), read_stock(parsed.contender)
        _refuse_same(*(one.path for one in stock))
        return compare_stock(*stock, thresholds)
    base, contender = read_run(parsed.base), read_run(parsed.contender)
    _refuse_same(base.path, contender.path)
    right = read_right(base), read_right(contender)
    return compare_runs(base, contender, thresholds, right, normalise=parsed.normalise)


def _refuse_same(base: Path, contender: Path) -> None:
    """A gate passes by nothing that was not measured: a folder's newest run is the old one where none was saved."""
    if base.resolve() == contender.resolve():
        raise UserError(f"compare: BASE and CONTENDER are the same file, {base}; was a new run saved?")


def _duel(parsed: argparse.Namespace) -> int:
    """Measure two sides against each other and print what differs; the exit code is that of ``compare``."""
    from bench.compare.duel import measure as duel
    from bench.compare.duel.sides import two_sides
    from bench.compare.outcome import outcome_of
    from bench.machine.alone import alone
    from bench.report.comparison import render_comparison

    options = read_options(vars(parsed))
    variants = tuple(name for name in options.variants if name in names(parsed.variants))
    with alone(), two_sides((parsed.a, parsed.b), options, variants) as sides:
        workloads = duel.workloads(sides, options)
        setting = duel.Setting(workloads=workloads, precision=options.precision, budget_s=options.time_budget)
        comparison = duel.duel(*sides, setting)
    outcome = outcome_of(comparison.changes)
    _print(render_comparison(comparison, parsed.format, every_row=True, outcome=outcome))
    return outcome.code


def _architectures(parsed: argparse.Namespace) -> int:
    """Print what is counted of architectures; 1 where formula and built model differ."""
    from bench.pipeline.architectures import count_architectures
    from bench.report.architectures import render_architectures

    lengths = read_options({"sequence_lengths": parsed.sequence_lengths}).sequence_lengths
    assert lengths
    found = count_architectures(parsed.names, lengths)
    _print(render_architectures(found, lengths, parsed.format))
    return 1 if any(one.differences for one in found.values()) else 0


def _list(_: argparse.Namespace) -> int:
    """Print what there is to choose from."""
    from bench.report.choices import render_choices

    _print(render_choices())
    return 0


def _write_plots(run: Run, folder: Path) -> None:
    from bench.report.page.plots import write_plots

    if folder.exists() and not folder.is_dir():
        raise UserError(f"--plots: found the file {str(folder)!r}, expected a folder, new or not; name one")
    written = write_plots(run, folder)
    say(f"written: {len(written)} files in {folder}")


def _print_run(
    run: Run, fmt: Format, tables: Sequence[str], output: str | None = None, sets: Sequence[LabelledSet] = ()
) -> None:
    """Tables of a run, printed or written; in colour where a person looks at them."""
    from bench.report.render import render
    from bench.report.terminal import coloured

    text = render(run, fmt, tables, sets)
    if output:
        _write(text, Path(output).resolve())
        return
    looked_at = fmt == "text" and sys.stdout.isatty() and not os.environ.get("NO_COLOR")  # https://no-color.org
    _print(coloured(text, run.plan.variants) if looked_at else text)


def _write(text: str, file: Path) -> None:
    """What would be printed, as a file that is whole or absent; a device or a folder is not replaced by one."""
    from bench.runs.whole_file import whole_file

    if not file.parent.is_dir() or (file.exists() and not file.is_file()):
        raise UserError(f"--output: {file} cannot be made, expected the name of a file in a folder that exists")
    with whole_file(file) as stream:
        stream.write((text.rstrip("\n") + "\n").encode())


def _ready_output() -> None:
    """Let standard output take whatever is printed."""
    if sys.stdout is None:  # closed by whoever started this
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # one without × or † shows ? there


def _print(text: str) -> None:
    try:
        sys.stdout.write(text.rstrip("\n") + "\n")
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python says so once more at its end
        if isinstance(error, BrokenPipeError):
            raise
        raise OutputError(f"standard output: cannot be written ({error.strerror}); send it elsewhere") from error


_COMMANDS = {
    "run": _run,
    "export": _export,
    "score": _score,
    "prepare": _prepare,
    "train": _train,
    "report": _report,
    "recommend": _recommend,
    "errors": _errors,
    "compare": _compare,
    "duel": _duel,
    "architectures": _architectures,
    "list": _list,
}

if __name__ == "__main__":
    sys.exit(main())
