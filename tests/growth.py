"""How the cost of work grows with its size: a ratio, which no machine changes."""

from __future__ import annotations

import time
from collections.abc import Callable


def growth(work: Callable[[int], object], size: int) -> float:
    """Return CPU seconds for four times a size over those for the size, the least of three each.

    About 4 where time grows with the size alone, 16 where it grows with its square.
    """

    def seconds(n: int) -> float:
        begun = time.process_time()
        work(n)
        return time.process_time() - begun

    return min(seconds(4 * size) for _ in range(3)) / min(seconds(size) for _ in range(3))
