"""learn: categories from a few inserts each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from drugtext.commands.options import BackendName, Cache, Model, load_classifier, readable
from drugtext.errors import DrugTextError
from drugtext.terminal import Unread, err, with_progress, wrong_call


def learn(
    support: Annotated[
        Path,
        typer.Argument(
            help="A folder with one folder of inserts a category, or a .jsonl or .csv file with"
            " text and category.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option(help="Folder for the new classifier.")],
    model: Model = None,
    add: Annotated[
        bool, typer.Option("--add", help="Keep the model's categories and add these.")
    ] = False,
    taxonomy: Annotated[
        Path | None,
        typer.Option(
            help="CSV of id, name and parent: the tree that the categories stand in.",
            show_default=False,
        ),
    ] = None,
    private_epsilon: Annotated[
        float | None,
        typer.Option(
            help="Add noise, so that the classifier tells little of any one drug of the support:"
            " the less, the more private and the less accurate. 8 is a start.",
            show_default=False,
        ),
    ] = None,
    cache: Cache = None,
    backend: BackendName = "auto",
) -> None:
    """Learn categories from a few inserts each, and save a classifier that knows them.

    Example: **drugtext learn my-shelves/ --output my-classifier**
    """
    from drugtext.support import read_support
    from drugtext.taxonomy import Taxonomy

    unread = Unread()
    with wrong_call():
        if add and private_epsilon is not None:
            raise DrugTextError("--add and --private-epsilon exclude each other; learn anew.")
        tree = Taxonomy.from_csv(taxonomy) if taxonomy else None
        classifier = load_classifier(model, backend, cache)
        examples = read_support(support, on_error=unread)
        inserts, categories = readable(examples, classifier, unread)
        if add and inserts:
            for category in dict.fromkeys(categories):
                chosen = [i for i, c in zip(inserts, categories, strict=True) if c == category]
                counted = with_progress(chosen, category)
                classifier = classifier.add_category(category, counted, taxonomy=tree)
        else:
            counted = with_progress(inserts, "learning")
            classifier = classifier.fit(
                counted, categories, taxonomy=tree, private_epsilon=private_epsilon
            )
        classifier.save_pretrained(output)
    for category, count in Counter(categories).items():
        err.print(Text(f"  {category}: {count} insert{'s' * (count > 1)}"))
    learnt = f"learnt {len(set(categories))} categories from {len(inserts)} inserts: {output}"
    err.print(Text(learnt))
    raise typer.Exit(unread.exit_status())
