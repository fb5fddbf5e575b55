"""Which pair of model and variant to take: every pair is a candidate, judged as the variants of one model are."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ...runs.predictions import read_scored
from ..accuracy_loss import drops_on
from ..controls import timed_rows
from ..figures import ANOTHER_MODEL, figures, latency_workload
from ..objectives import Aim
from ..other_model import other_models
from ..selection import Known, judge, select
from ..server_figures import trials_of
from ..speed_ups import speed_ups_over
from .accuracy import most_accurate
from .failed import measured_models
from .pairs import of_pair, pair_name
from .same_texts import same_texts, with_accuracy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...runs.measurement import Figure, Workload
    from ...runs.store import Run
    from ..accuracy_loss import Drop
    from ..selection import Selection


@lru_cache(maxsize=8)
def default_models_selection(runs: tuple[Run, ...]) -> Selection:
    """By latency, with the default limit of accuracy alone."""
    return select_models(runs, Aim())


def select_models(runs: tuple[Run, ...], aim: Aim) -> Selection:
    """Judge every pair of model and variant by the limits of ``aim`` and rank them by its objective.

    Accuracy is lost against torch-eager of the model that is most accurate on all labelled texts together. Where no model has an
    accuracy, as with random weights, costs alone decide. Speed-ups are over torch-eager of the first model. Other models that
    would do are those beside the most accurate one.
    """
    best = most_accurate(runs)
    known = Known(
        infos={pair_name(run, name): run.variants[name] for run in runs for name in run.plan.variants},
        figures=[one for one in pair_figures(runs) if one.value is not None],
        speed_ups=pair_speed_ups(runs),
        base=pair_name(runs[0]),
        drops=_drops(runs, best, on_each_set=aim.on_each_set),
        reference=pair_name(best or runs[0]),
        trials={pair_name(run, name): own for run in runs for name, own in trials_of(run).items()},
        p99_limit=runs[0].plan.p99_limit,
        unscored=sum(one.unscored for one in runs[0].sets),  # the same sets in all runs
        by_costs=all(run.checkpoint.random_weights or not run.sets for run in runs),
    )
    selection = judge(known, aim)
    if best is None or aim.allow_other_model:
        return selection
    own = {name: known.drops[pair_name(best, name)] for name in best.plan.variants}
    others = other_models(best, [one for one in figures(best) if one.value is not None], own, aim.max_drop)
    return replace(selection, other_models=tuple(replace(one, variant=pair_name(best, one.variant)) for one in others))


def select_of(runs: tuple[Run, ...], aim: Aim) -> Selection:
    """The variants of one model, or the pairs of several without models that failed, judged by ``aim``."""
    if len(runs) > 1:
        return select_models(measured_models(runs), aim)
    return select(runs[0], read_scored(runs[0]), aim)


def best_of_each(runs: Sequence[Run], selection: Selection) -> dict[str, str]:
    """By model, in the order given, the pair that comes first in the ranking; another model that may not be taken comes last."""
    ranked = [one.variant for one in sorted(selection.candidates, key=lambda one: one.verdict == ANOTHER_MODEL)]
    return {run.checkpoint.name: next(pair for pair in ranked if of_pair(runs, pair)[0] is run) for run in runs}


@lru_cache(maxsize=8)
def pair_figures(runs: tuple[Run, ...]) -> list[Figure]:
    """The figures of all runs, each variant under the name of its pair."""
    return [replace(one, variant=pair_name(run, one.variant)) for run in runs for one in figures(run)]


@lru_cache(maxsize=8)
def pair_speed_ups(runs: tuple[Run, ...]) -> dict[tuple[str, int], Figure]:
    """By pair and batch size: latency of the first model's torch-eager / latency.

    Slices of all models were timed in the same launches and blocks, and a block has the same texts in every model: only their
    number of tokens differs.
    """
    found: dict[tuple[str, int], Figure] = {}
    for size in dict.fromkeys(size for run in runs for size in run.plan.batch_sizes):
        timed = [(run, latency_workload(run, size)) for run in runs if size in run.plan.batch_sizes]
        found.update({(pair, size): one for pair, one in pair_ratios(timed, pair_name(runs[0])).items()})
    return found


def pair_ratios(timed: Sequence[tuple[Run, Workload]], base: str) -> dict[str, Figure]:
    """By pair: latency of the pair ``base`` / latency, each run at the workload beside it."""
    latencies = {
        pair_name(run, one.variant): replace(one, variant=pair_name(run, one.variant))
        for run, workload in timed
        for one in figures(run)
        if (one.metric, one.workload) == ("latency", workload)
    }
    rows = {pair_name(run, one.variant): one for run, workload in timed for one in timed_rows(run, workload)}
    return speed_ups_over(base, latencies, rows, text_means=any(run.plan.text_means for run, _ in timed))


def speed_up_figures(runs: tuple[Run, ...]) -> list[tuple[str, Figure]]:
    """Each of ``pair_speed_ups`` as a figure of its variant, with the name of its model; the label says over which pair."""
    over, found = f"over {pair_name(runs[0])}", []
    for (pair, _), one in pair_speed_ups(runs).items():
        run, variant = of_pair(runs, pair)
        found.append((run.checkpoint.name, replace(one, variant=variant, label=over)))
    return found


def _drops(runs: Sequence[Run], reference: Run | None, *, on_each_set: bool) -> dict[str, list[Drop]]:
    nothing: dict[str, list[Drop]] = {pair_name(run, name): [] for run in runs for name in run.plan.variants}
    if reference is None:
        return nothing
    known = with_accuracy(runs)
    infos = {pair_name(run, name): run.variants[name] for run in known for name in run.plan.variants}
    return nothing | drops_on(same_texts(known), infos, pair_name(reference), on_each_set=on_each_set)
