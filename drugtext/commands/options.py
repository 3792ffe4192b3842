"""What several commands take, and how they begin: a model, and inserts that it can read."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drugtext.errors import DrugTextError
from drugtext.terminal import Unread, err, with_progress

if TYPE_CHECKING:
    from drugtext.classifier import DrugClassifier
    from drugtext.inserts.insert import DrugInsert

Paths = Annotated[
    list[str],
    typer.Argument(
        help="Files, folders, archives, or - for standard input. SPL XML, openFDA JSON, HTML, text"
        " and CSV are told apart by content.",
        show_default=False,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="A bundled checkpoint's name, a folder, or a Hugging Face Hub id.  [default: atc]",
        show_default=False,
    ),
]
BackendName = Annotated[
    str,
    typer.Option(
        "--backend",
        help="What runs the encoder on a CPU: torch | onnx | openvino, or auto for the fastest that"
        " is installed.",
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        help="Folder where the encoder's vectors are kept: what was read before is not read anew.",
        show_default=False,
    ),
]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="Read each section once, names hidden, and no further than an answer is probable,"
        " or 400 tokens are read.",
    ),
]
KnownDrugs = Annotated[
    bool,
    typer.Option(
        "--with-known-drugs",
        help="Keep the names of the drugs that categories are learnt from: answers can then say"
        " which are most like an insert.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


def load_classifier(
    model: str | None, backend: str, cache: Path | None = None, *, is_quick: bool = False
) -> DrugClassifier:
    """Load a classifier, and say so where a person is looking."""
    with err.status("loading the model") if err.is_terminal else nullcontext():
        without_bars_of_libraries()
        from drugtext.classifier import load

        classifier = load(model, backend=backend, cache=cache)
    if is_quick:
        classifier.reading_plan = classifier.reading_plan.quick()
    return classifier


def without_bars_of_libraries() -> None:
    """Let transformers draw no progress bars of its own: they would hide what is said here."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def check_folders(files: Iterable[Path]) -> None:
    """Refuse files to write whose folder is not there, before the work that would be lost.

    Raises:
        DrugTextError: one has no folder.
    """
    for file in files:
        if not file.parent.is_dir():
            raise DrugTextError(f"{file}: there is no such folder; make it, or give another one.")


def readable(
    examples: Iterable[tuple[DrugInsert, str]], classifier: DrugClassifier, unread: Unread
) -> tuple[list[DrugInsert], list[str]]:
    """Return the inserts that the classifier can read, with their categories; name the others."""
    inserts, categories = [], []
    for insert, category in with_progress(examples, "reading"):
        if error := classifier.refusal(insert):
            unread(error)
        else:
            inserts.append(insert)
            categories.append(category)
    return inserts, categories
