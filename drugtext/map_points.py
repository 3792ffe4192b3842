"""What stands on a map: categories and inserts, and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drugtext.taxonomy import Category


@dataclass(frozen=True, slots=True)
class MappedInsert:
    """An insert, with what the classifier answers.

    Attributes:
        name: the insert's name; empty where it has none.
        source: the file that it was read from.
        path: the categories from the root of the taxonomy down to the answer.
        probability: of the answer.
        in_scope: False where the insert is far from every category.
    """

    name: str
    source: str
    path: tuple[Category, ...]
    probability: float
    in_scope: bool


@dataclass(frozen=True, slots=True, eq=False)
class MapPoints:
    """Categories and inserts on one plane. Near ones are alike; axes and units mean nothing.

    Attributes:
        paths: of each category, the categories from the root of the taxonomy down to it.
        category_points: where their prototypes are, shape (n_categories, 2).
        inserts: with their answers.
        insert_points: where they are, shape (n_inserts, 2).
        method: how the plane was found: `plane.UMAP_NAME` or `plane.PCA_NAME`.
    """

    paths: tuple[tuple[Category, ...], ...]
    category_points: NDArray[np.float64]
    inserts: tuple[MappedInsert, ...]
    insert_points: NDArray[np.float64]
    method: str
