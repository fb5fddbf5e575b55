"""A plot and its files: the same bytes every time, with a text alternative."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ....exporters.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

F = TypeVar("F", bound="Figure")
WIDTH = 5.2  # inches: letters of 10 points stay readable on a telephone
_DOTS = 200  # per inch, of a PNG
_COLUMNS = 2  # of a legend
# Okabe and Ito's colours, distinct for colour-blind people; wine replaces yellow, which is invisible on white.
_COLOURS = ("#444444", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#882255")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
_DASHES = ("-", "--", ":")
_STYLE: dict[RcKeyType, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is the same everywhere
    "text.parse_math": False,  # a name may hold dollar signs
    "svg.hashsalt": "deploybench",  # else identifiers are random
    "svg.fonttype": "path",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "legend.fontsize": 9,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A colour, a marker and a kind of line."""

    colour: str
    marker: str
    dash: str


def looks(variants: Sequence[str]) -> dict[str, Look]:
    """By variant, in the order of the plan; variants of the same colour differ in marker and line."""
    return {
        name: Look(
            colour=_COLOURS[place % len(_COLOURS)],
            marker=_MARKERS[place % len(_MARKERS)],
            dash=_DASHES[place // len(_COLOURS) % len(_DASHES)],
        )
        for place, name in enumerate(variants)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A picture with a text alternative."""

    name: str  # of its files: "pareto-latency"
    title: str
    words: str  # text alternative
    height: float  # inches
    draw: Callable[[Figure], None]


def as_svg(plot: Plot) -> bytes:
    """The plot as SVG, letters as outlines, with its title and text alternative as metadata."""
    return _saved(plot, "svg", {"Title": plot.title, "Description": plot.words, "Date": None, "Creator": None})


def as_png(plot: Plot) -> bytes:
    """The plot as PNG, with its title and text alternative as metadata."""
    return _saved(plot, "png", {"Title": plot.title, "Description": plot.words, "Software": None})


def make_logarithmic(axes: Axes, which: Literal["x", "y"], numbers: Sequence[float] = (1, 2, 5)) -> None:
    """Make an axis logarithmic, with plain ``numbers`` at every power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=numbers))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def add_legend(drawing: Figure, axes: Axes) -> None:
    """Put the legend below the plot: names beside the points would overlap."""
    drawing.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=_COLUMNS)


def _saved(plot: Plot, fmt: str, metadata: dict[str, str | None]) -> bytes:
    from matplotlib.figure import Figure

    stream = io.BytesIO()
    with styled():
        drawn(plot, Figure).savefig(stream, format=fmt, dpi=_DOTS, metadata=metadata)
    return stream.getvalue()


def drawn(plot: Plot, kind: type[F]) -> F:
    """The plot as a figure of ``kind``; within ``styled``."""
    figure = kind(figsize=(WIDTH, plot.height), layout="constrained")
    plot.draw(figure)
    return figure


@contextmanager
def styled() -> Iterator[None]:
    """Use the style of this file, independent of any matplotlibrc."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about letters that the font lacks; the text alternative has them
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def write_plots(plots: Iterable[Plot], folder: Path) -> list[Path]:
    """Write each as SVG and as PNG; each file is whole or absent."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for plot in plots:
        for path, content in ((folder / f"{plot.name}.svg", as_svg(plot)), (folder / f"{plot.name}.png", as_png(plot))):
            with whole_file(path) as stream:
                stream.write(content)
            written.append(path)
    return written
