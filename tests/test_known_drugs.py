"""Drugs that categories were learnt from: the nearest told, saved where that was asked for."""

from __future__ import annotations

import pytest
import torch

import drugtext
from drugtext import DrugInsert
from drugtext.errors import CheckpointError
from drugtext.known_drugs import KnownDrug, KnownDrugs


def insert(text: str, *ingredients: str, name: str = "") -> DrugInsert:
    sections = {"indications_and_usage": text}
    return DrugInsert(name=name, language="en", ingredients=ingredients, sections=sections)


SUPPORT = [
    insert("lowers blood pressure", "aldalol"),
    insert("blood pressure", "aldalol"),
    insert("relief of pain", "gupamol", "caffeine"),
    insert("fever and pain", name="Nopain"),
]
CATEGORIES = ["heart", "heart", "pain", "pain"]


def test_the_nearest_come_first():
    embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    known = KnownDrugs(("a", "b", "c"), ("x", "y", "y"), embeddings)
    assert known.nearest(torch.tensor([0.0, 1.0]), 2) == [
        KnownDrug("b", "y", 1.0),
        KnownDrug("c", "y", 0.8),
    ]


def test_each_drug_is_known_once_by_its_ingredients_or_its_insert(tiny_classifier):
    few = tiny_classifier.fit(SUPPORT, CATEGORIES)
    assert few.known_drugs.names == ("aldalol", "gupamol + caffeine", "Nopain")
    assert few.known_drugs.category_ids == ("heart", "pain", "pain")
    lengths = few.known_drugs.embeddings.norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(3))
    more = few.add_category("skin", [insert("dry skin"), insert("eczema", "cortol")])
    assert more.known_drugs.names[3:] == ("insert 1", "cortol") and len(few.known_drugs.names) == 3
    own = torch.from_numpy(more.embed([SUPPORT[2]]))[0]
    assert more.known_drugs.nearest(own, 1)[0][:2] == ("gupamol + caffeine", "pain")
    assert tiny_classifier.fit_names(["pain"]).known_drugs.names == ()


def test_they_are_saved_where_that_was_asked_for_alone(tiny_classifier, tmp_path):
    few = tiny_classifier.fit(SUPPORT, CATEGORIES)
    few.save_pretrained(tmp_path, with_known_drugs=True)
    again = drugtext.load(tmp_path).known_drugs
    assert (again.names, again.category_ids) == (
        few.known_drugs.names,
        few.known_drugs.category_ids,
    )
    torch.testing.assert_close(again.embeddings, few.known_drugs.embeddings, atol=0.01, rtol=0)
    assert drugtext.load(tmp_path).add_category("x", SUPPORT[:1]).known_drugs.names[-1] == "aldalol"

    few.save_pretrained(tmp_path)
    assert drugtext.load(tmp_path).known_drugs is None
    assert drugtext.load(tmp_path).add_category("x", SUPPORT[:1]).known_drugs is None
    assert not any("aldalol" in f.read_text("latin-1") for f in tmp_path.rglob("*") if f.is_file())


def test_a_damaged_file_is_refused(tiny_classifier, tmp_path):
    tiny_classifier.fit(SUPPORT, CATEGORIES).save_pretrained(tmp_path, with_known_drugs=True)
    (tmp_path / "known_drugs.safetensors").write_bytes(b"no")
    with pytest.raises(CheckpointError, match=r"known_drugs.safetensors: is damaged"):
        drugtext.load(tmp_path)
