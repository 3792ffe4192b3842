"""What people use: the same inserts, all of their text or the first of it."""

from __future__ import annotations

import pytest

import drugtext
from drugtext.evaluation.speed.peers import chunks, plain_pipeline


@pytest.mark.parametrize(
    ("n", "expected"), [(0, []), (2, [[0, 1]]), (5, [[0, 1], [2, 3], [4]]), (4, [[0, 1], [2, 3]])]
)
def test_chunks_hold_all_tokens_in_order(n, expected):
    assert chunks(range(n), 2) == expected


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_pipeline_answers_with_known_categories(tiny_classifier, tmp_path, is_whole):
    texts = ["lowers blood pressure", "fever and pain of the patient", "infection " * 300]
    inserts = [drugtext.DrugInsert(language="en", sections={"description": t}) for t in texts]
    tiny_classifier.fit(inserts, ["a", "b", "c"]).save_pretrained(tmp_path)
    found = plain_pipeline(inserts, tmp_path, is_whole=is_whole)
    assert found["n"] == 3 and found["inserts_a_second"] > 0
    assert found["tokens_a_second"] > 10 * found["inserts_a_second"]
    assert len(found["answers"]) == 3 and set(found["answers"]) <= {"a", "b", "c"}
