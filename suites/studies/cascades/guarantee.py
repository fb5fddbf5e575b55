"""Whether a certified cascade keeps its bound: over simulated calibrations, and over calibrations drawn from real texts.

    python -m deploybench.suites.studies.cascades.guarantee --checkpoint DIR --external posts.csv --cascade linear-tokens+onnx-fp32

Simulated: confidences of a known law, so that the true share of other classes is known. Real: some texts of a set are drawn to
certify, and the share of other classes is that among all of its texts. The bound may be exceeded in at most 5 % of calibrations.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binom

from ....bench.console import progress
from ....bench.measure.labelled_set import score
from ....bench.measure.workload import Policy, scoring_batches
from ....bench.pipeline.arguments import whole_number
from ....bench.pipeline.prepare import prepare
from ....exporters.cascades.answering import chance_of_class
from ....exporters.cascades.certified import BOUND, CONFIDENCE, certify
from ....exporters.cascades.names import stages_of
from ....exporters.checkpoints.tokenization import tokenise
from ....exporters.errors import UserError
from ..study import Answer, render_rows, run_alone, study_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import numpy.typing as npt

    from ....bench.pipeline.options import Options

_LAWS = (0.05, 0.1, 0.2, 0.5, 1.0)  # chance of another class of a text with confidence c: this share of 1 - c
_TRUE = 1_000_000  # confidences that stand for the law


def simulated(calibrations: int, texts: int, seed: int) -> list[dict[str, Any]]:
    """By law: how many of so many calibrations exceed the bound, and the share of texts that the stage answers."""
    random, rows = np.random.default_rng(seed), []
    whole = 1 - random.beta(0.4, 4, _TRUE) / 2
    for law in _LAWS:
        true, answered = [], []
        for _ in range(calibrations):
            confident = 1 - random.beta(0.4, 4, texts) / 2
            found = certify(confident, random.uniform(size=texts) < law * (1 - confident))
            sure = whole >= found.threshold
            true.append(float(np.where(sure, law * (1 - whole), 0.0).mean()))
            answered.append(float(sure.mean()))
        rows.append(_row(f"{law:g} x (1 - confidence)", texts, true, answered))
    return rows


def resampled(
    confident: npt.NDArray[np.floating[Any]], differs: npt.NDArray[np.bool_], calibrations: int, texts: int, seed: int
) -> dict[str, Any]:
    """Of so many calibrations on ``texts`` drawn texts, with the whole set as the truth."""
    random, true, answered = np.random.default_rng(seed), [], []
    for _ in range(calibrations):
        drawn = random.integers(len(confident), size=texts)
        found = certify(confident[drawn], differs[drawn])
        sure = confident >= found.threshold
        true.append(float((sure & differs).mean()))
        answered.append(float(sure.mean()))
    return _row("real texts", texts, true, answered)


def _row(what: str, texts: int, true: Sequence[float], answered: Sequence[float]) -> dict[str, Any]:
    beyond = sum(one > BOUND for one in true)
    return {
        "what": what,
        "texts": texts,
        "calibrations": len(true),
        "beyond": beyond,
        # Chance of as many or more, if each exceeds the bound in 5 %: the guarantee is refuted where that is small.
        "p_value": float(binom.sf(beyond - 1, len(true), 1 - CONFIDENCE)),
        "other_classes": [float(one) for one in np.quantile(true, [0.5, 0.95, 1.0])],
        "answered": float(np.mean(answered)),
    }


def _answer(options: Options, parsed: argparse.Namespace) -> Answer:
    stages = stages_of(parsed.cascade)
    if len(stages) != 2 or any(one.tokens for one in stages):  # noqa: PLR2004 - of which each has a bound of its own
        raise UserError("--cascade: expected two stages that read whole texts, such as linear-tokens+onnx-fp32")
    prepared = prepare(options)
    missing = [one.variant for one in stages if one.variant not in prepared.artifacts]
    if missing or not prepared.sets:
        raise UserError(
            f"--cascade: {', '.join(missing) or 'there is no labelled set'}; pass --variants and --external"
        )
    rows = simulated(parsed.simulated, parsed.texts, parsed.seed)
    for labelled in prepared.sets:
        tokens = tokenise(prepared.inputs.tokenizer, labelled.texts, prepared.scoring_length)
        policy = Policy(padding="bucketed", batch_size=1)
        batches = scoring_batches(tokens, prepared.inputs.pad, policy, prepared.full_length)
        with progress(f"scoring {labelled.name}", len(stages)) as bar:
            logits = []
            for stage in stages:
                artifact = prepared.artifacts[stage.variant].path
                logits.append(score(stage.variant, artifact, [batches], options.threads)[0].logits)
                bar.advance()
        differs = logits[0].argmax(axis=1) != logits[1].argmax(axis=1)
        row = resampled(chance_of_class(logits[0]), differs, parsed.resampled, parsed.texts, parsed.seed)
        rows.append({**row, "what": labelled.name, "of": len(tokens)})
    figures = {
        "checkpoint": prepared.checkpoint.name,
        "cascade": parsed.cascade,
        "bound": BOUND,
        "confidence": CONFIDENCE,
        "seed": parsed.seed,
        "rows": rows,
        "failed": [row["what"] for row in rows if row["p_value"] < 1 - CONFIDENCE],
    }
    return Answer(f"cascade_guarantee-{prepared.checkpoint.name.replace(':', '-')}", figures, shown(rows))


def shown(rows: Sequence[dict[str, Any]]) -> str:
    """The printed table."""
    cells = [
        (
            row["what"],
            row["texts"],
            f"{row['beyond']} of {row['calibrations']}",
            f"{row['p_value']:.2f}",
            " / ".join(f"{one:.2%}" for one in row["other_classes"]),
            f"{row['answered']:.0%}",
        )
        for row in rows
    ]
    heads = ["texts of", "certified on", f"beyond {BOUND:.0%}", "p", "other classes p50 / p95 / most", "answered early"]
    return render_rows(heads, cells, ["p: chance of as many or more if the bound were exceeded in 5 % of calibrations"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run on the command line; the exit code, 1 where the guarantee is refuted."""
    flags = (
        "--checkpoint",
        "--external",
        "--train",
        "--label-column",
        "--text-columns",
        "--drop-bad-rows",
        "--variants",
    )
    parser = study_parser(__doc__, (*flags, "--threads", "--work-dir"))
    parser.add_argument("--cascade", metavar="A+B", default="linear-tokens+onnx-fp32")
    parser.add_argument(
        "--texts", metavar="N", type=whole_number("--texts", 299, 10**6, "299 texts or more"), default=1000
    )
    parser.add_argument("--simulated", metavar="N", type=int, default=200, help="calibrations of each law")
    parser.add_argument("--resampled", metavar="N", type=int, default=20, help="calibrations of each set")
    parser.add_argument("--seed", metavar="N", type=int, default=29)
    return run_alone("cascade_guarantee", parser, arguments, _answer)


if __name__ == "__main__":
    sys.exit(main())
