"""registry: categories that are kept, changed and taken back, version by version."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from drugtext.commands.options import (
    AsJson,
    BackendName,
    KnownDrugs,
    Model,
    Paths,
    load_classifier,
    without_bars_of_libraries,
)
from drugtext.errors import DrugTextError
from drugtext.terminal import Unread, err, out, print_json, print_row, with_progress, wrong_call

if TYPE_CHECKING:
    from drugtext.inserts.insert import DrugInsert
    from drugtext.registry import Registry, Version

app = typer.Typer(
    no_args_is_help=True,
    help="Keep categories in versions: each change has its date, its note and its supports, and can"
    " be taken back.",
)

Folder = Annotated[Path, typer.Argument(help="Of the registry.", show_default=False)]
Name = Annotated[str, typer.Argument(help="Of a category: its id or its name.", show_default=False)]
Note = Annotated[str, typer.Option(help="Why; it is kept with the version.")]


_SCOPE = {
    (True, True): "in scope",
    (False, False): "out of scope",
    (False, True): "comes into scope",
    (True, False): "goes out of scope",
}


@app.command()
def create(
    folder: Folder, model: Model = None, note: Note = "", with_known_drugs: KnownDrugs = False
) -> None:
    """Begin a registry with the categories of a model.

    Example: **drugtext registry create shelves --model my-classifier --note "as of May"**
    """
    with wrong_call():
        from drugtext.registry import Registry

        registry = Registry.create(
            folder, load_classifier(model, "auto"), note=note, with_known_drugs=with_known_drugs
        )
        _print(registry.current)


@app.command()
def add(
    folder: Folder, category: Name, paths: Paths, note: Note = "", backend: BackendName = "auto"
) -> None:
    """Add a category, learnt from inserts."""
    unread = Unread()
    with wrong_call():
        inserts = _inserts(paths, unread)
        added = _open(folder, backend).add(
            category, inserts, note=note, on_error=lambda _, error: unread(error)
        )
        _print(added)
    raise typer.Exit(unread.exit_status())


@app.command()
def extend(
    folder: Folder, category: Name, paths: Paths, note: Note = "", backend: BackendName = "auto"
) -> None:
    """Learn a category further, from more inserts of it.

    Example: **drugtext registry extend shelves antibiotics more/ --note "the new tablets"**
    """
    unread = Unread()
    with wrong_call():
        inserts = _inserts(paths, unread)
        extended = _open(folder, backend).extend(
            category, inserts, note=note, on_error=lambda _, error: unread(error)
        )
        _print(extended)
    raise typer.Exit(unread.exit_status())


@app.command()
def remove(folder: Folder, category: Name, note: Note = "") -> None:
    """Remove a category."""
    with wrong_call():
        _print(_open(folder).remove(category, note=note))


@app.command()
def rename(
    folder: Folder,
    category: Name,
    name: Annotated[str, typer.Argument(help="The new one.", show_default=False)],
    note: Note = "",
) -> None:
    """Give a category another name; its id, too, where that was its name."""
    with wrong_call():
        _print(_open(folder).rename(category, name, note=note))


@app.command()
def merge(
    folder: Folder,
    categories: Annotated[
        list[str], typer.Argument(help="Two or more, by id or name.", show_default=False)
    ],
    name: Annotated[str, typer.Option("--into", help="Name of the one that they become.")],
    note: Note = "",
) -> None:
    """Make one category of several.

    Example: **drugtext registry merge shelves "eye drops" "ear drops" --into "eyes and ears"**
    """
    with wrong_call():
        _print(_open(folder).merge(categories, name, note=note))


@app.command()
def split(
    folder: Folder,
    category: Name,
    support: Annotated[
        Path,
        typer.Argument(help="Inserts of the new ones, as for drugtext learn.", show_default=False),
    ],
    note: Note = "",
    backend: BackendName = "auto",
) -> None:
    """Put several categories in the place of one, learnt from a folder of category folders."""
    unread = Unread()
    with wrong_call():
        from drugtext.support import read_support

        pairs = list(read_support(support, on_error=unread))
        if unread.count:  # of what is forgotten, nothing is to be missing in the new ones
            raise DrugTextError("nothing was split: leave out what cannot be read, or mend it.")
        inserts, categories = [i for i, _ in pairs], [c for _, c in pairs]
        _print(_open(folder, backend).split(category, inserts, categories, note=note))


@app.command()
def undo(folder: Folder) -> None:
    """Go back to the version before; the undone one stays, and **use** takes it up again."""
    with wrong_call():
        _print(_open(folder).undo(), has_learnt=False)


@app.command()
def use(
    folder: Folder, number: Annotated[int, typer.Argument(help="Of a version.", min=1)]
) -> None:
    """Make a version the current one."""
    with wrong_call():
        _print(_open(folder).use(number), has_learnt=False)


@app.command("log")
def log_(folder: Folder, as_json: AsJson = False) -> None:
    """Show all versions, oldest first; **>** marks the current one."""
    damaged = Unread()
    with wrong_call():
        registry = _open(folder)
        current = registry.current_number
        for version in registry.versions(on_error=damaged):
            if as_json:
                print_json(asdict(version))
            else:
                _print(version, ">" if version.number == current else " ", has_learnt=False)
    raise typer.Exit(damaged.exit_status())


@app.command()
def diff(
    folder: Folder,
    before: Annotated[int, typer.Argument(help="A version.", min=1)],
    after: Annotated[int, typer.Argument(help="Another one.", min=1)],
    paths: Paths,
    backend: BackendName = "auto",
) -> None:
    """List the inserts that two versions answer otherwise: file, name, both answers, scope."""
    unread = Unread()
    with wrong_call():
        inserts = _inserts(paths, unread)
        changes = _open(folder, backend).diff(
            before, after, inserts, on_error=lambda _, error: unread(error)
        )
        for changed in changes:
            insert = changed.insert
            scope = _SCOPE[changed.was_in_scope, changed.is_in_scope]
            told = [insert.place, insert.name, changed.before, changed.after, scope]
            print_row(told)
    raise typer.Exit(unread.exit_status())


def _open(folder: Path, backend: str = "auto") -> Registry:
    from drugtext.registry import Registry

    without_bars_of_libraries()
    return Registry(folder, backend=backend)


def _inserts(paths: list[str], unread: Unread) -> list[DrugInsert]:
    from drugtext.inserts.read import read_inserts

    return list(with_progress(read_inserts(paths, on_error=unread), "reading"))


def _print(version: Version, mark: str = "", *, has_learnt: bool = True) -> None:
    what = f"{mark}{version.number:4}  {version.date}  {version.action}"
    if version.action != "create":
        what += f" {', '.join(version.categories)}"
    out.print(Text(f"{what}  {version.note}".rstrip()))
    if version.supports and has_learnt:
        n = len(version.supports)
        err.print(Text(f"learnt from {n} insert{'s' * (n > 1)}"))
