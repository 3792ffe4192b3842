"""Classifiers over one encoder share its pass: work is counted, no time is compared."""

from __future__ import annotations

import pytest

from drugtext.evaluation.speed.sharing import asked_together
from drugtext.inserts.insert import DrugInsert


def test_each_way_is_timed(tiny_classifier):
    inserts = [
        DrugInsert(sections={"indications_and_usage": f"lowers blood pressure {word}"})
        for word in ("one", "two", "three", "four", "five")
    ]
    found = asked_together(tiny_classifier.fit(inserts[:4], ["a", "b", "a", "b"]), inserts)
    assert (found.pop("n_classifiers"), found.pop("n")) == (2, 5)
    assert set(found) == {"alone_seconds", "apart_seconds", "together_seconds"}
    assert all(seconds > 0 for seconds in found.values())


def test_two_inserts_are_too_few_to_teach_the_others(tiny_classifier):
    inserts = [DrugInsert(sections={"indications_and_usage": f"for pain {n}"}) for n in range(2)]
    with pytest.raises(ValueError, match=r"found 2 inserts; 4 or more are needed"):
        asked_together(tiny_classifier, inserts)
