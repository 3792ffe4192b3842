"""Writers killed, and disks that are full: what was there before is whole, or what is new.

Processes of their own save a classifier over another one, or add to a registry, again and again.
They are killed (SIGKILL) at a moment of chance, or their files may not grow beyond a size.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from multiprocessing.pool import Pool
from pathlib import Path
from random import Random

from drugtext.classifier import DrugClassifier, load
from drugtext.errors import DrugTextError
from drugtext.evaluation.trust.faults import FaultCount
from drugtext.inserts.insert import DrugInsert
from drugtext.registry import Registry

_LONGEST = 1.0  # seconds until a writer is killed: some writes
_PATIENCE = 120.0  # seconds until a writer has begun
_SIZES = (2_000, 25_000, 200_000)  # bytes: enough for nothing, for small files, for some weights
_TEXTS = {"pain": "Relief of pain.", "heart": "Lowers blood pressure.", "lung": "Asthma."}

Write = Callable[[int], object]
"""Writes for the n-th time."""


def try_writers(encoder: DrugClassifier, scratch: Path, n: int, seed: int = 0) -> FaultCount:
    """Kill writers, and give them no room; each time look whether what they wrote is whole.

    Args:
        encoder: whose classifiers are written.
        scratch: an empty folder.
        n: writers to kill of each kind; those without room come besides.
        seed: of the moments.

    Returns:
        `read`: whole. `refused`: whole, and the writer said that there is no room. `escaped`: not.
    """
    random, found = Random(seed), FaultCount()  # noqa: S311
    saved, registry = scratch / "saved", scratch / "registry"
    for size in (1, 2):
        _fitted(encoder, size).save_pretrained(scratch / str(size))
    _fitted(encoder, 1).save_pretrained(saved)
    Registry.create(registry, _fitted(encoder, 1))
    for kind, place, whole in (("saves", saved, _is_saved), ("adds", registry, _is_registry)):
        for number in range(n):
            killed = partial(_killed, kind, scratch, place, random.uniform(0, _LONGEST))
            what = f"{kind}, killed, seed {seed}, number {number}"
            found.attempt(what, partial(_whole_after, killed, partial(whole, place)))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            for n_bytes in _SIZES:
                full = partial(_without_room, pool, (kind, scratch, place, n_bytes))
                what = f"{kind}, no room beyond {n_bytes} bytes"
                found.attempt(what, partial(_whole_after, full, partial(whole, place)))
    return found


def _inserts(size: int) -> dict[str, DrugInsert]:
    """Return one insert each of the first categories."""
    some = [*_TEXTS.items()][:size]
    return {c: DrugInsert(language="en", sections={"description": text}) for c, text in some}


def _fitted(encoder: DrugClassifier, size: int) -> DrugClassifier:
    told = _inserts(size)
    return encoder.fit([*told.values()], [*told])


def _whole_after(
    fault: Callable[[], DrugTextError | None], whole: Callable[[], str | None]
) -> str | DrugTextError | None:
    refused = fault()
    return whole() or refused


def _is_saved(place: Path) -> str | None:
    """Return what is wrong with a classifier that was being saved."""
    classifier = load(place, backend="torch")
    known = _inserts(len(classifier.category_ids))
    answers = [p.category_id for p in classifier.predict([*known.values()])]
    return None if answers == [*known] else f"answers {answers} instead of {[*known]}"


def _is_registry(place: Path) -> str | None:
    """Return what is wrong with a registry that was being added to."""
    registry = Registry(place)
    versions = registry.versions()
    numbers = [version.number for version in versions]
    if numbers != [*range(1, len(numbers) + 1)]:
        return f"versions {numbers}"
    classifier = registry.load()
    n_added, n_steps = len(classifier.category_ids) - 1, 0
    version = registry.current  # one that was killed before it was made this is not in its line
    while version.parent is not None:
        version, n_steps = versions[version.parent - 1], n_steps + 1
    return None if n_added == n_steps else f"{n_added} categories were added in {n_steps} steps"


def _killed(kind: str, scratch: Path, place: Path, seconds: float) -> None:
    """Have a writer write until it is killed."""
    begun = scratch / "begun"
    begun.unlink(missing_ok=True)
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=_write_on, args=(kind, scratch, place, begun), daemon=True)
    writer.start()
    latest = time.monotonic() + _PATIENCE
    while not begun.exists():
        if not writer.is_alive() or time.monotonic() > latest:
            raise RuntimeError(f"a writer that {kind} has not begun")
        time.sleep(0.01)
    time.sleep(seconds)
    writer.kill()
    writer.join()


def _without_room(pool: Pool, told: tuple[str, Path, Path, int]) -> DrugTextError | None:
    """Have a writer write once whose files may not grow; return what it raises."""
    reason = pool.apply(_write_into, told)
    return DrugTextError(reason) if reason else None


def _write_on(kind: str, scratch: Path, place: Path, begun: Path) -> None:
    write = _writer(kind, scratch, place)
    begun.touch()
    for number in count():
        write(number)


def _write_into(kind: str, scratch: Path, place: Path, n_bytes: int) -> str:
    import resource  # POSIX alone

    write = _writer(kind, scratch, place)
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, most))
    try:
        write(0)
    except DrugTextError as error:
        return str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    return ""


def _writer(kind: str, scratch: Path, place: Path) -> Write:
    if kind == "saves":
        each = [load(scratch / str(size), backend="torch") for size in (2, 1)]
        return lambda number: each[number % 2].save_pretrained(place)
    registry, told = Registry(place), _inserts(3)
    return lambda _: registry.add(f"category {time.time_ns()}", [told["lung"]])
