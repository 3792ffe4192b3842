"""Category probabilities -> a Prediction: the best category, its path in the tree, alternatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drugtext.errors import DrugTextError
from drugtext.inserts.insert import DrugInsert
from drugtext.taxonomy import Category, Taxonomy


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for beside the best category.

    Attributes:
        top_k: how many alternatives to give; one at least.
        coverage: share of drugs whose set of categories is to hold the true one, in (0, 1); no
            sets if None.
        min_probability: that the deepest answer is to have, in (0, 1]; not asked for if None.

    Raises:
        DrugTextError: one of them is out of its bounds.
    """

    top_k: int = 3
    coverage: float | None = None
    min_probability: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.top_k, Integral) or self.top_k < 1:
            raise DrugTextError(f"top_k is {self.top_k}; 1 or more is needed.")
        covered, least = self.coverage, self.min_probability
        if covered is not None and not (isinstance(covered, Real) and 0 < covered < 1):
            raise DrugTextError(f"coverage is {covered!r}; a number between 0 and 1 is needed.")
        if least is not None and not (isinstance(least, Real) and 0 < least <= 1):
            raise DrugTextError(
                f"min_probability is {least!r}; a number above 0 and not above 1 is needed."
            )


@dataclass(frozen=True, slots=True)
class Alternative:
    """A category that an insert may belong to, and how probable that is."""

    category_id: str
    category_name: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a classifier says of one insert.

    Attributes:
        source: the file that the insert was read from.
        id: what the insert's record calls itself, or its set id; empty where it has neither.
        row: place of the record in its file, from 0; None where the file is one insert.
        name: the insert's name.
        category_id: the best category.
        category_name: its name.
        probability: its probability, in [0, 1]; those of all categories sum to 1.
        alternatives: the `top_k` categories, best first; the first is the answer itself.
        path: the categories from the root of the taxonomy down to the answer.
        path_probabilities: of each step of the path: the sum over the categories at or below it.
        in_scope: False where the insert is far from every category.
        tokens_read: tokens of the insert that the encoder read.
        tokens_total: tokens of the whole insert.
        sure: the deepest category of the tree that is as probable as was asked; None where not even
            a root is, or nothing was asked.
        sure_probability: its probability.
        sets: where a coverage was asked, the categories of each level, from the roots down, that
            cannot be ruled out: the most probable first. Each level's set stands by itself. A
            category that ends above a level stands there for itself alone, not for those below it.
    """

    source: str
    name: str
    category_id: str
    category_name: str
    probability: float
    alternatives: tuple[Alternative, ...]
    path: tuple[Category, ...]
    path_probabilities: tuple[float, ...]
    in_scope: bool
    tokens_read: int
    tokens_total: int
    sure: Category | None = None
    sure_probability: float | None = None
    sets: tuple[tuple[Alternative, ...], ...] = ()
    id: str = ""
    row: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        steps = zip(self.path, self.path_probabilities, strict=True)
        told: dict[str, Any] = {
            "source": self.source,
            "id": self.id,
            "row": self.row,
            "name": self.name,
            "category_id": self.category_id,
            "category_name": self.category_name,
            "probability": self.probability,
            "path": [{"id": c.id, "name": c.name, "probability": p} for c, p in steps],
            "alternatives": [asdict(alternative) for alternative in self.alternatives],
            "in_scope": self.in_scope,
            "tokens_read": self.tokens_read,
            "tokens_total": self.tokens_total,
        }
        if self.sure is not None:
            sure = {"id": self.sure.id, "name": self.sure.name}
            told["sure"] = sure | {"probability": self.sure_probability}
        if self.sets:
            told["sets"] = [[asdict(one) for one in level] for level in self.sets]
        return told


def node_probabilities(
    probabilities: NDArray[np.float64], category_ids: Sequence[str], taxonomy: Taxonomy
) -> dict[str, NDArray[np.float64]]:
    """Sum the probabilities of the categories at or below each node of the tree.

    Sums go from the leaves up, so that rounding never leaves a node below one of its children.

    Args:
        probabilities: shape (n_inserts, n_categories), rows summing to 1.
        category_ids: of the columns.
        taxonomy: holds them and their ancestors.

    Returns:
        Node id -> shape (n_inserts,).
    """
    sums: dict[str, NDArray[np.float64]] = {}
    depths: dict[str, int] = {}
    for category_id, column in zip(category_ids, probabilities.T, strict=True):
        sums[category_id] = column
        depths |= {node.id: n for n, node in enumerate(taxonomy.path(category_id))}
    for node_id in sorted(depths, key=depths.__getitem__, reverse=True):
        parent = taxonomy[node_id].parent_id
        if parent is not None:
            sums[parent] = sums[parent] + sums[node_id] if parent in sums else sums[node_id]
    # A sum of rounded numbers may pass 1 by a hair.
    return {node_id: np.minimum(total, 1.0) for node_id, total in sums.items()}


def deepest_sure(
    nodes: Mapping[str, float], taxonomy: Taxonomy, least: float
) -> tuple[Category, float] | None:
    """Return the deepest node of the tree that is probable enough, the most probable of several.

    Args:
        nodes: probability of each category and ancestor.
        taxonomy: holds them.
        least: probability that is enough.

    Returns:
        The node and its probability; None where no root is probable enough.
    """
    enough = [node_id for node_id, p in nodes.items() if p >= least]
    if not enough:
        return None
    deepest = max(enough, key=lambda i: (len(taxonomy.path(i)), nodes[i]))
    return taxonomy[deepest], nodes[deepest]


def make_prediction(
    insert: DrugInsert,
    probabilities: NDArray[np.float64],
    category_ids: Sequence[str],
    taxonomy: Taxonomy,
    *,
    nodes: Mapping[str, float],
    wanted: Wanted,
    sets: Sequence[Sequence[str]] = (),
    in_scope: bool,
    tokens_read: int,
    tokens_total: int,
) -> Prediction:
    """Put together what is said of one insert.

    Args:
        insert: the insert.
        probabilities: of the categories, shape (n_categories,), summing to 1.
        category_ids: of the entries, one or more.
        taxonomy: holds them and their ancestors.
        nodes: of each of these the probability, as `node_probabilities` gives them.
        wanted: what was asked for.
        sets: of each level, as `prediction_sets` gives them.
        in_scope: whether it is near enough to a category.
        tokens_read: tokens of the insert that the encoder read.
        tokens_total: tokens of the whole insert.
    """

    def told(category_id: str, probability: float) -> Alternative:
        return Alternative(category_id, taxonomy[category_id].name, _rounded(probability))

    own = dict(zip(category_ids, probabilities, strict=True)) if sets else {}
    order = np.argsort(-probabilities, kind="stable")[: wanted.top_k]
    alternatives = tuple(told(category_ids[n], probabilities[n]) for n in order)
    path = taxonomy.path(category_ids[order[0]])
    sure, sure_probability = None, None
    if least := wanted.min_probability:
        as_told = {node_id: _rounded(p) for node_id, p in nodes.items()}
        sure, sure_probability = deepest_sure(as_told, taxonomy, least) or (None, None)
    return Prediction(
        source=insert.source,
        id=insert.id or insert.set_id or "",
        row=insert.row,
        name=insert.name,
        category_id=alternatives[0].category_id,
        category_name=alternatives[0].category_name,
        probability=alternatives[0].probability,
        alternatives=alternatives,
        path=path,
        path_probabilities=tuple(_rounded(nodes[step.id]) for step in path),
        in_scope=in_scope,
        tokens_read=tokens_read,
        tokens_total=tokens_total,
        sure=sure,
        sure_probability=sure_probability,
        sets=tuple(
            tuple(told(i, own[i] if len(taxonomy.path(i)) < number else nodes[i]) for i in level)
            for number, level in enumerate(sets, start=1)
        ),
    )


def _rounded(probability: float) -> float:
    return round(float(probability), 6)
