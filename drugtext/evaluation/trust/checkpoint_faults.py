"""Saved classifiers damaged and tampered with: each is refused, or answers and runs no code.

A folder with a manifest is refused where any file that is read holds other bytes. One that was
sealed anew, as an attacker would, or that has no manifest, may load where the change makes sense;
no traceback comes out of it, and no code is run.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from functools import partial
from pathlib import Path
from random import Random

from drugtext.classifier import DrugClassifier, load
from drugtext.errors import DrugTextError
from drugtext.evaluation.trust.checkpoint_changes import (
    Change,
    additions,
    broken_manifests,
    losses,
    sealed_names,
    tampered,
    with_pickles,
    writes,
)
from drugtext.evaluation.trust.faults import FaultCount
from drugtext.inserts.insert import DrugInsert
from drugtext.manifest import MANIFEST

_TEXTS = ("Relief of pain. It lowers a fever, too.", "Lowers high blood pressure.")
_ASKED = [
    DrugInsert(name=name, language="en", sections={"indications_and_usage": text})
    for name, text in zip(("Examplol", "Samplopril"), _TEXTS, strict=True)
]
_COVERAGE = 0.5


def try_checkpoint(folder: Path, scratch: Path, seed: int = 0, n: int | None = None) -> FaultCount:
    """Damage each file of a checkpoint in each of several ways, load it, and ask it.

    Args:
        folder: of a checkpoint with a manifest; it stays as it is.
        scratch: an empty folder, to damage copies in.
        seed: of the damage, and of what is drawn.
        n: ways to draw at random; all of them, several hundred, if left out.

    Returns:
        `escaped` names what raised something else than an error of ours, what loaded though the
        manifest tells that it was changed, and what ran code.
    """
    count, copy, ran = FaultCount(), scratch / "copy", scratch / "code was run"
    changes = [*losses(folder, seed), *additions()]
    tries: list[tuple[str, Change, Change | None]] = []
    tries += [(what, change, None) for what, change in [*changes, *broken_manifests()]]
    tries += [(f"{what}, no manifest", change, _unsealed) for what, change in changes]
    changes = [*tampered(folder), *with_pickles(ran)]
    tries += [(f"{what}, sealed", change, seal) for what, change in changes]
    drawn = tries if n is None else Random(seed).sample(tries, min(n, len(tries)))  # noqa: S311
    for what, change, then in drawn:
        count.attempt(what, partial(_load, folder, copy, ran, change, then))
    return count


def sealed_files(folder: Path) -> dict[str, bytes]:
    """Return the files that a checkpoint's manifest names, each as `load_sealed` takes it."""
    names = sealed_names(folder)
    return {name: name.encode() + b"\n" + (folder / name).read_bytes() for name in names}


def load_sealed(folder: Path, scratch: Path, file: Path) -> str | DrugTextError | None:
    """Load a copy of a checkpoint in which one file holds other bytes, sealed anew.

    Args:
        folder: of the checkpoint; it stays as it is.
        scratch: a folder for the copy.
        file: the name of the file that is changed, a line break, and what it is to hold. A name
            that the folder lacks changes nothing.

    Returns:
        What is wrong with that it loaded, or the error that refuses it; None where it may load.
    """
    told, _, data = file.read_bytes().partition(b"\n")
    name = told.decode("utf-8", "replace")
    if name not in sealed_names(folder):
        return None
    return _load(folder, scratch / "copy", scratch / "code was run", writes(name, data), seal)


def seal(folder: Path) -> None:
    """Write a manifest of what a folder holds, as one who tampered with it would."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST]
    sums = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.suffix not in (".py", ".md")
    }
    (folder / MANIFEST).write_text(json.dumps({"sha256": sums}), encoding="utf-8")


def _unsealed(folder: Path) -> None:
    (folder / MANIFEST).unlink(missing_ok=True)


def _load(
    folder: Path, copy: Path, ran: Path, change: Change, then: Change | None
) -> str | DrugTextError | None:
    """Ask a changed copy; return what is wrong with that it answers, or the error that refuses."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    change(copy)
    if then:
        then(copy)
    try:
        loaded = load(copy, backend="torch")
        if then:
            ask(loaded)
    except DrugTextError as error:
        return "code was run" if ran.exists() else error
    if ran.exists():
        return "code was run"
    return None if then else "it loaded, though the manifest tells that it was changed"


def ask(classifier: DrugClassifier) -> None:
    """Ask for everything that a classifier answers with; `DrugTextError` where it cannot."""
    classifier.predict(_ASKED, min_probability=_COVERAGE)
    classifier.explain(_ASKED[0])
    for one in (classifier, classifier.fit(_ASKED, ["a", "b"])):
        if one.model.config.strangeness:
            one.predict(_ASKED, coverage=_COVERAGE)
