"""Privacy of new categories: who is taught and who is asked, and the ends of what it costs."""

from __future__ import annotations

from collections import Counter

import pytest
from oracle import SPLIT, new_categories, telling_roughly

from drugtext.evaluation.benchmark.new_category import SPLIT_LEVEL
from drugtext.evaluation.trust.confidential import LEAST_DRUGS, WITH_MEMORY, privacy
from drugtext.evaluation.trust.privacy import EPSILONS
from drugtext.private_sums import DELTA


@pytest.fixture(scope="module")
def figures(tiny_classifier) -> dict:
    new = new_categories(tiny_classifier, telling_roughly)
    return privacy(new, new.base("plain"), n_trials=12)


def test_a_quarter_of_each_categorys_drugs_is_asked_and_not_taught(figures):
    drugs = Counter(record.path[SPLIT_LEVEL - 1] for record in SPLIT.parts["test"])
    enough = {category: n for category, n in drugs.items() if n >= LEAST_DRUGS}
    assert figures["n_categories"] == len(enough) > 1
    assert figures["n_asked"] == sum(n // 4 for n in enough.values())
    assert figures["n_support"] == figures["n_drugs"] == sum(enough.values()) - figures["n_asked"]
    assert figures["delta"] == DELTA


def test_each_epsilon_has_its_row_and_the_memory_one(figures):
    rows = figures["rows"]
    epsilons = [None if epsilon == float("inf") else epsilon for epsilon in EPSILONS]
    assert [row["epsilon"] for row in rows] == [*epsilons, None]
    assert [row["how"] for row in rows] == ["prototypes"] * len(epsilons) + [WITH_MEMORY]
    for row in rows:
        for name in ("accuracy", "attack_auc", "found"):
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"], (row, name)


def test_without_noise_all_is_right_and_members_are_found_and_noise_undoes_both(figures):
    least, *_, exact, remembering = figures["rows"]
    assert exact["accuracy"] == remembering["accuracy"] == 1
    assert remembering["attack_auc"] > 0.95 and remembering["found"] > 0.9
    assert least["accuracy"] < exact["accuracy"]
    assert least["attack_auc"] == pytest.approx(0.5, abs=0.1)
    assert least["best_auc"] < exact["best_auc"] == 1
