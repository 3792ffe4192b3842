"""Work that a thread of its own does ahead: the next batch is read while one is encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield items in order; while one is used, a thread makes the next, and no more than that.

    Args:
        items: made in that thread, one at a time. What making one raises is raised in its place.
    """
    remaining, end = iter(items), object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        waiting = thread.submit(next, remaining, end)
        while (item := waiting.result()) is not end:
            waiting = thread.submit(next, remaining, end)
            yield item  # type: ignore[misc]  # not the end
