"""A map as an HTML page to point at, drawn by plotly."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from drugtext.map_groups import (
    MOST_NAMED,
    Group,
    groups_of,
    not_installed,
    note_of,
    short,
    short_end,
    title_of,
    told,
)
from drugtext.map_points import MappedInsert, MapPoints
from drugtext.taxonomy import Category

_CATEGORY_MARKS, _INSERT_MARKS = ("circle", "square"), ("diamond", "star")
_HIDDEN = {"visible": False, "showgrid": False, "zeroline": False}  # axes that mean nothing
_CONFIG = {
    "responsive": True,
    "scrollZoom": True,
    "displaylogo": False,
    # Plotly's button "Share chart" would send names and answers to a server of its maker.
    "showSendToCloud": False,
}
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; form-action 'none'">
<title>{title}</title>
<style>
body {{ margin: 0; background: #ffffff; color: #1b1f24; font: 1rem/1.45 system-ui, sans-serif; }}
h1 {{ font-size: 1.2rem; margin: .7rem 1rem .2rem; }}
p {{ font-size: .9rem; margin: 0 1rem; color: #5b6570; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{note}</p>
{figure}
</body>
</html>
"""


def html_page(drawn: MapPoints) -> str:
    """Return a page that needs nothing from elsewhere: plotly's own script is in it.

    Raises:
        DrugTextError: plotly is not installed.
    """
    try:
        from plotly.graph_objects import Figure
    except ImportError as error:
        raise not_installed("plotly", error) from error
    figure, groups = Figure(), groups_of(drawn)
    for group in groups:
        figure.add_scatter(**_category_marks(drawn, group))
    for group in groups:  # behind the categories in the list: on top of them
        if group.inserts:
            figure.add_scatter(**_insert_marks(drawn, group))
    figure.update_layout(
        template="plotly_white",
        xaxis=_HIDDEN,
        yaxis=_HIDDEN,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={
            **{"orientation": "h", "yanchor": "top", "y": -0.01},
            **{"tracegroupgap": 0, "font": {"size": 11}},  # as many roots as ATC's fit a telephone
        },
        hoverlabel={"align": "left", "bgcolor": "#ffffff", "font": {"color": "#1b1f24"}},
        hovermode="closest",
        dragmode="pan",
        showlegend=True,
    )
    drawing = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        default_height="86vh",
        div_id="map",  # the same map is the same page
        config=_CONFIG,
    )
    title, note = html.escape(title_of(drawn)), html.escape(note_of(drawn))
    return _PAGE.format(title=title, note=note, figure=drawing)


def _category_marks(drawn: MapPoints, group: Group) -> dict[str, Any]:
    paths = [drawn.paths[n] for n in group.categories]
    is_named = len(drawn.paths) <= MOST_NAMED
    return {
        "x": drawn.category_points[group.categories, 0].round(4).tolist(),
        "y": drawn.category_points[group.categories, 1].round(4).tolist(),
        "mode": "markers+text" if is_named else "markers",
        "text": [_plain(short(path[-1].id)) for path in paths] if is_named else None,
        "textposition": "top center",
        "hovertext": [_lines(map(told, reversed(path))) for path in paths],
        "hoverinfo": "text",
        "name": _plain(group.title),
        "legendgroup": _legend_group(group),
        "marker": {
            "symbol": _CATEGORY_MARKS[group.turn],
            "size": 7,
            "color": group.colour,
            "opacity": 0.65,
        },
    }


def _insert_marks(drawn: MapPoints, group: Group) -> dict[str, Any]:
    return {
        "x": drawn.insert_points[group.inserts, 0].round(4).tolist(),
        "y": drawn.insert_points[group.inserts, 1].round(4).tolist(),
        "mode": "markers",
        "hovertext": [_insert_text(drawn.inserts[n]) for n in group.inserts],
        "hoverinfo": "text",
        "name": _plain(group.title),
        "legendgroup": _legend_group(group),  # hidden and shown with the categories
        "showlegend": False,
        "marker": {
            "symbol": _INSERT_MARKS[group.turn],
            "size": 13,
            "color": group.colour,
            "line": {"width": 1.5, "color": "#000000"},
        },
    }


def _legend_group(group: Group) -> str:
    return f"{group.colour} {group.turn}"


def _insert_text(insert: MappedInsert) -> str:
    answer = f"probability {insert.probability:.2f}"
    if not insert.in_scope:
        answer += ", far from every category"
    above: list[Category] = [*reversed(insert.path[:-1])]
    told_of = [
        short_end(insert.source),
        told(insert.path[-1]),
        answer,
        *(f"in {told(c)}" for c in above),
    ]
    return f"<b>{_plain(short(insert.name)) or '(no name)'}</b><br>{_lines(told_of)}"


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(_plain(short(text)) for text in texts if text)


def _plain(text: str) -> str:
    """Escape a text: plotly takes some HTML tags for what they say."""
    return html.escape(text, quote=False)
