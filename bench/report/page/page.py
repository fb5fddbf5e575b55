"""The HTML page of a run; a section is a function that is listed in ``_SECTIONS``."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...analysis.figures import timed_lengths
from ...analysis.misclassified.lengths import reading_length
from ..formats.escapes import no_formula, shown
from ..messages.selection import selection_table
from ..notes import run_notes
from ..quality import loss_of, title
from .answer import answer, reservations
from .confusion import confusion_plots
from .examples import example_grids
from .facts import facts
from .grid import Grid, grid_of
from .lengths import length_plots
from .lines import latency_plots, memory_plots
from .material import gather
from .pareto import pareto_plots
from .plot import as_svg, write_plots
from .reliability import reliability_plots
from .server import server_plots

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jinja2
    from markupsafe import Markup

    from ...analysis.selection import Selection
    from ...runs.store import Run
    from ...texts.data import LabelledSet
    from .material import Material
    from .plot import Plot

_TEMPLATE = "page.html.jinja"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with its text, plots, tables and notes."""

    title: str
    text: str = ""
    plots: tuple[Plot, ...] = ()
    grids: tuple[Grid, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """Target of links to the section."""
        return self.title.lower().replace(" ", "-")


def render_page(run: Run, sets: Sequence[LabelledSet] = ()) -> str:
    """One HTML document without other files and scripts; ASCII only, so that no encoding can spoil it.

    ``sets``: labelled texts of the run, for the examples of misclassified texts.
    """
    page = gather(run, sets)
    told = [answer(page.selection, page.figures, timed_lengths(run)), *reservations(page.selection)]
    return document(run.checkpoint.name, run.path.name, told, sections(page))


def document(name: str, file: str, told: Sequence[str], sections: Sequence[Section]) -> str:
    """The page of a saved run; ``told``: the answer, then its reservations."""
    text = _template().render(name=name, file=file, answer=told[0], reservations=told[1:], sections=sections)
    return text.encode("ascii", "xmlcharrefreplace").decode()


def page_plots(run: Run) -> tuple[Plot, ...]:
    """Every plot of the page."""
    return tuple(plot for section in sections(gather(run)) for plot in section.plots)


def write_page_plots(run: Run, folder: Path) -> list[Path]:
    """Write every plot of the page into ``folder``, as SVG and as PNG."""
    return write_plots(page_plots(run), folder)


def sections(page: Material) -> list[Section]:
    """All sections; one without content says so or is left out."""
    return [section for make in _SECTIONS if (section := make(page))]


def _summary(page: Material) -> Section:
    return Section(title="Summary", grids=_grids(page, "summary"), notes=run_notes(page.run))


def _trade_off(page: Material) -> Section:
    plots, lost = pareto_plots(page), loss_of(page.selection)
    return Section(
        title=f"{lost[:1].upper()}{lost[1:]} against cost",
        text=f"Each point is a variant with the 95 % interval of its {lost} loss; lower left is better. Filled: on the Pareto "
        f"front, where no other variant is as good in {lost}, latency, memory and size, and better in one of them.",
        plots=plots,
        grids=(standings(page.selection),),
        notes=() if plots else (f"There is no plot: {lost} loss is known only where predictions were saved.",),
    )


def standings(selection: Selection) -> Grid:
    """Every candidate, best first, how it stands with the limit, and why."""
    heads, rows = selection_table(selection)
    limit = (
        "Costs alone decide"
        if selection.by_costs
        else f"Loss of {loss_of(selection)} of at most {selection.max_drop:g}"
    )
    return Grid(
        title=limit,
        heads=(*heads[:-1], "limit", "why"),
        rows=tuple((*row, one.why) for row, one in zip(rows, selection.candidates, strict=True)),
        notes=("* on the Pareto front",),
        taken=0 if selection.best else None,
        words=True,
    )


def _latency(page: Material) -> Section:
    return Section(title="Latency by batch", plots=latency_plots(page), grids=_grids(page, "batch", "timing"))


def _memory(page: Material) -> Section:
    grids = _grids(page, "sequence", "memory")
    return Section(title="Memory by sequence length", plots=memory_plots(page), grids=grids)


def _accuracy(page: Material) -> Section:
    text = "" if page.run.sets else "The run has no labelled set."
    return Section(title=title(page.run), text=text, plots=confusion_plots(page), grids=_grids(page, "accuracy"))


def _fidelity(page: Material) -> Section | None:
    grids = _grids(page, "fidelity", "invariance")
    return Section(title="Fidelity to the reference", grids=grids) if grids else None


def _errors(page: Material) -> Section | None:
    grids = (*example_grids(page), *_grids(page, "errors", "groups", "shift"))
    return Section(title="Misclassified texts", grids=grids) if page.run.sets and grids else None


def _calibration(page: Material) -> Section | None:
    if page.run.checkpoint.task != "single-label":
        return None
    plots = reliability_plots(page)
    text = "Accuracy of predictions by their confidence; below the line, a variant is overconfident."
    return Section(
        title="Probability calibration", text=text if plots else "The run saved no predictions.", plots=plots
    )


def _lengths(page: Material) -> Section:
    plots = length_plots(page)
    text = f"Texts right of the line are truncated to {reading_length(page.run)} tokens."
    none = "The run was saved before lengths of texts were kept."
    grids = _grids(page, "policies", "long-texts")
    return Section(title="Lengths of the texts", text=text if plots else none, plots=plots, grids=grids)


def _server(page: Material) -> Section | None:
    plots, limit = server_plots(page), page.run.plan.p99_limit
    text = f"Each point is a trial; what took more than ten times the limit of {limit * 1e3:g} ms is drawn there."
    return Section(title="Server under load", text=text, plots=plots, grids=_grids(page, "server")) if plots else None


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
    _server,
    _cost,
    _provenance,
)


def _grids(page: Material, *names: str) -> tuple[Grid, ...]:
    return tuple(grid_of(table, shown(page.best)) for name in names for table in page.tables[name])


def _template() -> jinja2.Template:
    """The template; every text is escaped, invisible characters included."""
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
    """A data URL of the plot; an image runs no script."""
    from markupsafe import Markup

    return Markup("data:image/svg+xml;base64,{}").format(base64.b64encode(as_svg(plot)).decode())
