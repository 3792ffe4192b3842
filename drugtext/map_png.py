"""A map as a PNG picture, drawn by matplotlib."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from drugtext.map_groups import MOST_NAMED, groups_of, not_installed, note_of, short, title_of
from drugtext.map_points import MapPoints

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CATEGORY_MARKS, _INSERT_MARKS = "os", "D*"
_INSERT_SIZES = (60, 150)  # a star of one size looks smaller than a diamond
_DPI = 150
_FONTS = (
    *("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC"),
    *("Microsoft YaHei", "SimHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Arial Unicode MS"),
)
"""The first one that has a character writes it; from the second on, they have Chinese ones."""


def png_picture(drawn: MapPoints) -> bytes:
    """Return a PNG file.

    A character that none of the installed fonts has is drawn as a box.

    Raises:
        DrugTextError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise not_installed("matplotlib", error) from error
    picture = Figure(figsize=(11, 10), layout="constrained")
    axes = picture.subplots()
    _draw_marks(picture, axes, drawn)
    _write_names(axes, drawn)
    axes.set_axis_off()
    picture.suptitle(f"{title_of(drawn)}\n{note_of(drawn)}", fontsize=9)
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        picture.savefig(content, format="png", dpi=_DPI)
    return content.getvalue()


def _draw_marks(picture: Figure, axes: Axes, drawn: MapPoints) -> None:
    groups, handles = groups_of(drawn), []
    for group in groups:
        x, y = drawn.category_points[group.categories].T
        marks = axes.scatter(
            x,
            y,
            s=16,
            color=group.colour,
            alpha=0.65,
            linewidths=0,
            marker=_CATEGORY_MARKS[group.turn],
        )
        handles.append(marks)
        x, y = drawn.insert_points[group.inserts].T
        axes.scatter(
            x,
            y,
            s=_INSERT_SIZES[group.turn],
            color=group.colour,
            edgecolors="black",
            marker=_INSERT_MARKS[group.turn],
            zorder=3,
        )
    legend = picture.legend(
        handles,
        [group.title for group in groups],
        loc="outside lower center",
        ncols=3,
        frameon=False,
        prop={"family": _fonts(), "size": 8},
        markerscale=1.6,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)  # a dollar sign in a name is one


def _write_names(axes: Axes, drawn: MapPoints) -> None:
    """Write names beside the marks of a kind, where these are few enough."""
    category_ids = [path[-1].id for path in drawn.paths]
    names = [insert.name for insert in drawn.inserts]
    fonts = _fonts()
    for texts, points, colour in (
        (category_ids, drawn.category_points, "#5b6570"),
        (names, drawn.insert_points, "#000000"),
    ):
        if len(texts) <= MOST_NAMED:
            for text, point in zip(texts, points, strict=True):
                axes.annotate(
                    short(text),
                    point,
                    xytext=(5, 4),
                    textcoords="offset points",
                    fontsize=7,
                    fontfamily=fonts,
                    color=colour,
                    parse_math=False,
                )


def _fonts() -> list[str]:
    """Return those of `_FONTS` that are installed: matplotlib warns of others."""
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    return [name for name in _FONTS if name in installed]
