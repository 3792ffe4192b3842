"""read_csv: tables of inserts."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drugtext.errors import ReadError
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts
from drugtext.inserts.table import read_csv


def read(text: str) -> list[DrugInsert | ReadError]:
    rows = read_csv(text, "table.csv")
    assert rows is not None
    return list(rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters(delimiter):
    table = 'name,text,category\nExamplol,"Calms, slowly.",C07\nSamplin,For pain.,N02\n'
    if delimiter != ",":
        table = table.replace('"Calms, slowly."', "Calms slowly.").replace(",", delimiter)
    assert [(i.name, i.sections["text"], i.categories) for i in read(table)] == [
        (
            "Examplol",
            "Calms, slowly." if delimiter == "," else "Calms slowly.",
            {"category": ("C07",)},
        ),
        ("Samplin", "For pain.", {"category": ("N02",)}),
    ]


def test_a_title_may_hold_the_delimiter():
    (row,) = read('"name, brand",text,category\nX,Calms.,heart\n')
    assert (dict(row.sections), row.categories["category"]) == ({"text": "Calms."}, ("heart",))


def test_a_column_a_section():
    columns = "Name;Indications_and_usage;Mechanism_of_action;id"
    first, second = read(f"{columns}\nA;For a fast pulse.;Blocks.;9\nB;Calms.\n")
    told = {"indications_and_usage": "For a fast pulse.", "mechanism_of_action": "Blocks."}
    assert (first.name, dict(first.sections), first.id, first.row) == ("A", told, "9", 0)
    assert (dict(second.sections), second.row) == ({"indications_and_usage": "Calms."}, 1)
    assert read_csv("Description, storage\nDry.\n", "leaflet.txt") is None


@pytest.mark.parametrize(
    ("table", "sections"),
    [
        (
            "name,Indications,side_effects\nA,Pain,Sleep\n",
            ["indications_and_usage", "adverse_reactions"],
        ),
        (
            "通用名称,适应症,用法用量\nA,感染,口服\n",
            ["indications_and_usage", "dosage_and_administration"],
        ),
        (
            "名称,说明书\n某某片,【适应症】感染【禁忌】无\n",
            ["indications_and_usage", "contraindications"],
        ),
    ],
)
def test_columns_are_called_as_headings_are(table, sections):
    (insert,) = read(table)
    assert insert.name in ("A", "某某片") and [*insert.sections] == sections


def test_column_names_in_any_case_and_order_with_byte_order_mark():
    (insert,) = read('\ufeffCategory,"Text"\r\nC07,Calms.\r\n')
    assert insert.sections["text"] == "Calms."
    assert insert.categories == {"category": ("C07",)}


def test_headings_in_a_text_of_several_lines():
    (insert,) = read('text,name\n"INDICATIONS AND USAGE\nFor pain.\n\nOVERDOSAGE\nCall.",Samplin\n')
    assert dict(insert.sections) == {"indications_and_usage": "For pain.", "overdosage": "Call."}


def test_a_column_of_texts_alone():
    assert [i.sections["text"] for i in read("text\nCalms.\n\nFor pain.\n")] == [
        "Calms.",
        "For pain.",
    ]


def test_text_longer_than_the_csv_module_allows_by_default():
    (insert,) = read("name,text\nExamplol," + "a" * 200_000 + "\n")
    assert len(insert.sections["text"]) == 200_000


def test_bad_rows_cost_themselves_alone():
    good, empty, long, last = read("name,text\nA,Calms.\nB,\nC,Calms, slowly.\nD,For pain.\n")
    assert (good.name, last.name) == ("A", "D")
    assert str(empty) == (
        'table.csv[1]: the field "text" is empty; the text of an insert is needed.'
    )
    assert str(long) == (
        'table.csv[2]: the row has 3 columns, the first line names 2; put texts between ".'
    )


def test_a_quotation_mark_that_is_not_closed_is_refused_and_swallows_nothing():
    rows = read_csv('name,text\nA,Calms.\nB,"Calms.\nC,For pain.\n', "table.csv")
    assert next(rows).name == "A"
    with pytest.raises(ReadError) as caught:
        next(rows)
    assert caught.value.reason.startswith("the table cannot be read behind line 4 (unexpected end")


@pytest.mark.parametrize(
    "text",
    ["", "\n", "INDICATIONS AND USAGE\nFor pain.\n", "name,category\n", "context,a\n"],
)
def test_what_is_no_table_of_inserts(text):
    assert read_csv(text, "table.csv") is None


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)


@given(st.lists(st.tuples(words, words), min_size=1, max_size=5))
def test_round_trip(rows):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("name", "text"), *rows])
    read_back = [(i.name, i.text) for i in read(file.getvalue())]
    assert [name for name, _ in read_back] == [name.strip() for name, _ in rows]


def test_a_table_without_rows_is_refused():
    with pytest.raises(ReadError, match="the table has no row below its first line"):
        read("text,category\n\n")


def test_a_table_without_texts_says_which_columns_it_has(tmp_path):
    file = tmp_path / "shelf.CSV"
    file.write_text("drug,told\nExamplol,【适应症】 Lowers the blood pressure.\n")
    with pytest.raises(ReadError, match=r"first line is 'drug,told'; .* is text:"):
        list(read_inserts(file))
    file.write_text("Indications,Pain\nContraindications,None\n")
    with pytest.raises(ReadError, match="first line is 'Indications,Pain'"):
        list(read_inserts(file))
    file.write_text("INDICATIONS AND USAGE\nLowers the blood pressure, slowly.\n")
    assert len(list(read_inserts(file))) == 1  # whatever it is called
