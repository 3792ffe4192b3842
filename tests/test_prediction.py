"""Predictions: the best category, its path, and probabilities that add up along the tree."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.errors import DrugTextError
from drugtext.inserts.insert import DrugInsert
from drugtext.prediction import Wanted, make_prediction, node_probabilities
from drugtext.taxonomy import Category, Taxonomy

TREE = Taxonomy(
    [
        Category("H", "heart drugs"),
        Category("H1", "rate drugs", "H"),
        Category("H1a", "slow", "H1"),
        Category("H1b", "fast", "H1"),
        Category("H2", "pressure drugs", "H"),
        Category("S", "skin drugs"),
    ]
)
IDS = ["H1a", "S", "H1", "H2", "H1b"]
INSERT = DrugInsert(name="Examplol", sections={}, source="a.txt")


def predict(probabilities, ids=IDS, *, in_scope=True, sets=(), **wanted):
    told = {"in_scope": in_scope, "sets": sets, "tokens_read": 5, "tokens_total": 9}
    columns = node_probabilities(np.array([probabilities]), ids, TREE)
    nodes = {node_id: column[0] for node_id, column in columns.items()}
    return make_prediction(
        INSERT, np.array(probabilities), ids, TREE, nodes=nodes, wanted=Wanted(**wanted), **told
    )


def test_node_probabilities_are_sums_below_each_node():
    probabilities = np.array([[0.1, 0.2, 0.3, 0.15, 0.25], [1.0, 0.0, 0.0, 0.0, 0.0]])
    nodes = node_probabilities(probabilities, IDS, TREE)
    expected = {
        "H1a": [0.1, 1],
        "H1b": [0.25, 0],
        "H1": [0.65, 1],
        "H2": [0.15, 0],
        "H": [0.8, 1],
        "S": [0.2, 0],
    }
    assert set(nodes) == set(expected)
    for node, values in expected.items():
        np.testing.assert_allclose(nodes[node], values)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=5, max_size=5).filter(any))
def test_a_node_is_never_below_its_child_nor_above_one(weights):
    probabilities = np.array([weights]) / sum(weights)
    nodes = node_probabilities(probabilities, IDS, TREE)
    for node, values in nodes.items():
        below = [nodes[child.id] for child in TREE.children(node)]
        assert all((values >= child).all() for child in below)
        assert (values <= 1).all()
        own = probabilities[:, IDS.index(node)] if node in IDS else 0
        np.testing.assert_allclose(values, own + sum(below), atol=1e-12)


def test_node_probabilities_leave_the_probabilities_alone():
    probabilities = np.array([[0.1, 0.2, 0.3, 0.15, 0.25]])
    node_probabilities(probabilities, IDS, TREE)
    assert probabilities.tolist() == [[0.1, 0.2, 0.3, 0.15, 0.25]]


def test_a_prediction_names_the_best_category_and_its_path():
    prediction = predict([0.5, 0.2, 0.1, 0.05, 0.15])
    assert (prediction.category_id, prediction.category_name) == ("H1a", "slow")
    assert prediction.probability == 0.5
    assert [step.id for step in prediction.path] == ["H", "H1", "H1a"]
    assert prediction.path_probabilities == (0.8, 0.75, 0.5)
    assert [a.category_id for a in prediction.alternatives] == ["H1a", "S", "H1b"]
    assert prediction.alternatives[0].probability == prediction.probability
    assert (prediction.name, prediction.source) == ("Examplol", "a.txt")


def test_an_answer_above_others_counts_them_in_its_path():
    prediction = predict([0.2, 0.1, 0.4, 0.1, 0.2])
    assert prediction.category_id == "H1" and prediction.probability == 0.4
    assert prediction.path_probabilities == (0.9, 0.8)


@pytest.mark.parametrize(("top_k", "n"), [(1, 1), (4, 4), (99, 5)])
def test_top_k_limits_the_alternatives(top_k, n):
    alternatives = predict([0.5, 0.2, 0.1, 0.05, 0.15], top_k=top_k).alternatives
    assert len(alternatives) == n
    assert [a.probability for a in alternatives] == sorted(
        (a.probability for a in alternatives), reverse=True
    )


def test_ties_go_to_the_category_that_comes_first():
    assert [a.category_id for a in predict([0.2] * 5).alternatives] == ["H1a", "S", "H1"]


def test_a_prediction_is_json():
    answer = predict([0.5, 0.2, 0.1, 0.05, 0.15], top_k=1, in_scope=False).to_dict()
    assert json.loads(json.dumps(answer)) == {
        "id": "",
        "row": None,
        "source": "a.txt",
        "name": "Examplol",
        "category_id": "H1a",
        "category_name": "slow",
        "probability": 0.5,
        "path": [
            {"id": "H", "name": "heart drugs", "probability": 0.8},
            {"id": "H1", "name": "rate drugs", "probability": 0.75},
            {"id": "H1a", "name": "slow", "probability": 0.5},
        ],
        "alternatives": [{"category_id": "H1a", "category_name": "slow", "probability": 0.5}],
        "in_scope": False,
        "tokens_read": 5,
        "tokens_total": 9,
    }


@pytest.mark.parametrize(
    ("least", "sure", "probability"),
    [(0.5, "H1a", 0.5), (0.51, "H1", 0.75), (0.76, "H", 0.8), (0.81, None, None)],
)
def test_it_backs_off_to_the_deepest_category_that_is_probable_enough(least, sure, probability):
    prediction = predict([0.5, 0.2, 0.1, 0.05, 0.15], min_probability=least)
    assert (prediction.sure and prediction.sure.id) == sure
    assert prediction.sure_probability == probability
    assert prediction.category_id == "H1a", "the best category is told all the same"
    told = prediction.to_dict().get("sure")
    assert told is None if sure is None else told["probability"] == probability


def test_it_backs_off_where_the_best_category_stands_in_the_lesser_branch():
    # Slow and fast share 0.6 between them; skin is the best single one
    prediction = predict([0.3, 0.4, 0.0, 0.0, 0.3], min_probability=0.5)
    assert prediction.category_id == "S" and prediction.sure.id == "H1"


def test_of_equally_deep_ones_the_more_probable_is_sure():
    # Slow and fast, both of which are probable enough
    assert predict([0.35, 0.0, 0.2, 0.0, 0.45], min_probability=0.3).sure.id == "H1b"


def test_it_backs_off_into_another_branch_where_that_is_deeper():
    # The most probable root has nothing below it; 0.3 is asked, and a deeper node has it.
    prediction = predict([0.3, 0.7, 0.0, 0.0, 0.0], min_probability=0.3)
    assert prediction.category_id == "S" and prediction.sure.id == "H1a"


def test_in_a_set_a_category_that_ends_above_stands_for_itself_alone():
    sets = [["H", "S"], ["H1", "S", "H2"], ["H1b", "H1a", "H1", "S"]]
    prediction = predict([0.1, 0.2, 0.3, 0.15, 0.25], sets=sets)
    told = [[a.probability for a in level] for level in prediction.sets]
    # H1 is what is at or below it at level 2, and what ends there at level 3.
    assert told == [[0.8, 0.2], [0.65, 0.2, 0.15], [0.25, 0.1, 0.3, 0.2]]


def test_sets_are_told_with_names_and_probabilities():
    prediction = predict([0.5, 0.2, 0.1, 0.05, 0.15], sets=[["H"], ["H1", "S"]])
    assert [[a.category_id for a in level] for level in prediction.sets] == [["H"], ["H1", "S"]]
    assert prediction.to_dict()["sets"][1][0] == {
        "category_id": "H1",
        "category_name": "rate drugs",
        "probability": 0.75,
    }


def test_nothing_more_is_told_than_was_asked():
    told = predict([0.5, 0.2, 0.1, 0.05, 0.15]).to_dict()
    assert "sure" not in told and "sets" not in told


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"top_k": 0}, "top_k is 0; 1 or more"),
        ({"coverage": 1}, "coverage is 1; a number between 0 and 1"),
        ({"coverage": "0.9"}, "coverage is '0.9'"),
        ({"min_probability": 0}, "min_probability is 0; a number above 0"),
        ({"min_probability": 1.01}, "min_probability is 1.01"),
    ],
)
def test_what_cannot_be_asked_is_refused(wanted, message):
    Wanted(top_k=np.int64(2), coverage=np.float32(0.5), min_probability=np.float64(1))  # may be
    with pytest.raises(DrugTextError, match=message):
        Wanted(**wanted)
