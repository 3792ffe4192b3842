"""Tables of a report in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Write a table, its head first."""
    head, *body = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *body))


def table_of(
    rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Callable[[Mapping[str, Any]], str]]
) -> str:
    """Write rows as a table: title of a column -> what it says of a row."""
    told = [[of_row(row) for of_row in columns.values()] for row in rows]
    return markdown_table([[*columns], *told])


def met(is_met: bool) -> str:
    """Return the word for a target that is reached, or not."""
    return "met" if is_met else "missed"
