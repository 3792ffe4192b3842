"""Inserts that two classifiers answer otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from drugtext.classifier import DrugClassifier
from drugtext.errors import DrugTextError
from drugtext.inserts.insert import DrugInsert

OnError = Callable[[DrugInsert, DrugTextError], None]
"""Told of an insert that cannot be read, and why."""


@dataclass(frozen=True)
class Changed:
    """An insert that two classifiers answer otherwise.

    Attributes:
        insert: itself.
        before: id of the category that the one gives it.
        after: of that which the other one gives it.
        was_in_scope: whether the one has the insert in scope.
        is_in_scope: whether the other one has.
    """

    insert: DrugInsert
    before: str
    after: str
    was_in_scope: bool
    is_in_scope: bool


def differences(
    old: DrugClassifier,
    new: DrugClassifier,
    inserts: Iterable[DrugInsert],
    on_error: OnError | None = None,
) -> list[Changed]:
    """Return the inserts whose category, or whose being in scope, changes.

    Args:
        old: one classifier.
        new: the other one, over the same encoder.
        inserts: any number of them.
        on_error: as `readable` takes it.
    """
    asked = readable(inserts, old, on_error)
    answers = zip(old.predict(asked, top_k=1), new.predict(asked, top_k=1), strict=True)
    return [
        Changed(insert, a.category_id, b.category_id, a.in_scope, b.in_scope)
        for insert, (a, b) in zip(asked, answers, strict=True)
        if (a.category_id, a.in_scope) != (b.category_id, b.in_scope)
    ]


def readable(
    inserts: Iterable[DrugInsert], classifier: DrugClassifier, on_error: OnError | None
) -> list[DrugInsert]:
    """Return the inserts that a classifier can read; without `on_error` another one raises."""
    readable = []
    for insert in inserts:
        error = classifier.refusal(insert)
        if error is None:
            readable.append(insert)
        elif on_error is None:
            raise error
        else:
            on_error(insert, error)
    return readable
