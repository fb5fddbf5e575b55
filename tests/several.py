"""A made-up run of several models, as one saved file with its predictions."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from slices import row_of

from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.predictions import Scores, write_predictions
from deploybench.bench.runs.store import SetInfo, models_block, read_run, read_runs
from deploybench.bench.texts.data import LabelledSet

SAMPLE = Path(__file__).parent / "data" / "run-schema-1.json"
VARIANTS = {"torch-eager": 1.0, "onnx-fp32": 1.25, "openvino-int8": 3.0}  # speed-up over torch-eager of the model
BYTES = {"torch-eager": 4.0, "onnx-fp32": 4.1, "openvino-int8": 1.1}  # of a parameter, on disk
SETS = {"news": 400, "posts": 300}  # texts
LAUNCHES, BLOCKS = 4, 8
# name: parameters, seconds of torch-eager, tokens of a text, share of texts that it gets wrong, label names
MODELS = {
    "albert": (11_685_122, 0.100, 400, 0.10, ("real", "fake")),
    "org/minilm": (22_713_986, 0.040, 380, 0.16, ("0", "1")),
    "tiny": (4_387_442, 0.008, 390, 0.25, ("fake", "real")),
}
EFFECTIVE = {"albert": 89_651_714}  # parameters; of the others, which share no layers, as many as are stored


def save_models(folder, models=MODELS, *, random_weights=False):
    """Write the file of a run of ``models``; gives its path."""
    path = folder / "results" / "Linux-CPython-3.11-64bit" / "0001_abc_20261129_120000.json"
    path.parent.mkdir(parents=True)
    made = [_run(path, name, place, random_weights) for place, name in enumerate(models)]
    path.write_text(json.dumps({"datetime": "2026-11-29T12:00:00+00:00", "deploybench": models_block(made)}))
    return path


def read_models(folder, models=MODELS, **changes):
    """The runs of such a file."""
    return read_runs(save_models(folder, models, **changes))


def _run(path, name, place, random_weights):
    saved = read_run(SAMPLE)
    parameters, _, tokens, _, labels = MODELS[name]
    length = tokens + 100
    plan = replace(saved.plan, variants=tuple(VARIANTS), batch_sizes=(1, 8), sequence_lengths=(length,))
    plan = replace(plan, memory_batch_size=1, text_lengths=(tokens - 200, tokens, length))
    checkpoint = replace(saved.checkpoint, name=name, num_parameters=parameters, size=4 * parameters, labels=labels)
    checkpoint = replace(checkpoint, max_length=512, random_weights=random_weights)
    checkpoint = replace(checkpoint, effective_parameters=EFFECTIVE.get(name, parameters))
    infos = {one: replace(saved.variants[one], parity={}) for one in VARIANTS}
    run = replace(
        saved,
        path=path,
        schema_version=2,
        plan=plan,
        checkpoint=checkpoint,
        variants=infos,
        sets=(),
        operations={},
        ledgers=(),
        measurements=tuple(_costs(name, place, plan)),
        predictions="",
    )
    return run if random_weights else _scored(run, name, place)


def _costs(name, place, plan):
    parameters, seconds, *_ = MODELS[name]
    machine = np.exp(np.random.default_rng(0).normal(0, 0.2, (LAUNCHES, BLOCKS)))  # the same for all models
    length = max(plan.sequence_lengths)
    for number, (variant, speed_up) in enumerate(VARIANTS.items()):
        own = np.exp(np.random.default_rng(10 * place + number + 1).normal(0, 0.01, (LAUNCHES, BLOCKS)))
        for size in plan.batch_sizes:
            at = Workload(batch_size=size, sequence_length=length, padding="bucketed", threads=plan.threads)
            yield row_of(size * seconds / speed_up * machine * own, variant, 0.003 * machine, at)
        at = Workload(batch_size=1, sequence_length=length, padding="full", threads=plan.threads)
        size = parameters * BYTES[variant]
        yield Measurement(variant=variant, metric="peak_memory", workload=at, values=(1.5 * size,))
        yield Measurement(variant=variant, metric="artifact_size", values=(round(size),))


def _scored(run, name, place):
    """The run with predictions: an int8 variant changes few of them; models are wrong on texts of their own."""
    sets, scores, tokens, measurements = [], {}, {}, []
    *_, length, wrong, labels = MODELS[name]
    for set_name, count in SETS.items():
        draw = np.random.default_rng(count)
        fake = draw.random(count) < 0.5
        true = np.where(
            fake, labels.index("fake") if "fake" in labels else 1, labels.index("real") if "real" in labels else 0
        )
        one = LabelledSet(
            name=set_name,
            texts=tuple(f"{set_name} {row}" for row in range(count)),
            labels=tuple(true.tolist()),
            label_names=labels,
            dropped=(),
        )
        sets.append(one)
        tokens[set_name] = [length + row % 7 for row in range(count)]
        draw = np.random.default_rng(count + place + 1)
        missed = draw.random(count) < wrong
        for number, variant in enumerate(VARIANTS):
            changed = draw.random(count) < (0.003 if variant == "openvino-int8" else 0.0)
            found = np.where(missed ^ changed, 1 - true, true)
            logits = np.where(found[:, np.newaxis] == np.arange(2), 1.0, -1.0) * (1 + 1e-4 * number)
            scores[set_name, variant] = Scores(logits=logits.astype(np.float32), seconds=())
            confusion = tuple(tuple(int(((true == a) & (found == b)).sum()) for b in (0, 1)) for a in (0, 1))
            measurements.append(
                Measurement(
                    variant=variant,
                    metric="accuracy",
                    data=set_name,
                    values=tuple((found == true).astype(float).tolist()),
                    confusion=confusion,
                )
            )
    file = f"predictions_{place}.parquet"
    write_predictions(run.path.parent / file, sets, scores, tokens)
    infos = tuple(
        SetInfo(
            name=one.name, rows=len(one.texts), counts=one.counts, sha256=one.sha256, summary=f"{len(one.texts)} texts"
        )
        for one in sets
    )
    return replace(run, sets=infos, measurements=(*run.measurements, *measurements), predictions=file)
