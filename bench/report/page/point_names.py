"""Names beside points of a plot, placed so that they cover neither each other nor a point."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing
    from matplotlib.transforms import Bbox

_SIZE = 8  # points, of letters
_POINT = 4  # points from the middle of a marker to its edge
_INCH = 72  # points
_DISTANCES = (6, 14, 24, 36, 50)  # points from the middle of a marker to its name; tried in this order
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))  # right, above
_ACROSS: dict[int, Literal["left", "center", "right"]] = {
    1: "left",
    0: "center",
    -1: "right",
}  # alignment
_UP: dict[int, Literal["bottom", "center", "top"]] = {1: "bottom", 0: "center", -1: "top"}


def name_points(drawing: Drawing, axes: Axes, points: Sequence[tuple[float, float]], names: Mapping[int, str]) -> None:
    """Write ``names``, by place in ``points``, the most important first; one that finds no room is left out.

    To be called after all else is drawn, which decides where the points are.
    """
    from matplotlib.transforms import Bbox

    drawing.draw_without_rendering()
    pixels = drawing.dpi / _INCH
    places = axes.transData.transform(points)
    taken = [Bbox.from_bounds(x, y, 0, 0).padded(_POINT * pixels) for x, y in places]
    for place, name in names.items():
        width, height = _extent(axes, name)
        for away, (right, above) in product(_DISTANCES, _DIRECTIONS):
            left = places[place][0] + away * pixels * right + width * (right - 1) / 2
            bottom = places[place][1] + away * pixels * above + height * (above - 1) / 2
            box = Bbox.from_bounds(left, bottom, width, height)
            if _inside(axes, box) and not box.count_overlaps(taken):
                taken.append(box)
                _write(axes, name, points[place], (away * right, away * above))
                break


def _extent(axes: Axes, name: str) -> tuple[float, float]:
    """Width and height in pixels."""
    text = axes.text(0, 0, name, fontsize=_SIZE)
    box = text.get_window_extent()
    text.remove()
    return box.width, box.height


def _inside(axes: Axes, box: Bbox) -> bool:
    return all(axes.bbox.contains(*corner) for corner in box.corners())


def _write(axes: Axes, name: str, point: tuple[float, float], offset: tuple[int, int]) -> None:
    """``offset``: in points, to the right and up; a line joins the name to its point."""
    right, above = (int(part > 0) - int(part < 0) for part in offset)
    written = axes.annotate(
        name,
        point,
        xytext=offset,
        textcoords="offset points",
        fontsize=_SIZE,
        ha=_ACROSS[right],
        va=_UP[above],
        arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "#888888", "shrinkA": 0, "shrinkB": _POINT},
    )
    written.set_in_layout(False)  # else the plot would make room for it, and move
