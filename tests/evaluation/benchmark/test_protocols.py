"""Protocols: what is asked is never taught, and every planted leak is found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from invented import ONLY_IN_TEST, corpus

from drugtext.errors import CorpusError
from drugtext.evaluation.benchmark.new_category import new_category, split_categories
from drugtext.evaluation.benchmark.plan import FULL_RUN, QUICK_RUN, make_trials
from drugtext.evaluation.benchmark.protocols import (
    INDICATED,
    growing_taxonomy,
    new_drug,
    new_regulator,
    shrunk,
)
from drugtext.evaluation.benchmark.records import Corpus
from drugtext.evaluation.benchmark.task import Training, Trial, check_no_leak

CORPUS = corpus()


@pytest.mark.parametrize("plan", [FULL_RUN, QUICK_RUN], ids=["full", "quick"])
def test_no_trial_leaks(plan):
    trials = make_trials(CORPUS, CORPUS, replace(plan, n_categories=None), seed=0)
    protocols = {trial.setting.protocol for trial in trials}
    assert protocols == {"new drug", "new category", "new regulator", "growing taxonomy"}
    for trial in trials:
        check_no_leak(trial)


def test_settings_are_told_apart():
    trials = make_trials(CORPUS, CORPUS, FULL_RUN, seed=0)
    assert len({trial.setting for trial in trials}) == len(trials) - 2  # two corpora are one here


def test_a_new_drug_is_asked_only_what_was_taught():
    trial = new_drug(CORPUS, "masked", 4)
    (task,) = trial.tasks
    assert len(task.lesson.categories) == 16 and len(task.queries) == 16 * 3
    assert {example.category for example in trial.left_out} == {ONLY_IN_TEST}
    assert "this medicine" in task.queries[0].insert.text
    assert task.queries[0].insert.name == ""  # masked: not even beside the text
    assert new_drug(CORPUS, "plain", 4).tasks[0].queries[0].insert.name


def test_categories_are_those_of_the_level():
    lesson = new_drug(CORPUS, "masked", 2).tasks[0].lesson
    assert lesson.categories == ("AX", "AY", "BX", "BY")
    assert lesson.category_names[0] == "wordsax"


def with_test_record_in(split: str, **changed) -> Corpus:
    """The corpus with a test record planted in another split."""
    record = CORPUS.splits["test"][0]
    planted = [*CORPUS.splits[split], replace(record, **changed)]
    return Corpus(CORPUS.taxonomy, {**CORPUS.splits, split: planted}, "")


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize(
    "make",
    [
        lambda c: new_drug(c, "masked", 3),
        lambda c: new_drug(c, "plain", 1),
        lambda c: new_regulator(c, "masked", 2, "US labels"),
    ],
)
def test_a_planted_ingredient_is_found(split, make):
    check_no_leak(make(CORPUS))
    with pytest.raises(CorpusError, match=r"is asked, and .* stands in what is learnt from"):
        check_no_leak(make(with_test_record_in(split)))


def test_a_part_of_a_combination_is_found():
    name = next(iter(CORPUS.splits["test"][0].substances))
    planted = with_test_record_in(
        "train", ingredient=f"other+{name}", substances=frozenset({"other", name})
    )
    with pytest.raises(CorpusError, match="disjoint in ingredient"):
        check_no_leak(growing_taxonomy(planted, "masked", 3, seed=0))


def test_a_planted_text_is_found():
    planted = with_test_record_in("train", ingredient="other", substances=frozenset({"other"}))
    with pytest.raises(CorpusError, match="whose text stands in what is learnt from"):
        check_no_leak(new_drug(planted, "masked", 3))


SPLIT = split_categories(CORPUS, seed=0)


def few(k_shot: int, *, seed: int = 0, level: int = 4) -> Trial:
    trial = new_category(SPLIT, "masked", level, INDICATED, k_shot, n_episodes=5, seed=seed)
    assert trial is not None
    return trial


def test_new_categories_are_disjoint_from_the_background():
    trial = few(3)
    asked = {query.category for task in trial.tasks for query in task.queries}
    background = {example.category for example in trial.background}
    validation = {example.category for example in trial.validation}
    assert asked and background and validation
    assert not asked & background and not asked & validation and not background & validation
    # No level knows what another asks: parents are disjoint, too.
    assert not {i[:3] for i in asked} & {i[:3] for i in background}


@pytest.mark.parametrize("k_shot", [0, 1, 3, 10])
def test_all_test_categories_are_asked_at_once(k_shot):
    trial = few(k_shot)
    for task in trial.tasks:
        n_way = len(task.lesson.categories)
        assert set(task.lesson.categories) == {query.category for query in task.queries}
        assert len(task.lesson.support) == k_shot * n_way
        assert len({example.ingredient for example in task.lesson.support}) == k_shot * n_way
    held_out = Counter(record.path[3] for record in SPLIT.parts["test"])
    able = {category for category, n in held_out.items() if n >= max(k_shot, 5) + 1}
    assert all(set(task.lesson.categories) == able for task in trial.tasks)
    assert trial.n_held_out == len(held_out)


def test_up_to_five_inserts_the_same_categories_are_asked():
    poor = min(r.path[3] for r in SPLIT.parts["test"])
    few_left = [r for r in SPLIT.parts["test"] if r.path[3] == poor][:6]
    rest = [r for r in SPLIT.parts["test"] if r.path[3] != poor]
    split = replace(SPLIT, parts=SPLIT.parts | {"test": rest + few_left})

    def asked(k_shot: int) -> set[str]:
        trial = new_category(split, "masked", 4, INDICATED, k_shot, n_episodes=1, seed=0)
        return set(trial.tasks[0].lesson.categories)

    assert poor in asked(1) and asked(1) == asked(3) == asked(5)
    assert asked(10) == asked(5) - {poor}


def test_the_seed_decides_the_episodes():
    assert few(3).tasks == few(3).tasks
    assert few(3).tasks != few(3, seed=1).tasks
    assert split_categories(CORPUS, seed=1).parts != SPLIT.parts


def test_a_category_in_the_background_is_found():
    trial = few(3)
    planted = replace(trial.background[0], category=trial.tasks[0].queries[0].category)
    with pytest.raises(CorpusError, match="must be new"):
        check_no_leak(replace(trial, background=[planted]))


def test_a_support_ingredient_among_the_queries_is_found():
    trial = few(3)
    task = trial.tasks[0]
    planted = replace(task, queries=[*task.queries, task.lesson.support[0]])
    with pytest.raises(CorpusError, match="disjoint in ingredient"):
        check_no_leak(replace(trial, tasks=[planted]))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, "must be new"),
        ({"path": ()}, "disjoint in ingredient"),
        ({"path": (), "substances": frozenset({"other"})}, "whose text stands"),
    ],
)
def test_a_test_record_in_the_training_of_the_encoder_is_found(change, found):
    trial = few(3)
    asked = {id(query.insert) for task in trial.tasks for query in task.queries}
    record = next(r for r in SPLIT.parts["test"] if id(r.inserts["masked"]) in asked)
    planted = Training([*trial.training.records, replace(record, **change)])
    with pytest.raises(CorpusError, match=found):
        check_no_leak(replace(trial, training=planted))


def test_an_encoder_is_trained_on_what_is_taught():
    trials = [new_drug(CORPUS, "masked", level) for level in (1, 4)]
    assert trials[0].training is trials[1].training  # one training serves both
    assert trials[0].training.records == CORPUS.splits["train"]
    kinds = {r.kind for r in new_regulator(CORPUS, "plain", 2, "US labels").training.records}
    assert kinds == {"us_full_label"}
    assert few(3).training is few(1, level=3).training


def test_an_encoder_is_trained_on_no_category_that_arrives_later():
    trial = growing_taxonomy(CORPUS, "masked", 4, seed=0)
    first, second = (set(task.lesson.categories) for task in trial.tasks)
    trained_on = {record.path[3] for record in trial.training.records}
    everything = {r.path[3] for r in CORPUS.splits["train"] if len(r.path) > 3}
    assert trained_on == everything - (second - first) and trained_on >= first
    late = next(r for r in CORPUS.splits["train"] if r.path[3] in second - first)
    planted = Training([*trial.training.records, late])
    with pytest.raises(CorpusError, match=f"{late.path[3]} are asked .* they must be new"):
        check_no_leak(replace(trial, training=planted))


def test_a_training_is_known_by_all_its_forms():
    record = CORPUS.splits["train"][0]
    plain, masked = record.inserts["plain"], record.inserts["masked"]
    same = Training([replace(record, inserts={"masked": masked, "plain": plain})])
    other = Training([replace(record, inserts={"masked": masked, "plain": masked})])
    assert Training([record]).sha256 == same.sha256 != other.sha256


def test_too_few_ingredients_give_no_trial():
    small = shrunk(CORPUS, 3, 1)
    assert new_category(split_categories(small, 0), "masked", 3, INDICATED, 1, 5, 0) is None


def test_a_taxonomy_grows_step_by_step():
    trial = growing_taxonomy(CORPUS, "masked", 4, seed=0)
    first, second = trial.tasks
    assert (len(first.lesson.categories), first.n_new) == (10, 10)
    assert (len(second.lesson.categories), second.n_new) == (16, 6)
    assert second.lesson.categories[:10] == first.lesson.categories
    assert list(second.lesson.support[: len(first.lesson.support)]) == list(first.lesson.support)


def test_regulators_are_parted():
    trial = new_regulator(CORPUS, "masked", 3, "EU leaflets")
    assert {example.kind for example in trial.tasks[0].lesson.support} == {"eu_patient_leaflet"}
    assert {query.kind for query in trial.tasks[0].queries} == {
        "eu_patient_leaflet",
        "us_full_label",
    }


def test_a_shrunk_corpus_keeps_one_insert_an_ingredient():
    small = shrunk(CORPUS, 3, 3)
    kept = {record.path[2] for record in small.records}
    assert len(kept) == 3
    names = [record.ingredient for record in small.splits["train"]]
    assert len(set(names)) == len(names)
