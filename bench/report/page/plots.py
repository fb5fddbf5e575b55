"""The plots of a run as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.page.material import gather
from bench.report.page.page import sections
from bench.report.page.plot import as_png, as_svg
from exporters.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bench.report.page.plot import Plot
    from bench.runs.store import Run


def write_plots(run: Run, folder: Path) -> list[Path]:
    """Every plot of the page, as SVG and as PNG; each file is whole or absent."""
    return write_each((plot for section in sections(gather(run)) for plot in section.plots), folder)


def write_each(plots: Iterable[Plot], folder: Path) -> list[Path]:
    """Each as SVG and as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for plot in plots:
        for path, content in ((folder / f"{plot.name}.svg", as_svg(plot)), (folder / f"{plot.name}.png", as_png(plot))):
            with whole_file(path) as stream:
                stream.write(content)
            written.append(path)
    return written
