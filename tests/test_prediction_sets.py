"""Sets of categories: levels of a tree, hand-counted sets, and coverage where it must hold."""

from __future__ import annotations

import numpy as np
import pytest

from drugtext.errors import DrugTextError
from drugtext.prediction_sets import (
    KINDS,
    LONG,
    MAX_SCORES,
    SHORT,
    deepened,
    levels,
    prediction_sets,
    strangeness,
    strangeness_of_kinds,
    thinned,
)
from drugtext.taxonomy import Category, Taxonomy

TREE = Taxonomy(
    [
        *(Category("H", "heart"), Category("H1", "rate", "H"), Category("H1a", "slow", "H1")),
        *(Category("H2", "pressure", "H"), Category("S", "skin")),
    ]
)
_, SHORT_NEW, SHORT_KNOWN = KINDS[SHORT]
_, LONG_NEW, _ = KINDS[LONG]
IDS = ["H1a", "H1", "H2", "S"]  # of H1 there is a category of what is not slow
PROBABILITIES = np.array([[0.4, 0.1, 0.2, 0.3]])


def test_a_tree_is_cut_at_each_level():
    found = levels(PROBABILITIES, IDS, TREE)
    assert [(level.number, level.ids) for level in found] == [
        (1, ["H", "S"]),
        (2, ["H1", "H2", "S"]),
        (3, ["H1a", "H1", "H2", "S"]),
    ]
    for level, expected in zip(
        found, ([0.7, 0.3], [0.5, 0.2, 0.3], [0.4, 0.1, 0.2, 0.3]), strict=True
    ):
        np.testing.assert_allclose(level.probabilities[0], expected)


def test_strangeness_is_what_the_true_category_lacks():
    both = np.repeat(PROBABILITIES, 2, axis=0)
    found = strangeness(both, IDS, TREE, ["H1a", "S"])
    assert found == {"1": [0.3, 0.7], "2": [0.5, 0.7], "3": [0.6, 0.7]}


def test_a_true_category_that_is_no_node_of_a_level_is_not_counted_there():
    found = strangeness(PROBABILITIES, ["S", "H2", "H1a", "H1"], TREE, ["H"])
    assert found == {"1": [0.4]}


def test_sets_hold_what_as_many_held_out_inserts_were_as_strange_as():
    # Of 9 scores, a set of coverage 0.8 may leave out what is stranger than all but one of them:
    # (1 + 1) / (9 + 1) = 0.2, which is not above 1 - 0.8
    scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.75, 0.95]
    held_out = {"1": scores, "2": scores, "3": scores}
    (sets,) = prediction_sets(PROBABILITIES, IDS, TREE, held_out, 0.75)
    assert sets == [["H", "S"], ["H1", "S"], ["H1a", "S"]]
    (sets,) = prediction_sets(PROBABILITIES, IDS, TREE, held_out, 0.5)
    assert sets == [["H"], ["H1"], ["H1a"]]


def test_inserts_of_a_kind_are_compared_with_held_out_ones_of_it():
    both = np.repeat(PROBABILITIES, 4, axis=0)
    kinds, others = np.array([LONG, SHORT] * 2), np.array([SHORT, LONG])
    true_ids = ["H1a", "S", "H2", "H1a"]
    held_out = strangeness(both, IDS, TREE, true_ids)
    held_out |= strangeness_of_kinds(both, IDS, TREE, true_ids, list("abcd"), kinds)
    assert held_out["1"] == [0.3, 0.3, 0.3, 0.7] and held_out["long"]["1"] == [0.3, 0.3]
    assert held_out["short"] == {"1": [0.3, 0.7], "2": [0.5, 0.7], "3": [0.6, 0.7]}
    # two scores or more are enough for 0.6, but no more than one is within it
    short, long = prediction_sets(both[:2], IDS, TREE, held_out, 0.6, others)
    assert (short[0], long[0]) == (["H", "S"], ["H"])
    with_all = prediction_sets(both[:1], IDS, TREE, held_out, 0.75, kinds[:1])
    assert with_all == prediction_sets(both[:1], IDS, TREE, held_out, 0.75)  # 3 needed, 2 there
    one_kind = held_out | {"long": {level: [0.9] * 9 for level in "123"}}
    assert prediction_sets(both, IDS, TREE, one_kind, 0.75, kinds) == prediction_sets(
        both,
        IDS,
        TREE,
        held_out,
        0.75,  # 9 of the one, 2 of the other: all are compared with all
    )
    named = np.where(kinds == LONG, LONG_NEW, SHORT)  # nothing was measured on these
    assert prediction_sets(both, IDS, TREE, held_out, 0.6, named) == prediction_sets(
        both, IDS, TREE, held_out, 0.6
    )
    no_kinds = {level: held_out[level] for level in "123"}
    assert prediction_sets(both, IDS, TREE, no_kinds, 0.6, kinds) == prediction_sets(
        both, IDS, TREE, held_out, 0.6
    )


def test_known_drugs_are_compared_with_new_ones_where_nothing_was_measured_on_them():
    scores = {level: [0.9] * 9 for level in "123"}
    held_out = {level: [0.1] * 9 for level in "123"} | {SHORT_NEW: scores}
    new, known = (
        prediction_sets(PROBABILITIES, IDS, TREE, held_out, 0.75, np.array([kind]))
        for kind in (SHORT_NEW, SHORT_KNOWN)
    )
    assert new == known and len(known[0][0]) == 2
    held_out[SHORT_KNOWN] = {level: [0.2] * 2 for level in "123"}  # 3 are needed
    args = (IDS, TREE, held_out, 0.75)
    for kind in (SHORT_NEW, SHORT_KNOWN):
        assert prediction_sets(PROBABILITIES, *args, np.array([kind])) == new
    held_out[SHORT_KNOWN] = {level: [0.2] * 9 for level in "123"}
    told = prediction_sets(PROBABILITIES, IDS, TREE, held_out, 0.75, np.array([SHORT_KNOWN]))
    assert told == [[["H"], ["H1"], ["H1a"]]]


