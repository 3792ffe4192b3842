"""`fit(private_epsilon=...)`: what is saved, what is refused, and what must not be seen."""

from __future__ import annotations

import json

import pytest
import torch

import drugtext
from drugtext import Category, DrugInsert, Taxonomy
from drugtext.errors import DrugTextError
from drugtext.memory import PROTOTYPE_SCALE
from drugtext.prototypes import share_with_ancestors
from drugtext.scorer import INITIAL_SCALE


def insert(text: str, name: str, *ingredients: str) -> DrugInsert:
    return DrugInsert(
        name=name,
        language="en",
        sections={"indications_and_usage": text},
        ingredients=ingredients,
    )


SUPPORT = [
    insert("relief of pain", "Secretol", "secretine"),
    insert("pain and fever", "Painol", "painine"),
    insert("treatment of high blood pressure", "Heartol", "heartine"),
    insert("lowers the pressure of the blood", "Bloodol", "bloodine"),
]
CATEGORIES = ["pain", "pain", "heart", "heart"]


@pytest.fixture(scope="module")
def learnt(tiny_classifier):
    """A classifier with a projection, as a checkpoint has it."""
    texts = [insert(f"cough and asthma {n}", f"drug {n}") for n in range(6)]
    return tiny_classifier.fit(texts, ["lungs", "skin"] * 3)


def test_a_private_classifier_is_saved_without_anything_of_the_support(learnt, tmp_path):
    private = learnt.fit(SUPPORT, CATEGORIES, private_epsilon=4.0, private_delta=1e-6)
    private.save_pretrained(tmp_path / "private")
    config = json.loads((tmp_path / "private" / "config.json").read_text(encoding="utf-8"))
    assert config["privacy"]["epsilon"] == 4.0 and config["privacy"]["delta"] == 1e-6
    assert config["n_known"] == 0
    card = (tmp_path / "private" / "README.md").read_text(encoding="utf-8")
    assert "epsilon 4, delta 1e-06" in card and "one drug more or less" in card
    assert "or one insert that does not tell them" in card
    for file in (tmp_path / "private").rglob("*"):
        if file.is_file():
            assert not any(word in file.read_bytes() for word in (b"ecretine", b"ecretol")), file
    again = drugtext.load(tmp_path / "private")
    assert again.model.head.memory is None and again.drug_names is None
    assert again.model.config.privacy == private.model.config.privacy
    assert {p.category_id for p in again.predict(SUPPORT)} <= {"heart", "pain"}


def test_the_order_of_the_support_does_not_show(learnt):
    there = learnt.fit(SUPPORT, CATEGORIES, private_epsilon=4.0)
    back = learnt.fit(SUPPORT[::-1], CATEGORIES[::-1], private_epsilon=4.0)
    assert there.category_ids == back.category_ids == ["heart", "pain"]
    assert list(there.taxonomy) == list(back.taxonomy)


def test_two_fits_draw_two_noises(learnt):
    heads = [learnt.fit(SUPPORT, CATEGORIES, private_epsilon=4.0).model.head for _ in range(2)]
    assert not heads[0].prototypes.equal(heads[1].prototypes)
    assert all(head.centre.equal(learnt.model.head.centre) for head in heads)


def test_it_is_learnt_with_as_little_of_the_whitening_as_without_noise(learnt):
    base = learnt.fit(SUPPORT, CATEGORIES)
    base.model.head.whitening.data.copy_(torch.diag(torch.linspace(1, 4, 16)))
    base.model.config.few_shot = {"scale": 3.0, "softening": 0.5}
    private = base.fit(SUPPORT, CATEGORIES, private_epsilon=1e6)
    whitening = private.model.head.whitening
    torch.testing.assert_close(whitening.data, torch.diag(torch.linspace(1, 4, 16).sqrt()))
    assert private.model.config.few_shot["softening"] == 1
    assert [p.category_id for p in private.predict(SUPPORT)] == CATEGORIES


def test_with_little_noise_it_answers_as_the_prototypes_do(learnt):
    private = learnt.fit(SUPPORT, CATEGORIES, private_epsilon=1e9)
    exact = learnt.fit(SUPPORT, CATEGORIES)
    by_row = [exact.category_ids.index(i) for i in private.category_ids]
    torch.testing.assert_close(
        private.model.head.prototypes, exact.model.head.prototypes[by_row], atol=2e-3, rtol=0
    )
    assert private.model.config.n_support == [2, 2]


def test_all_inserts_of_a_drug_are_one_of_it(learnt):
    """Or epsilon would be of an insert, and a drug of many would be told."""
    support, categories = [*SUPPORT[:1] * 5, *SUPPORT[1:]], [*["pain"] * 6, "heart", "heart"]
    private = learnt.fit(support, categories, private_epsilon=1e9)
    assert private.category_ids == ["heart", "pain"]
    assert private.model.config.n_support == [2, 2]


def test_known_names_and_the_tree_are_public_and_count(learnt):
    tree = Taxonomy([Category("body", "body")])
    tree = tree.with_categories(Category(i, i, "body") for i in ("heart", "pain"))
    private = learnt.fit(SUPPORT, CATEGORIES, taxonomy=tree, private_epsilon=1e9)
    exact = learnt.fit(SUPPORT, CATEGORIES, taxonomy=tree).model.head  # leans on names alone
    expected = share_with_ancestors(
        exact.prototypes[[1, 0]], torch.tensor([3, 3]), [["body"], ["body"]]
    )
    torch.testing.assert_close(private.model.head.prototypes, expected, atol=2e-3, rtol=0)


def test_what_was_measured_without_noise_is_not_said_of_it(learnt):
    base = learnt.fit(SUPPORT, CATEGORIES)
    config = base.model.config
    config.few_shot = {"scale": 3.0, "scope_threshold": 0.25, "strangeness": [0.5] * 20}
    config.scope_threshold, config.strangeness = 0.25, {"1": [0.5] * 20}
    private = base.fit(SUPPORT, CATEGORIES, private_epsilon=4.0)
    assert private.model.config.scope_threshold is None
    assert private.model.config.strangeness is None
    # Few-shot scales are of heads with a memory; prototypes alone are in another unit.
    scale = private.model.head.scale.item()
    assert scale == pytest.approx(3 * PROTOTYPE_SCALE / INITIAL_SCALE)


def test_a_bare_classifier_and_wrong_numbers_are_refused_before_the_work(tiny_classifier, learnt):
    def never():
        raise AssertionError("an insert was read")
        yield

    with pytest.raises(DrugTextError, match="no projection yet"):
        tiny_classifier.fit(never(), CATEGORIES, private_epsilon=1.0)
    with pytest.raises(DrugTextError, match="found epsilon 0"):
        learnt.fit(never(), CATEGORIES, private_epsilon=0)
    with pytest.raises(DrugTextError, match="found delta 2"):
        learnt.fit(never(), CATEGORIES, private_epsilon=1.0, private_delta=2)


def test_the_promise_goes_where_it_holds(learnt):
    private = learnt.fit(SUPPORT, CATEGORIES, private_epsilon=4.0)
    promise = private.model.config.privacy
    assert private.rename_category("pain", "ache").model.config.privacy == promise
    assert private.remove_category("pain").model.config.privacy == promise
    assert private.add_category("sleep", SUPPORT[:1]).model.config.privacy is None
    assert private.fit(SUPPORT, CATEGORIES).model.config.privacy is None
