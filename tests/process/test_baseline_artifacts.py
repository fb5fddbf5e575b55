"""A restored baseline measures as the saved one would: its artifacts are whole, and a side of a duel."""

import json
from dataclasses import replace
from pathlib import Path

from deploybench.bench.cli import main
from deploybench.bench.compare.duel.sides import two_sides
from deploybench.bench.pipeline.options import Options
from deploybench.bench.runs.store import read_run, run_block

DATA = Path(__file__).parents[1] / "data"


def test_restored_artifacts_are_a_side_of_a_duel(artifacts, checkpoint, tmp_path):
    saved = read_run(DATA / "run-schema-1.json")
    of_tiny = replace(saved, checkpoint=replace(saved.checkpoint, sha256=checkpoint.sha256), predictions="")
    run, file = tmp_path / "run.json", tmp_path / "baseline.zip"
    run.write_text(json.dumps({"deploybench": run_block(of_tiny)}))
    folder = artifacts("onnx-fp32").parent

    assert main(["baseline", "save", str(file), str(run), "--artifacts", str(folder)]) == 0
    assert main(["baseline", "restore", str(file), "--to", str(tmp_path / "base")]) == 0
    names = (str(tmp_path / "base" / "artifacts"), str(folder))
    with two_sides(names, Options(), ("onnx-fp32",)) as (base, contender):
        assert base.checkpoint == contender.checkpoint == checkpoint.sha256
        assert base.max_length == contender.max_length
        assert base.artifacts["onnx-fp32"].fingerprint == contender.artifacts["onnx-fp32"].fingerprint
