"""Figures of the benchmark as Markdown tables: a row a contestant, a column a setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Figure = Mapping[str, Any]
Results = Mapping[str, Any]
Column = tuple[str, Mapping[str, Any]]
"""Its title, and what a figure must hold to stand in it."""

NOTHING = "—"
WHOLE_TREE, UNTRAINED = "drugtext, whole tree", "drugtext, not trained"
"""Contestants that are drugtext used in another way."""


def find(results: Results, contestant: str, wanted: Mapping[str, Any]) -> Figure | None:
    """Return the figure of a contestant that holds all that is wanted; None if it has no number."""
    for row in results["figures"]:
        is_there = row["contestant"] == contestant and row["metrics"]
        if is_there and all(row.get(name) == value for name, value in wanted.items()):
            return row
    return None


def any_of(results: Results, wanted: Mapping[str, Any]) -> Figure | None:
    """Return some contestant's figure that holds all that is wanted: what it says of the setting.

    The one of most episodes, where they differ.
    """
    found = [
        row
        for row in results["figures"]
        if row["n"] and all(row.get(name) == value for name, value in wanted.items())
    ]
    return max(found, key=lambda row: row["n_tasks"], default=None)


def ways(results: Results, wanted: Mapping[str, Any], shots: Sequence[int]) -> list[int]:
    """Return how many categories are asked at once, for each number of support inserts."""
    rows = [any_of(results, {**wanted, "k": k}) for k in shots]
    return [row["n_categories"] if row else 0 for row in rows]


def table(
    results: Results,
    columns: Sequence[Column],
    show: Callable[[Figure], str],
    rank: Callable[[Figure], float] | None = None,
) -> str:
    """Write a table of the contestants that have a figure in one of the columns.

    Args:
        results: what results.json holds.
        columns: from left to right.
        show: what stands in a cell.
        rank: the figure that is largest in its column is set in bold; None for none.
    """
    lines = ["| |" + "".join(f" {title} |" for title, _ in columns)]
    lines.append("|---|" + "---|" * len(columns))
    found = {
        name: [find(results, name, wanted) for _, wanted in columns]
        for name in results["contestants"]
    }
    best = [_best([rows[n] for rows in found.values()], rank) for n in range(len(columns))]
    for name, rows in found.items():
        if any(rows):
            cells = [_cell(row, show, row is top) for row, top in zip(rows, best, strict=True)]
            lines.append(f"| {name} |" + "".join(f" {cell} |" for cell in cells))
    return "\n".join(lines)


def _best(rows: Sequence[Figure | None], rank: Callable[[Figure], float] | None) -> Figure | None:
    # Fewer episodes are other ones: their mean is not compared with that of all.
    there = [row for row in rows if row and row["n_tasks"] >= row["n_tasks_planned"]]
    return max(there, key=rank, default=None) if rank else None


def _cell(row: Figure | None, show: Callable[[Figure], str], is_best: bool) -> str:
    if row is None:
        return NOTHING
    return f"**{show(row)}**" if is_best else show(row)


def accuracy(row: Figure) -> float:
    """Return what tables of accuracy are ranked by."""
    return row["metrics"]["accuracy"]["value"]


def show_accuracy(row: Figure) -> str:
    """Write accuracy with its interval; a star where it differs from drugtext's for certain."""
    difference = row["against_drugtext"]
    star = "*" if difference and _excludes_zero(difference) else ""
    few = f", {row['n_tasks']} episodes" if row["n_tasks"] < row["n_tasks_planned"] else ""
    return f"{interval(row['metrics']['accuracy'])}{star}{few}"


def _excludes_zero(metric: Mapping[str, float | None]) -> bool:
    low, high = metric["low"], metric["high"]
    return low is not None and high is not None and (low > 0 or high < 0)


def interval(metric: Mapping[str, float | None]) -> str:
    """Write a figure with its interval: 0.808 (0.749 to 0.865)."""
    if metric["low"] is None or metric["high"] is None:
        return f"{metric['value']:.3f}"
    return f"{metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})"


def seconds(value: float | None) -> str:
    """Write a duration with two digits that count."""
    if value is None:
        return NOTHING
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def present(results: Results, wanted: Mapping[str, Any], field: str) -> list[Any]:
    """Return the values of a field among the figures with a number that hold what is wanted."""
    return sorted(
        {
            row[field]
            for row in results["figures"]
            if row["metrics"] and row[field] is not None
            if all(row.get(n) == v for n, v in wanted.items())
        }
    )


def counts(results: Results, columns: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Say for each column how many inserts were asked, and of how many categories."""
    told = []
    for title, wanted in columns:
        if row := any_of(results, wanted):
            told.append(
                f"{title}: n = {row['n']}, {row['n_categories']} categories"
                f" (category unknown: {row['n_unknown']})"
            )
    return "; ".join(told) + "."
