"""Tables of a report in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Write a table, its head first."""
    head, *body = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *body))


def met(is_met: bool) -> str:
    """Return the word for a target that is reached, or not."""
    return "met" if is_met else "missed"
