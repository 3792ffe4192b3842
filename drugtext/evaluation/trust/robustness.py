"""What accuracy is left where inserts come misread, mistyped, shuffled or cut."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from drugtext.classifier import DrugClassifier
from drugtext.corpus import FULL_DOCUMENTS
from drugtext.evaluation.benchmark.records import Record
from drugtext.evaluation.bootstrap import grouped_mean
from drugtext.evaluation.trust.noise import NOISES
from drugtext.evaluation.trust.subjects import judge
from drugtext.inserts.insert import DrugInsert
from drugtext.name_stems import text_part

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

    Names that stand beside the sections stay as they are under noise; they are left out here, where
    they would prop up what is made of the text.

    Args:
        classifier: with categories.
        records: that it never met.
        level: of the tree that is judged.
        seed: of the noise and the intervals.
        begins: called with the name of each noise, for a progress bar.

    Returns:
        Of each noise and kind of documents, `accuracy`, its `drop` from what it is as printed, and
        the drop among those that the noise changed, `drop_changed`; both with 95 % intervals, whole
        drugs drawn. `n` judged; of them `n_changed`, and `n_refused` that the classifier would
        not read, which count as wrong.
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
        right, places, is_read = _right(classifier, inserts, records, level)
        if printed is None:
            printed = right
        is_full = np.array([records[n].kind in FULL_DOCUMENTS for n in places], dtype=bool)
        asked = {
            "right": right,
            "drop": printed.astype(float) - right,
            "groups": np.array([records[n].ingredient for n in places]),
            "is_changed": np.array([_text(inserts[n]) != _text(plain[n]) for n in places]),
            "is_read": is_read,
        }
        for documents, chosen in (
            ("all inserts", np.ones_like(is_full)),
            ("full documents", is_full),
        ):
            if chosen.any():
                told = _figures({what: values[chosen] for what, values in asked.items()}, seed)
                found.append({"noise": name, "documents": documents} | told)
    return found


def _figures(asked: Mapping[str, NDArray], seed: int) -> dict[str, Any]:
    drop, groups, is_changed = asked["drop"], asked["groups"].tolist(), asked["is_changed"]
    told = _with_ends("drop", grouped_mean(drop, groups, seed))
    if is_changed.any():
        of_changed = asked["groups"][is_changed].tolist()
        told |= _with_ends("drop_changed", grouped_mean(drop[is_changed], of_changed, seed))
    figures = {"accuracy": float(asked["right"].mean())} | told
    return {key: round(value, 4) for key, value in figures.items()} | {
        "n": len(drop),
        "n_changed": int(is_changed.sum()),
        "n_refused": int((~asked["is_read"]).sum()),
    }


def _with_ends(name: str, interval: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), interval, strict=True))


def _right(
    classifier: DrugClassifier,
    inserts: Sequence[DrugInsert],
    records: Sequence[Record],
    level: int,
) -> tuple[NDArray[np.bool_], list[int], NDArray[np.bool_]]:
    """Return whether each answer is right, the places that are judged, and whether each was read.

    What is judged depends on the true categories alone.
    """
    kept = [n for n, insert in enumerate(inserts) if classifier.refusal(insert) is None]
    embeddings = np.zeros((len(inserts), classifier.model.config.embedding_dim), np.float32)
    embeddings[kept] = classifier.embed([inserts[n] for n in kept])
    embeddings = text_part(torch.from_numpy(embeddings), classifier.model.config.text_dim).numpy()
    _, right, places = judge(classifier, embeddings, records).by_level()[level]
    is_read = np.isin(places, kept)
    return right & is_read, places, is_read


def _text(insert: DrugInsert) -> list[tuple[str, str]]:
    """Return the sections in their order, which a comparison of mappings passes over."""
    return list(insert.sections.items())
