"""An invented corpus: four levels, each category with words of its own, each insert with noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from drugtext.evaluation.benchmark.records import Corpus, Record, records_of
from drugtext.splits import SPLITS
from drugtext.taxonomy import Category, Taxonomy

KINDS = ("us_full_label", "eu_patient_leaflet", "us_indications_only")
N_INGREDIENTS = 18
"""Of each deepest category: 12 to learn from, 3 to tune on, 3 to be asked."""
ONLY_IN_TEST = "BYYZ"


def tree() -> Taxonomy:
    """Two roots, two branches at each level: A, AX, AXX, AXXX and so on, 16 leaves."""
    ids = ["A", "B"]
    for length in range(1, 4):
        ids += [i + letter for i in ids if len(i) == length for letter in "XY"]
    ids.append(ONLY_IN_TEST)
    return Taxonomy([Category(i, f"words{i.lower()}", i[:-1] or None) for i in sorted(ids)], "atc")


def rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """Split and row of each insert."""
    rng = np.random.default_rng(0)
    leaves = [c for c in tree() if len(c.id) == 4]
    for leaf in leaves:
        path = [step.id for step in tree().path(leaf.id)]
        for n in range(N_INGREDIENTS):
            split = SPLITS[0] if n < 12 else SPLITS[1] if n < 15 else SPLITS[2]
            if leaf.id == ONLY_IN_TEST and split != "test":
                continue
            name = "".join(rng.choice(list("bdfgklmnprst"), 8)) + leaf.id.lower()
            noise = " ".join(f"noise{k}" for k in rng.integers(0, 10_000, 40))
            told = " ".join(f"words{step.lower()}" for step in path)
            yield (
                split,
                {
                    "name": name,
                    "kind": KINDS[n % 3],
                    "language": "en",
                    "source": f"{name}.txt",
                    "ingredients": [name],
                    "category_path": path,
                    "text": f"## indications_and_usage\n{name} {told} {noise}",
                    "masked": f"## indications_and_usage\nthis medicine {told} {noise}",
                },
            )


def corpus() -> Corpus:
    """The invented corpus, its splits disjoint in ingredient."""
    dealt: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for split, row in rows():
        dealt[split].append(row)
    splits: dict[str, list[Record]] = {s: records_of(part) for s, part in dealt.items()}
    return Corpus(tree(), splits, "0" * 64)
