"""PyTorch, compiled ahead of time: torch.export, then AOTInductor, fp32."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING
from unittest import mock

from ..runtimes.compiler import check_compiler
from ..runtimes.too_long import refusing_too_long
from ..runtimes.torch_model import example_inputs, limit_threads, logits_alone, program_of_tensors, write_through_memory
from ..variant import ExportJob, Float32Array, Int64Array, Predictor, Variant

if TYPE_CHECKING:
    from pathlib import Path

_SETTINGS = {
    "cpp.dynamic_threads": True,  # otherwise it always uses the number of threads of the export
    "cpp.enable_kernel_profile": True,  # otherwise a profiler sees none of its kernels
    "aot_inductor.package_constants_in_so": False,  # weights in a file of their own, so that they can be inspected
    "aot_inductor.package_constants_on_disk_format": "binary_blob",
}


def export(job: ExportJob) -> None:
    import torch
    from torch._inductor import aoti_compile_and_package
    from torch._inductor.cpu_vec_isa import pick_vec_isa
    from torch._inductor.utils import fresh_cache
    from torch.export import Dim

    check_compiler()
    axes, example = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}, example_inputs(job.tokenizer)
    with torch.no_grad(), fresh_cache():  # a shared cache would keep the weights
        program = torch.export.export(
            logits_alone(job.checkpoint), example, dynamic_shapes=(axes,) * len(example), strict=False
        )
        write_through_memory(
            lambda buffer: aoti_compile_and_package(program, package_path=buffer, inductor_configs=_SETTINGS),
            job.out_dir / "model.pt2",
        )
        instructions = str(pick_vec_isa())  # "avx512 avx512_vnni"
    job.notes.append(
        f"compiled for the exporting CPU ({instructions}); for a CPU with fewer instructions, export on that CPU"
    )


def load(artifact: Path, threads: int) -> Predictor:
    import torch

    limit_threads(threads)
    # The loader unpacks the library and removes it at exit, which a killed process never reaches; a mapped library
    # works without its file. The public name of the loader compiles a CPU test first, and imports the whole compiler.
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, TMPDIR=folder):
        model = torch._C._aoti.AOTIModelPackageLoader(str(artifact / "model.pt2"), "model", False, 1, -1)  # noqa: SLF001

    def predict(*batch: Int64Array) -> Float32Array:
        with torch.inference_mode():
            [logits] = model.run([*map(torch.from_numpy, batch)])
        found: Float32Array = logits.numpy()
        return found

    return refusing_too_long(predict, artifact)


PROGRAM = program_of_tensors(
    (),
    'model = torch._C._aoti.AOTIModelPackageLoader(str(folder / "model.pt2"), "model", False, 1, -1)',
    "model.run([*tensors.values()])[0]",
)
VARIANT = Variant(
    runtime="torch",
    precision="fp32",
    packages=("torch", "transformers"),
    imports=("torch",),
    export=export,
    load=load,
    program=PROGRAM,
    logits_atol=1e-4,
    default=False,
)
