"""Categories removed, renamed, merged and split: the others keep their scores to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from drugtext import Category, DrugInsert, Taxonomy
from drugtext.errors import CorpusError, DrugTextError, TaxonomyError
from drugtext.name_stems import name_evidence

TREE = Taxonomy(
    [
        Category("body", "Body"),
        Category("heart", "Heart", "body"),
        Category("vein", "Vein", "body"),
        Category("mind", "Mind"),
        Category("pain", "Pain", "mind"),
        Category("sleep", "Sleep", "mind"),
    ],
    "mine",
)
TEXTS = {
    "heart": ["lowers blood pressure", "treats the heart"],
    "vein": ["of the vein"],
    "pain": ["relief of pain", "pain and fever", "treats pain"],
    "sleep": ["helps to sleep"],
}


INGREDIENTS = dict(
    zip(
        [text for texts in TEXTS.values() for text in texts],
        ["atenolol", "metoprolol", "heparin", "ibuprofen", "ketoprofen", "naproxen", "zolpidem"],
        strict=True,
    )
)


def insert(text: str) -> DrugInsert:
    ingredients = (INGREDIENTS[text],) if text in INGREDIENTS else ()
    sections = {"indications_and_usage": text}
    return DrugInsert(name=text, ingredients=ingredients, language="en", sections=sections)


INSERTS = [insert(text) for texts in TEXTS.values() for text in texts]
CATEGORIES = [category for category, texts in TEXTS.items() for _ in texts]


@pytest.fixture(scope="module", params=["texts", "texts and names"])
def four(request, tiny_classifier):
    reads_names = request.param == "texts and names"
    base = tiny_classifier.with_name_stems(INSERTS) if reads_names else tiny_classifier
    fitted = base.fit(INSERTS, CATEGORIES, taxonomy=TREE)
    assert (fitted.model.head.named is not None) == reads_names
    return fitted


def raw(classifier, category: str) -> list[np.ndarray]:
    """What prototype, memory and names say of a category, before it is set against others."""
    head, row = classifier.model.head, classifier.category_ids.index(category)
    projected = torch.from_numpy(classifier.embed(INSERTS))
    n_categories = len(classifier.category_ids)
    with torch.no_grad():
        remembered = head.memory.affinities(head.text_of(projected), n_categories)
        told = [head.scores(projected), remembered]
        if head.named is not None:
            told.append(name_evidence(head.named, head.names_of(projected), n_categories))
        return [part[:, row].numpy() for part in told]


def same(one, other, *categories: str) -> bool:
    return all(
        np.array_equal(a, b)
        for category in categories
        for a, b in zip(raw(one, category), raw(other, category), strict=True)
    )


def test_a_category_is_removed(four):
    three = four.remove_category("vein")
    assert three.category_ids == ["heart", "pain", "sleep"] and len(four.category_ids) == 4
    assert same(three, four, "heart", "pain", "sleep")
    assert "vein" not in three.taxonomy and three.model.config.n_support == [2, 3, 1]
    assert "of the vein" not in three.drug_names and len(three.drug_names) == 6
    assert three.predict([INSERTS[0]])[0].path[0].id == "body"
    one = three.remove_category("heart").remove_category("Pain")
    assert [c.id for c in one.taxonomy] == ["mind", "sleep"]
    with pytest.raises(CorpusError, match="is the only category"):
        one.remove_category("sleep")


def test_a_category_is_renamed(four, tiny_classifier):
    renamed = four.rename_category("pain", "Pain killers")
    assert renamed.category_ids == four.category_ids and renamed.taxonomy["pain"].name
    assert renamed.taxonomy["pain"] == Category("pain", "Pain killers", "mind")
    assert np.array_equal(*(c.probabilities(c.embed(INSERTS)) for c in (four, renamed)))
    own = tiny_classifier.fit(INSERTS[:2], ["a", "b"]).rename_category("b", "c")
    assert own.category_ids == ["a", "c"] and own.predict(INSERTS[1:2])[0].category_name == "c"
    for name in ("Heart", "sleep", "body"):
        with pytest.raises(CorpusError, match="is the name of another category"):
            four.rename_category("pain", name)
    with pytest.raises(CorpusError, match="give one with a letter"):
        four.rename_category("pain", " ")


def test_categories_are_merged(four):
    merged = four.merge_categories(["pain", "sleep"], "nerves")
    assert merged.category_ids == ["heart", "vein", "nerves"]
    assert same(merged, four, "heart", "vein")
    assert merged.taxonomy["nerves"] == Category("nerves", "nerves", "mind")
    assert "pain" not in merged.taxonomy and merged.model.config.n_support == [2, 1, 4]
    assert sorted(merged.drug_names) == sorted(four.drug_names)
    old, new = four.model.head, merged.model.head
    expected = (3 * old.prototypes[2] + old.prototypes[3]) / 4
    torch.testing.assert_close(new.prototypes[2], expected)
    assert new.memory.rows.tolist().count(2) == 4
    by_id = four.merge_categories(["pain", "sleep"], "sleep")
    assert by_id.taxonomy["sleep"] == Category("sleep", "Sleep", "mind"), "it keeps its name"
    across = four.merge_categories(["vein", "pain"], "Pain")
    assert across.category_ids == ["heart", "pain", "sleep"]
    assert across.taxonomy["pain"].parent_id is None
    for categories, name, message in (
        (["pain"], "x", "two or more"),
        (["pain", "Pain"], "x", "two or more"),
        (["pain", "nothing"], "x", "is not one of the 4"),
        (["pain", "sleep"], "heart", "is the name of another category"),
    ):
        with pytest.raises(CorpusError, match=message):
            four.merge_categories(categories, name)


def test_cousins_are_merged_below_what_stands_above_both(tiny_classifier):
    below = [Category("joint", "Joint", "pain"), Category("head", "Head", "sleep")]
    tree = Taxonomy([*TREE, *below], "mine")
    texts = ("joint", "pain and fever"), ("head", "helps to sleep"), ("heart", "treats the heart")
    fitted = tiny_classifier.fit(
        [insert(t) for _, t in texts], [c for c, _ in texts], taxonomy=tree
    )
    merged = fitted.merge_categories(["joint", "head"], "both")
    assert [step.id for step in merged.taxonomy.path("both")] == ["mind", "both"]
    apart = fitted.merge_categories(["joint", "heart"], "both")
    assert [step.id for step in apart.taxonomy.path("both")] == ["both"]


def test_a_category_is_learnt_further(four):
    texts = ["tension headache", "migraine"]
    inserts = [DrugInsert(name=t, language="en", sections={"description": t}) for t in texts]
    more = four.extend_category("Pain", (i for i in inserts))
    assert more.category_ids == four.category_ids and same(more, four, "heart", "vein", "sleep")
    assert more.model.config.n_support == [2, 1, 5, 1] and four.model.config.n_support[2] == 3
    assert list(more.taxonomy) == list(four.taxonomy)
    old, new = four.model.head, more.model.head
    added = torch.from_numpy(four.embed(inserts))
    expected = (3 * old.prototypes[2] + old.text_of(added).sum(0)) / 5
    torch.testing.assert_close(new.prototypes[2], expected)
    assert new.memory.rows.tolist().count(2) == 5 and {*texts} < {*more.drug_names}
    assert more.nearest_drugs(added[0])[0].name == texts[0]
    assert more.predict(inserts)[0].category_id == "pain"
    grown = new.log_prior - old.log_prior
    assert grown[2] > 0 and grown[[0, 1, 3]].tolist() == [0, 0, 0]
    for category, given, message in (
        ("nothing", inserts, "is not one of the 4"),
        ("body", inserts, "is not one of the 4"),
        ("pain", [], "has no insert"),
    ):
        with pytest.raises(CorpusError, match=message):
            four.extend_category(category, given)
    with pytest.raises(DrugTextError, match="a list of DrugInsert is needed"):
        four.extend_category("pain", inserts[0])


def test_many_labels_of_one_drug_count_once_where_a_category_is_learnt_further(four):
    label = {"indications_and_usage": "tension headache"}
    many = [DrugInsert(ingredients=("acme",), language="en", sections=label)] * 9
    more = four.extend_category("pain", many)
    old, new = four.model.head, more.model.head
    added = old.text_of(torch.from_numpy(four.embed(many[:1])))[0]
    torch.testing.assert_close(new.prototypes[2], (3 * old.prototypes[2] + added) / 4)
    assert more.model.config.n_support[2] == 12 and new.memory.rows.tolist().count(2) == 4


def test_a_category_known_by_its_name_is_learnt_further(tiny_classifier):
    named = tiny_classifier.fit_names(["pain relief", "sleep aid"])
    more = named.extend_category("pain relief", [insert("relief of pain")])
    assert more.category_ids == named.category_ids and more.predict([insert("relief of pain")])


def test_an_id_comes_before_a_name_where_categories_are_merged(tiny_classifier):
    tree = Taxonomy([Category("x", "y"), Category("y", "z")])
    fitted = tiny_classifier.fit([insert("a"), insert("b")], ["x", "y"], taxonomy=tree)
    assert fitted.merge_categories(["x", "y"], "y").category_ids == ["y"]


def test_what_cannot_be_written_is_no_name_and_one_insert_no_list(four):
    with pytest.raises(CorpusError, match="half characters"):
        four.rename_category("pain", "caf\udce9")
    with pytest.raises(CorpusError, match="half characters"):
        four.merge_categories(["pain", "sleep"], "caf\udce9")
    with pytest.raises(DrugTextError, match=r"a list of DrugInsert is needed: \[insert\]"):
        four.split_category("pain", insert("a"), ["b"])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x * np.nan, "some of them not finite"),
        (lambda x: x[:, 1:], r"of shape \(2, \d+\)\W+finite ones"),
        (lambda x: x[:, :, None], "finite ones of shape"),
    ],
)
def test_what_embed_does_not_give_is_no_support(four, spoil, message):
    support = spoil(four.embed([insert("a"), insert("b")]))
    with pytest.raises(CorpusError, match=message):
        four.fit_embeddings(support, ["a", "b"])
    with pytest.raises(CorpusError, match=message):
        four.add_embeddings("new", support)


def test_a_category_is_split(four):
    inserts = [insert("relief of pain"), insert("pain and fever"), insert("fever")]
    split = four.split_category("pain", inserts, ["ache", "fever", "fever"])
    assert split.category_ids == ["heart", "vein", "sleep", "ache", "fever"]
    assert same(split, four, "heart", "vein", "sleep")
    assert split.predict([insert("relief of pain")])[0].category_id == "ache"
    for name in ("ache", "fever"):
        assert split.taxonomy[name].parent_id == "mind"
    assert [step.id for step in split.predict(inserts[:1])[0].path] == ["mind", "ache"]
    known = four.split_category("vein", inserts[:2], ["Body", "artery"])
    assert [known.taxonomy[i].parent_id for i in ("body", "artery")] == [None, "body"]
    with pytest.raises(CorpusError, match="one category an insert"):
        four.split_category("pain", inserts, ["ache"])
    for few in ([], ["ache"]):
        with pytest.raises(CorpusError, match=f"inserts of {len(few)} categories to split 'pain'"):
            four.split_category("pain", inserts[: len(few)], few)


def test_what_was_edited_is_saved_and_learns_on(four, tmp_path):
    import drugtext

    edited = four.merge_categories(["pain", "sleep"], "nerves").remove_category("vein")
    edited.save_pretrained(tmp_path, with_known_drugs=True)
    again = drugtext.load(tmp_path)
    assert again.predict(INSERTS) == edited.predict(INSERTS)
    assert again.drug_names == edited.drug_names
    more = again.add_category("skin", [insert("dry skin")])
    assert same(more, again, "heart", "nerves")


def test_categories_that_a_tree_does_not_know_are_of_no_taxonomy(four):
    for own in (four.fit([insert("a")], ["x"]), four.fit_names(["x"])):
        assert own.taxonomy.name == "" and four.taxonomy.name == "mine"
    for known in (four.fit([insert("a")], ["Pain"]), four.fit_names(["pain", "x"])):
        assert known.taxonomy.name == "mine"


def test_the_likest_of_many_categories_are_told(tiny_classifier):
    many = tiny_classifier.fit_names(["heart", "pain", "sleep", "skin", "vein", "fever"])
    with pytest.raises(CorpusError, match=r"one of them, such as 'heart'\.$"):
        many.remove_category("hearth")
    with pytest.raises(CorpusError, match=r"category None is not one of the 6 .* one of them\.$"):
        many.remove_category(None)


def test_an_id_that_means_something_else_in_the_given_tree_is_refused(four):
    held = next(iter(four.taxonomy))
    other = Taxonomy([Category(held.id, "My own"), Category("new", "New", held.id)])
    with pytest.raises(TaxonomyError, match=f"{held.id!r} is 'My own', below nothing, and the"):
        four.add_category("new", [insert("a")], taxonomy=other)
    loud = [Category(c.id, c.name.upper(), c.parent_id) for c in four.taxonomy]
    same_but_for_case = Taxonomy([*loud, Category("new", "New", held.id)])
    path = four.add_category("new", [insert("a")], taxonomy=same_but_for_case).taxonomy.path("new")
    assert [step.id for step in path] == [held.id, "new"]


def test_sets_are_given_where_a_category_was_added_that_lies_deeper(tiny_classifier):
    flat = tiny_classifier.fit([insert("a"), insert("b")], ["x", "y"])
    flat.model.config.strangeness = {"1": [0.1, 0.2, 0.3]}
    more = flat.add_category("pain", [insert("relief of pain")], taxonomy=TREE)
    (told,) = more.predict([insert("a")], coverage=0.5)
    assert len(told.sets) == 2
