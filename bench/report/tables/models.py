"""The models of a run of several: torch-eager of each, and the best variant of each against the reference."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE
from ...analysis.figures import ANOTHER_MODEL, labelled_sets
from ...analysis.models.failed import measured_models
from ...analysis.models.pairs import pair_name
from ...analysis.models.selection import default_models_selection, pair_speed_ups
from ...analysis.models.trades import trades
from ...runs.measurement import Figure
from ...units import DIFFERENCE, LARGE_COUNT, MEGABYTES, MILLISECONDS, RATIO, SHARE, format_percent, format_share
from ..cells import DOUBLE_DAGGER, Column, Table
from ..models_notes import accuracy_notes, difference_notes, failure_notes
from ..notes import PARAMETERS, gap_notes, marks_of_other_models
from ..pair_figures import PairFigures
from ..quality import head_metric, loss_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...analysis.accuracy_loss import Drop
    from ...analysis.models.trades import Trade
    from ...analysis.selection import Selection
    from ...runs.store import Run, SetInfo
    from ..cells import Content

_SAME = 0.005  # a relative difference of a cost below this is not told


def build(runs: tuple[Run, ...]) -> list[Table]:
    """Two: the models by their torch-eager, and the best variant of each; notes of the first say which models failed."""
    measured = measured_models(runs)
    cells = PairFigures(measured)
    return [_models(measured, cells, failure_notes(runs)), _best(measured, cells)]


def _models(runs: tuple[Run, ...], cells: PairFigures, failures: Sequence[str]) -> Table:
    parameters = {pair_name(run): _parameters("parameters", run.checkpoint.num_parameters) for run in runs}
    effective = {pair_name(run): _parameters("effective", run.checkpoint.effective_parameters) for run in runs}
    others = [pair_name(run, name) for run in runs for name in marks_of_other_models(run)]
    none = _parameters("parameters", None, ANOTHER_MODEL)
    contents = [
        (Column(head="parameters", scale=LARGE_COUNT, group="cost"), lambda pair: parameters.get(pair, none)),
        (
            Column(head="effective parameters", short="effective", scale=LARGE_COUNT, group="cost"),
            lambda pair: effective.get(pair, none),
        ),
        *_costs(cells),
        *_accuracies(runs, cells),
    ]
    notes = [
        PARAMETERS,
        f"costs and accuracies: of {REFERENCE}{f', and of another model ({DOUBLE_DAGGER}) beside each' * bool(others)}",
        "peak memory: heap after loading plus what batches of texts of full length add at most, by memray",
        *accuracy_notes(runs),
        *difference_notes(runs),
        *failures,
    ]
    names = {run.checkpoint.name: pair_name(run) for run in runs} | {pair: pair for pair in others}
    return _table("Models", "model", names, contents, notes, marks=dict.fromkeys(others, DOUBLE_DAGGER))


def _best(runs: tuple[Run, ...], cells: PairFigures) -> Table:
    selection, ratios = default_models_selection(runs), pair_speed_ups(runs)
    smallest, of_models = min(runs[0].plan.batch_sizes), [*trades(runs, selection).values()]
    drops = {one.variant: one.drop for one in selection.candidates}
    change = Column(head=f"{loss_of(selection)} change", scale=DIFFERENCE, group="accuracy", interval=True)
    contents = [
        (
            Column(head="speed-up", short="speed-\nup", scale=RATIO, group="cost", interval=True),
            lambda pair: ratios[pair, smallest],
        ),
        *_costs(cells),
        *([] if selection.by_costs else [(change, lambda pair: _change(pair, drops[pair]))]),
    ]
    return _table(
        "Best variant of each model",
        "model/variant",
        {one.pair: one.pair for one in of_models},
        contents,
        [*_ranking_notes(runs, selection), *(_traded(one, selection) for one in of_models)],
    )


def _ranking_notes(runs: Sequence[Run], selection: Selection) -> list[str]:
    over = f"speed-up: over {pair_name(runs[0])}"
    ranked = f"of each model the variant that ranks first by {selection.objective}"
    if selection.by_costs:
        return [f"{ranked} alone, because accuracy is not measured", over]
    within = f"{ranked}, within a limit of {selection.max_drop:g} of {loss_of(selection)} lost where one is"
    return [within, f"{over}; {loss_of(selection)} change: against {selection.reference} on the same texts"]


def _table(  # noqa: PLR0913 - the parts of a table
    title: str,
    kind: str,
    rows: Mapping[str, str],
    contents: Sequence[Content],
    notes: Sequence[str],
    *,
    marks: Mapping[str, str] = MappingProxyType({}),
) -> Table:
    """``rows``: the pair of each row, by its name."""
    columns = tuple(column for column, _ in contents)
    cells = {name: tuple(figure(pair) for _, figure in contents) for name, pair in rows.items()}
    return Table(
        title=title,
        columns=columns,
        rows=cells,
        notes=(*notes, *gap_notes((), columns, cells)),
        kind=kind,
        marks=marks,
    )


def _costs(cells: PairFigures) -> list[Content]:
    latency = cells.of_each(lambda one: one.at_batch("latency", min(one.run.plan.batch_sizes)))
    memory = cells.of_each(lambda one: one.at_length("peak_memory", max(one.run.plan.sequence_lengths)))
    size = cells.of_each(lambda one: one.at("artifact_size"))
    return [
        (Column(head="latency", scale=MILLISECONDS, group="cost"), latency),
        (Column(head="peak memory", short="peak", scale=MEGABYTES, group="cost"), memory),
        (Column(head="size on disk", short="size", scale=MEGABYTES, group="cost"), size),
    ]


def _accuracies(runs: Sequence[Run], cells: PairFigures) -> list[Content]:
    def content(labelled: SetInfo) -> Content:
        metric, what = head_metric(runs[0], labelled)  # of scores another one where texts answer queries
        head, short = what, "acc." if what == "accuracy" else what
        if labelled.name:
            head, short = f"{head} {labelled.name}", f"{short}\n{labelled.name}"
        figure = cells.of_each(lambda one: one.of_set(metric, labelled))
        return Column(head=head, short=short, scale=SHARE, group="accuracy"), figure

    return [content(one) for one in labelled_sets(runs[0])]


def _parameters(metric: str, count: int | None, why_none: str = "not counted") -> Figure:
    return Figure(
        variant=REFERENCE,
        metric=metric,
        value=None if count is None else float(count),
        unit="1",
        low=None,
        high=None,
        n=1,
        status="ok" if count else "not_measured",
        reason="" if count else why_none,
        workload=None,
    )


def _change(pair: str, drop: Drop | None) -> Figure:
    """Of accuracy against the reference; without labels its share of changed classes is no change of accuracy."""
    known = drop is not None and drop.labelled > 0
    return Figure(
        variant=pair,
        metric="accuracy_change",
        value=-drop.share + 0.0 if drop and known else None,
        unit="1",
        low=-drop.most + 0.0 if drop and known else None,
        high=-drop.least + 0.0 if drop and known else None,
        n=drop.labelled if drop else 0,
        status="ok" if known else "not_measured",
        reason="" if known else "not measured",
        workload=None,
    )


def _traded(one: Trade, selection: Selection) -> str:
    """What the pair saves and what it pays, in one line."""
    saved = [f"{format_percent(1 - ratio)} of the {cost}" for cost, ratio in one.ratios.items() if ratio < 1 - _SAME]
    paid = [f"{format_percent(ratio - 1)} more {cost}" for cost, ratio in one.ratios.items() if ratio > 1 + _SAME]
    lost = one.drop.share if one.drop and one.drop.labelled else 0.0
    what = loss_of(selection)
    paid += [f"{format_share(lost)} of {what}"] * (lost > 0)
    gained = f"; gains {format_share(-lost)} of {what}" * (lost < 0)
    unknown = f"; {what} is not measured" * (one.drop is None)
    against = f"{one.pair} against {selection.reference}"
    return f"{against}: saves {', '.join(saved) or 'nothing'}; pays {', '.join(paid) or 'nothing'}{gained}{unknown}"
