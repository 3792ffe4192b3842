"""learn: categories from a few inserts each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

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
    from drugtext.classifier import DrugClassifier
    from drugtext.inserts.insert import DrugInsert
    from drugtext.taxonomy import Category, Taxonomy

_SHOWN = 5  # names in a note
_SURE = 0.8
"""Probability of a category that the model has, where a new one may mean the same."""


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
        if support.is_dir() and output.resolve().is_relative_to(support.resolve()):
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
            rivals += _rivals(classifier, inserts, categories)
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
    notes = [] if tree else _meant(categories, known)
    if replaces:
        notes.append(f"note: the classifier that was in {output} is replaced.")
    known_ids = [category.id for category in known] if add else []
    notes += [*_spelt_alike([*categories, *known_ids]), *_nested(support)]
    for note in [*notes, *rivals, *_alone(support, categories if not add else ())]:
        err.print(Text(note))
    raise typer.Exit(unread.exit_status())


def _as_first_called(categories: Sequence[str], taxonomy: Taxonomy) -> list[str]:
    """Call a category that goes by its id and by its name as it is called first."""
    first: dict[str, str] = {}
    meant = [taxonomy.meant(name) for name in categories]
    ids = [found.id if found else name for found, name in zip(meant, categories, strict=True)]
    return [first.setdefault(i, name) for i, name in zip(ids, categories, strict=True)]


def _rivals(
    classifier: DrugClassifier, inserts: Sequence[DrugInsert], categories: Sequence[str]
) -> Iterator[str]:
    """Tell of which new categories a classifier is sure already that they are others."""
    if not classifier.category_ids:
        return
    found = [one.sure for one in classifier.predict(inserts, min_probability=_SURE)]
    for category in dict.fromkeys(categories):
        given = [sure for sure, c in zip(found, categories, strict=True) if c == category]
        narrow = Counter(sure for sure in given if sure and _is_narrow(sure, classifier.taxonomy))
        for sure, n in narrow.most_common(1):
            if n >= len(given) / 2:
                yield (
                    f"note: {n} of {len(given)} inserts of {category} are {sure.id} ({sure.name})"
                    " to the model already; of two categories that mean the same, either may be"
                    " the answer."
                )


def _meant(categories: Sequence[str], taxonomy: Taxonomy) -> list[str]:
    """Tell which of some names are taken for categories of the tree that a model has."""
    found = {name: taxonomy.meant(name) for name in dict.fromkeys(categories)}
    told = [f"{name} ({meant.name})" for name, meant in found.items() if meant]
    if not told:
        return []
    of = taxonomy.name or "the model"
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return [
        f"note: taken for categories of {of}: {', '.join(told[:_SHOWN])}{more}. Where they are"
        " names of your own, give --taxonomy: a CSV of id and name."
    ]


def _alone(support: Path, categories: Sequence[str]) -> Iterator[str]:
    """Tell what a classifier of one category means, and how a folder too high makes one."""
    if len(set(categories)) == 1:
        told = f"note: {categories[0]} is the only category: it is the answer to every insert."
        if support.is_dir():
            told += f" Where {support / categories[0]} holds a folder a category, give that."
        yield told


def _spelt_alike(categories: Sequence[str]) -> Iterator[str]:
    """Tell of categories whose names differ in capitals or spaces alone."""
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(categories):
        alike.setdefault("".join(name.casefold().split()), []).append(name)
    for names in alike.values():
        if len(names) > 1:
            told = " and ".join(map(repr, names))
            yield f"note: {told} are different categories; call them alike if they are one."


def _nested(support: Path) -> Iterator[str]:
    """Tell of folders of categories that hold folders, each of which may be meant for one."""
    if support.is_dir():
        folders = sorted(path for path in support.iterdir() if path.is_dir())
        deeper = [f.name for f in folders if any(path.is_dir() for path in f.iterdir())]
        if deeper:
            yield (
                f"note: {', '.join(deeper[:_SHOWN])} hold{'s' * (len(deeper) == 1)} folders, whose"
                f" inserts are all of that category. Where these are the categories, give"
                f" {support / deeper[0]}."
            )


def _is_narrow(category: Category, taxonomy: Taxonomy) -> bool:
    return len(taxonomy.path(category.id)) > 1 or not taxonomy.children(category.id)
