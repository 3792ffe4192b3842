"""DrugClassifier: fit, add, predict, embed, save, load."""

from __future__ import annotations

import copy
import math
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

import drugtext
from drugtext import Category, DrugInsert, Taxonomy
from drugtext.errors import (
    CheckpointError,
    CorpusError,
    DrugTextError,
    LanguageError,
    TaxonomyError,
)
from drugtext.together import predict_together


def insert(text: str, name: str = "Examplol", language: str = "en") -> DrugInsert:
    return DrugInsert(name=name, language=language, sections={"indications_and_usage": text})


SUPPORT = [
    insert("treatment of high blood pressure"),
    insert("lowers the pressure of the blood"),
    insert("relief of pain"),
    insert("pain and fever"),
]
CATEGORIES = ["heart", "heart", "pain", "pain"]


@pytest.fixture(scope="module")
def few(tiny_classifier):
    return tiny_classifier.fit(SUPPORT, CATEGORIES)


def test_predict_gives_one_prediction_an_insert_in_order(few):
    inserts = [insert(f"pain number {n}", name=f"drug {n}") for n in range(70)]
    predictions = few.predict(inserts, top_k=2)
    assert [p.name for p in predictions] == [i.name for i in inserts]
    for p in predictions:
        assert {a.category_id for a in p.alternatives} == {"heart", "pain"}
        assert sum(a.probability for a in p.alternatives) == pytest.approx(1, abs=1e-5)
        assert p.alternatives[0].category_id == p.category_id
        assert p.alternatives[0].probability == p.probability >= p.alternatives[1].probability
        assert p.path == (Category(p.category_id, p.category_id),)
        assert 0 < p.tokens_read <= p.tokens_total


def test_support_is_recognised(few):
    assert [p.category_id for p in few.predict(SUPPORT)] == CATEGORIES


def test_top_k_limits_the_alternatives(few):
    assert len(few.predict(SUPPORT[:1], top_k=1)[0].alternatives) == 1
    with pytest.raises(DrugTextError, match="top_k is 0; 1 or more"):
        few.predict(SUPPORT, top_k=0)


def test_embeddings_are_unit_vectors(few):
    embeddings = few.embed(SUPPORT)
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (4, few.model.config.encoder_config.hidden_size)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)


def test_inserts_are_cut_into_windows_in_a_thread_of_its_own(few):
    threads = set()

    class Watched(drugtext.DrugClassifier):
        def windows(self, inserts):
            threads.add(threading.current_thread())
            return super().windows(inserts)

    watched = Watched(few.model, few.tokenizer)
    found = watched.predict(SUPPORT)
    assert [p.category_id for p in found] == [p.category_id for p in few.predict(SUPPORT)]
    assert threads and threading.current_thread() not in threads


def test_one_by_one_equals_all_at_once(few):
    together = few.embed(SUPPORT)
    alone = np.concatenate([few.embed([i]) for i in SUPPORT])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_no_insert_gives_no_prediction(few):
    assert few.predict([]) == []
    assert few.embed([]).shape == (0, few.model.config.encoder_config.hidden_size)


def test_fit_leaves_the_old_classifier_as_it_was(few):
    before = few.predict(SUPPORT)
    other = few.fit(SUPPORT[:2], ["a", "b"])
    assert other.category_ids == ["a", "b"]
    assert few.predict(SUPPORT) == before


def test_add_category_changes_no_score_of_the_others(few):
    before = few.predict(SUPPORT)
    embeddings = few.embed(SUPPORT)
    more = few.add_category("skin", [insert("eczema of the skin")])
    assert more.category_ids == ["heart", "pain", "skin"]
    assert few.category_ids == ["heart", "pain"]
    assert few.predict(SUPPORT) == before
    np.testing.assert_array_equal(more.embed(SUPPORT), embeddings)
    old_scores = few.model.head.scores(few_tensor(embeddings)).detach().numpy()
    new_scores = more.model.head.scores(few_tensor(embeddings)).detach().numpy()
    np.testing.assert_array_equal(new_scores[:, :2], old_scores)
    assert more.predict([insert("eczema of the skin")])[0].category_id == "skin"


