"""What is judged: encoders trained on nothing that is asked, embeddings as a classifier's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from invented import RUN_ROOTS, write_run
from oracle import CORPUS, known_categories, new_categories, telling

from drugtext.evaluation.benchmark.new_category import split_categories
from drugtext.evaluation.trust.strangers import without_categories
from drugtext.evaluation.trust.subjects import Run
from drugtext.taxonomy import Taxonomy
from drugtext.training.data import LabelledInserts
from drugtext.training.listed_drugs import listed_drugs, with_names_of


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_encoder_folder) -> Run:
    folder = tmp_path_factory.mktemp("subjects")
    write_run(folder)
    taxonomy = Taxonomy.from_atc(folder / "atc.csv")
    drugs = listed_drugs(taxonomy)
    return Run(folder / "run", taxonomy, 1, encoder=str(tiny_encoder_folder), drugs=drugs)


@pytest.fixture(scope="module")
def known(run):
    return run.known_drugs()


@pytest.fixture(scope="module")
def new(run):
    return run.new_categories(n_episodes=2)


def fingerprint(records, taxonomy) -> str:
    return LabelledInserts(
        [[record.inserts[names] for record in records] for names in ("plain", "masked")],
        [record.path for record in records],
        [record.substances for record in records],
        taxonomy,
    ).sha256


def test_encoders_are_trained_on_what_is_taught_and_on_nothing_else(run, known, new):
    told = [
        json.loads(file.read_text(encoding="utf-8"))["told"]["inserts"]
        for file in Path(run.folder.parent / "trained").glob("*/*/run.json")
    ]
    split = split_categories(run.corpus, seed=0)
    assert sorted(told) == sorted(
        fingerprint(records, run.corpus.taxonomy)
        for records in (run.corpus.splits["train"], split.training.records)
    )
    assert known.reader is not new.reader
    asked = {record.path[2] for record in new.records("test")}
    assert asked and not asked & {record.path[2] for record in split.training.records}


def test_the_test_drugs_are_embedded_as_the_classifier_does(known):
    for names in ("masked", "plain"):
        inserts = [record.inserts[names] for record in known.records]
        own = known.classifier.embed(inserts)
        assert known.embeddings(names) == pytest.approx(own, abs=1e-5)
    assert abs(known.embeddings("masked") - known.embeddings("plain")).max() > 0.01


def test_known_categories_are_those_of_the_training_split(run, known):
    taught = {i for record in run.corpus.splits["train"] for i in record.path}
    assert known.classifier.category_ids and set(known.classifier.category_ids) <= taught
    assert {path[:1] for path in known.classifier.category_ids} == set(RUN_ROOTS)
    config = known.classifier.model.config
    assert config.strangeness and config.scope_threshold is not None and config.few_shot


def n_named(classifier) -> int:
    return classifier.model.config.n_named


def test_names_of_listed_drugs_are_told_but_for_those_that_are_asked(run, known):
    """A name that is told again changes nothing: so it is seen which were told."""
    asked = {r.ingredient for s in ("validation", "test") for r in run.corpus.splits[s]}
    of_asked = [drug for drug in run.drugs if drug.name in asked]
    others = [drug for drug in run.drugs if drug.name not in asked]
    assert len({drug.name for drug in of_asked}) == len(asked) and others
    bare = without_categories(known._replace(drugs=[]), set(), 1)
    assert (
        n_named(with_names_of(known.classifier, others))
        == n_named(known.classifier)
        > n_named(bare)
    )
    assert n_named(with_names_of(known.classifier, of_asked)) > n_named(known.classifier)


def test_where_categories_are_left_out_their_drugs_are_not_told(run, known):
    kept = without_categories(known, {"A01"}, 2)
    asked = {r.ingredient for s in ("validation", "test") for r in run.corpus.splits[s]}
    rest = [d for d in run.drugs if d.name not in asked and "A01" not in d.path]
    assert n_named(with_names_of(kept, rest)) == n_named(kept) < n_named(known.classifier)
    assert not any(category.startswith("A01") for category in kept.category_ids)


def test_drugs_that_are_listed_are_judged_by_what_is_known_of_their_names(known):
    every = range(len(known.records))
    by_name, before = known.judged_by_name(every), known.judged("plain", every)
    assert set(by_name.groups) <= {drug.name for drug in known.drugs} & set(before.groups)
    assert len(by_name.groups) > len(before.known_by_name().groups)
    some = known.judged_by_name(range(20), "validation").groups
    assert some and set(some) <= set(known.judged("plain", range(20), "validation").groups)


def test_of_each_drug_the_deepest_category_that_is_known_is_the_true_one(tiny_classifier):
    known = known_categories(tiny_classifier, telling)
    every = range(len(known.records))
    judged = known.judged("masked", every)
    for record, true_id in zip(known.records, judged.true_ids, strict=True):
        is_known = record.path[3] in known.classifier.category_ids
        assert true_id == record.path[3 if is_known else 2]
    assert judged.groups == [record.ingredient for record in CORPUS.splits["test"]]
    assert judged.probabilities.sum(axis=1) == pytest.approx(1)
    for _, right, places in judged.by_level().values():
        assert right.all() and len(places) >= len(known.records) - 3  # one category is new
    held_out = known.judged("masked", [0, 1], "validation")
    assert held_out.groups == [record.ingredient for record in CORPUS.splits["validation"][:2]]
    few = known.judged("masked", [5, 2])
    assert few.true_ids == [judged.true_ids[5], judged.true_ids[2]]
    assert few.probabilities == pytest.approx(judged.probabilities[[5, 2]], abs=1e-6)


def test_each_episode_is_answered_by_what_it_taught(tiny_classifier):
    new = new_categories(tiny_classifier, telling)
    trial = new.trial("masked", 1)
    answers = list(new.episodes(new.base("masked"), trial))
    assert len(answers) == len(trial.tasks) == 4
    for (fitted, judged), task in zip(answers, trial.tasks, strict=True):
        assert sorted(fitted.category_ids) == sorted(task.lesson.categories)
        assert judged.true_ids == [query.category for query in task.queries]
        best = [judged.category_ids[n] for n in judged.probabilities.argmax(axis=1)]
        assert best == judged.true_ids


def test_new_categories_are_embedded_as_the_classifier_does(new):
    trial = new.trial("plain", 1)
    fitted, _ = next(new.episodes(new.base("plain"), trial))
    queries = trial.tasks[0].queries
    own = fitted.embed([query.insert for query in queries])
    assert new.embed(fitted, queries) == pytest.approx(own, abs=1e-5)
