"""Bad inputs tried and counted: what was read, what was refused, and what escaped as a traceback.

Whatever a file holds, a reader gives inserts or says in a `DrugTextError` why not. Anything else
is an escape: another exception, a file of which nothing is read and nothing said, a text that
cannot be written down again.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from random import Random

from drugtext.errors import DrugTextError
from drugtext.evaluation.trust.bad_inputs import (
    damaged,
    hostile_folder,
    sound_inputs,
    sound_taxonomies,
    zipped,
)
from drugtext.evaluation.trust.hostile_inputs import hostile_inputs, hostile_taxonomies
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts
from drugtext.support import read_support
from drugtext.taxonomy import Taxonomy

_FILES_OF_A_FOLDER = 5

Read = Callable[[], str | DrugTextError | None]
"""Reads an input; returns what is wrong with what was read, an error of ours that was reported, or
None."""


@dataclass
class FaultCount:
    """Bad inputs, and what came of them.

    Attributes:
        tried: how many.
        read: of these, what was read whole, and nothing complained of.
        refused: of these, what an error of ours was raised or reported for.
        escaped: of the others, what each is, and what happened; none is as it should be.
        slowest: seconds that the slowest one took, and what it is.
    """

    tried: int = 0
    read: int = 0
    refused: int = 0
    escaped: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    def attempt(self, what: str, read: Read) -> None:
        """Try one input.

        Args:
            what: it is.
            read: reads it.
        """
        self.tried += 1
        start = time.perf_counter()
        try:
            found = read()
        except DrugTextError as error:
            found = error
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of tokenizers or safetensors is no Exception
            place = traceback.extract_tb(error.__traceback__)[-1]
            at = f"{Path(place.filename).name}:{place.lineno}"
            found = f"{type(error).__name__} at {at}: {error}"
        self.slowest = max(self.slowest, (time.perf_counter() - start, what))
        if isinstance(found, DrugTextError) and str(found).strip():
            self.refused += 1
        elif found is None:
            self.read += 1
        else:
            self.escaped.append(f"{what}: {str(found).strip() or 'an error without a word'}"[:500])

    def __add__(self, other: FaultCount) -> FaultCount:
        """Return both together."""
        numbers = (self.tried + other.tried, self.read + other.read, self.refused + other.refused)
        slowest = max(self.slowest, other.slowest)
        return FaultCount(*numbers, self.escaped + other.escaped, slowest)


def try_readers(folder: Path, n: int, seed: int = 0, n_hostile: int | None = None) -> FaultCount:
    """Try every reader of inserts, support sets and taxonomies.

    Args:
        folder: an empty one, to write inputs into.
        n: number of damaged files; hostile ones are tried besides.
        seed: of the damage, and of what is drawn.
        n_hostile: hostile ones to draw at random; all of them, some hundred, if left out.
    """
    count, random = FaultCount(), Random(seed)  # noqa: S311
    hostile, file = folder / "hostile", folder / "input"
    hostile.mkdir()
    tries = list(_hostile_tries(hostile, file))
    drawn = tries if n_hostile is None else random.sample(tries, min(n_hostile, len(tries)))
    for what, data, read in drawn:
        if data is not None:
            file.write_bytes(data)
        count.attempt(what, read)
    documents, taxonomies = sound_inputs(), sound_taxonomies()
    for number in range(n):
        name = random.choice([*documents, *taxonomies])
        what = f"seed {seed}, number {number}: damaged {name}"
        if name in taxonomies:
            file.write_bytes(damaged(taxonomies[name], random))
            count.attempt(what, partial(read_tree, name, file))
            continue
        data = damaged(documents[name], random)
        file.write_bytes(zipped({name: data}) if random.random() < 0.1 else data)
        count.attempt(what, partial(read_twice, file))
        if name.startswith(("table", "lines")):
            count.attempt(f"support set, {what}", partial(read_examples, file))
    for number, shelf in enumerate(_damaged_folders(folder, n // 50, documents, random)):
        count.attempt(f"folder {number}", partial(_read_folder, shelf))
        count.attempt(f"support set, folder {number}", partial(read_examples, shelf))
    return count


def _hostile_tries(hostile: Path, file: Path) -> Iterator[tuple[str, bytes | None, Read]]:
    """Yield what each is, what is to be written into the file before, and what reads it."""
    for what, path in hostile_folder(hostile).items():
        yield what, None, partial(read_twice, path)
        yield f"support set, {what}", None, partial(read_examples, path)
        if path.name != "pipe":  # `--taxonomy <(…)` is a pipe, and is waited for
            yield f"taxonomy, {what}", None, partial(read_tree, "csv", path)
    for what, data in hostile_inputs().items():
        yield what, data, partial(read_once, file)
    for what, (kind, data) in hostile_taxonomies().items():
        yield what, data, partial(read_tree, kind, file)


def read_once(path: Path) -> str | DrugTextError | None:
    """Read a path; return what `FaultCount.attempt` wants to know."""
    errors: list[DrugTextError] = []
    inserts = list(read_inserts(path, on_error=errors.append))
    return _judged(inserts, errors)


def read_twice(path: Path) -> str | DrugTextError | None:
    """Read a path as `read_once` does; what is found the second time must be the same."""
    errors: list[DrugTextError] = []
    inserts = list(read_inserts(path, on_error=errors.append))
    again: list[DrugTextError] = []
    if list(read_inserts(path, on_error=again.append)) != inserts:
        return "another insert the second time"
    if list(map(str, errors)) != list(map(str, again)):
        return "another error the second time"
    return _judged(inserts, errors)


def _judged(inserts: list[DrugInsert], errors: list[DrugTextError]) -> str | DrugTextError | None:
    if not inserts and not errors:
        return "nothing was read, and nothing said"
    for insert in inserts:
        if not any(text.strip() for text in insert.sections.values()):
            return "an insert without text"
        # The name of a file may hold any bytes; Python keeps them as half characters.
        told = [getattr(insert, f.name) for f in fields(insert) if f.name != "source"]
        if any("\0" in text or not _is_text(text) for text in _texts_in(told)):
            return "an insert that cannot be written down: it holds what no text may"
    return next(iter(errors), None)


def read_examples(path: Path) -> str | DrugTextError | None:
    """Read a support set; returns as `read_once`."""
    errors: list[DrugTextError] = []
    examples = list(read_support(path, taxonomy_name="atc", on_error=errors.append))
    if any(not category or not _is_text(category) for _, category in examples):
        return "an example without category, or of one that cannot be written down"
    return _judged([insert for insert, _ in examples], errors)


def read_tree(kind: str, path: Path) -> str | None:
    """Read a taxonomy of a kind, as in `sound_taxonomies`; returns as `read_once`."""
    taxonomy: Taxonomy = getattr(Taxonomy, f"from_{kind}")(path)
    deepest = max(taxonomy, key=lambda category: len(category.id))
    return None if taxonomy.path(deepest.id)[-1] == deepest else "a category lost its place"


def _damaged_folders(
    folder: Path, n: int, documents: dict[str, bytes], random: Random
) -> Iterator[Path]:
    for number in range(n):
        shelf = folder / f"folder {number}"
        for place in range(_FILES_OF_A_FOLDER):
            name = random.choice([*documents])
            (shelf / f"category {place % 2}").mkdir(parents=True, exist_ok=True)
            file = shelf / f"category {place % 2}" / f"{place} {name}"
            file.write_bytes(damaged(documents[name], random))
        yield shelf


def _read_folder(folder: Path) -> str | DrugTextError | None:
    errors: list[DrugTextError] = []
    inserts = list(read_inserts(folder, on_error=errors.append))
    sources = [insert.source for insert in inserts] + [str(error) for error in errors]
    for file in folder.rglob("*.*"):
        if not any(source.startswith(str(file)) for source in sources):
            return f"{file.name}: nothing was read of it, and nothing said"
    return _judged(inserts, errors)


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts_in([*value.items()])
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts_in(inner)


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