def few_tensor(embeddings):
    import torch

    return torch.from_numpy(embeddings)


def test_add_category_refuses_a_known_one_and_an_empty_one(few):
    with pytest.raises(CorpusError, match="'pain' is known already"):
        few.add_category("pain", SUPPORT)
    with pytest.raises(CorpusError, match="'skin' has no insert; one or more is needed"):
        few.add_category("skin", [])


def test_add_category_to_a_classifier_without_categories(tiny_classifier):
    assert tiny_classifier.add_category("skin", SUPPORT[:1]).category_ids == ["skin"]


def test_fit_asks_for_one_category_an_insert(tiny_classifier):
    with pytest.raises(CorpusError, match="found 4 inserts and 1 categories"):
        tiny_classifier.fit(SUPPORT, ["heart"])
    with pytest.raises(CorpusError, match="support set is empty"):
        tiny_classifier.fit([], [])


def test_a_classifier_without_categories_says_so(tiny_classifier):
    with pytest.raises(DrugTextError, match=r"no category yet; give it some with fit\(\)"):
        tiny_classifier.predict(SUPPORT)


def test_categories_keep_their_place_in_a_given_tree(tiny_classifier):
    tree = Taxonomy(
        [Category("H", "Heart"), Category("H1", "Pressure", "H"), Category("P", "Pain")], "shelves"
    )
    placed = tiny_classifier.fit(SUPPORT, ["H1", "Pressure", "P", "Pain"], taxonomy=tree)
    assert placed.category_ids == ["H1", "P"]
    prediction = placed.predict(SUPPORT)[0]
    assert [c.id for c in prediction.path] == ["H", "H1"]
    assert prediction.path_probabilities[0] >= prediction.path_probabilities[1]
    again = placed.fit(SUPPORT, ["H1", "H1", "mine", "mine"])
    assert [c.id for c in again.predict(SUPPORT)[0].path] == ["H", "H1"]
    with pytest.raises(TaxonomyError, match="'skin' is not in the taxonomy 'shelves'"):
        tiny_classifier.fit(SUPPORT[:1], ["skin"], taxonomy=tree)


def test_an_unknown_language_is_refused_by_name(few):
    few.model.config.languages = ["en"]
    try:
        with pytest.raises(LanguageError, match="'zh'; this checkpoint knows en"):
            few.predict([insert("高血压", language="zh")])
        errors = []
        inserts = [SUPPORT[0], insert("高血压", language="zh"), SUPPORT[2]]
        answers = list(few.stream(inserts, on_error=lambda i, e: errors.append((i, str(e)))))
        assert len(answers) == 2
        assert [i.language for i, _ in errors] == ["zh"]
    finally:
        few.model.config.languages = []


def test_wrong_input_is_refused_by_name(few):
    with pytest.raises(DrugTextError, match="found one str; a list of DrugInsert"):
        few.predict("pain")
    with pytest.raises(DrugTextError, match="found int; a DrugInsert is needed"):
        few.predict([3])
    with pytest.raises(DrugTextError, match="holds no text"):
        few.predict([DrugInsert(name="x", sections={"warnings": " "})])


def test_saved_and_loaded_it_answers_the_same(few, tmp_path):
    few.save_pretrained(tmp_path)
    again = drugtext.load(tmp_path)
    assert again.predict(SUPPORT) == few.predict(SUPPORT)
    assert again.category_ids == few.category_ids
    assert list(again.taxonomy) == list(few.taxonomy)
    assert again.reading_plan == few.reading_plan


def test_out_of_scope_is_told_by_the_threshold(few):
    few.model.config.scope_threshold = 99.0
    assert not few.predict(SUPPORT)[0].in_scope
    few.model.config.scope_threshold = -99.0
    assert few.predict(SUPPORT)[0].in_scope


def test_a_later_fit_does_not_carry_figures_of_other_categories(few):
    few.model.config.measured = {"forms": {}, "note": ""}
    assert few.fit(SUPPORT, CATEGORIES).model.config.measured is None
    few.model.config.measured = None


