"""A progress bar of a training, on standard error: step, loss, best score, time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Display

from drugtext.training.state import Progress

_STEPS_A_LINE = 10  # where there is no terminal, and a bar would be shown at the end alone
_SPEED_OVER_SECONDS = 3600  # a step with its look at held-out data can take minutes


@contextmanager
def training_bar(console: Console | None = None) -> Iterator[Callable[[Progress], None]]:
    """Give what `optimise` takes as `advance`, and take the bar down at the end.

    The bar appears at the first step that is told of; as only the main process is told, the others
    show nothing. Where there is no terminal, a line comes every few steps.

    Args:
        console: where to; standard error by default.

    Yields:
        Shows how far the training is.
    """
    display = Display(
        TextColumn("step"),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console or Console(stderr=True),
        speed_estimate_period=_SPEED_OVER_SECONDS,
    )

    def advance(progress: Progress) -> None:
        if not display.tasks:  # a training that goes on does not begin at 0
            display.add_task("", total=progress.plan["n_steps"], completed=progress.step - 1)
            display.start()
        display.update(display.task_ids[0], completed=progress.step, description=_words(progress))
        if not display.console.is_terminal and progress.step % _STEPS_A_LINE == 0:
            total = progress.plan["n_steps"]
            display.console.print(f"step {progress.step}/{total}, {_words(progress)}")

    try:
        yield advance
    finally:
        if display.tasks:
            display.stop()


def _words(progress: Progress) -> str:
    words = f"loss {progress.losses[-1]:.4f}"
    if progress.best_step is not None:
        words += f", best score {progress.scores[progress.best_step]:.4f}"
        words += f" at step {progress.best_step}"
    return words
