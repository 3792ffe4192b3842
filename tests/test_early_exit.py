"""Early exit: sections are read in order until they are enough, each insert for itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from drugtext.early_exit import embed_until
from drugtext.encoder import pool_windows
from drugtext.inserts.insert import DrugInsert
from drugtext.reading_plan import ReadingPlan
from drugtext.windows import Windows

# Two inserts: the first of three sections, one of them in two windows, the second of one section.
WINDOWS = Windows(
    token_ids=[[1], [2], [3], [4], [5]],
    weights=[1.0, 0.5, 1.0, 1.0, 1.0],
    insert_numbers=[0, 0, 0, 0, 1],
    sections=["uses", "action", "action", "storage", "uses"],
    stage_tokens=[[10, 20, 30], [40]],
    tokens_total=[100, 40],
)


class Encode:
    """Gives the window of token n the n-th axis, longer than a unit vector, and notes n."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __call__(self, token_ids: list[list[int]]) -> torch.Tensor:
        self.asked.append([ids[0] for ids in token_ids])
        return 3 * torch.eye(6)[[ids[0] for ids in token_ids]]


def test_where_nothing_is_enough_all_is_read():
    encode = Encode()
    found, tokens = embed_until(
        WINDOWS, 2, encode, lambda x, _: torch.zeros(len(x), dtype=torch.bool)
    )
    assert encode.asked == [[1, 5], [2, 3], [4]] and tokens == [60, 40]
    vectors = 3 * torch.eye(6)[[1, 2, 3, 4, 5]]
    weights, numbers = torch.tensor(WINDOWS.weights), torch.tensor(WINDOWS.insert_numbers)
    torch.testing.assert_close(found, pool_windows(vectors, weights, numbers, 2))


def test_reading_stops_behind_the_section_that_is_enough():
    encode = Encode()
    found, tokens = embed_until(WINDOWS, 2, encode, lambda x, _: x[:, 3] > 0)
    assert encode.asked == [[1, 5], [2, 3]] and tokens == [30, 40]
    expected = torch.tensor([0, 1, 0.5, 1, 0, 0]) / 1.5
    torch.testing.assert_close(found[0], expected)


def test_the_question_is_asked_of_those_alone_that_have_more_to_read():
    asked = []

    def is_enough(embeddings, numbers):
        asked.append(numbers)
        return torch.zeros(len(embeddings), dtype=torch.bool)

    embed_until(WINDOWS, 2, Encode(), is_enough)
    assert asked == [[0], [0]]


def test_who_has_read_enough_reads_no_more_while_others_go_on():
    two = replace(
        WINDOWS,
        insert_numbers=[0, 0, 1, 1, 1],
        sections=["uses", "action", "uses", "action", "storage"],
        stage_tokens=[[10, 20], [10, 20, 30]],
    )
    lengths = []

    def is_enough(embeddings, numbers):
        lengths.extend(embeddings.norm(dim=1).tolist())
        return torch.tensor([n == 0 for n in numbers])

    encode = Encode()
    found, tokens = embed_until(two, 2, encode, is_enough)
    assert encode.asked == [[1, 3], [4], [5]] and tokens == [10, 60]
    torch.testing.assert_close(found[0], torch.eye(6)[1])
    assert lengths == pytest.approx([1.0] * len(lengths))


@pytest.fixture(scope="module")
def classifier(tiny_classifier):
    inserts = [DrugInsert(sections={"indications_and_usage": text}) for text in ("pain", "cough")]
    return tiny_classifier.fit(inserts, ["analgesics", "antitussives"])


def read_with(classifier, enough: float, inserts: list[DrugInsert]):
    plan = classifier.reading_plan
    classifier.reading_plan = replace(plan, enough_probability=enough)
    try:
        return classifier.predict(inserts)
    finally:
        classifier.reading_plan = plan


INSERTS = [
    DrugInsert(sections={"indications_and_usage": "pain", "description": "a tablet of acid"}),
    DrugInsert(sections={"description": "a solution"}),
    DrugInsert(sections={"storage": "in the doctor ' s skin " * 30, "indications_and_usage": ""}),
]


def test_a_classifier_reads_no_more_than_its_plan_calls_enough(classifier):
    everything = read_with(classifier, 1.0, INSERTS)
    sure = read_with(classifier, 0.0, INSERTS)
    assert [p.tokens_read for p in sure] == [1, *(p.tokens_read for p in everything[1:])]
    assert everything[0].tokens_read == 5 and sure[0].tokens_total == everything[0].tokens_total


def test_neighbours_in_a_batch_change_nothing(classifier):
    together = read_with(classifier, 0.5, INSERTS)
    for insert, prediction in zip(INSERTS, together, strict=True):
        (alone,) = read_with(classifier, 0.5, [insert])
        assert (alone.category_id, alone.tokens_read) == (
            prediction.category_id,
            prediction.tokens_read,
        )


def test_the_plan_says_what_is_enough():
    plan = ReadingPlan(enough_probability=0.8)
    assert ReadingPlan.from_dict(plan.to_dict()) == plan
