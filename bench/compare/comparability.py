"""Which facts of two runs must be equal before metrics of a kind are compared, and which differences are only reported."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ..machine.cpu import UNKNOWN
from ..machine.environment import RUNTIMES
from ..runs.metrics import KINDS, METRICS, OF_ANSWERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..runs.metrics import Kind
    from ..runs.store import Run

Weight = Literal["fatal", "tolerated", "informative"]

_TIME: tuple[Kind, ...] = ("time",)
_PROCESS: tuple[Kind, ...] = ("time", "memory")  # time and memory of a running process
_COST: tuple[Kind, ...] = ("time", "memory", "size")
_ACCURACY = OF_ANSWERS
_HASH = re.compile("[0-9a-f]{40,64}")
_SHORT_HASH = re.compile("[0-9a-f]{10}")
_PROCESSOR = ("CPU", "CPU model", "instruction sets", "cores")  # differences that --normalise allows
_STEAL = 0.01  # share of time taken by the hypervisor, reported from here on
_LOAD = 0.2  # cores busy with other work, likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A property of a run on which its figures depend."""

    name: str
    read: Callable[[Run], Any]
    kinds: tuple[Kind, ...]  # of the metrics that depend on it
    weight: (
        Weight  # fatal: not comparable; tolerated: compared, and reported; informative: may be the cause of a change
    )


NOT_RECORDED = "not recorded"
# These identify no CPU. Older files have "?/?/?", and the architecture instead of a name that the kernel does not give.
_NAMELESS = (UNKNOWN, "", "aarch64", "ppc64le", "riscv64", "s390x")
_NO_FAMILY = (UNKNOWN, "?/?/?", NOT_RECORDED)


def _environment(key: str) -> Callable[[Run], Any]:
    return lambda run: run.environment.get(key, NOT_RECORDED)


def _kernels(run: Run) -> dict[str, str]:
    return dict(run.environment.get("kernels") or {})  # older files do not record them; most had none


def _version(package: str) -> Callable[[Run], Any]:
    return lambda run: (run.environment.get("versions") or {}).get(package, NOT_RECORDED)


def _tokenizer(run: Run) -> str:
    return str(run.environment.get("tokenizer_sha256", NOT_RECORDED))[:12]


def _commit(run: Run) -> str:
    commit = str(run.environment.get("commit", NOT_RECORDED))
    return commit if commit == NOT_RECORDED else commit_name(commit, dirty=bool(run.environment.get("dirty")))


def commit_name(commit: str, *, dirty: bool) -> str:
    """A commit as reports name it.

    >>> commit_name("f05ab731f670f76d1061522a2d4a31d877584233", dirty=True), commit_name("unversioned", dirty=False)
    ('f05ab731f6, dirty', 'unversioned')
    """
    return f"{short_commit(commit)}{', dirty' if dirty else ''}"


def short_commit(commit: str) -> str:
    """The first ten digits of a hash; anything else unchanged."""
    return commit[:10] if _HASH.fullmatch(commit) else commit


def is_commit(name: str) -> bool:
    """Whether ``name`` is a short hash, not "unversioned"."""
    return bool(_SHORT_HASH.fullmatch(name))


def _load(run: Run) -> str:
    """Other load on the machine, above the thresholds."""
    steal, other = run.environment.get("steal_share"), run.environment.get("other_load")
    if steal is None and other is None:
        return NOT_RECORDED
    said = (
        f"{steal:.1%} of the time stolen" if steal and steal > _STEAL else "",
        f"{other:.1f} cores busy with other work" if other and other > _LOAD else "",
    )
    known = ", ".join(filter(None, said)) or "quiet"
    return f"{known} after it was resumed" if run.environment.get("resumed") else known


