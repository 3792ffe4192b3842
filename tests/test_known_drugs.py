"""Names of drugs that categories were learnt from: the nearest told, saved where asked for."""

from __future__ import annotations

import pytest

import drugtext
from drugtext import DrugInsert
from drugtext.errors import CheckpointError


def insert(text: str, *ingredients: str, name: str = "") -> DrugInsert:
    sections = {"indications_and_usage": text}
    return DrugInsert(name=name, language="en", ingredients=ingredients, sections=sections)


SUPPORT = [
    insert("lowers blood pressure", "aldalol"),
    insert("lowers blood pressure", "aldalol"),
    insert("relief of pain", "gupamol", "caffeine"),
    insert("fever and pain", name="Nopain"),
]
CATEGORIES = ["heart", "heart", "pain", "pain"]


def test_each_drug_is_known_by_its_ingredients_or_its_insert(tiny_classifier):
    few = tiny_classifier.fit(SUPPORT, CATEGORIES)
    assert few.drug_names == ("aldalol", "gupamol + caffeine", "Nopain")
    more = few.add_category("skin", [insert("dry skin"), insert("eczema", "cortol")])
    assert more.drug_names[3:] == ("insert 1", "cortol") and len(few.drug_names) == 3
    nearest = more.nearest_drugs(more.embed([SUPPORT[2]])[0], 2)
    assert nearest[0][:2] == ("gupamol + caffeine", "pain") and len(nearest) == 2
    assert nearest[0].cosine == pytest.approx(1, abs=0.01) and nearest[0].cosine > nearest[1].cosine
    assert tiny_classifier.fit_names(["pain"]).nearest_drugs(more.embed(SUPPORT[:1])[0]) == []


def test_names_that_are_no_utf8_are_saved(tiny_classifier, tmp_path):
    source = tmp_path / "caf\udce9.txt"  # as the name of a file in Latin-1 is read
    nameless = DrugInsert(language="en", sections=SUPPORT[0].sections, source=str(source))
    few = tiny_classifier.fit([nameless], ["heart"])
    few.save_pretrained(tmp_path / "few", with_known_drugs=True)
    assert drugtext.load(tmp_path / "few").drug_names == ("caf\\udce9.txt",)


def test_they_are_saved_where_that_was_asked_for_alone(tiny_classifier, tmp_path):
    few = tiny_classifier.fit(SUPPORT, CATEGORIES)
    few.save_pretrained(tmp_path, with_known_drugs=True)
    again = drugtext.load(tmp_path)
    assert again.drug_names == few.drug_names
    assert again.predict(SUPPORT) == few.predict(SUPPORT)
    assert again.add_category("x", SUPPORT[:1]).drug_names[-1] == "aldalol"

    few.save_pretrained(tmp_path)
    again = drugtext.load(tmp_path)
    assert again.drug_names is None and again.explain(SUPPORT[0]).nearest == ()
    assert again.predict(SUPPORT) == few.predict(SUPPORT), "the memory is the head's, names or not"
    assert again.add_category("x", SUPPORT[:1]).drug_names is None
    assert not any("aldalol" in f.read_text("latin-1") for f in tmp_path.rglob("*") if f.is_file())


@pytest.mark.parametrize("damaged", ["no", "[]", '{"a": 1}'])
def test_a_damaged_file_is_refused(tiny_classifier, tmp_path, damaged):
    tiny_classifier.fit(SUPPORT, CATEGORIES).save_pretrained(tmp_path, with_known_drugs=True)
    (tmp_path / "known_drugs.json").write_text(damaged)
    (tmp_path / "manifest.json").unlink()  # it would refuse the file before it is read
    with pytest.raises(CheckpointError, match=r"known_drugs\.json: is damaged"):
        drugtext.load(tmp_path)
