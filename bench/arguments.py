"""What a person can ask on the command line: the commands, their options and their help."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from bench.pipeline.options import OBJECTIVES, add_options
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = "results"  # folder of the saved runs
TABLES = (
    "summary",
    "batch",
    "timing",
    "instances",
    "roofline",
    "operators",
    "weights",
    "cold",
    "sequence",
    "memory",
    "accuracy",
    "fidelity",
    "invariance",
    "policies",
    "errors",
    "groups",
    "shift",
)
LIMITS = {  # of ``recommend``: metric, its SI units in one of the flag's, help
    "--max-p95-ms": ("latency_p95", 1e-3, "95 of 100 batches of the smallest size take at most so many ms"),
    "--max-memory-mb": ("peak_memory", 1e6, "heap held after loading and taken by batches, by memray"),
    "--max-size-mb": ("artifact_size", 1e6, "on disk"),
}
_ON_DEMAND = ("timing", "operators", "errors", "groups", "shift")
SHOWN = tuple(name for name in TABLES if name not in _ON_DEMAND)  # unless other tables are asked for
_FORMATS = ("text", "md", "csv", "latex", "json", "html", "card")
_COMPARE_CODES = """
exit codes, the first that holds:
  2  a mistake that you can mend: no such file, a bad threshold
  1  something is worse
  3  incomplete: a row is missing or failed, or nothing was compared
  4  incomparable: a row's two figures do not mean the same, or cannot tell
  0  nothing is worse, and everything was compared
