"""The folder of an artifact as another server loads it: Text Embeddings Inference, or OpenVINO Model Server.

Neither runs this project's code, so that what decides the logits is in files: the graph, the runtime's settings, and the tokenizer.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..artifacts.artifact import model_files
from ..artifacts.catalogue import find_variant
from ..checkpoints.tokenization import FAST_FILE, INPUTS_FILE
from ..errors import UserError
from ..runtimes.onnx_session import MODEL_FILE as ONNX_FILE
from ..runtimes.openvino_model import MODEL_FILE as OPENVINO_FILE
from ..variant import CONFIG, TOKENIZER
from .served import head_of, read_manifest, whole_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..head import Head

_LENGTH_FILE = "sentence_bert_config.json"  # where Text Embeddings Inference reads how many tokens a text may have
_VERSION = "1"  # of a model, as OpenVINO Model Server counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How one server wants its folder."""

    title: str
    runtime: str  # of the variants that it can serve
    start: str  # the command that serves ``{folder}``
    write: Callable[[Path, Path, int], None]  # from a whole artifact into an empty folder, with so many threads
    remarks: Callable[
        [Head, dict[str, Any], bool], Iterator[str]
    ]  # by what outputs mean, how texts are cut, and for pairs


def write_layout(layout: Layout, artifact: Path, target: Path, threads: int) -> list[str]:
    """Write what the server loads into the empty folder ``target``, and return what its user should know.

    Raises UserError for an artifact that is not whole, and for one that the server cannot load.
    """
    whole_artifact(artifact)
    layout.write(artifact, target, threads)
    manifest = read_manifest(artifact)
    return [*layout.remarks(head_of(manifest), _fast(artifact)["truncation"] or {}, manifest.get("pairs", False))]


def _write_tei(artifact: Path, target: Path, _: int) -> None:
    """``model.onnx``, ``config.json`` and the tokenizer in one folder; its optimisation level and threads are the server's own."""
    padding = _fast(artifact)["padding"]
    if padding is None:
        raise UserError(
            f"{artifact}: its texts are computed alone, and Text Embeddings Inference pads them; use --server"
        )
    _copy_model(artifact, target, ONNX_FILE)
    _copy_tokenizer(artifact, target)
    config = _config(artifact)
    config["pad_token_id"] = padding["pad_id"]
    config.setdefault("architectures", ["ForSequenceClassification"])  # by whose end it knows a classifier
    _write(target / CONFIG, config)
    length = (_fast(artifact)["truncation"] or {}).get("max_length")
    if length:
        _write(target / _LENGTH_FILE, {"max_seq_length": length, "do_lower_case": False})


def _tei_remarks(head: Head, cut: dict[str, Any], pairs: bool) -> Iterator[str]:
    inputs = '["a text", "another"]' if pairs else '"a text"'
    yield f'ask for {{"inputs": {inputs}}} at /predict'
    if cut.get("direction") == "Left":
        yield 'texts are cut at their start: send "truncation_direction": "Left" with each'
    if head.task == "multi-label":
        yield 'it gives a softmax over all labels: send "raw_scores": true, and take the sigmoid of each'
    elif head.task == "score" and not head.sigmoid:
        yield 'it gives the sigmoid of a score: send "raw_scores": true'


def _write_ovms(artifact: Path, target: Path, threads: int) -> None:
    """A model repository, its ``config.json`` with the settings that the model was measured with, and the tokenizer beside it."""
    variant = read_manifest(artifact)["variant"]
    program = find_variant(variant).program
    if program is None or not program.settings:
        raise UserError(
            f"{variant}: its module says no settings of OpenVINO; expected VARIANT with a Program that has them"
        )
    model = target / variant / _VERSION
    model.mkdir(parents=True)
    _copy_model(artifact, model, OPENVINO_FILE)
    (target / TOKENIZER).mkdir()
    _copy_tokenizer(artifact, target / TOKENIZER)
    _write(target / TOKENIZER / CONFIG, _config(artifact))
    settings = {**program.settings, "INFERENCE_NUM_THREADS": str(threads)}
    model_config = {"name": variant, "base_path": variant, "target_device": "CPU", "plugin_config": settings}
    _write(target / CONFIG, {"model_config_list": [{"config": model_config}]})


def _ovms_remarks(head: Head, _: dict[str, Any], __: bool) -> Iterator[str]:
    outputs = ", ".join(head.labels) or "the score"
    yield f"it takes token ids, as {TOKENIZER}/{FAST_FILE} gives them, and answers with logits of {outputs}"


def _fast(artifact: Path) -> dict[str, Any]:
    """The content of ``tokenizer.json``, which says how texts are cut and padded."""
    found: dict[str, Any] = json.loads((artifact / TOKENIZER / FAST_FILE).read_text(encoding="utf-8"))
    return found


def _config(artifact: Path) -> dict[str, Any]:
    """The checkpoint's configuration, with the label names that the artifact was measured with."""
    try:
        config: dict[str, Any] = json.loads((artifact / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(
            f"{artifact}: an earlier version made it, it has no {CONFIG}; run deploybench export again"
        ) from error
    labels = head_of(read_manifest(artifact)).labels or ("score",)
    config["id2label"] = dict(enumerate(labels))
    config["label2id"] = {label: index for index, label in enumerate(labels)}
    return config


def _copy_model(artifact: Path, target: Path, expected: str) -> None:
    files = model_files(artifact)
    if expected not in [file.name for file in files]:
        raise UserError(f"{artifact}: has no {expected}, expected a variant of one model file; name another variant")
    for file in files:
        shutil.copyfile(file, target / file.name)


def _copy_tokenizer(artifact: Path, target: Path) -> None:
    for file in sorted((artifact / TOKENIZER).iterdir()):
        if file.name != INPUTS_FILE:  # of this project alone
            shutil.copyfile(file, target / file.name)


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


LAYOUTS = {
    "tei": Layout(
        title="Text Embeddings Inference",
        runtime="onnxruntime",
        start="text-embeddings-router --model-id {folder} --auto-truncate",
        write=_write_tei,
        remarks=_tei_remarks,
    ),
    "ovms": Layout(
        title="OpenVINO Model Server",
        runtime="openvino",
        start="ovms --config_path {folder}/config.json --rest_port 8000",
        write=_write_ovms,
        remarks=_ovms_remarks,
    ),
}
