"""The parent's side of a worker: starts it, sends requests, and turns its death or timeout into an error with its last output.

The parent blocks on the pipe while a child computes; it never polls, samples or spins.
"""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from socket import SO_RCVTIMEO, SOL_SOCKET, socketpair
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ...exporters.artifacts.catalogue import find_variant, variant_module
from ...exporters.cascades.names import is_cascade
from ...exporters.errors import WorkerError
from .forking import PYTORCH, template_for
from .interpreter import OURS, Interpreter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ...exporters.variant import Batch, Float32Array

T = TypeVar("T")
_LAST_OUTPUT = 2000  # bytes of a dead child's output that are read
_END_S = 5.0
DEFAULT_TIMEOUT_S = 1800.0


class Worker:
    """One child process with a budget of ``threads`` threads; a context manager that ends it.

    ``environment``: additional variables; ``forked``: from a process of this interpreter that has imported ``modules``, if there
    can be one, which saves the child seconds.
    """

    def __init__(  # noqa: PLR0913 - properties of the child, by name
        self,
        label: str,
        threads: int,
        timeout_s: float | None = DEFAULT_TIMEOUT_S,
        *,
        visible: bool = False,
        forked: bool = False,
        modules: tuple[str, ...] = PYTORCH,
        interpreter: Interpreter = OURS,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.label = label
        self._timeout_s = timeout_s
        self._asked = ""
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        ours, theirs = socketpair()
        with theirs:  # closed here once the child has it, so that its death is an end of file for the parent
            outputs = self._output.fileno(), 2 if visible else self._output.fileno()
            variables = {**inherited(), **_environment(threads), **interpreter.path, **environment}
            may_fork = forked and interpreter == OURS
            child = template_for(variables, modules).fork(theirs.fileno(), *outputs, variables) if may_fork else None
            self._process = child or _spawn(interpreter.python, theirs.fileno(), outputs, variables)
        if timeout_s is not None:
            # A timeout in the kernel: a poll before each answer would cost more than all other work of this process.
            ours.setsockopt(SOL_SOCKET, SO_RCVTIMEO, struct.pack("ll", *divmod(round(timeout_s * 1e6), 10**6)))
        self._connection = Connection(ours.detach())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The child's process, for its /proc."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child still runs."""
        return self._process.poll() is None

    def pause(self) -> None:
        """Stop all threads of the child until ``resume``.

        Threads of ONNX Runtime and OpenMP poll for work for a while after a call, on a core that the next process needs.
        """
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the child run again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it has ended: the next request says so
            self._process.send_signal(number)

    def close(self) -> None:
        """End the child; kill it if it does not end by itself."""
        self._connection.close()
        self.resume()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    def ask(self, command: str, *arguments: Any) -> Any:
        """The child's answer to a command; raises what the child raised, or WorkerError if it died or hung."""
        self.send(command, *arguments)
        return self.receive()

    def call(self, function: Callable[..., T], *arguments: Any, **keywords: Any) -> T:
        """The result of a module-level ``function`` in the child; raises what it raised, or WorkerError if it died or hung."""
        found: T = self.ask("call", _target(function), arguments, keywords)
        return found

    def send(self, command: str, *arguments: Any) -> None:
        """Send a request without waiting for the answer (``receive``); raises WorkerError if the child is dead."""
        self._asked = command
        with self._death_as_error():
            self._connection.send((command, arguments))

    def receive(self) -> Any:
        """The answer to the last ``send``; raises what the child raised, or WorkerError if it died or hung."""
        with self._death_as_error():
            try:
                status, value = self._connection.recv()
            except BlockingIOError:
                self._process.kill()
                self._process.wait()
                raise WorkerError(
                    f"{self.label}: no answer to {self._asked!r} within {self._timeout_s:.0f} s; the worker was ended"
                ) from None
        if status == "ok":
            return value
        raise value if isinstance(value, Exception) else WorkerError(f"{self.label}: {value}")

    def start(self, variant: str, artifact: Path, threads: int) -> tuple[float, float, float]:
        """Import the variant's runtime, read the bytes of its artifact, load it; seconds of each."""
        return self.import_runtime(variant), self.ask("read", artifact) / 1e9, self.ask("load", artifact, threads) / 1e9

    def import_runtime(self, variant: str) -> float:
        """Import the variant's runtime; seconds."""
        return self.ask("import_runtime", variant if is_cascade(variant) else variant_module(variant)) / 1e9

    def predict(self, batches: Sequence[Batch], stage: int | None = None) -> list[tuple[Float32Array, float]]:
        """Logits and seconds of each batch; ``stage``: of one stage of a cascade alone, from 0."""
        return [(logits, nanoseconds / 1e9) for logits, nanoseconds in self.ask("predict", batches, stage)]

    @contextmanager
    def _death_as_error(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, ConnectionError) as error:
            raise WorkerError(f"{self.label}: {self._exit_description()}") from error

    def _exit_description(self) -> str:
        """How the child ended, with its last line of output."""
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        size = os.fstat(self._output.fileno()).st_size
        self._output.seek(max(0, size - _LAST_OUTPUT))
        lines = self._output.read().decode("utf-8", "replace").strip().splitlines()
        return f"the worker {how}{'; last output: ' + lines[-1] if lines else ''}"


def _spawn(
    python: str, connection: int, outputs: tuple[int, int], environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [python, "-P", "-m", "deploybench.bench.worker.child", str(connection), str(os.getpid())],
        pass_fds=[connection],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=outputs[0],
        stderr=outputs[1],
    )


def spares_an_import(variant: str) -> bool:
    """Whether a worker forked from PYTORCH has the packages of ``variant`` imported."""
    return template_modules(variant) == PYTORCH


def template_modules(variant: str) -> tuple[str, ...]:
    """What a worker of ``variant`` imports, for ``modules`` of a Worker; empty for a variant outside the catalogue."""
    if "." in variant:
        return ()
    found = find_variant(variant)
    return PYTORCH if "torch" in found.imports else found.imports


def call_in_child(  # noqa: PLR0913 - properties of the child, by name
    function: Callable[..., T],
    *arguments: Any,
    threads: int,
    label: str = "",
    visible: bool = False,
    forked: bool = False,
    keywords: dict[str, Any] | None = None,
) -> T:
    """Call a module-level ``function`` in a child process, so that this process loads no model package.

    ``visible``: show its stderr, such as progress. ``forked``: as of a Worker, for a ``function`` that needs PyTorch and times
    nothing; not for one that may use a GPU, which a forked child cannot. There is no timeout: a training may take hours.
    """
    with Worker(label or _target(function), threads, timeout_s=None, visible=visible, forked=forked) as worker:
        return worker.call(function, *arguments, **(keywords or {}))


def _target(function: Callable[..., Any]) -> str:
    """``module:function``: a name, so that the child imports nothing before the call."""
    module = function.__module__
    if module == "__main__":  # of a program started with -m
        started = sys.modules[module].__spec__
        assert started is not None, "started by its path, it has no name that a child could import"
        module = started.name
    return f"{module}:{function.__qualname__}"


def inherited() -> dict[str, str]:
    """The environment of this process, without variables that make fp32 variants compute in bf16, and those of a test run."""
    left_out = re.compile("PYTEST_.*|.*_DEFAULT_FPMATH_MODE")
    return {name: value for name, value in os.environ.items() if not left_out.fullmatch(name)}


def _environment(threads: int) -> dict[str, str]:
    """The thread budget for libraries that read it from the environment, and quiet, offline libraries."""
    budget = dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), str(threads)
    )
    return {**budget, "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
