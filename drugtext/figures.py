"""Measured figures as a Markdown table; plain text work, so that showing them imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def measured_table(measured: Mapping[str, Any]) -> str:
    """Write figures as a Markdown table, one row a text form and level.

    Args:
        measured: `forms`, "kind of inserts, kind of names" -> what `measure` returns; and `note`,
            printed below the table.
    """
    lines = [
        "| inserts | names | level | n | accuracy (95 % interval) | by ingredient | top 3 |",
        "|---|---|---|---|---|---|---|",
    ]
    for form, figures in measured["forms"].items():
        documents, _, names = form.partition(", ")
        lines += [
            f"| {documents} | {names} | {level['level']} | {level['n_inserts']}"
            f" | {level['accuracy']:.3f} ({level['low']:.3f} to {level['high']:.3f})"
            f" | {level['by_ingredient']:.3f} | {level['top_3']:.3f} |"
            for level in figures["levels"]
        ]
    return "\n".join([*lines, "", measured["note"]])