def test_a_name_that_several_categories_share_is_refused(tiny_classifier):
    tree = Taxonomy([Category("H", "Heart"), Category("H1", "Heart", "H"), Category("P", "Pain")])
    placed = tiny_classifier.fit(SUPPORT[:2], ["H1", "P"], taxonomy=tree)
    shared = r"'Heart' belongs to 2 categories \(H, H1\); give the id"
    for refused in (
        lambda: placed.fit(SUPPORT[:2], ["Heart", "Pain"]),
        lambda: placed.fit(SUPPORT[:1], ["Heart"], taxonomy=tree),
        lambda: placed.fit_names(["Heart"]),
        lambda: placed.add_category("Heart", SUPPORT[:1]),
    ):
        with pytest.raises(TaxonomyError, match=shared):
            refused()


def test_an_atc_code_that_the_tree_does_not_hold_gets_the_place_that_it_tells(tiny_classifier):
    codes = ("C", "C07", "C07A", "C07AB", "N")
    tree = Taxonomy(
        [Category(code, f"name of {code}", codes[n - 1] if 0 < n < 4 else None)
         for n, code in enumerate(codes)],
        "atc",
    )  # fmt: skip
    placed = tiny_classifier.fit(SUPPORT[:2], ["C07AB", "N"], taxonomy=tree)

    def paths(classifier) -> dict[str, list[str]]:
        return {i: [s.id for s in classifier.taxonomy.path(i)] for i in classifier.category_ids}

    added = placed.add_category("C07AX", SUPPORT[:1]).add_category("C07BA", SUPPORT[:1])
    assert paths(added)["C07AX"] == ["C", "C07", "C07A", "C07AX"]
    assert paths(added)["C07BA"] == ["C", "C07", "C07B", "C07BA"]  # C07B is new, too
    assert added.taxonomy["C07B"].name == "C07B" and added.taxonomy["C07"].name == "name of C07"
    step = next(s for s in added.predict(SUPPORT[:1])[0].path if s.id == "C07")
    assert step.name == "name of C07"
    fitted = placed.fit(SUPPORT[:2], ["C07AX", "B12"])
    assert paths(fitted) == {"C07AX": ["C", "C07", "C07A", "C07AX"], "B12": ["B12"]}
    assert fitted.taxonomy.name == "atc"
    # Nothing tells that N06A is of the tree: no group of its level 2 is.
    assert paths(placed.add_category("N06A", SUPPORT[:1]))["N06A"] == ["N06A"]
    rooted = Taxonomy([Category("C07", "C07"), Category("N02", "N02")], "atc")
    cut = tiny_classifier.fit(SUPPORT[:2], ["C07", "N02"], taxonomy=rooted)
    grown = cut.add_category("C07AX", SUPPORT[:1])
    assert [step.id for step in grown.taxonomy] == ["C07", "N02", "C07A", "C07AX"]
    parts = placed.split_category("C07AB", SUPPORT[:2], ["C07AX", "shelf"])
    assert paths(parts)["C07AX"] == ["C", "C07", "C07A", "C07AX"]
    assert paths(parts)["shelf"] == ["C", "C07", "C07A", "shelf"]
    parts = cut.split_category("C07", SUPPORT[:2], ["N02AX", "shelf"])
    assert paths(parts) == {"N02": ["N02"], "N02AX": ["N02", "N02A", "N02AX"], "shelf": ["shelf"]}
    flat = tiny_classifier.fit(SUPPORT[:2], ["C07", "N"]).add_category("C07AX", SUPPORT[:1])
    assert paths(flat)["C07AX"] == ["C07AX"]  # of no ATC


def test_categories_may_be_any_iterable_but_one_text(tiny_classifier):
    assert tiny_classifier.fit(SUPPORT, iter(CATEGORIES)).category_ids == ["heart", "pain"]
    with pytest.raises(CorpusError, match="found the one text 'heart'"):
        tiny_classifier.fit(SUPPORT[:1], "heart")


