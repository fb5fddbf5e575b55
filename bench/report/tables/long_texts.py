"""Ways to read long texts: accuracy on the same texts, its change, and what each way costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE
from ...analysis.long_texts import CHANGE, usual_way
from ...measure.long_texts import BATCH_SIZE
from ...runs.metrics import WAYS, read_metric
from ...units import DIFFERENCE, PER_SECOND, SHARE, TOKENS, counted, format_percent
from ..cells import Column, Table
from ..long_texts import longer_shares, quality
from ..notes import failures, gap_notes

if TYPE_CHECKING:
    from ...runs.store import Run, SetInfo
    from ..run_figures import RunFigures


def build(cells: RunFigures) -> list[Table]:
    """One for each labelled set of which long texts were read in several ways."""
    metric = read_metric(WAYS[0], "accuracy")
    sets = {one.data for one in cells.run.measurements if one.metric == metric and cells.run.plan.windows}
    return [_table(cells, labelled) for labelled in cells.run.sets if labelled.name in sets]


def _table(cells: RunFigures, labelled: SetInfo) -> Table:
    called = quality(cells.run.checkpoint)
    contents = (
        ("accuracy", Column(head=called, scale=SHARE, interval=True)),
        (CHANGE, Column(head=f"{called} change", short="change", scale=DIFFERENCE, interval=True)),
        ("tokens", Column(head="tokens per text", scale=TOKENS)),
        ("rate", Column(head="texts", scale=PER_SECOND)),
    )
    columns = tuple(column for _, column in contents)
    rows = {
        _name(cells.run, way): tuple(cells.of_set(read_metric(way, what), labelled)(REFERENCE) for what, _ in contents)
        for way in WAYS
    }
    return Table(
        title=f"Long texts of {labelled.name}",
        columns=columns,
        rows=rows,
        notes=(*_notes(cells, labelled), *gap_notes(failures(cells.run), columns, rows)),
        kind="read",
    )


def _name(run: Run, way: str) -> str:
    return str(run.plan.windows) if way == "windows" and run.plan.windows else way


def _notes(cells: RunFigures, labelled: SetInfo) -> list[str]:
    tokens = cells.of_set(read_metric(WAYS[0], "tokens"), labelled)(REFERENCE)
    length = tokens.workload.sequence_length if tokens.workload else 0
    windows, share = cells.run.plan.windows, longer_shares(cells).get(labelled.name)
    longer = f"{format_percent(share)} of the set's are longer than {length} tokens" if share is not None else ""
    assert windows is not None
    correlation = cells.run.checkpoint.task == "score"
    interval = "a correlation has no interval here" if correlation else "95 % interval of the paired texts"
    pooled = f"one of {windows.length} tokens every {windows.stride}, and the {windows.pool} of their logits"
    return [
        "; ".join(
            filter(None, [f"the same {counted(tokens.n, 'text')}, spread over the set" * (tokens.n > 0), longer])
        ),
        f"head, tail: the first or last {length} tokens; head+tail: a quarter of these from the start, the others from the end",
        f"windows: {pooled}",
        f"change: over {usual_way(cells.run.checkpoint)}, which is read without windows; {interval}",
        f"of {REFERENCE} alone, because variants are the same model; inference alone, in batches of {BATCH_SIZE} of similar length",
    ]