FACTS = (
    Fact(name="CPU", read=_environment("cpu"), kinds=_TIME, weight="fatal"),
    Fact(name="CPU model", read=_environment("cpu_family"), kinds=_TIME, weight="fatal"),
    Fact(name="instruction sets", read=_environment("isa"), kinds=_PROCESS, weight="fatal"),
    Fact(name="cores", read=_environment("cores"), kinds=_TIME, weight="fatal"),
    Fact(name="quota", read=_environment("quota"), kinds=_TIME, weight="fatal"),
    Fact(name="architecture", read=lambda run: run.checkpoint.model_type, kinds=_COST, weight="fatal"),
    Fact(name="parameters", read=lambda run: run.checkpoint.num_parameters, kinds=_COST, weight="fatal"),
    Fact(name="labels", read=lambda run: run.checkpoint.labels, kinds=_ACCURACY, weight="fatal"),
    Fact(name="weights", read=lambda run: run.checkpoint.sha256[:12], kinds=KINDS, weight="tolerated"),
    Fact(name="tokenizer", read=_tokenizer, kinds=_ACCURACY, weight="tolerated"),
    Fact(name="threads", read=lambda run: run.plan.threads, kinds=_PROCESS, weight="fatal"),
    Fact(name="kernels", read=_kernels, kinds=_TIME, weight="fatal"),
    Fact(name="malloc", read=_environment("malloc"), kinds=_PROCESS, weight="tolerated"),
    Fact(name="load", read=_load, kinds=_TIME, weight="tolerated"),
    Fact(name="memory", read=_environment("memory"), kinds=_TIME, weight="tolerated"),
    Fact(name="system", read=_environment("system"), kinds=_PROCESS, weight="tolerated"),
    Fact(name="Python", read=_environment("python"), kinds=_COST, weight="tolerated"),
    Fact(name="profile", read=lambda run: run.plan.profile, kinds=_TIME, weight="tolerated"),
    *(Fact(name=name, read=_version(name), kinds=KINDS, weight="tolerated") for name in RUNTIMES),
    Fact(name="commit", read=_commit, kinds=KINDS, weight="informative"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A fact in which two runs differ, or may differ."""

    fact: Fact
    base: Any
    contender: Any
    model: str = ""  # of several, the one that differs; empty: all that are in both runs do

    @property
    def name(self) -> str:
        """The fact, with its model."""
        return f"{self.fact.name} of {self.model}" if self.model else self.fact.name

    @property
    def weight(self) -> Weight:
        """The weight of the fact; a fact that one side did not record is tolerated."""
        unknown = NOT_RECORDED in (self.base, self.contender)
        return "tolerated" if unknown and self.fact.weight == "fatal" else self.fact.weight

    @property
    def unknown(self) -> bool:
        """Whether neither side is known, so that both may be equal."""
        return bool(self.base == self.contender)

    def __str__(self) -> str:
        if self.unknown:
            return f"the {self.name} is unknown in both and may not be the same"
        return f"{self.name}: {_shown(self.base)} against {_shown(self.contender)}"


def facts_of(run: Run) -> dict[str, Any]:
    """Every fact of a run, by name."""
    return {fact.name: fact.read(run) for fact in FACTS}


def differences_of(base: Run, contender: Run) -> tuple[Difference, ...]:
    """Every fact in which two runs differ; a run does not differ from itself, even in unknown facts."""
    return () if base is contender else differences(facts_of(base), facts_of(contender))


def differences(base: Mapping[str, Any], contender: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Every fact in which two sides differ, in the order of FACTS; a missing one was not recorded.

    Two unknown CPUs count as a difference.
    """
    unknown = {"CPU"} if _is_unknown_cpu(base) and _is_unknown_cpu(contender) else set()
    found = (
        Difference(
            fact=fact,
            base=UNKNOWN if fact.name in unknown else base.get(fact.name, NOT_RECORDED),
            contender=UNKNOWN if fact.name in unknown else contender.get(fact.name, NOT_RECORDED),
        )
        for fact in FACTS
    )
    return tuple(one for one in found if one.base != one.contender or one.fact.name in unknown)


def of_models(found: Mapping[str, tuple[Difference, ...]]) -> tuple[Difference, ...]:
    """The differences ``found`` of each model's runs: once those that all models have, then each model's own."""
    common = [one for one in next(iter(found.values())) if all(one in other for other in found.values())]
    own = [replace(one, model=model) for model, every in found.items() for one in every if one not in common]
    return (*common, *own)


def _is_unknown_cpu(facts: Mapping[str, Any]) -> bool:
    """Whether no recorded fact identifies the CPU."""
    return facts.get("CPU", NOT_RECORDED) in _NAMELESS and facts.get("CPU model", NOT_RECORDED) in _NO_FAMILY


def obstacle(found: Iterable[Difference], metric: str) -> str:
    """Why values of ``metric`` must not be compared, or nothing."""
    return "; ".join(str(one) for one in found if one.weight == "fatal" and METRICS[metric].kind in one.fact.kinds)


def same_processor(found: Iterable[Difference]) -> tuple[Difference, ...]:
    """The differences without those of the CPU."""
    return tuple(one for one in found if one.fact.name not in _PROCESSOR)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