def test_text_without_words_or_with_half_characters_is_refused(few):
    with pytest.raises(DrugTextError, match="holds no text"):
        few.predict([insert("\u200b \u0001 .")])
    with pytest.raises(DrugTextError, match="half characters"):
        few.predict([insert("pain \ud800")])
    in_second = {"indications_and_usage": "Relieves pain.", "warnings": "Not for \ud800."}
    with pytest.raises(DrugTextError, match="half characters"):
        few.predict([DrugInsert(sections=in_second)])
    assert few.predict([DrugInsert(sections={"description": "", "warnings": "Relieves pain."})])


def test_few_shot_calibration_is_taken_over_by_fit(tiny_classifier, few):
    few.model.config.few_shot = {"scale": 7.0, "scope_threshold": 0.25}
    again = few.fit(SUPPORT, CATEGORIES)
    assert again.model.head.scale.item() == 7.0, "an older checkpoint knows no growth"
    assert again.model.config.scope_threshold == 0.25
    few.model.config.few_shot = {"scale": 7.0, "growth": 0.5}
    uneven = few.fit(SUPPORT[1:], CATEGORIES[1:])
    assert uneven.model.head.scale.item() == pytest.approx(7 * math.sqrt(1 * 2) ** 0.5)
    few.model.config.few_shot = None
    assert tiny_classifier.fit(SUPPORT, CATEGORIES).model.config.scope_threshold is None