with --history
  1  a row became worse with the newest run, or with the others of its commit
  3  the newest run lacks a row, or shares none with an older one, or a file cannot be read
  4  a row of the newest run means something else than in all older ones
  0  none of these"""
_EXPORT_FLAGS = (
    "--checkpoint",
    "--calibration",
    "--text-columns",
    "--drop-bad-rows",
    "--allow-pickle",
    "--variants",
    "--threads",
    "--work-dir",
)
BEST_FLAGS = (  # of ``export --best`` alone
    "--external",
    "--real",
    "--fake",
    "--real-label",
    "--label-column",
    "--batch-sizes",
    "--sequence-lengths",
    "--profile",
    "--precision",
    "--time-budget",
    "--resume",
)
_SCORE = """
One row for each row of FILE, in its order: row (from 1), label, probability of it, logit_0, logit_1, ..., tokens of the whole
text. Texts are read one by one: memory does not grow with FILE. What was killed is taken up again by the same command."""
_SCORE_FLAGS = (
    "--checkpoint",
    "--calibration",
    "--text-columns",
    "--drop-bad-rows",
    "--allow-pickle",
    "--threads",
    "--work-dir",
)
_ERRORS_FLAGS = (
    "--external",
    "--real",
    "--fake",
    "--real-label",
    "--text-columns",
    "--label-column",
    "--drop-bad-rows",
)
_PREPARE_FLAGS = ("--real", "--fake", "--text-columns", "--label-column", "--drop-bad-rows")
_TRAIN_FLAGS = {  # and what each means here, where that is another thing than for a run
    "--checkpoint": "start from this folder, Hub id or arch:NAME, not from the recipe's own, as where there is no Hub",
    "--external": "",
    "--text-columns": "",
    "--label-column": "",
    "--drop-bad-rows": "",
    "--allow-pickle": "",
    "--threads": "",
    "--work-dir": "",
}
_DUEL_FLAGS = {  # and what each means here, where that is another thing than for a run
    "--checkpoint": "what both revisions export; A and B are then git revisions",
    "--variants": f"variants to hold against each other (default: {REFERENCE})",
    "--batch-sizes": "latency at each (default: 1)",
    "--sequence-lengths": "tokens; latency at each (default: 128, or what both sides take)",
    "--threads": "",
    "--precision": "time until the 99 in 100 intervals of the ratios are narrower than this share (default: 0.01)",
    "--time-budget": "or until so many seconds of timing are over (default: 60)",
    "--work-dir": "",
    "--allow-pickle": "",
}


class _Parser(argparse.ArgumentParser):
    """A mistake is one line, like all others; argparse would print the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"deploybench: error: {message}; see: {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """Of the whole command line; what it parses has the command's name as ``command``."""
    whole = _Parser(
        prog="deploybench",
        description="Which way of deploying a fine-tuned text classifier on this CPU is best, and what does it cost?",
        epilog=_examples(
            "deploybench run",
            "deploybench run --checkpoint my-albert --real real.csv --fake fake.csv",
            "deploybench run --checkpoint arch:albert-base-v2 --batch-sizes 1 --sequence-lengths 512",
            "deploybench report results --format md",
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_export(commands)
    _add_score(commands)
    _add_prepare(commands)
    _add_train(commands)
    _add_report(commands)
    _add_recommend(commands)
    _add_errors(commands)
    _add_compare(commands)
    _add_duel(commands)
    _add_architectures(commands)
    _command(commands, "list", "what there is to choose from", ["deploybench list"])
    return whole


def _add_run(commands: Any) -> None:
    command = _command(
        commands,
        "run",
        "train or load a checkpoint, export, prove and measure every variant, print the tables",
        [
            "deploybench run",
            "deploybench run --checkpoint my-albert --external in_domain=test.csv --external ai=fakes.csv",
            "deploybench run --checkpoint my-albert --variants onnx-fp32,openvino-int8 --profile standard",
            "deploybench run --checkpoint arch:bert-base-uncased --batch-sizes 1,8 --sequence-lengths 64,512",
        ],
    )
    add_options(command.add_argument)


def _add_export(commands: Any) -> None:
    command = _command(
        commands,
        "export",
        "export variants and prove that they are the same model; with --best, find the one to deploy",
        [
            "deploybench export --checkpoint my-albert",
            "deploybench export --checkpoint my-albert --variants openvino-int8 --calibration train.csv --output artifacts",
            "deploybench export --checkpoint my-albert --external test.csv --best --objective latency --output best",
            "deploybench export --checkpoint my-albert --external test.csv --best --max-accuracy-drop 0.002 --output best",
        ],
    )
    add_options(command.add_argument, _EXPORT_FLAGS)
    command.add_argument(
        "--output", dest="artifacts", metavar="DIR", help="where the artifacts go (default: below the work folder)"
    )
    best = command.add_argument_group("the best of them", "measured within the time budget; only that one is written")
    best.add_argument("--best", action="store_true", help="write the best variant to --output, with its evidence")
    _add_aim(best.add_argument)
    add_options(best.add_argument, BEST_FLAGS)


def _add_prepare(commands: Any) -> None:
    command = _command(
        commands,
        "prepare",
        "split labelled texts for training and testing, without a text in two splits, and say what gives labels away",
        [
            "deploybench prepare news.csv --output prepared",
            "deploybench prepare --real real.csv --fake fake.csv --split 80/10/10 --seed 1 --output prepared",
            "deploybench prepare train.csv --test test.csv --output prepared",
            "deploybench prepare news.csv --text-columns headline,body --label-column verdict --output prepared",
        ],
    )
    command.add_argument("files", nargs="*", metavar="FILE", help="labelled texts; all files are taken together")
    command.add_argument("--output", metavar="DIR", required=True, help="where train.csv, validation.csv, test.csv go")
    add_options(command.add_argument, _PREPARE_FLAGS)
    command.add_argument("--test", metavar="FILE", help="a test set that is given; what the others share with it goes")
    command.add_argument(
        "--split",
        metavar="N/N/N",
        help="per cent for training, validation and test (default: 70/15/15; with --test 85/15)",
    )
    command.add_argument("--seed", metavar="N", default="0", help="another one draws other splits (default: 0)")
    command.add_argument(
        "--strict", action="store_true", help="refuse a test set that the other files share texts with"
    )


def _add_train(commands: Any) -> None:
    command = _command(
        commands,
        "train",
        "train a classifier by a recipe",
        [
            "deploybench train demonstration --output checkpoints/demonstration",
            "deploybench train albert-mini --train train.csv --external test=test.csv --tokenizer DIR --output posts",
            "deploybench train albert-welfake --train prepared/train.csv --external prepared/test.csv --output news",
            "deploybench train distilbert-agnews --checkpoint my-distilbert --train train.csv --output topics",
        ],
    )
    command.add_argument("recipe", metavar="RECIPE", help="a shipped recipe's name (deploybench list) or a TOML file")
    command.add_argument(
        "--train", metavar="FILE", help="labelled texts to train on (default: the recipe's, else the bundled corpus)"
    )
    command.add_argument(
        "--validation",
        metavar="FILE",
        help="labelled texts to score after every epoch, by which training may stop early",
    )
    command.add_argument("--tokenizer", metavar="DIR", help="tokenizer to use, where the recipe trains none")
    command.add_argument("--seeds", metavar="N", help="train from N seeds: how much accuracy re-training alone changes")
    command.add_argument(
        "--resume", action="store_true", help="go on with what an interrupted training of the same left"
    )
    command.add_argument("--output", metavar="DIR", required=True, help="where the checkpoint goes")
    add_options(_helping(command, _TRAIN_FLAGS), tuple(_TRAIN_FLAGS))


def _add_score(commands: Any) -> None:
    command = _command(
        commands,
        "score",
        "label a file of any size with one variant, the fastest way that is found by trying",
        [
            "deploybench score --checkpoint my-albert --variant openvino-int8 posts.csv -o predictions.parquet",
            "deploybench score --checkpoint my-albert --variant onnx-fp32-fused --max-memory-mb 600 posts.jsonl -o out.parquet",
        ],
    )
    command.description = f"{command.description}\n{_SCORE}"
    command.add_argument("file", metavar="FILE", help="texts: CSV, TSV, JSON Lines or Parquet")
    command.add_argument("-o", "--output", metavar="FILE", required=True, help="where the answers go: a Parquet file")
    command.add_argument("--variant", metavar="NAME", required=True, help="see deploybench recommend, deploybench list")
    command.add_argument("--max-memory-mb", metavar="NUMBER", help="resident memory of all processes together")
    add_options(command.add_argument, _SCORE_FLAGS)


def _add_report(commands: Any) -> None:
    command = _command(
        commands,
        "report",
        "print the tables of a saved run, or make a page of it",
        [
            "deploybench report results",
            "deploybench report results/Linux-CPython-3.11-64bit/0001_….json --format json",
            "deploybench report results --format csv --table batch",
            "deploybench report results --format html --output report.html --plots plots",
        ],
    )
    command.add_argument("run", metavar="RUN", help="a saved run, or a folder: its newest")
    command.add_argument(
        "--format",
        choices=_FORMATS,
        default="text",
        help="text for a terminal (default), md, csv, latex, json, html: a page, or card: a model card",
    )
    command.add_argument(
        "--table",
        metavar="A,B",
        help=f"tables to print: {', '.join(TABLES)} (default: all but {', '.join(_ON_DEMAND)})",
    )
    command.add_argument("-o", "--output", metavar="FILE", help="write to FILE in place of printing")
    command.add_argument("--plots", metavar="DIR", help="write the page's plots to DIR as well, as SVG and PNG")
    texts = command.add_argument_group("texts", "of the run's sets, for the page's examples of errors")
    add_options(texts.add_argument, _ERRORS_FLAGS)


def _add_recommend(commands: Any) -> None:
    command = _command(
        commands,
        "recommend",
        "say which variant of a saved run to take within limits, and why each other one is out",
        [
            "deploybench recommend results --max-accuracy-drop 0.01 --max-p95-ms 100",
            "deploybench recommend results --objective size --max-memory-mb 400 --max-size-mb 50",
            "deploybench recommend results --copy-to best",
        ],
    )
    command.add_argument("run", metavar="RUN", help="a saved run, or a folder: its newest")
    _add_aim(command.add_argument)
    for flag, (_, _, text) in LIMITS.items():
        command.add_argument(flag, metavar="NUMBER", help=text)
    command.add_argument("--copy-to", metavar="DIR", help="put its artifact there, ready to serve, with an example")
    add_options(command.add_argument, ("--work-dir",))


def _add_errors(commands: Any) -> None:
    command = _command(
        commands,
        "errors",
        "show texts that a saved run's variants called wrong, and accuracy by source, author or any column",
        [
            "deploybench errors results",
            "deploybench errors results --external test=test.csv --by source",
            "deploybench errors results --real real.csv --fake fake.csv --examples 10 --variant onnx-int8-dynamic",
        ],
    )
    command.add_argument("run", metavar="RUN", help="a saved run, or a folder: its newest")
    add_options(command.add_argument, _ERRORS_FLAGS)
    command.add_argument("--by", metavar="COLUMN", help="accuracy by the values of a column of the labelled files")
    command.add_argument("--examples", metavar="N", default="3", help="texts of each kind of error (default: 3)")
    command.add_argument("--variant", metavar="NAME", help="errors of this one alone (default: of every variant)")
    command.add_argument("--seed", metavar="N", default="0", help="another one draws other texts (default: 0)")


def _add_aim(add: Callable[..., Any]) -> None:
    """What makes a variant the best one."""
    add("--objective", choices=OBJECTIVES, help="what is to be best (default: latency)")
    add("--max-accuracy-drop", metavar="SHARE", help="what it may lose of the accuracy on any set (default: 0.01)")


def _add_compare(commands: Any) -> None:
    command = _command(
        commands,
        "compare",
        "say what changed between two saved runs, and how sure that is",
        [
            "deploybench compare results/Linux-CPython-3.11-64bit/0001_….json results",
            "deploybench compare base.json contender.json --format md --all",
            "deploybench compare base.json contender.json --lenient",
            "deploybench compare here.json there.json --normalise",
            "deploybench compare --history results",
        ],
    )
    command.description = f"{command.description}\n{_COMPARE_CODES}"
    command.add_argument(
        "base", nargs="?", metavar="BASE", help="a saved run, or a folder: its newest; or any file of pytest-benchmark"
    )
    command.add_argument("contender", nargs="?", metavar="CONTENDER", help="likewise")
    command.add_argument(
        "--history",
        nargs="?",
        const=RESULTS,
        metavar="FOLDER",
        help=f"instead of BASE and CONTENDER: change points over all runs of one machine (default: {RESULTS})",
    )
    command.add_argument("--format", choices=("text", "md", "json"), default="text", help="default: text")
    command.add_argument("--all", action="store_true", help="show rows without a detectable change as well")
    command.add_argument(
        "--lenient", action="store_true", help="missing and incomparable rows, and files of a history, do not fail"
    )
    command.add_argument(
        "--normalise", action="store_true", help="compare times of two CPUs by the machines' own yardsticks"
    )
    command.add_argument("--config", metavar="FILE", help="TOML file with thresholds (default: ./pyproject.toml)")


def _add_duel(commands: Any) -> None:
    command = _command(
        commands,
        "duel",
        "measure two artifacts, checkpoints or git revisions against each other in one run",
        [
            "deploybench duel artifacts/onnx-fp32 artifacts/openvino-fp32 --sequence-lengths 128",
            "deploybench duel my-albert my-distilbert --variants onnx-int8-dynamic --batch-sizes 1,8",
            "deploybench duel HEAD~1 HEAD --checkpoint my-albert --variants openvino-int8",
        ],
    )
    command.add_argument(
        "a", metavar="A", help="an artifact's folder, a checkpoint, or with --checkpoint a git revision"
    )
    command.add_argument("b", metavar="B", help="what it is held against, of the same kind")
    command.add_argument("--format", choices=("text", "md", "json"), default="text", help="default: text")
    add_options(_helping(command, _DUEL_FLAGS), tuple(_DUEL_FLAGS))
    command.set_defaults(variants=REFERENCE, batch_sizes="1", precision="0.01", time_budget="60")


def _helping(command: argparse.ArgumentParser, helps: dict[str, str]) -> Callable[..., Any]:
    """Adds options to a command with help of its own, where there is some."""

    def add(flag: str, **keywords: Any) -> None:
        command.add_argument(flag, **{**keywords, "help": helps[flag] or keywords["help"]})

    return add


def _add_architectures(commands: Any) -> None:
    command = _command(
        commands,
        "architectures",
        "count parameters, operations and activations of architectures, without weights",
        [
            "deploybench architectures",
            "deploybench architectures albert-base-v2 bert-base-uncased --sequence-lengths 64,512",
            "deploybench architectures arch:albert-xlarge-v2 my-albert --format json",
        ],
    )
    command.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="see deploybench list, or a checkpoint's folder (default: all of the list)",
    )
    command.add_argument(
        "--sequence-lengths", metavar="N,N", default="128,512", help="tokens of the text (default: 128,512)"
    )
    command.add_argument(
        "--format", choices=("text", "md", "csv", "latex", "json"), default="text", help="default: text"
    )


def _command(commands: Any, name: str, text: str, examples: list[str]) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=_examples(*examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command=name)
    return command


def _examples(*lines: str) -> str:
    return "\n".join(["examples:", *(f"  {line}" for line in lines)])
