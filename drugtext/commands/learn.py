"""learn: categories from a few inserts each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from drugtext.commands import learn_notes as notes
from drugtext.commands.options import (
    BackendName,
    Cache,
    KnownDrugs,
    Model,
    load_classifier,
    readable,
)
from drugtext.errors import DrugTextError
from drugtext.manifest import is_checkpoint
from drugtext.terminal import Unread, err, with_progress, wrong_call

if TYPE_CHECKING:
    from drugtext.taxonomy import Taxonomy


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
    with_known_drugs: KnownDrugs = False,
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
        replaces = is_checkpoint(output)
        is_folder = os.path.isdir(support)  # noqa: PTH112 - Path.is_dir raises at too long a name
        if is_folder and output.resolve().is_relative_to(support.resolve()):
            raise DrugTextError(
                f"--output {output} lies in {support}, where each folder is a category; give one"
                " beside it."
            )
        if add and private_epsilon is not None:
            raise DrugTextError("--add and --private-epsilon exclude each other; learn anew.")
        if with_known_drugs and private_epsilon is not None:
            raise DrugTextError("--with-known-drugs tells what --private-epsilon hides; take one.")
        tree = Taxonomy.from_csv(taxonomy) if taxonomy else None
        classifier = load_classifier(model, backend, cache)
        known = classifier.taxonomy
        examples = read_support(support, on_error=unread)
        inserts, categories = readable(examples, classifier, unread)
        if unread.count and not inserts:
            raise typer.Exit(2)  # why is told already
        categories = _as_first_called(categories, tree or known)
        rivals: list[str] = []
        if add and inserts:
            rivals += notes.rivals(classifier, inserts, categories)
            for category in dict.fromkeys(categories):
                chosen = [i for i, c in zip(inserts, categories, strict=True) if c == category]
                counted = with_progress(chosen, category)
                classifier = classifier.add_category(category, counted, taxonomy=tree)
        else:
            counted = with_progress(inserts, "learning")
            classifier = classifier.fit(
                counted, categories, taxonomy=tree, private_epsilon=private_epsilon
            )
        classifier.save_pretrained(output, with_known_drugs=with_known_drugs)
    for category, count in Counter(categories).items():
        err.print(Text(f"  {category}: {count} insert{'s' * (count > 1)}"))
    n_learnt = len(set(categories))
    learnt = (
        f"learnt {n_learnt} categor{'y' if n_learnt == 1 else 'ies'} from {len(inserts)}"
        f" insert{'s' * (len(inserts) != 1)}: {output}"
    )
    if add:
        learnt += f", which answers with {len(classifier.category_ids)} categories"
    err.print(Text(learnt))
    told = [] if tree else notes.meant(categories, known, classifier.taxonomy)
    if replaces:
        told.append(f"note: the classifier that was in {output} is replaced.")
    known_ids = [category.id for category in known] if add else []
    if private_epsilon is not None:
        told += notes.untold_drugs(inserts)
    told += [*notes.spelt_alike([*categories, *known_ids]), *notes.nested(support), *rivals]
    for note in [*told, *notes.alone(support, categories if not add else ())]:
        err.print(Text(note))
    raise typer.Exit(unread.exit_status())


def _as_first_called(categories: Sequence[str], taxonomy: Taxonomy) -> list[str]:
    """Call a category that goes by its id and by its name as it is called first."""
    first: dict[str, str] = {}
    meant = [taxonomy.meant(name) for name in categories]
    ids = [found.id if found else name for found, name in zip(meant, categories, strict=True)]
    return [first.setdefault(i, name) for i, name in zip(ids, categories, strict=True)]
