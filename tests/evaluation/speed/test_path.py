"""The whole path, and its stages: the same inserts, the same tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

import drugtext
from drugtext.evaluation.speed.path import STAGES, inserts_of, stages, typical_batch, whole_path

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.fixture
def classifier(tiny_classifier):
    inserts = [*drugtext.read_inserts(SAMPLES / "metoral-spl.xml")] * 2
    return tiny_classifier.fit(inserts, ["a", "b"])


def test_the_path_answers_all_that_can_be_read(classifier, tmp_path):
    unreadable = tmp_path / "empty.json"
    unreadable.write_text("{")
    parts = [*SAMPLES.glob("*.xml"), unreadable, *SAMPLES.glob("*zh.txt")]
    found = whole_path(classifier, parts, 100)
    assert found["n"] == len(found["answers"]) == len([*inserts_of(parts, 100)]) == len(parts) - 1
    assert 0 < found["tokens_read"] <= found["tokens_total"]
    assert len(found["passes"]) == 3 and sorted(found["passes"]) == found["passes"]
    assert found["inserts_a_second"] == found["passes"][1] and found["cores_busy"] > 0


def test_stages_take_time_and_count_what_the_encoder_is_given(classifier):
    parts = sorted(SAMPLES.glob("*.xml"))
    found = stages(classifier, parts, 100)
    assert tuple(found["seconds"]) == STAGES and all(s > 0 for s in found["seconds"].values())
    windows = classifier.windows([*inserts_of(parts, 100)]).token_ids
    assert found["tokens"] == sum(map(len, windows))
    assert 1 <= found["padding"] < 2 and found["flops"] > 0


def test_a_typical_batch_is_without_padding(classifier):
    ids, mask = typical_batch(classifier, [*inserts_of([SAMPLES / "metoral-spl.xml"], 1)])
    assert ids.shape == mask.shape and mask.all()
