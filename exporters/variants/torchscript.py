"""PyTorch, TorchScript: traced and frozen, fp32."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtimes.torch_model import limit_threads, logits_alone, program_of_tensors, trace, write_through_memory
from ..variant import ExportJob, Float32Array, Int64Array, Predictor, Variant

if TYPE_CHECKING:
    from pathlib import Path


def export(job: ExportJob) -> None:
    import torch

    with torch.inference_mode():
        frozen = torch.jit.freeze(trace(logits_alone(job.checkpoint), job.tokenizer))
    write_through_memory(lambda buffer: torch.jit.save(frozen, buffer), job.out_dir / "model.pt")


def load(artifact: Path, threads: int) -> Predictor:
    import torch

    limit_threads(threads)
    model = torch.jit.load(str(artifact / "model.pt"))
    # The profiling executor recompiles in the first calls with every new shape, which would be measured.
    torch._C._jit_set_profiling_executor(False)  # noqa: SLF001

    def predict(*batch: Int64Array) -> Float32Array:
        with torch.inference_mode():
            logits: Float32Array = model(*map(torch.from_numpy, batch)).numpy()
        return logits

    return predict


PROGRAM = program_of_tensors((), 'model = torch.jit.load(folder / "model.pt")', "model(*tensors.values())")
VARIANT = Variant(
    runtime="torch",
    precision="fp32",
    packages=("torch", "transformers"),
    imports=("torch",),
    export=export,
    load=load,
    program=PROGRAM,
    logits_atol=1e-4,
    deprecated="TorchScript is deprecated since PyTorch 2.11 in favour of torch.export",
)
