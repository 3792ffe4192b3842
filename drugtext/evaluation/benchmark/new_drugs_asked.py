"""New drugs as the research scripts ask them: full documents, and all inserts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, concatenate_datasets
from numpy.typing import NDArray

from drugtext.classifier import DrugClassifier
from drugtext.corpus import FULL_DOCUMENTS
from drugtext.evaluation.benchmark.records import Corpus, Example, Record, load_rows
from drugtext.evaluation.bootstrap import grouped_mean
from drugtext.splits import SPLITS, ingredient_groups
from drugtext.taxonomy import Taxonomy


def known_drugs(folder: Path, corpus: Corpus) -> tuple[list[Record], Dataset]:
    """Return what may be looked at: the training and the validation split, one behind the other.

    Args:
        folder: of the corpus.
        corpus: as it was loaded from there.

    Returns:
        Records and rows of the same inserts, in the same order.
    """
    rows = [load_rows(folder / f"{split}.parquet") for split in SPLITS[:2]]
    records = [record for split in SPLITS[:2] for record in corpus.splits[split]]
    return records, concatenate_datasets(rows)


def drug_folds(records: Sequence[Record], n_folds: int) -> list[NDArray]:
    """Deal drugs into folds, those that share a substance together.

    Returns:
        Of each fold, numbers of its records, rising.
    """
    from sklearn.model_selection import GroupKFold

    groups = ingredient_groups([sorted(record.substances) for record in records])
    dealt = GroupKFold(n_folds, shuffle=True, random_state=0).split(records, groups=groups)
    return [fold for _, fold in dealt]


def right_answers(
    bare: DrugClassifier,
    taxonomy: Taxonomy,
    taught: tuple[Sequence[Example], NDArray],
    asked: tuple[Sequence[Example], NDArray],
) -> NDArray[np.bool_]:
    """Return whether answers by prototypes are right, shape (n_asked,).

    Args:
        bare: without categories.
        taxonomy: of the categories.
        taught: what the prototypes are of, and its embeddings as `bare` gives them.
        asked: the same of what is asked.
    """
    (support, embeddings), (queries, given) = taught, asked
    fitted = bare.fit_embeddings(
        embeddings,
        [example.category for example in support],
        taxonomy=taxonomy,
        ingredients=[example.substances for example in support],
    )
    with torch.no_grad():
        projected = fitted.model.head.project(torch.as_tensor(given))
    best = fitted.probabilities(projected).argmax(1)
    pairs = zip(best, queries, strict=True)
    return np.array([fitted.category_ids[n] == e.category for n, e in pairs], dtype=bool)


def right_by_documents(
    asked: Sequence[Example], right: NDArray, of_first: NDArray
) -> dict[str, Any]:
    """Return how often answers are right, and by how much those of a first way are ahead.

    Args:
        asked: new drugs.
        right: whether each answer is right, shape (n,).
        of_first: the same of the way that the others are compared with.

    Returns:
        For "new drug, full documents" and "new drug, all": `n`, `accuracy` and `all_ahead`, both
        with 95 % intervals, whole drugs drawn.
    """
    is_full = np.array([example.kind in FULL_DOCUMENTS for example in asked])
    groups = np.array([example.ingredient for example in asked])
    gain = of_first.astype(float) - right
    found: dict[str, Any] = {}
    for documents, chosen in (("full documents", is_full), ("all", np.ones_like(is_full))):
        told = groups[chosen].tolist()
        found[f"new drug, {documents}"] = {
            "n": int(chosen.sum()),
            "accuracy": rounded(grouped_mean(right[chosen], told)),
            "all_ahead": rounded(grouped_mean(gain[chosen], told)),
        }
    return found


def rounded(values: Iterable[float]) -> list[float]:
    """Return figures as a JSON file of a script holds them."""
    return [round(float(value), 4) for value in values]
