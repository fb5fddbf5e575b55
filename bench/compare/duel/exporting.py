"""Export the variants of one side with a code or an environment of its own, in a process of its own."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....exporters.artifacts.artifact import read_artifact
from ....exporters.errors import UserError
from ...machine.alone import HELD, held
from ...pipeline.checkpoints import find_checkpoint, find_inputs
from ...texts.demonstration import corpus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ....exporters.artifacts.artifact import Artifact
    from ...pipeline.options import Options
    from ...worker.interpreter import Interpreter

PROGRAM = "deploybench.bench.cli"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """A product that exports: its interpreter, whose ``code`` holds it, and the module that is its program."""

    name: str  # of error lines
    interpreter: Interpreter
    program: str = PROGRAM

    def export(self, options: Options, variants: tuple[str, ...], folder: Path) -> Mapping[str, Artifact]:
        """The artifacts below ``folder``; raises UserError for a variant that is not exported or is another model."""
        said = self._run(options, variants, folder)
        found = {variant: read_artifact(folder / variant) for variant in variants}
        whole = {variant: one for variant, one in found.items() if one}
        # Artifacts that failed their parity check are on disk as well.
        bad = [one for one in variants if one not in whole or _why(said, one).startswith("failed")]
        if bad or said.returncode:
            one = (bad or variants)[0]
            raise UserError(f"{self.name} does not export {one}: {_why(said, one)}")
        return whole

    def _run(self, options: Options, variants: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
        command = [self.interpreter.python, "-P", "-m", self.program, "export", f"--checkpoint={options.checkpoint}"]
        command += [f"--variants={','.join(variants)}", f"--output={folder}", f"--threads={options.threads}"]
        command += [f"--work-dir={options.work_dir}", *(["--allow-pickle"] if options.allow_pickle else [])]
        environment = {**os.environ, **self.interpreter.path, HELD: "yes"}
        # The child inherits the lock: if this process is killed, the machine stays locked until the child has ended.
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, pass_fds=held())


def most_tokens(options: Options) -> int | None:
    """Most tokens that the checkpoint takes; None: no limit."""
    checkpoint = find_checkpoint(options)
    return find_inputs(options, checkpoint, corpus.plain_texts(pairs=bool(checkpoint.pairs))[:32]).max_length


def _why(said: subprocess.CompletedProcess[str], variant: str) -> str:
    """The line that its export printed for the variant, or else the last line of its errors."""
    of_variant = [line for line in said.stdout.splitlines() if line.startswith(f"{variant} ")]
    return (of_variant or [last_line(said.stderr)])[0].removeprefix(variant).strip()


def last_line(text: str) -> str:
    """The last line of what a program said."""
    return (text.strip().splitlines() or ["no message"])[-1]
