"""What the command line shows people: answers in columns, progress, and what went wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from drugtext.errors import DrugTextError

if TYPE_CHECKING:
    from drugtext.explanation import Explanation
    from drugtext.prediction import Prediction

T = TypeVar("T")

_CONTROLS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    """Return a text with its control characters as Python writes them, so in one line.

    Names, sentences and notes come from anywhere: raw, they could move the cursor and overwrite
    what stands on the screen, forge lines, or turn the direction of writing.
    """
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


class _PlainConsole(Console):
    """A console whose texts are `visible`."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as any console does."""
        shown = (Text(visible(o.plain), o.style) if isinstance(o, Text) else o for o in objects)
        super().print(*shown, **options)


out = _PlainConsole(highlight=False, soft_wrap=True)  # an answer is never cut
err = _PlainConsole(stderr=True, highlight=False, soft_wrap=True)


class Unread:
    """Names on standard error what could not be read or classified, and counts it."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, error: DrugTextError) -> None:
        self.count += 1
        err.print(Text(f"drugtext: {error}", style="yellow"))

    def exit_status(self) -> int:
        return 1 if self.count else 0


def print_prediction(prediction: Prediction, *, tells_sure: bool = False) -> None:
    """One line an insert: fixed columns for people, tabs where the output is piped.

    What is sure and the set of the deepest level stand on lines of their own for people, in further
    columns where the output is piped.
    """
    name = prediction.category_name if prediction.in_scope else f"{prediction.category_name} (?)"
    columns = [
        # The first record of a file stands for the file: most hold but one.
        Path(prediction.source).name + (f"[{prediction.row}]" if prediction.row else ""),
        prediction.name,
        prediction.category_id,
        f"{prediction.probability:.0%}",
        name,
    ]
    more = []
    if tells_sure:
        sure = prediction.sure
        share = f"{prediction.sure_probability:.0%}" if sure else ""
        more.append(("sure", " ".join([sure.id, share, sure.name]) if sure else "-"))
    if prediction.sets:
        members = (f"{a.category_id} {a.probability:.0%}" for a in prediction.sets[-1])
        more.append(("one of", ", ".join(members)))
    if not out.is_terminal:
        columns += [told for _, told in more]
        print_row(columns)
        return
    cells = [f"{_shortened(cell, w):{w}}" for cell, w in zip(columns, (24, 28, 8, 4), strict=False)]
    out.print(Text(" ".join([*cells, name])))
    for what, told in more:
        out.print(Text(f"  {what}: {told}"))


def print_row(columns: Iterable[str]) -> None:
    """Print a line for programs, its columns parted by tabs."""
    print("\t".join(visible(" ".join(column.split())) for column in columns))


def print_json(told: Mapping[str, Any]) -> None:
    """Print a line of JSON, its control characters escaped, those that JSON lets through, too."""
    line = json.dumps(told, ensure_ascii=False)
    print(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", line))


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def print_markdown(text: str) -> None:
    """Draw a table for people; where the output is piped, as it stands: nothing is cut."""
    if out.is_terminal:
        out.print(Markdown(text), soft_wrap=False)
    else:
        print(text)


def print_explanation(explanation: Explanation, n_sentences: int) -> None:
    """The answer, the sentences that decided with their weights, and the nearest drugs."""
    print_prediction(explanation.prediction)
    spoke = [n for n in explanation.by_weight if explanation.sentences[n].weight > 0]
    for n in spoke[: max(n_sentences, len(explanation.needed))]:
        sentence, mark = explanation.sentences[n], "*" if n in explanation.needed else " "
        text = " ".join(sentence.text.split())
        out.print(Text(f" {mark}{sentence.weight:6.2f}  {sentence.section}: {text}"))
    if (name := explanation.by_name) is not None:
        out.print(Text(f"  {name.weight:6.2f}  its name: {name.text}"))
    if explanation.otherwise is not None:
        n = len(explanation.needed)
        whole = f"without {'these' if n > 1 else 'this'} {n if n > 1 else 'one'} (*)"
        out.print(Text(f"  {whole}, it would be {explanation.otherwise}"))
    like = "; ".join(f"{d.name} ({d.category_id}, {d.cosine:.2f})" for d in explanation.nearest)
    not_told = "not told; no names of drugs that it learnt from are kept"
    out.print(Text(f"  most like: {like or not_told}"))


def with_progress(items: Iterable[T], what: str, *, prints: bool = False) -> Iterator[T]:
    """Count items on standard error while they go by, if a person is looking.

    Args:
        items: any.
        what: is done with them.
        prints: something is printed of each: on a terminal that shows how far it is, and a bar
            would stand in its way.
    """
    columns = (
        TextColumn("{task.description}", markup=False),  # a category may hold brackets
        TextColumn("{task.completed}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns,
        console=err,
        transient=True,
        disable=not err.is_terminal or (prints and out.is_terminal),
        redirect_stdout=False,
    ) as progress:
        task = progress.add_task(visible(what), total=None)
        for item in items:
            yield item
            progress.advance(task)


@contextmanager
def wrong_call() -> Iterator[None]:
    """Turn an error that is no single insert's into exit status 2, without a traceback."""
    try:
        yield
    except DrugTextError as error:
        err.print(Text(f"drugtext: {error}", style="red"))
        raise typer.Exit(2) from error
