"""Work that a thread of its own does ahead: the next batch is read while one is encoded."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield items in order; while one is used, a thread makes the next, and no more than that.

    Args:
        items: made in that thread, one at a time. What making one raises is raised in its place.
            Who stops early does not wait for an item that is being made.
    """
    room, is_over = threading.Semaphore(1), threading.Event()
    made: SimpleQueue[tuple[bool, T | BaseException | None]] = SimpleQueue()

    def make() -> None:
        remaining = iter(items)
        while room.acquire() and not is_over.is_set():
            try:
                made.put((True, next(remaining)))
            except StopIteration:
                return made.put((False, None))
            except BaseException as error:  # raised again where it is waited for
                return made.put((False, error))
        return None

    # A daemon: a source that never yields again must not keep the process alive.
    threading.Thread(target=make, name="ahead", daemon=True).start()
    try:
        while True:
            is_item, item = made.get()
            if not is_item:
                if isinstance(item, BaseException):
                    raise item
                return
            room.release()
            yield item  # type: ignore[misc]  # it is one
    finally:
        is_over.set()
        room.release()
