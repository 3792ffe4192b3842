"""classify, explain and read: what an insert is, why, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from drugtext.commands.options import (
    AsJson,
    BackendName,
    Cache,
    Model,
    Paths,
    Quick,
    check_folders,
    load_classifier,
)
from drugtext.terminal import (
    Unread,
    err,
    out,
    print_explanation,
    print_json,
    print_prediction,
    with_progress,
    wrong_call,
)

if TYPE_CHECKING:
    from drugtext.explanation import Explanation


def classify(
    paths: Paths,
    model: Model = None,
    top_k: Annotated[int, typer.Option(min=1, help="How many alternatives to give.")] = 3,
    coverage: Annotated[
        float | None,
        typer.Option(help="Give sets of categories that hold the true one so often."),
    ] = None,
    min_probability: Annotated[
        float | None,
        typer.Option(help="Give the deepest category of the tree that is so probable."),
    ] = None,
    as_json: AsJson = False,
    cache: Cache = None,
    quick: Quick = False,
    backend: BackendName = "auto",
) -> None:
    """Say which category each insert belongs to, in order.

    One line an insert: file, name, category id, probability, category name. **(?)** behind the name
    marks an insert that is far from every category. **--min-probability** adds what is sure:
    id, probability and name, **-** where nothing is. **--coverage** adds the set of the deepest
    level; **--json** has those of all levels.

    Example: **drugtext classify insert.xml leaflets/ --json**
    """
    from drugtext.inserts.read import read_inserts

    unread = Unread()
    with wrong_call():
        classifier = load_classifier(model, backend, cache, is_quick=quick)
        if err.is_terminal and classifier.backend:
            err.print(Text(f"encoder run by {classifier.run_by}", style="dim"))
        predictions = classifier.stream(
            read_inserts(paths, on_error=unread),
            top_k=top_k,
            coverage=coverage,
            min_probability=min_probability,
            on_error=lambda _, error: unread(error),
        )
        for prediction in with_progress(predictions, "classifying", prints=True):
            if as_json:
                print_json(prediction.to_dict())
            else:
                print_prediction(prediction, tells_sure=min_probability is not None)
    raise typer.Exit(unread.exit_status())


def explain(
    paths: Paths,
    model: Model = None,
    sentences: Annotated[
        int, typer.Option(min=1, help="How many of the heaviest sentences to show.")
    ] = 5,
    as_json: AsJson = False,
    html: Annotated[
        Path | None,
        typer.Option(
            help="HTML file to write: each text, its sentences tinted by weight. It holds what was"
            " read of the inserts.",
            show_default=False,
        ),
    ] = None,
    backend: BackendName = "auto",
) -> None:
    """Show why each insert gets its category: the sentences that decided, and the nearest drugs.

    Each sentence that was read is taken out in turn. Its weight is by how much the log odds of the
    answer fall without it. **\\*** marks the sentences that, all taken out, change the answer.

    Example: **drugtext explain insert.xml --html why.html**
    """
    from drugtext.errors import DrugTextError
    from drugtext.explanation_page import write_explanation_page
    from drugtext.inserts.read import read_inserts

    unread = Unread()
    explained: list[Explanation] = []
    with wrong_call():
        check_folders([html] if html else [])
        classifier = load_classifier(model, backend)
        for insert in with_progress(
            read_inserts(paths, on_error=unread), "explaining", prints=True
        ):
            try:
                explanation = classifier.explain(insert)
            except DrugTextError as error:
                unread(error)
                continue
            if as_json:
                print_json(explanation.to_dict())
            else:
                print_explanation(explanation, sentences)
            if html:
                explained.append(explanation)
        if html:
            write_explanation_page(html, explained)
            err.print(Text(f"written: {html}"))
    raise typer.Exit(unread.exit_status())


def read(paths: Paths, as_json: AsJson = False) -> None:
    """Show how inserts are read: names, language, and sections with their lengths.

    Example: **drugtext read insert.xml**
    """
    from drugtext.inserts.read import read_inserts

    unread = Unread()
    for insert in with_progress(read_inserts(paths, on_error=unread), "reading", prints=True):
        if as_json:
            record = {
                "source": insert.source,
                "id": insert.id or insert.set_id or "",
                "row": insert.row,
                "name": insert.name,
                "language": insert.language,
                "ingredients": list(insert.ingredients),
                "sections": dict(insert.sections),
            }
            print_json(record)
            continue
        out.print(Text(f"{insert.name or '(no name)'}  {insert.place}", style="bold"))
        told = {
            "language": insert.language,
            "ingredients": ", ".join(insert.ingredients),
            "effective": insert.effective_date,
        }
        out.print(
            Text("  " + "; ".join(f"{what} {value}" for what, value in told.items() if value))
        )
        for name, text in insert.sections.items():
            start = " ".join(text[:200].split())
            out.print(
                Text(f"  {name:30} {len(text):7,}  {start}"), no_wrap=True, overflow="ellipsis"
            )
    raise typer.Exit(unread.exit_status())
