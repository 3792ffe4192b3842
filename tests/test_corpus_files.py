"""Files of a corpus: corrections are taken for what they are."""

from __future__ import annotations

import pytest

from drugtext.corpus_files import corrected, read_aliases, read_corrections
from drugtext.errors import CorpusError
from drugtext.inserts.insert import DrugInsert

INSERT = DrugInsert(
    sections={"indications_and_usage": "x"},
    categories={"atc": ("B05AA01",), "epc": ("own",)},
    metadata={"id": "one"},
)


def test_a_category_that_is_proved_wrong_is_replaced(tmp_path):
    table = tmp_path / "corrections.csv"
    table.write_text("id,wrong,right,why\none,B05AA,V09XA,homonym\ntwo,B05AA,,wrong text\n")
    right = read_corrections(table)
    assert right == {"one": "V09XA", "two": ""}
    assert corrected(INSERT, right, "atc").categories == {"atc": ("V09XA",), "epc": ("own",)}
    assert corrected(INSERT, {"one": ""}, "atc").categories["atc"] == ()
    for other in (right, {}):
        unknown = DrugInsert(sections=INSERT.sections, categories=INSERT.categories)
        assert corrected(unknown, other, "atc") is unknown


def test_a_table_without_the_columns_is_refused(tmp_path):
    table = tmp_path / "corrections.csv"
    table.write_text("id,category\none,V09XA\n")
    with pytest.raises(CorpusError, match="found id, category; needed columns: id, right"):
        read_corrections(table)


def test_a_table_is_read_as_a_spreadsheet_saves_it(tmp_path):
    table = tmp_path / "aliases.csv"
    table.write_text("\ufeffBrand;Ingredients\r\n Calmax ;calmol\r\nEasex\r\n", encoding="utf-8")
    assert read_aliases(table) == {"calmol": ["Calmax"]}


@pytest.mark.parametrize("sign", [";", "；", " + ", "、", " / "])
def test_names_of_a_combination_are_parted_by_any_usual_sign(sign, tmp_path):
    file = tmp_path / "brands.csv"
    file.write_text(f"brand,ingredients\nTwynol,examplol{sign}slowol\n", encoding="utf-8")
    assert read_aliases(file) == {"examplol": ["Twynol"], "slowol": ["Twynol"]}
    file.write_text("brand,ingredients\nMix,insulin aspart 70/30\n", encoding="utf-8")
    assert len(read_aliases(file)) == 1
