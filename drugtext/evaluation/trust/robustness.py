"""What accuracy is left where inserts come misread, mistyped, shuffled or cut."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drugtext.classifier import DrugClassifier
from drugtext.evaluation.benchmark.records import Record
from drugtext.evaluation.bootstrap import grouped_mean
from drugtext.evaluation.trust.noise import NOISES
from drugtext.evaluation.trust.probabilities import answers_by_level
from drugtext.evaluation.trust.subjects import judge
from drugtext.inserts.insert import DrugInsert

AS_PRINTED = "as printed"


def under_noise(
    classifier: DrugClassifier,
    records: Sequence[Record],
    *,
    level: int = 3,
    seed: int = 0,
    begins: Callable[[str], object] = bool,
) -> list[dict[str, Any]]:
    """Ask the same inserts as printed and under each of `NOISES`.

    Args:
        classifier: with categories.
        records: that it never met.
        level: of the tree that is judged.
        seed: of the noise and the intervals.
        begins: called with the name of each noise, for a progress bar.

    Returns:
        Of each noise `accuracy`, its `drop` from what it is as printed, with the 95 % interval of
        the drop, whole drugs drawn; `n` judged; of them `n_changed` by the noise, and `n_refused`
        that the classifier would not read, which count as wrong.
    """
    plain = [record.inserts["plain"] for record in records]
    noisy = {AS_PRINTED: plain} | {
        name: [noise(insert, random.Random(f"{seed} {n}")) for n, insert in enumerate(plain)]  # noqa: S311
        for name, noise in NOISES.items()
    }
    found: list[dict[str, Any]] = []
    printed: NDArray[np.bool_] | None = None
    for name, inserts in noisy.items():
        begins(name)
        right, places, n_refused = _right(classifier, inserts, records, level)
        if printed is None:
            printed = right
        groups = [records[n].ingredient for n in places]
        drop, low, high = grouped_mean(printed.astype(float) - right, groups, seed)
        figures = {"accuracy": float(right.mean()), "drop": drop, "low": low, "high": high}
        changed = sum(_text(inserts[n]) != _text(plain[n]) for n in places)
        found.append(
            {"noise": name}
            | {key: round(value, 4) for key, value in figures.items()}
            | {"n": len(places), "n_changed": changed, "n_refused": n_refused}
        )
    return found


def _right(
    classifier: DrugClassifier,
    inserts: Sequence[DrugInsert],
    records: Sequence[Record],
    level: int,
) -> tuple[NDArray[np.bool_], list[int], int]:
    """Return whether each answer is right, the places that are judged, and how many were refused.

    What is judged depends on the true categories alone.
    """
    kept = [n for n, insert in enumerate(inserts) if classifier.refusal(insert) is None]
    embeddings = np.zeros((len(inserts), classifier.model.config.embedding_dim), np.float32)
    embeddings[kept] = classifier.embed([inserts[n] for n in kept])
    _, right, places = answers_by_level(judge(classifier, embeddings, records))[level]
    is_read = np.isin(places, kept)
    return right & is_read, places, int((~is_read).sum())


def _text(insert: DrugInsert) -> list[tuple[str, str]]:
    """Return the sections in their order, which a comparison of mappings passes over."""
    return list(insert.sections.items())