def test_each_kind_is_covered_as_often_as_was_asked():
    rng = np.random.default_rng(2)
    is_long = rng.random(8000) < 0.5
    told = rng.dirichlet([0.3] * len(IDS), 8000)
    # Of long ones the probabilities are true, of short ones they are far too sure.
    true_ids = [
        IDS[rng.choice(len(IDS), p=p if long else (p + 0.5) / (p + 0.5).sum())]
        for p, long in zip(told, is_long, strict=True)
    ]
    old, new = slice(None, 4000), slice(4000, None)
    kinds = np.where(is_long, LONG_NEW, SHORT_NEW)
    held_out = strangeness(told[old], IDS, TREE, true_ids[old])
    drugs = [str(n) for n in range(4000)]
    held_out |= strangeness_of_kinds(told[old], IDS, TREE, true_ids[old], drugs, kinds[old])
    for given, least, most in ((kinds[new], 0.88, 0.92), (None, 0.0, 0.88)):
        sets = prediction_sets(told[new], IDS, TREE, held_out, 0.9, given)
        inside = np.array([i in one[2] for i, one in zip(true_ids[new], sets, strict=True)])
        assert least < inside[~is_long[new]].mean() < most
        assert inside.mean() == pytest.approx(0.9, abs=0.02)


def test_a_set_is_never_empty():
    held_out = dict.fromkeys("123", [0.01] * 20)
    (sets,) = prediction_sets(PROBABILITIES, IDS, TREE, held_out, 0.9)
    assert sets == [["H"], ["H1"], ["H1a"]]


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_coverage_is_what_was_asked_where_held_out_and_new_are_alike(coverage):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.3] * len(IDS), 6000)
    true_ids = [IDS[rng.choice(len(IDS), p=p)] for p in probabilities]
    held_out = strangeness(probabilities[:3000], IDS, TREE, true_ids[:3000])
    sets = prediction_sets(probabilities[3000:], IDS, TREE, held_out, coverage)
    for number in (1, 2, 3):
        paths = ([step.id for step in TREE.path(i)] for i in true_ids[3000:])
        pairs = [
            (path[:number][-1], told[number - 1]) for path, told in zip(paths, sets, strict=True)
        ]
        inside = np.mean([node in told for node, told in pairs])
        best_is_right = np.mean([node == told[0] for node, told in pairs])
        # The best stands in every set: sets that are asked for less hold the truth as often as it.
        assert coverage - 0.02 < inside < max(coverage, best_is_right) + 0.02
    assert best_is_right < 0.8  # at the deepest level all but the least coverage is asked of sets


def test_more_coverage_never_takes_a_category_away():
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet([0.5] * len(IDS), 50)
    held_out = dict.fromkeys("123", sorted(rng.random(200).tolist()))
    small, large = (prediction_sets(probabilities, IDS, TREE, held_out, c) for c in (0.6, 0.9))
    for a, b in zip(small, large, strict=True):
        assert all(set(x) <= set(y) for x, y in zip(a, b, strict=True))


def test_too_few_held_out_drugs_for_a_coverage_are_told():
    held_out = dict.fromkeys("123", [0.5] * 8)
    with pytest.raises(DrugTextError, match=r"calibrated on 8 held-out drugs; .* need 9 or more"):
        prediction_sets(PROBABILITIES, IDS, TREE, held_out, 0.9)
    with pytest.raises(DrugTextError, match="level 1 was calibrated on 0 held-out drugs"):
        prediction_sets(PROBABILITIES, IDS, TREE, {}, 0.5)


def test_deeper_levels_are_as_strange_as_the_deepest_that_was_measured():
    told = {"1": [0.1], "2": [0.2], LONG: {"1": [0.3]}}
    assert deepened(told, 3) == {
        **{"1": [0.1], "2": [0.2], "3": [0.2]},
        LONG: {"1": [0.3], "2": [0.3], "3": [0.3]},
    }
    assert deepened({"1": [0.1], SHORT_KNOWN: {"1": [0.2]}}, 1) == {"1": [0.1]}
    assert deepened({"1": [0.1], "2": [0.2]}, 1) == {"1": [0.1], "2": [0.2]}
    assert deepened({}, 2) == {}


def test_many_scores_are_kept_as_quantiles_that_are_never_below():
    scores = np.random.default_rng(0).random(5000)
    kept = np.array(thinned(scores))
    assert len(kept) == MAX_SCORES and (np.diff(kept) >= 0).all()
    for share in (0.5, 0.9, 0.99):
        assert np.quantile(kept, share) >= np.quantile(scores, share) - 1e-3
    assert kept.max() >= scores.max()


def test_a_drug_of_many_inserts_weighs_no_more_than_one_of_a_single_insert():
    scores = np.array([0.1, 0.1, 0.1, 0.5, 0.9, 0.9])
    assert thinned(scores, ["a", "a", "a", "b", "c", "c"]) == [0.1, 0.5, 0.9]
    # Half of drug a is at 0.1, the other half at 0.7: behind it all of b at 0.3.
    assert thinned(np.array([0.1, 0.7, 0.3]), ["a", "a", "b"]) == [0.3, 0.7]
    assert thinned(scores) == sorted(scores)
    assert thinned(np.array([0.5, 0.9, 0.1]), ["a", "a", "b"]) == [0.1, 0.9]  # in any order
