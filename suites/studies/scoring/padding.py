r"""How much faster a file is scored with the found plan than in batches of 32, padded to the maximum, as in notebooks.

    python -m deploybench.suites.studies.scoring.padding --checkpoint arch:albert-base-v2 --tokenizer DIR \\
        --external covid=test.csv --variants openvino-int8-bf16

Each labelled set is sampled, and the planner finds a plan for each variant. Then three sides take turns: the plan, the variant
padded to the maximum, and the reference padded to the maximum (in every third round, because it is slow). A ratio is the
median over rounds, because the speed of the machine drifts. Tokenisation counts on every side.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.analysis.misclassified.groups import Group
from ....bench.console import progress, say
from ....bench.measure.workload import Policy, Sample, spread
from ....bench.pipeline.prepare import prepare
from ....bench.score.models import Models
from ....bench.score.plan import DEFAULT_POLICY, Plan, find_plan, instance_counts, seconds_per_token, try_plan
from ....bench.texts.data import parse_external, read_texts
from ....exporters.texts import shown
from ....exporters.variant import REFERENCE
from ..study import Answer, run_alone, study_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ....bench.pipeline.options import Options
    from ....bench.pipeline.prepare import Prepared

TEXTS = 1024
ROUNDS = 9
REFERENCE_EVERY = 3  # rounds
TURN_S = 10.0
ANSWERED_TOKENS = 65_536  # of the texts whose classes are compared with the reference's
NOTEBOOK = Policy(padding="max_length", batch_size=32)


def with_tokenizer(prepared: Prepared, folder: Path | None, length: int) -> Prepared:
    """The same models with another tokenizer, for random weights that have none; texts are cut at ``length``."""
    checkpoint = replace(prepared.checkpoint, trained_length=length)
    if folder is None:
        return replace(prepared, checkpoint=checkpoint)
    made = prepared.options.work_dir / "tokenizers" / "study"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(folder).save_pretrained(made)
    return replace(prepared, checkpoint=checkpoint, inputs=replace(prepared.inputs, tokenizer=made))


def measure(prepared: Prepared, variant: str, texts: list[str]) -> dict[str, Any]:
    """Texts per second in each turn, by side: the plan, the variant and the reference padded to the maximum."""
    models, reference = Models(prepared, variant), Models(prepared, REFERENCE)
    begun = time.perf_counter()
    tokens = models.reader(texts).ids
    tokenising = (time.perf_counter() - begun) / len(texts)
    sample = Sample(tokens=tokens, pad=models.pad, max_length=models.full_length)
    counts = instance_counts(models.threads)
    with ExitStack() as stack, progress(variant, 0) as bar:
        pipelines = {count: stack.enter_context(models.opened(count)).pipeline for count in counts}
        slow = stack.enter_context(reference.opened(1)).pipeline
        plan = find_plan(pipelines, models.threads, sample, bar)[0].plan
        notebook = Plan(policy=NOTEBOOK, instances=1, threads=models.threads)
        sides = {
            "plan": (pipelines[plan.instances], plan),
            "padded": (pipelines[1], notebook),
            "eager": (slow, notebook),
        }
        rates: dict[str, list[float]] = {side: [] for side in sides}
        for number in range(ROUNDS):
            for side, (pipeline, its) in sides.items():
                if side == "eager" and number % REFERENCE_EVERY:
                    continue
                trial = try_plan(pipeline, its, sample, TURN_S, seconds_per_token(pipeline, sample))
                rates[side].append(1 / (1 / trial.rate + tokenising))
    lengths = [len(text) for text in tokens]
    made = sample.cut(plan.policy)
    return {
        "plan": str(plan),
        "rates": rates,
        "tokenised": 1 / tokenising,
        "mean_tokens": statistics.fmean(lengths),
        "cut_share": statistics.fmean(length == models.length for length in lengths),
        "padding_share": 1 - sum(lengths) / made.computed_tokens,
        "agreement": agreement(prepared, variant, sample, plan),
    }


def agreement(prepared: Prepared, variant: str, sample: Sample, plan: Plan) -> dict[str, float]:
    """Number of texts to which the variant with the plan gives the class of the reference, with Wilson's interval of the share."""
    mean = statistics.fmean(len(text) for text in sample.tokens)
    few = replace(sample, tokens=spread(sample.tokens, min(len(sample.tokens), round(ANSWERED_TOKENS / mean))))
    classes = []
    for name, policy in ((variant, plan.policy), (REFERENCE, DEFAULT_POLICY)):
        made = few.cut(policy)
        with Models(prepared, name).opened(1) as opened:
            classes.append(made.in_text_order(opened.pipeline.run(made.batches)).argmax(axis=1))
    same = Group(texts=len(few.tokens), right=int((classes[0] == classes[1]).sum()))
    low, high = same.interval
    return {"texts": same.texts, "same": same.right, "low": low or 0, "high": high or 0}


def ratio(rates: dict[str, list[float]], side: str) -> float:
    """Speed-up of the plan over ``side``: median over the rounds in which both took part."""
    every = REFERENCE_EVERY if side == "eager" else 1
    return statistics.median(plan / other for plan, other in zip(rates["plan"][::every], rates[side], strict=True))


def _answer(options: Options, parsed: argparse.Namespace) -> Answer:
    tokenizer = Path(parsed.tokenizer) if parsed.tokenizer else None
    prepared = with_tokenizer(prepare(replace(options, external=())), tokenizer, parsed.length)
    found: dict[str, Any] = {}
    for argument in options.external:
        name, path = parse_external(argument)
        texts = spread(read_texts(path, bad_rows="drop")[0], TEXTS)
        for variant in options.variants:
            if variant != REFERENCE:
                found.setdefault(name, {})[variant] = measure(prepared, variant, [shown(one) for one in texts])
                say(f"{name}, {variant}: {json.dumps(found[name][variant]['rates'])}")
    figures = {"threads": options.threads, "length": parsed.length, "sets": found}
    name = "-".join(["padding", prepared.checkpoint.name.replace(":", "-"), *found])
    return Answer(name=name, figures=figures, text=text(found))


def text(found: dict[str, Any]) -> str:
    """The printed lines."""
    lines = []
    for name, variants in found.items():
        for variant, one in variants.items():
            rates = one["rates"]
            rate = {side: statistics.median(values) for side, values in rates.items()}
            same = one["agreement"]
            share, low, high = (100 * part for part in (same["same"] / same["texts"], same["low"], same["high"]))
            lines += [
                f"{name}: {one['mean_tokens']:.1f} tokens a text, {100 * one['cut_share']:.1f} % cut",
                f"  {variant}: {rate['plan']:.1f} texts/s by {one['plan']} ({100 * one['padding_share']:.1f} % padding)",
                f"  over its own batches of 32 at the maximum, {rate['padded']:.2f}: {ratio(rates, 'padded'):.2f} times",
                f"  over {REFERENCE}'s, {rate['eager']:.2f}: {ratio(rates, 'eager'):.1f} times",
                f"  of {same['texts']} texts {share:.1f} % ({low:.1f} to {high:.1f} %) get the class that {REFERENCE} gives",
            ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    flags = ("--checkpoint", "--external", "--variants", "--threads", "--work-dir")
    parser = study_parser(__doc__, flags, variants="openvino-int8-bf16")
    parser.add_argument("--tokenizer", metavar="DIR", help="tokenizer of a model with random weights")
    parser.add_argument("--length", metavar="N", type=int, default=512, help="tokens at which texts are cut")
    return run_alone("padding", parser, arguments, _answer)


if __name__ == "__main__":
    sys.exit(main())
