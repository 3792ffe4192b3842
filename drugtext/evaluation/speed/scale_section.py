"""How the cost of a corpus grows, as a section of the page on speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from drugtext.evaluation.markdown import table_of

Figures = Mapping[str, Any]

_MILLION = 1_000_000
_MANY_WORKERS = 64


def scale_section(told: Figures) -> Iterator[str]:
    """Yield the paragraphs of the section from what scale.json holds."""
    rows = told["rows"]
    yield "## Many inserts"
    yield (
        "The real inserts, shuffled and repeated under new ids, by `scripts/classify_corpus.py`;"
        " each worker has one core. Memory is that of all processes, Ray's included. Made by"
    )
    yield f"```\n{told['command']}\n```"
    yield "![scale](scale.png)"
    yield table_of(
        rows,
        {
            "inserts": lambda row: f"{row['n_inserts']:,}",
            "workers": lambda row: str(row["workers"]),
            "read": lambda row: "quickly" if row["quick"] else "whole",
            "seconds": lambda row: f"{row['seconds']:,.0f}",
            "inserts a second": lambda row: f"{row['n_inserts'] / row['seconds']:.1f}",
            "peak memory, MB": lambda row: f"{row['peak_mb']:,.0f}",
        },
    )
    rows = [row for row in rows if row["quick"] == rows[0]["quick"]]
    yield from _speed_up(rows)
    most = max(row["workers"] for row in rows)
    alike = sorted((row for row in rows if row["workers"] == most), key=lambda r: r["n_inserts"])
    for few, more, many in zip(alike, alike[1:], alike[2:], strict=False):
        yield (
            f"Each insert more took {_ms_each(few, more):.1f} ms from {few['n_inserts']:,} to"
            f" {more['n_inserts']:,}, and {_ms_each(more, many):.1f} ms from there to"
            f" {many['n_inserts']:,}; peak memory was {many['peak_mb'] / more['peak_mb']:.2f} times"
            f" that of {more['n_inserts']:,}."
        )
    if len(alike) > 1:
        yield _million(alike[0], alike[-1])


def _ms_each(few: Figures, many: Figures) -> float:
    """Return what an insert more took, in milliseconds, between two corpora."""
    return 1000 * (many["seconds"] - few["seconds"]) / (many["n_inserts"] - few["n_inserts"])


def _speed_up(rows: Sequence[Figures]) -> Iterator[str]:
    """Say how much faster more workers are, of corpora that several numbers of them did."""
    for size in sorted({row["n_inserts"] for row in rows}):
        alike = sorted((row["workers"], row["seconds"]) for row in rows if row["n_inserts"] == size)
        for n_workers, seconds in alike[1:]:
            few, longest = alike[0]
            yield (
                f"{size:,} inserts, {n_workers} workers instead of {few}: {longest / seconds:.2f}"
                " times as fast, start and end counted in."
            )


def _million(few: Figures, many: Figures) -> str:
    """Say what a million inserts would take, by the line through two corpora's seconds."""
    n_workers, each = few["workers"], _ms_each(few, many)
    start = few["seconds"] - few["n_inserts"] * each / 1000
    seconds = _MILLION * each / 1000
    hours = (start + seconds) / 3600
    minutes = (start + seconds * n_workers / _MANY_WORKERS) / 60
    return (
        f"{n_workers} worker{'s' * (n_workers > 1)}: {start:.0f} s to start and {each:.1f} ms an"
        f" insert, from the smallest corpus and the largest. A million inserts: {start:.0f} s +"
        f" {_MILLION:,} × {each:.1f} ms = {hours:.1f} hours; {_MANY_WORKERS} such workers:"
        f" {start:.0f} s + {_MILLION:,} × {each:.1f} ms × {n_workers} / {_MANY_WORKERS} ="
        f" {minutes:.0f} minutes, were there no other limit, such as that of the disk."
    )
