"""An invented corpus: four levels, each category with words of its own, each insert with noise."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from drugtext.evaluation.benchmark.records import Corpus, Record, records_of
from drugtext.inserts.insert import DrugInsert
from drugtext.splits import SPLITS
from drugtext.taxonomy import Category, Taxonomy

KINDS = ("us_full_label", "eu_patient_leaflet", "us_indications_only")
SHARES = (12, 3, 3)
"""Ingredients of each deepest category: to learn from, to tune on, to be asked."""
FORMS = ("text", "masked")
ONLY_IN_TEST = "BYYZ"
RUN_ROOTS = "ABCDEFGH"
"""Of a run's corpus: of 32 categories at level 3, five are held out to choose by, as few-shot
calibration needs them, and more to be asked."""


def tree(roots: str = "AB") -> Taxonomy:
    """Two branches at each level below the roots: A, AX, AXX, AXXX and so on, 8 leaves a root."""
    ids = [*roots]
    for length in range(1, 4):
        ids += [i + letter for i in ids if len(i) == length for letter in "XY"]
    if "B" in roots:
        ids.append(ONLY_IN_TEST)
    return Taxonomy([Category(i, f"words{i.lower()}", i[:-1] or None) for i in sorted(ids)], "atc")


def rows(
    roots: str = "AB", shares: Sequence[int] = SHARES, n_noise: int = 40
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Split and row of each insert."""
    rng = np.random.default_rng(0)
    of_category = [split for split, n in zip(SPLITS, shares, strict=True) for _ in range(n)]
    leaves = [c for c in tree(roots) if len(c.id) == 4]
    for leaf in leaves:
        path = [step.id for step in tree(roots).path(leaf.id)]
        for n, split in enumerate(of_category):
            if leaf.id == ONLY_IN_TEST and split != "test":
                continue
            name = "".join(rng.choice(list("bdfgklmnprst"), 8)) + leaf.id.lower()
            noise = " ".join(f"noise{k}" for k in rng.integers(0, 10_000, n_noise))
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
    splits: dict[str, list[Record]] = {s: records_of(part) for s, part in dealt(rows()).items()}
    return Corpus(tree(), splits, "0" * 64)


def dealt(pairs: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Deal rows out to their splits."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for split, row in pairs:
        found[split].append(row)
    return {split: found[split] for split in SPLITS}


def words(inserts: Iterable[DrugInsert], dim: int = 12) -> np.ndarray:
    """An encoder that counts the words of the invented categories: one place a letter and depth."""
    read = [insert.text for insert in inserts]
    found = np.zeros((len(read), dim), dtype=np.float32)
    for row, text in enumerate(read):
        for word in text.split():
            if word.startswith("words"):
                for depth, letter in enumerate(word.removeprefix("words").upper()):
                    found[row, 3 * depth + "ABXYZ".index(letter) % 3] += 1
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def atc_code(category_id: str) -> str:
    """Return an invented id in the form of an ATC code: AXYX is A01BA."""
    root, *letters = category_id
    forms = (("01", "02"), "AB", "ABC")
    return root + "".join(form["XYZ".index(x)] for form, x in zip(forms, letters, strict=False))


def write_run(folder: Path) -> None:
    """Write what other scripts need of a run of the benchmark, and the taxonomy in atc.csv.

    Below each category of level 3 there is one that has inserts, and below one of them another. At
    level 5 stand a substance that no insert is of, and those of the validation and the test split.
    Each insert is of several sentences, the first of which decides.
    """
    corpus_folder = folder / "run" / "corpus-atc"
    corpus_folder.mkdir(parents=True)
    listed = {c.id: [f"novel{c.id.lower()}"] for c in tree(RUN_ROOTS) if len(c.id) == 4}
    for split, part in dealt(rows(RUN_ROOTS, (2, 2, 2), n_noise=4)).items():
        coded = []
        for row in part:
            path = [*map(atc_code, row["category_path"])]
            if row["category_path"][-1][-1] != "Y":
                kind = KINDS[len(coded) % len(KINDS)]
                told = {"category_path": path, "category_id": path[-1], "kind": kind}
                told |= {form: row[form].replace(" noise", ". Noise") for form in FORMS}
                coded.append(row | told)
                if split != "train":
                    listed[row["category_path"][-1]].append(row["name"])
        Dataset.from_list(coded).to_parquet(corpus_folder / f"{split}.parquet")
    with (folder / "atc.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["code", "name"])
        table.writerows([atc_code(c.id), c.name] for c in tree(RUN_ROOTS))
        for category_id, names in listed.items():
            table.writerows(
                [f"{atc_code(category_id)}{n:02}", name] for n, name in enumerate(names, start=1)
            )
