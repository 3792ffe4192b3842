"""Which categories are taken for which: pairs of true and answered category, and their counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drugtext.evaluation.evaluate import Judgement
from drugtext.taxonomy import Taxonomy


class Pair(NamedTuple):
    """The true category of an insert and the answered one, both at one level of the tree.

    Attributes:
        insert_number: place of the insert in the judgement.
        true_id: step of the true path at that level; the classifier knows it.
        answered_id: step of the answer's path; its last one where the answer goes no deeper.
    """

    insert_number: int
    true_id: str
    answered_id: str

    @property
    def is_right(self) -> bool:
        """Whether the answer is the true category, or below it."""
        return self.true_id == self.answered_id


def pairs_at_level(judgement: Judgement, level: int) -> list[Pair]:
    """Return the pairs of all inserts whose true category at this level is known.

    Args:
        judgement: of the inserts.
        level: counted from 1 at the roots.
    """
    return [path[level - 1] for path in _pairs_by_level(judgement) if len(path) >= level]


def deepest_pairs(judgement: Judgement) -> list[Pair]:
    """Return a pair an insert, at the deepest level at which its true category is known.

    Inserts whose true category is known at no level are left out.
    """
    return [path[-1] for path in _pairs_by_level(judgement) if path]


def unknown_ids(judgement: Judgement) -> list[str]:
    """Return the true categories that are known at no level, in order: none was judged."""
    judged = {pair.insert_number for pair in deepest_pairs(judgement)}
    return sorted({i for n, i in enumerate(judgement.true_ids) if n not in judged})


def _pairs_by_level(judgement: Judgement) -> list[list[Pair]]:
    """Return for each insert the pairs from the root down to the deepest known true step."""
    tree, ids = judgement.taxonomy, judgement.category_ids
    answerable = {step.id for i in ids for step in tree.path(i)}
    found = []
    for n, column in enumerate(judgement.probabilities.argmax(1)):
        answered = [step.id for step in tree.path(ids[column])]
        true = [step.id for step in tree.path(judgement.true_ids[n])]
        steps = [step for step in true if step in answerable]  # what is known begins at the root
        found.append([Pair(n, s, answered[min(d, len(answered) - 1)]) for d, s in enumerate(steps)])
    return found


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """How often each category was answered for each.

    Attributes:
        category_ids: of rows (true) and columns (answered), in the taxonomy's order.
        counts: int, shape (n, n); where `n_merged` is not 0, n is one more than there are
            `category_ids`, and the last row and column stand for all others together.
        n_merged: categories that stand together.
    """

    category_ids: tuple[str, ...]
    counts: NDArray[np.int64]
    n_merged: int


def confusion_matrix(
    pairs: Sequence[Pair], taxonomy: Taxonomy, max_categories: int
) -> ConfusionMatrix:
    """Count pairs; of many categories those with most errors stand alone, the others together.

    Args:
        pairs: of one level.
        taxonomy: gives the order.
        max_categories: that stand alone.
    """
    errors, sizes = Counter[str](), Counter[str]()
    for pair in pairs:
        sizes.update((pair.true_id, pair.answered_id))
        if not pair.is_right:
            errors.update((pair.true_id, pair.answered_id))
    order = {category.id: n for n, category in enumerate(taxonomy)}
    ranked = sorted(sizes, key=lambda i: (-errors[i], -sizes[i], order[i]))
    alone = sorted(ranked[:max_categories], key=order.__getitem__)
    rows = {category_id: n for n, category_id in enumerate(alone)}
    n_merged = len(ranked) - len(alone)
    counts = np.zeros((len(alone) + bool(n_merged),) * 2, dtype=np.int64)
    for pair in pairs:
        counts[rows.get(pair.true_id, -1), rows.get(pair.answered_id, -1)] += 1
    return ConfusionMatrix(tuple(alone), counts, n_merged)


class Confusion(NamedTuple):
    """A category that was taken for another.

    Attributes:
        true_id: the category.
        answered_id: the other one.
        insert_numbers: of the inserts, those that were answered most confidently first.
    """

    true_id: str
    answered_id: str
    insert_numbers: tuple[int, ...]


def worst_confusions(pairs: Sequence[Pair], confidences: NDArray) -> list[Confusion]:
    """Return what was taken for what, the most frequent first.

    Args:
        pairs: right ones are passed over.
        confidences: probability of the answer of every insert, shape (n_inserts,).
    """
    found: dict[tuple[str, str], list[int]] = {}
    for n, true_id, answered_id in (pair for pair in pairs if not pair.is_right):
        found.setdefault((true_id, answered_id), []).append(n)
    confusions = [
        Confusion(*ids, tuple(sorted(numbers, key=lambda n: -confidences[n])))
        for ids, numbers in found.items()
    ]
    return sorted(confusions, key=lambda c: (-len(c.insert_numbers), c.true_id, c.answered_id))


class CategoryAccuracy(NamedTuple):
    """How well the inserts of one category were answered.

    Attributes:
        category_id: the true category.
        n_inserts: of it.
        n_errors: of them that were answered otherwise.
        taken_for: what was answered most often instead; None without an error.
    """

    category_id: str
    n_inserts: int
    n_errors: int
    taken_for: str | None


def accuracy_by_category(pairs: Sequence[Pair]) -> list[CategoryAccuracy]:
    """Return a row a true category, those with most errors first."""
    sizes = Counter(pair.true_id for pair in pairs)
    wrong: dict[str, Counter[str]] = {category_id: Counter() for category_id in sizes}
    for pair in pairs:
        if not pair.is_right:
            wrong[pair.true_id][pair.answered_id] += 1
    rows = [
        CategoryAccuracy(
            i, n, wrong[i].total(), wrong[i].most_common(1)[0][0] if wrong[i] else None
        )
        for i, n in sizes.items()
    ]
    return sorted(rows, key=lambda row: (-row.n_errors, -row.n_inserts, row.category_id))
