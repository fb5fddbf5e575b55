"""Answers on a Ray cluster: groups of chunks as tasks, each as many CPUs as a process of the plan has threads.

The texts go to the nodes and the answers come back here, so that the nodes need no common disk. A task whose node or process is
lost runs again elsewhere: its answers are the same. Source: Ray, "Fault tolerance", "Tasks".
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from ....exporters.artifacts.plugins import VARIABLE
from ....exporters.errors import UserError, WorkerError, first_line
from ...console import say
from ...units import counted
from ..record import differences, what_answers
from .engine import AnsweredChunk
from .ray_task import Loading, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ...texts.text_rows import TextRow
    from ..models import Models
    from ..plan import Plan
    from .engine import Cluster

    Group = list[tuple[int, list[TextRow]]]

_NO_CLUSTER = (
    "--address: no Ray cluster answers at {address!r} ({found}); start one (ray start --head), or leave --address out"
)
_CONNECT_S = 10.0
_GROUP = 8  # chunks of a task: some seconds of work, so that handing them over costs little
_AHEAD = 2  # tasks of each slot that are under way: one computes, one waits
_RETRIES = 20  # of a task; each attempt needs another lost node or process


class RayCluster:
    """The nodes of a connected cluster."""

    def __init__(self, models: Models, plan: Plan, *, allow_mixed: bool) -> None:
        import ray

        self._ray, self._allow_mixed = ray, allow_mixed
        self._here = what_answers(models.artifact.variant, models.artifact.fingerprint)
        self._others: dict[str, dict[str, Any]] = {}
        self._peaks: dict[str, int] = {}
        self._loading = Loading(
            variant=models.artifact.variant,
            fingerprint=models.artifact.fingerprint,
            plan=plan,
            length=models.cut_at,
            windows=models.windows,
            pad=models.pad,
            full_length=models.full_length,
        )
        folder = models.artifact.path
        content = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }
        self._files = ray.put(content)  # once: a node takes it from another
        settings = {"env_vars": {VARIABLE: os.environ[VARIABLE]}} if VARIABLE in os.environ else {}
        remote: Any = ray.remote  # its types know no exceptions to retry
        self._task = remote(
            num_cpus=plan.threads, max_retries=_RETRIES, retry_exceptions=[WorkerError], runtime_env=settings
        )(_run)
        self._slots = _slots(ray.nodes(), plan.threads)
        say(
            f"ray: {counted(self._slots, 'process')} of {plan.threads} CPUs at a time on {counted(len(ray.nodes()), 'node')}"
        )

    def answer(
        self, chunks: Iterable[tuple[int, list[TextRow]]], advance: Callable[[int], None]
    ) -> Iterator[AnsweredChunk]:
        """As tasks end; at most a few are under way, so that memory does not grow with the rows."""
        under_way: dict[Any, Group] = {}
        for group in _groups(chunks):
            texts = [[row.text for row in rows if row.cause is None] for _, rows in group]
            under_way[self._task.remote(self._loading, [self._files], texts)] = group
            if len(under_way) >= _AHEAD * self._slots:
                yield from self._finished(under_way, advance)
        while under_way:
            yield from self._finished(under_way, advance)

    def _finished(self, under_way: dict[Any, Group], advance: Callable[[int], None]) -> Iterator[AnsweredChunk]:
        [ref], _ = self._ray.wait(list(under_way), num_returns=1)
        try:
            done = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.RayError as error:
            raise WorkerError(f"ray: {first_line(error)}; give the same command again: it continues") from error
        self._take(done.process, done.peak, done.by)
        for (number, rows), answered in zip(under_way.pop(ref), done.chunks, strict=True):
            advance(len(rows))
            yield AnsweredChunk(number, rows, answered)

    def _take(self, process: str, peak: int, by: dict[str, Any]) -> None:
        """Note who answered; raises UserError where that may be otherwise than here."""
        self._peaks[process] = max(peak, self._peaks.get(process, 0))
        apart = differences([self._here, by])
        if not apart:
            return
        if not self._allow_mixed:
            node = process.partition(" ")[0]
            raise UserError(
                f"--engine ray: node {node} may answer otherwise than this machine ({'; '.join(apart)}); leave it out of the "
                "cluster, or pass --allow-mixed"
            )
        self._others[str(by)] = by

    def peak(self) -> int:
        """Of all processes that answered; this one is not among them."""
        return sum(self._peaks.values())

    def answered_by(self) -> list[dict[str, object]]:
        """What answered on nodes that are unlike this machine."""
        return list(self._others.values())


@contextmanager
def on_ray(models: Models, plan: Plan, cluster: Cluster) -> Iterator[RayCluster]:
    """Connects to ``cluster``, or starts one of this machine; raises UserError where there is none."""
    import ray

    address = cluster.address
    _refuse_unreachable(address)

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    mine: dict[str, Any] = {} if address else {"num_cpus": models.threads, "include_dashboard": False}
    mine |= {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        ray.init(address=address, **mine)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UserError(_NO_CLUSTER.format(address=address, found=first_line(error))) from error
    with redirect_stdout(
        sys.stderr
    ):  # where Ray tells of lost nodes, at its end as well: standard output is for the answer
        try:
            yield RayCluster(models, plan, allow_mixed=cluster.allow_mixed)
        finally:
            ray.shutdown()


def _refuse_unreachable(address: str | None) -> None:
    """Raise UserError where nothing listens at ``address``: Ray itself would try for minutes, and a second time for ever."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return  # "auto" and "local", which Ray looks up
    try:
        socket.create_connection((host, int(port)), _CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise UserError(_NO_CLUSTER.format(address=address, found=first_line(error))) from error


def _run(loading: Loading, files: list[Any], chunks: list[list[Any]]) -> Any:
    """The task; ``files`` is in a list because Ray would fetch an argument that is a reference for every task."""
    import ray

    return answer(loading, lambda: ray.get(files[0]), chunks)


def _groups(chunks: Iterable[tuple[int, list[TextRow]]]) -> Iterator[Group]:
    group: Group = []
    for one in chunks:
        group.append(one)
        if len(group) == _GROUP:
            yield group
            group = []
    if group:
        yield group


def _slots(nodes: Iterable[dict[str, Any]], threads: int) -> int:
    """How many tasks run at the same time; raises UserError where no node has CPUs for one."""
    cpus = [int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]]
    slots = sum(one // threads for one in cpus)
    if not slots:
        raise UserError(
            f"--engine ray: a process of the plan has {threads} threads, and the largest node {max(cpus, default=0)} CPUs; pass "
            "--plan with fewer threads"
        )
    return slots