def test_new_categories_are_learnt_with_less_of_the_whitening(tiny_classifier):
    base = tiny_classifier.fit(SUPPORT, CATEGORIES)
    square = torch.randn(16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        base.model.head.whitening.copy_(square @ square.T / 16 + torch.eye(16))
    base.model.config.few_shot = {"scale": 3.0, "softening": 0.25}
    few = base.fit(SUPPORT, ["a", "a", "b", "b"])
    expected = base.model.head.softened(0.25)
    torch.testing.assert_close(few.model.head.whitening, expected.whitening)
    raw = tiny_classifier.embed(SUPPORT)  # not projected: it has learnt nothing
    np.testing.assert_allclose(few.embed(SUPPORT), expected.project(torch.tensor(raw)), atol=1e-5)
    nearest = few.model.head.prototypes @ torch.tensor(few.embed(SUPPORT)).T
    assert nearest.argmax(0).tolist() == [0, 0, 1, 1]
    with torch.no_grad():
        base.model.head.certainty.copy_(torch.tensor(raw[0] - raw[-1]))
    is_long = base.is_long(raw)
    assert is_long.any() and not is_long.all()
    few = base.fit(SUPPORT, ["a", "a", "b", "b"])
    np.testing.assert_array_equal(few.is_long(few.embed(SUPPORT)), is_long)
    again = few.fit(SUPPORT, ["a", "a", "b", "b"])  # not once more
    torch.testing.assert_close(again.model.head.whitening, few.model.head.whitening)
    other = base.add_category("c", SUPPORT[:1])  # it shares the space of the others
    assert other.model.head.whitening.equal(base.model.head.whitening)


def test_much_text_is_read_off_an_embedding(tiny_classifier):
    few = tiny_classifier.fit(SUPPORT, CATEGORIES)
    embeddings = few.embed(SUPPORT)
    assert not few.is_long(embeddings).any()  # not calibrated: all alike
    with torch.no_grad():
        few.model.head.certainty.copy_(torch.tensor(embeddings[0] - embeddings[-1]))
    assert few.is_long(embeddings)[[0, -1]].tolist() == [True, False]
    few.model.config.strangeness = {"long": {"1": [0.0] * 20}, "short": {"1": [1.0] * 20}}
    first, *_, last = few.predict(SUPPORT, coverage=0.9)
    assert (len(first.sets[0]), len(last.sets[0])) == (1, 2)  # those with much text are never wrong


def test_categories_are_learnt_from_their_names_alone(tiny_classifier):
    named = tiny_classifier.fit_names(["heart pain", "skin eczema"])
    assert named.category_ids == ["heart pain", "skin eczema"]
    assert named.model.config.n_support == [0, 0]
    insert = drugtext.DrugInsert(sections={"description": "heart pain"}, language="en")
    assert named.predict([insert])[0].category_id == "heart pain"
    with pytest.raises(CorpusError, match="2 categories, 1 of them different"):
        tiny_classifier.fit_names(["skin", "skin"])
    with pytest.raises(CorpusError, match="0 categories"):
        tiny_classifier.fit_names([])


def test_names_of_ones_own_categories_count_where_they_tell_whose_an_insert_is(tiny_classifier):
    names = ["heart pain", "skin eczema", "cough fever", "stomach acid"]
    tree = Taxonomy([Category(name, name) for name in names])
    inserts = [insert(f"used in {name} daily", f"drug {n}") for n, name in enumerate(names * 3)]

    def prototypes(taxonomy: Taxonomy | None, shift: int) -> torch.Tensor:
        shifted = [*names[shift:], *names[:shift]] * 3
        return tiny_classifier.fit(inserts, shifted, taxonomy=taxonomy).model.head.prototypes

    torch.testing.assert_close(prototypes(None, 0), prototypes(tree, 0))  # whose names always count
    assert not torch.allclose(prototypes(None, 1), prototypes(tree, 1), atol=1e-2)


def test_the_inserts_of_one_drug_count_once(tiny_classifier):
    def named(text: str, *ingredients: str) -> DrugInsert:
        return DrugInsert(
            language="en", sections={"indications_and_usage": text}, ingredients=ingredients
        )

    heart = [named("pain of the heart", "Aldalol Hydrochloride"), named("heart", "ALDALOL")]
    other = [named("a vein of the heart", "bevalol"), named("dry skin", "cedilol")]
    told = ["h", "h", "h", "s"]
    base = tiny_classifier.fit(other, ["a", "b"])  # its projection is kept
    fitted = base.fit([*heart, *other], told)
    embeddings = torch.from_numpy(base.embed([*heart, *other]))
    once = torch.nn.functional.normalize(embeddings[:2].mean(0), dim=0)
    by_hand = base.fit_embeddings(torch.stack([once, *embeddings[2:]]), ["h", "h", "s"])
    torch.testing.assert_close(fitted.model.head.prototypes, by_hand.model.head.prototypes)
    assert fitted.model.config.n_support == [3, 1]  # inserts
    more = fitted.add_category("v", heart)
    alone = fitted.add_embeddings("v", fitted.embed(heart), ingredients=[["aldalol"]] * 2)
    torch.testing.assert_close(more.model.head.prototypes, alone.model.head.prototypes)
    with pytest.raises(CorpusError, match="4 inserts and the ingredients of 1"):
        tiny_classifier.fit_embeddings(embeddings, told, ingredients=[["a"]])


def test_one_insert_is_no_list_wherever_it_is_given(tiny_classifier):
    insert = DrugInsert(language="en", sections={"indications_and_usage": "pain"})
    fitted = tiny_classifier.fit([insert], ["a"])
    for call in (
        lambda: tiny_classifier.fit(insert, ["a"]),
        lambda: fitted.add_category("b", insert),
        lambda: tiny_classifier.with_lexicon(insert),
    ):
        with pytest.raises(DrugTextError, match="a list of DrugInsert is needed"):
            call()
    assert len(tiny_classifier.embed_texts([])) == 0


def test_a_lexicon_is_learnt_from_what_can_be_read(tiny_classifier):
    insert = DrugInsert(language="en", sections={"indications_and_usage": " "})
    with pytest.raises(DrugTextError, match="holds no text"):
        tiny_classifier.with_lexicon([insert])


def test_a_category_that_cannot_be_written_down_is_refused(tiny_classifier):
    with pytest.raises(CorpusError, match="holds half characters"):
        tiny_classifier.fit(SUPPORT[:1], ["\ud800"])


class CountingEncoder:
    """Stands in for `vectors` of a classifier, and counts the windows that it is given."""

    def __init__(self, classifier) -> None:
        self.classifier, self.n_windows = classifier, 0

    def __call__(self, token_ids):
        self.n_windows += len(token_ids)
        return type(self.classifier).vectors(self.classifier, token_ids)


def counted(classifier) -> CountingEncoder:
    """Have a classifier's windows counted."""
    classifier.vectors = CountingEncoder(classifier)
    return classifier.vectors


def asked(n: int) -> list[DrugInsert]:
    """More inserts than a batch, each with words of its own."""
    return [insert(f"pain of the heart, number {k}", name=f"drug {k}") for k in range(n)]


def is_as_alone(together, classifiers, inserts) -> bool:
    for found, classifier in zip(together, classifiers, strict=True):
        alone = classifier.predict(inserts)
        assert [(p.name, p.category_id) for p in found] == [(p.name, p.category_id) for p in alone]
        assert [p.tokens_read for p in found] == [p.tokens_read for p in alone]
        for one, other in zip(found, alone, strict=True):
            assert one.probability == pytest.approx(other.probability, abs=1e-5)
    return True


def test_classifiers_that_read_alike_encode_a_window_once(few):
    inserts = asked(40)
    atc, shelves = few.fit(SUPPORT, CATEGORIES), few.fit(SUPPORT, ["a", "b", "c", "d"])
    counts = [counted(classifier) for classifier in (atc, shelves)]
    once = len({tuple(ids) for ids in few.windows(inserts).token_ids})
    together = predict_together([atc, shelves], inserts)
    assert [count.n_windows for count in counts] == [once, 0]
    assert is_as_alone(together, [atc, shelves], inserts)


def test_of_classifiers_that_stop_early_each_reads_what_it_needs(few):
    def sections(text: str) -> DrugInsert:
        told = {"indications_and_usage": text, "description": "a tablet against fever"}
        return DrugInsert(language="en", sections=told)

    inserts = [sections("pain"), sections("high blood pressure"), sections("cough of the heart")]
    both = [few.fit(SUPPORT, CATEGORIES), few.fit(SUPPORT[:2], ["a", "b"])]
    for classifier in both:
        plan = classifier.reading_plan
        classifier.reading_plan = replace(plan, enough_probability=0.6)
    once = len({tuple(ids) for ids in few.windows(inserts).token_ids})
    count = counted(both[0])
    together = predict_together(both, inserts)
    assert count.n_windows <= once
    assert is_as_alone(together, both, inserts)


def test_classifiers_over_other_encoders_answer_as_alone(few, adapted_classifier):
    inserts = asked(3)
    other = adapted_classifier.fit(SUPPORT, ["a", "b", "c", "d"])
    counts = [counted(few.fit(SUPPORT, CATEGORIES)), counted(other)]
    classifiers = [count.classifier for count in counts]
    together = predict_together(classifiers, iter(inserts), top_k=2)
    assert all(count.n_windows for count in counts)
    assert [len(p.alternatives) for p in together[1]] == [2, 2, 2]
    assert is_as_alone(together, classifiers, inserts)


def test_asked_together_they_refuse_as_alone(few, tiny_classifier):
    assert predict_together([few, few], []) == [[], []]
    with pytest.raises(DrugTextError, match="holds no text"):
        predict_together([few, few], [SUPPORT[0], DrugInsert(name="x", sections={})])
    with pytest.raises(DrugTextError, match="no category yet"):
        predict_together([few, tiny_classifier], SUPPORT)


def test_a_tokenizer_with_more_tokens_than_the_encoder_knows_is_refused(tiny_classifier):
    tokenizer = copy.deepcopy(tiny_classifier.tokenizer)
    tokenizer.add_tokens(["[another]"])
    with pytest.raises(CheckpointError, match=r"and the encoder knows .* tokens, numbered from 0"):
        drugtext.DrugClassifier(tiny_classifier.model, tokenizer)


def test_a_tree_without_end_is_refused(tiny_classifier):
    chain = Taxonomy(Category(f"c{n}", f"c{n}", f"c{n - 1}" if n else None) for n in range(1100))
    with pytest.raises(TaxonomyError, match="found a tree of 1100 levels; a classifier takes up"):
        tiny_classifier.fit_embeddings(torch.eye(16)[:1], ["c1099"], taxonomy=chain)
