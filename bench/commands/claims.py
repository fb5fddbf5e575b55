"""``deploybench claims``: whether what is claimed about saved runs holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.errors import UserError
from .common import RESULTS, add_command, add_model, print_answer

if TYPE_CHECKING:
    import argparse

_REST = """
CLAIMS is a TOML file. Each claim has a variant or a pattern, and one metric
with its bound; a time, a size or a rate has a unit (s, ms, MB, GB, 1/s):

  [[claim]]
  variant = "onnx-int8-dynamic"
  speed_up = ">= 1.5"             # over torch-eager of the same model
  batch_size = 1                  # without: the smallest that was measured

  [[claim]]
  variant = "*"                   # each one, but no other model
  accuracy_loss = "<= 0.01"       # against torch-eager
  set = "external"                # without: all labelled texts together

  [[claim]]
  variant = "openvino-int8"
  artifact_size = "<= 12.5 MB"
  run = "Linux-*/0025_*.json"     # from the folder of CLAIMS; without: RUN

Other keys: sequence_length (without: the longest), label (a class, of recall
and the like), model. A claim holds if the whole 95 % interval is within the
bound, fails if none of it is, and is undecided otherwise.

exit codes, the first that applies:
  2  a mistake that you can fix: no such file, an unknown metric
  1  a claim fails
  3  a claim is undecided, or what it is about was not measured
  0  all hold"""


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "claims",
        "say whether claims about a saved run hold",
        [
            "deploybench claims claims.toml results",
            "deploybench claims claims.toml results --format md",
            "deploybench claims claims.toml --history results",
            "deploybench claims claims.toml results --model my-albert",
        ],
    )
    command.set_defaults(execute=_claims, failed=3)  # 1 says that a claim fails
    command.description = f"{command.description}\n{_REST}"
    command.add_argument("claims", metavar="CLAIMS", type=Path, help="TOML file of claims")
    command.add_argument(
        "run", nargs="?", metavar="RUN", help="a saved run, or a folder (its newest run), for claims that name none"
    )
    command.add_argument(
        "--history",
        nargs="?",
        const=RESULTS,
        metavar="FOLDER",
        help=f"every run of the newest one's machine and model, instead of RUN (default: {RESULTS})",
    )
    add_model(command.add_argument)
    command.add_argument("--format", choices=("text", "md", "latex", "json"), default="text", help="default: text")


def _claims(parsed: argparse.Namespace) -> int:
    from ..compare.claims.about import Runs
    from ..compare.claims.claim import read_claims
    from ..compare.claims.judge import judge_claim, outcome_of_claims
    from ..report.messages.claims import render_claims

    history = None if parsed.history is None else Path(parsed.history)
    if history and parsed.run:
        raise UserError(f"--history: found RUN as well, {parsed.run!r}; expected one of the two")
    if history and not history.is_dir():
        raise UserError(f"--history: {str(history)!r} is no folder; expected one with saved runs, such as {RESULTS}")
    runs = Runs(parsed.claims, parsed.run, history, parsed.model)
    judged = [found for claim in read_claims(parsed.claims) for found in judge_claim(claim, runs.about(claim))]
    outcome = outcome_of_claims(judged)
    print_answer(render_claims(judged, outcome, parsed.format, runs.left_out))
    return outcome.code
