"""Support sets: category folders, JSON lines and CSV."""

from __future__ import annotations

import json

import pytest

from drugtext.errors import CorpusError, ReadError
from drugtext.support import read_support

TEXT = "INDICATIONS AND USAGE\nExamplol tablets are indicated for the treatment of hypertension."


def test_folders_are_categories(tmp_path):
    for category, name in (("beta", "b.txt"), ("alpha", "z.txt"), ("alpha", "a.txt")):
        (tmp_path / category).mkdir(exist_ok=True)
        (tmp_path / category / name).write_text(TEXT, encoding="utf-8")
    (tmp_path / ".hidden").mkdir()
    found = [
        (insert.source.rpartition("/")[2], category) for insert, category in read_support(tmp_path)
    ]
    assert found == [("a.txt", "alpha"), ("z.txt", "alpha"), ("b.txt", "beta")]


def test_what_systems_leave_in_folders_is_passed_over(tmp_path):
    for name in ("pain/a.txt", "pain/Thumbs.db", "pain/~$a.docx", "__MACOSX/a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT, encoding="utf-8")
    assert [category for _, category in read_support(tmp_path)] == ["pain"]


def test_inserts_beside_the_folders_are_named(tmp_path):
    for name in ("pain/a.txt", "stray.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT, encoding="utf-8")
    errors: list[ReadError] = []
    assert [c for _, c in read_support(tmp_path, on_error=errors.append)] == ["pain"]
    (told,) = map(str, errors)
    assert told == f"{tmp_path / 'stray.txt'}: stands in no category's folder; move it into one."
    with pytest.raises(ReadError, match=r"stray\.txt: stands in no category's folder"):
        list(read_support(tmp_path))


def test_accents_of_folders_are_written_in_one_way(tmp_path):
    (tmp_path / "Me\u0301nopause").mkdir()
    (tmp_path / "Me\u0301nopause" / "a.txt").write_text(TEXT, encoding="utf-8")
    assert [category for _, category in read_support(tmp_path)] == ["M\u00e9nopause"]


def test_chinese_tables_give_their_category(tmp_path):
    (tmp_path / "a.csv").write_text(
        "说明书,类别\n【适应症】高血压【禁忌】无,降压药\n", encoding="gb18030"
    )
    assert [category for _, category in read_support(tmp_path / "a.csv")] == ["降压药"]


def test_a_folder_without_folders_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    with pytest.raises(CorpusError, match="holds no folder; one folder a category"):
        list(read_support(tmp_path))


def test_json_lines_give_their_category(tmp_path):
    file = tmp_path / "support.jsonl"
    records = [
        {"name": "Examplol", "text": TEXT, "category": "beta blockers", "atc": ["C07AB"]},
        {"name": "Slowol", "text": TEXT, "atc": ["C07AA", "C07AB"]},
    ]
    file.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    assert [c for _, c in read_support(file, taxonomy_name="atc")] == ["beta blockers", "C07AA"]


def test_csv_gives_its_category(tmp_path):
    file = tmp_path / "support.csv"
    file.write_text('text,category\n"For pain, and fever.",analgesics\n', encoding="utf-8")
    ((insert, category),) = read_support(file)
    assert category == "analgesics"
    assert "For pain, and fever." in insert.text


def test_a_number_may_be_a_category(tmp_path):
    records = tmp_path / "support.jsonl"
    records.write_text('{"text": "Calms.", "category": 7}\n{"text": "Wakes.", "category": true}\n')
    errors: list[ReadError] = []
    assert [c for _, c in read_support(records, on_error=errors.append)] == ["7"]
    assert str(errors[0]).startswith(f'{records}[1]: a record has no "category"')


def test_a_record_without_category_is_refused_or_reported(tmp_path):
    file = tmp_path / "support.jsonl"
    records = [{"name": "Examplol", "text": TEXT}, {"text": TEXT, "category": "b"}]
    file.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    with pytest.raises(ReadError, match='Examplol has no "category"; give it one'):
        list(read_support(file))
    errors: list[ReadError] = []
    assert [category for _, category in read_support(file, on_error=errors.append)] == ["b"]
    assert [error.source for error in errors] == [f"{file}[0]"]


def test_codes_of_another_taxonomy_are_no_category(tmp_path):
    file = tmp_path / "support.jsonl"
    file.write_text(json.dumps({"name": "Examplol", "text": TEXT, "atc": ["C07AB"]}) + "\n")
    with pytest.raises(ReadError, match='no "category"'):
        list(read_support(file, taxonomy_name="epc"))


def test_an_absent_path_is_refused_by_name(tmp_path):
    with pytest.raises(ReadError, match=r"absent\.csv: there is no such file"):
        list(read_support(tmp_path / "absent.csv"))
