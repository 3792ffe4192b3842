"""Contestants: each learns what it claims to learn from, and answers in its own way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from invented import corpus, words

from drugtext.evaluation.benchmark.contestants import Encoder, contestants
from drugtext.evaluation.benchmark.contestants.frozen import FrozenPrototypes, ZeroShot
from drugtext.evaluation.benchmark.contestants.names import NameDictionary
from drugtext.evaluation.benchmark.contestants.own import DrugText, DrugTextTree
from drugtext.evaluation.benchmark.contestants.reading import text_to_read
from drugtext.evaluation.benchmark.contestants.setfit_trained import BoundedSetFit, SetFit
from drugtext.evaluation.benchmark.contestants.tfidf import TfidfPrototypes, TfidfSvm
from drugtext.evaluation.benchmark.contestants.tfidf_frozen import TfidfFrozenSvm
from drugtext.evaluation.benchmark.new_category import new_category, split_categories
from drugtext.evaluation.benchmark.protocols import INDICATED, growing_taxonomy, new_drug
from drugtext.evaluation.benchmark.readers import Reader
from drugtext.evaluation.benchmark.records import Example
from drugtext.evaluation.benchmark.task import (
    Lesson,
    NotApplicableError,
    NotFinishedError,
)
from drugtext.inserts.insert import DrugInsert
from drugtext.scorer import INITIAL_SCALE
from drugtext.taxonomy import Category, Taxonomy

CORPUS = corpus()
NEW_DRUG = new_drug(CORPUS, "masked", 3)
FEW = new_category(split_categories(CORPUS, 0), "masked", 4, INDICATED, 3, n_episodes=2, seed=0)


def insert(text: str, *ingredients: str) -> DrugInsert:
    return DrugInsert(
        language="en", sections={"indications_and_usage": text}, ingredients=ingredients
    )


def lesson(**support: list[DrugInsert]) -> Lesson:
    tree = Taxonomy([Category(c, f"{c} drugs") for c in support])
    examples = [
        Example(i, c, "+".join(i.ingredients), frozenset(i.ingredients), "")
        for c, inserts in support.items()
        for i in inserts
    ]
    return Lesson(tree, tuple(support), examples)


def encoder_of(bare, embed, embed_twice=None) -> Encoder:
    """An encoder that stays as it is, whatever a trial gives to train it on."""
    reader = Reader(bare, embed_twice or embed)
    return Encoder(embed, reader, lambda trial: reader)  # noqa: ARG005


@pytest.fixture
def everyone(tiny_classifier) -> dict:
    return contestants(encoder_of(tiny_classifier, tiny_classifier.embed), 0)


def accuracy(contestant, trial) -> float:
    right = []
    contestant.prepare(trial)
    for task in trial.tasks:
        contestant.fit(task.lesson)
        answers = contestant.predict([query.insert for query in task.queries])
        pairs = zip(answers.ranked, task.queries, strict=True)
        right += [ranked[0] == query.category for ranked, query in pairs]
        if answers.confidences is not None:
            assert all(0 <= confidence <= 1 for confidence in answers.confidences)
    return float(np.mean(right))


@pytest.mark.parametrize("name", ["drugtext", "drugtext, whole tree"])
def test_drugtext_is_calibrated_on_the_validation_inserts(everyone, name):
    contestant = everyone[name]()
    contestant.prepare(NEW_DRUG)
    contestant.fit(NEW_DRUG.tasks[0].lesson)
    head = contestant.classifier.model.head
    assert head.certainty.any() and head.scale.item() != INITIAL_SCALE
    contestant.prepare(replace(NEW_DRUG, validation=()))
    contestant.fit(NEW_DRUG.tasks[0].lesson)
    assert contestant.classifier.model.head.scale.item() == INITIAL_SCALE


@pytest.mark.parametrize("trial", [NEW_DRUG, FEW], ids=["new drug", "new category"])
@pytest.mark.parametrize(
    "name", ["TF-IDF + SVM", "TF-IDF + embeddings + SVM", "TF-IDF + prototypes"]
)
def test_words_that_tell_the_category_are_learnt(everyone, name, trial):
    assert accuracy(everyone[name](), trial) > 0.9  # each category has a word of its own


@pytest.mark.parametrize(
    "name", ["drugtext", "drugtext, not trained", "frozen + regression", "frozen + prototypes"]
)
def test_contestants_over_an_encoder_learn(tiny_classifier, name):
    bare = tiny_classifier
    # drugtext's head has the encoder's dimensions
    encoder = encoder_of(bare, words, lambda i: np.pad(words(i), ((0, 0), (0, 4))))
    everyone = contestants(encoder, 0)
    assert accuracy(everyone[name](), NEW_DRUG) > 0.9
    assert accuracy(everyone[name](), FEW) > 0.9


def test_drugtext_answers_as_its_classifier_does(tiny_classifier):
    contestant = DrugText(lambda _: Reader(tiny_classifier, tiny_classifier.embed))
    contestant.prepare(replace(NEW_DRUG, validation=()))  # not calibrated
    task = NEW_DRUG.tasks[0]
    contestant.fit(task.lesson)
    inserts = [query.insert for query in task.queries]
    fitted = tiny_classifier.fit(
        [example.insert for example in task.lesson.support],
        [example.category for example in task.lesson.support],
        taxonomy=task.lesson.taxonomy,
    )
    found, expected = contestant.predict(inserts), fitted.predict(inserts)
    assert found.ranked == [[a.category_id for a in p.alternatives] for p in expected]
    np.testing.assert_allclose(found.confidences, [p.probability for p in expected], atol=1e-5)


def test_drugtext_grows_without_forgetting(tiny_classifier):
    trial = growing_taxonomy(CORPUS, "masked", 4, seed=0)
    first, second = trial.tasks
    contestant = DrugText(lambda _: Reader(tiny_classifier, tiny_classifier.embed))
    contestant.prepare(trial)
    contestant.fit(first.lesson)
    before = contestant.classifier
    contestant.extend(second.lesson, second.lesson.support[len(first.lesson.support) :])
    assert contestant.classifier.category_ids == list(second.lesson.categories)
    n = len(first.lesson.categories)
    head, old = contestant.classifier.model.head, before.model.head
    assert torch.equal(head.prototypes[:n], old.prototypes)


def test_a_level_is_read_off_the_tree(tiny_classifier):
    def embed(inserts):
        return np.pad(words(inserts), ((0, 0), (0, 4)))

    contestant = DrugTextTree(lambda _: Reader(tiny_classifier, embed))
    assert accuracy(contestant, new_drug(CORPUS, "masked", 2)) > 0.9
    assert {len(i) for i in contestant.classifier.category_ids} == {4}
    with pytest.raises(NotApplicableError, match="nothing deeper"):
        contestant.fit(new_drug(CORPUS, "masked", 4).tasks[0].lesson)


def test_frozen_contestants_embed_what_is_new_alone():
    embedded = []

    def embed(inserts):
        embedded.append(len(inserts))
        return words(inserts)

    trial = growing_taxonomy(CORPUS, "masked", 4, seed=0)
    first, second = trial.tasks
    grown, whole = FrozenPrototypes(embed), FrozenPrototypes(words)
    grown.fit(first.lesson)
    new = second.lesson.support[len(first.lesson.support) :]
    grown.extend(second.lesson, new)
    assert embedded == [len(first.lesson.support), len(new)]
    whole.fit(second.lesson)
    inserts = [query.insert for query in second.queries]
    assert grown.predict(inserts) == whole.predict(inserts)


@pytest.mark.parametrize("contestant", [FrozenPrototypes(words), TfidfPrototypes()])
def test_a_name_must_do_where_there_is_no_support(contestant):
    tree = Taxonomy([Category("h", "wordsax"), Category("s", "wordsby")])
    contestant.fit(Lesson(tree, ("h", "s"), ()))
    asked = [
        insert(
            "it is of wordsby and nothing else is told of it at all in so long a sentence as this"
        )
    ]
    assert contestant.predict(asked).ranked[0][0] == "s"


def test_zero_shot_does_not_look_at_the_support():
    contestant = ZeroShot(words)
    taught = lesson(wordsax=[insert("wordsby")], wordsby=[insert("wordsax")])
    tree = Taxonomy([Category("wordsax", "wordsax"), Category("wordsby", "wordsby")])
    contestant.fit(Lesson(tree, taught.categories, taught.support))
    assert contestant.predict([insert("wordsax")]).ranked[0][0] == "wordsax"


@pytest.mark.parametrize(
    "name",
    ["TF-IDF + SVM", "TF-IDF + embeddings + SVM", "frozen + regression", "SetFit (bounded)"],
)
def test_who_needs_inserts_says_so(everyone, name):
    with pytest.raises(NotApplicableError, match="from inserts only"):
        everyone[name]().fit(Lesson(CORPUS.taxonomy, ("A", "B"), ()))


def test_names_are_looked_up_and_told_by_their_endings():
    contestant = NameDictionary()
    contestant.fit(
        lesson(
            beta=[insert("", "metoprolol"), insert("", "atenolol")],
            ace=[insert("", "lisinopril"), insert("", "ramipril")],
            other=[insert("", "mannitol")],
        )
    )
    asked = [insert("", n) for n in ("Ramipril", "bisoprolol", "enalapril", "xyz")]
    found = contestant.predict([*asked, insert("no name")]).ranked
    assert found == [["ace"], ["beta"], ["ace"], [], []]


def test_a_dictionary_cannot_read_masked_names():
    with pytest.raises(NotApplicableError, match="masked"):
        NameDictionary().prepare(NEW_DRUG)


def test_setfit_does_not_begin_what_would_not_end():
    task = NEW_DRUG.tasks[0]
    n = len(task.lesson.support)
    with pytest.raises(NotFinishedError, match=rf"pairs of {n} inserts; more than 1,000"):
        SetFit().fit(task.lesson)


def test_bounded_setfit_takes_what_fits_into_twenty_steps():
    for size, arguments in (
        (10, {"num_iterations": 16}),
        (160, {"num_iterations": 1}),
        (161, {"num_iterations": 1, "max_steps": 20}),
    ):
        taught = lesson(a=[insert("a")], b=[insert("b")] * (size - 1))
        assert BoundedSetFit()._arguments(taught) == arguments
    many = lesson(a=[insert("a")], b=[insert("b")] * 1000)
    with pytest.raises(NotFinishedError, match=r"embeds all 1,001 inserts .* more than 1,000"):
        BoundedSetFit()._arguments(many)


def test_setfit_counts_the_pairs_that_its_library_makes():
    pytest.importorskip("setfit")
    from setfit.sampler import ContrastiveDataset

    taught = lesson(a=[insert(f"a{n}") for n in range(7)], b=[insert("b0")])
    assert SetFit()._arguments(taught) == {}
    many = lesson(a=[insert(f"a{n}") for n in range(40)], b=[insert("b0")])
    labels = [example.category for example in many.support]
    made = len(ContrastiveDataset([e.insert.text for e in many.support], labels, False))
    with pytest.raises(NotFinishedError, match=f"train on {made:,} pairs of 41 inserts"):
        SetFit()._arguments(many)


def test_the_deciding_sections_are_read():
    read = DrugInsert(
        sections={
            "storage": "cold",
            "description": "a b c d e f g h i j",
            "indications_and_usage": "k l m n o p q r s t",
        }
    )
    assert text_to_read(read) == "k l m n o p q r s t\na b c d e f g h i j"
    short = DrugInsert(sections={"storage": "cold", "description": "a tablet"})
    assert text_to_read(short) == "cold a tablet"


def test_embeddings_tell_what_words_do_not():
    vectors = {"heart": [1.0, 0.0], "skin": [0.0, 1.0], "unheard of": [0.1, 0.9]}
    contestant = TfidfFrozenSvm(lambda inserts: np.array([vectors[i.text] for i in inserts]))
    taught = lesson(a=[insert("heart")], b=[insert("skin")])
    contestant.fit(taught)
    assert contestant.predict([insert("unheard of")]).ranked[0] == ["b", "a"]
    new = lesson(c=[insert("unheard of")])
    contestant.extend(Lesson(taught.taxonomy, (), (*taught.support, *new.support)), new.support)
    assert contestant.predict([insert("unheard of")]).ranked[0][0] == "c"


def test_words_outside_the_support_do_not_stop_tfidf():
    contestant = TfidfSvm()
    contestant.fit(lesson(a=[insert("heart")], b=[insert("skin")]))
    assert contestant.predict([insert("unheard of")]).ranked[0][0] in ("a", "b")
