"""What is on the page of a run, in order; to add a part, write a function and name it in ``_SECTIONS``."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.analysis.misclassified.lengths import reading_length
from bench.report.escapes import no_formula
from bench.report.notes import run_notes
from bench.report.page.answer import answer, reservations
from bench.report.page.confusion import confusion_plots
from bench.report.page.examples import example_grids
from bench.report.page.facts import facts
from bench.report.page.grid import Grid, grid_of
from bench.report.page.lengths import length_plots
from bench.report.page.lines import latency_plots, memory_plots
from bench.report.page.material import gather
from bench.report.page.pareto import pareto_plots
from bench.report.page.plot import as_svg
from bench.report.page.reliability import reliability_plots
from bench.report.page.shown import shown
from bench.report.selection import selection_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jinja2
    from markupsafe import Markup

    from bench.report.page.material import Material
    from bench.report.page.plot import Plot
    from bench.runs.store import Run
    from bench.texts.data import LabelledSet

_TEMPLATE = "page.html.jinja"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with what stands under it."""

    title: str
    text: str = ""
    plots: tuple[Plot, ...] = ()
    grids: tuple[Grid, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """Where a link to it leads."""
        return self.title.lower().replace(" ", "-")


def render_page(run: Run, sets: Sequence[LabelledSet] = ()) -> str:
    """One HTML document that needs nothing beside it and runs nothing; ASCII only, so that no encoding can spoil it.

    ``sets``: labelled texts of the run, for the examples of errors.
    """
    page = gather(run, sets)
    text = _template().render(
        name=run.checkpoint.name,
        file=run.path.name,
        answer=answer(page),
        reservations=reservations(page),
        sections=sections(page),
    )
    return text.encode("ascii", "xmlcharrefreplace").decode()


def sections(page: Material) -> list[Section]:
    """All of them; what a run holds nothing for says so, or is left out."""
    return [section for make in _SECTIONS if (section := make(page))]


def _summary(page: Material) -> Section:
    return Section(title="Summary", grids=_grids(page, "summary"), notes=run_notes(page.run))


def _trade_off(page: Material) -> Section:
    heads, rows = selection_table(page.selection)
    standings = Grid(
        title=f"Within {page.selection.max_drop:g} of accuracy?",
        heads=(*heads[:-1], "limit", "why"),
        rows=tuple((*row, one.why) for row, one in zip(rows, page.selection.candidates, strict=True)),
        notes=("* on the front",),
        taken=0 if page.best else None,
        words=True,
    )
    return Section(
        title="Accuracy against cost",
        text="Each point is a variant, with the 95 % interval of what it loses; lower left is better. Filled: on the front, "
        "no other variant is as good in accuracy, latency, memory and size, and better in one of them.",
        plots=pareto_plots(page),
        grids=(standings,),
        notes=()
        if pareto_plots(page)
        else ("There is no plot: what a variant loses is known only where the answers were kept.",),
    )


def _latency(page: Material) -> Section:
    return Section(title="Latency by batch", plots=latency_plots(page), grids=_grids(page, "batch", "timing"))


def _memory(page: Material) -> Section:
    grids = _grids(page, "sequence", "memory")
    return Section(title="Memory by sequence length", plots=memory_plots(page), grids=grids)


def _accuracy(page: Material) -> Section:
    text = "" if page.run.sets else "The run has no labelled set."
    return Section(title="Accuracy", text=text, plots=confusion_plots(page), grids=_grids(page, "accuracy"))


def _fidelity(page: Material) -> Section | None:
    grids = _grids(page, "fidelity", "invariance")
    return Section(title="Answers against the reference", grids=grids) if grids else None


def _errors(page: Material) -> Section | None:
    grids = (*example_grids(page), *_grids(page, "errors", "groups", "shift"))
    return Section(title="Errors", grids=grids) if page.run.sets else None


def _calibration(page: Material) -> Section:
    plots = reliability_plots(page)
    told = "Share of right answers of all that were given with about the same confidence; below the line, a variant is too sure."
    return Section(title="Calibration", text=told if plots else "The run kept no answers.", plots=plots)


def _lengths(page: Material) -> Section:
    plots = length_plots(page)
    told = f"What is right of the line is cut at {reading_length(page.run)} tokens, which is all that is read."
    none = "The run did not keep the lengths of its texts; one that is made today does."
    grids = _grids(page, "policies")
    return Section(title="Lengths of the texts", text=told if plots else none, plots=plots, grids=grids)


def _cost(page: Material) -> Section | None:
    grids = _grids(page, "cold", "weights", "roofline", "operators", "instances")
    return Section(title="Cost in detail", grids=grids) if grids else None


def _provenance(page: Material) -> Section:
    return Section(title="Environment and provenance", grids=facts(page.run))


_SECTIONS = (
    _summary,
    _trade_off,
    _latency,
    _memory,
    _accuracy,
    _fidelity,
    _errors,
    _calibration,
    _lengths,
    _cost,
    _provenance,
)


def _grids(page: Material, *names: str) -> tuple[Grid, ...]:
    return tuple(grid_of(table, shown(page.best)) for name in names for table in page.tables[name])


def _template() -> jinja2.Template:
    """Every text that goes through it is escaped, and has lost what is invisible."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"picture": _picture, "cell": no_formula}
    return environment.get_template(_TEMPLATE)


def _finalize(value: object) -> object:
    from markupsafe import Markup

    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _picture(plot: Plot) -> Markup:
    """An address that holds the plot itself; what is in an image can run nothing."""
    from markupsafe import Markup

    return Markup("data:image/svg+xml;base64,{}").format(base64.b64encode(as_svg(plot)).decode())
