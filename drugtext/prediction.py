"""Category probabilities -> a Prediction: the best category, its path in the tree, alternatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drugtext.inserts.insert import DrugInsert
from drugtext.taxonomy import Category, Taxonomy


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

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        steps = zip(self.path, self.path_probabilities, strict=True)
        return {
            "source": self.source,
            "name": self.name,
            "category_id": self.category_id,
            "category_name": self.category_name,
            "probability": self.probability,
            "path": [{"id": c.id, "name": c.name, "probability": p} for c, p in steps],
            "alternatives": [
                {
                    "category_id": a.category_id,
                    "category_name": a.category_name,
                    "probability": a.probability,
                }
                for a in self.alternatives
            ],
            "in_scope": self.in_scope,
            "tokens_read": self.tokens_read,
            "tokens_total": self.tokens_total,
        }


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


def make_prediction(
    insert: DrugInsert,
    probabilities: NDArray[np.float64],
    category_ids: Sequence[str],
    taxonomy: Taxonomy,
    *,
    top_k: int,
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
        top_k: how many alternatives to give; one at least.
        in_scope: whether it is near enough to a category.
        tokens_read: tokens of the insert that the encoder read.
        tokens_total: tokens of the whole insert.
    """
    order = np.argsort(-probabilities, kind="stable")[: max(top_k, 1)]
    alternatives = tuple(
        Alternative(
            category_ids[n], taxonomy[category_ids[n]].name, round(float(probabilities[n]), 6)
        )
        for n in order
    )
    path = taxonomy.path(category_ids[order[0]])
    nodes = node_probabilities(probabilities[None], category_ids, taxonomy)
    return Prediction(
        source=insert.source,
        name=insert.name,
        category_id=alternatives[0].category_id,
        category_name=alternatives[0].category_name,
        probability=alternatives[0].probability,
        alternatives=alternatives,
        path=path,
        path_probabilities=tuple(round(float(nodes[step.id][0]), 6) for step in path),
        in_scope=in_scope,
        tokens_read=tokens_read,
        tokens_total=tokens_total,
    )
