"""Parts of a corpus: together they are all of it, in order, whatever the files are."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.errors import CorpusError
from drugtext.scale.parts import plan_parts, read_part, sizes_of


def rows(n: int) -> list[dict[str, object]]:
    return [{"id": f"é{k}", "sections": {"indications_and_usage": f"treats {k}"}} for k in range(n)]


def read(inputs: list[str], rows_a_part: int) -> list[tuple[int, object]]:
    return [found for part in plan_parts(inputs, rows_a_part) for found in read_part(part)]


def lines(file: Path, records: list[dict[str, object]]) -> Path:
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
    file.write_bytes(gzip.compress(text) if file.suffix == ".gz" else text)
    return file


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 23), st.integers(1, 9), st.integers(1, 30))
def test_parts_are_all_of_a_parquet_file(tmp_path_factory, n, rows_a_part, group_size):
    file = tmp_path_factory.mktemp("parts") / "a.parquet"
    schema = pa.schema({"id": pa.string(), "sections": pa.map_(pa.string(), pa.string())})
    told = [row | {"sections": list(row["sections"].items())} for row in rows(n)]
    table = pa.Table.from_pylist(told, schema=schema)
    pq.write_table(table, file, row_group_size=group_size)
    assert read([str(file)], rows_a_part) == list(enumerate(rows(n)))
    parts = plan_parts([str(file)], rows_a_part)
    assert all(0 < part.n_rows <= rows_a_part for part in parts)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 23), st.integers(1, 9), st.sampled_from(["a.jsonl", "a.jsonl.gz"]))
def test_parts_are_all_of_the_lines(tmp_path_factory, n, rows_a_part, name):
    file = lines(tmp_path_factory.mktemp("parts") / name, rows(n))
    assert read([str(file)], rows_a_part) == list(enumerate(rows(n)))


def test_a_folder_is_read_in_order_and_an_address_as_a_path(tmp_path):
    lines(tmp_path / "b.jsonl", rows(2))
    lines(tmp_path / "a.jsonl", rows(3))
    (tmp_path / "_settings.json").write_text("{}")
    found = [number for number, _ in read([f"file://{tmp_path}"], 10)]
    assert found == [0, 1, 2, 0, 1]
    sizes = sizes_of(plan_parts([str(tmp_path)]))
    assert [Path(name).name for name in sizes] == ["a.jsonl", "b.jsonl"]
    assert min(sizes.values()) > 0


def test_fields_that_a_row_lacks_are_left_out(tmp_path):
    told = [
        {"id": "1", "text": None, "sections": {"a": "x", "b": None}},
        {"id": "2", "text": "y", "sections": {"a": None, "b": None}},
    ]
    pq.write_table(pa.Table.from_pylist(told), tmp_path / "a.parquet")
    found = [record for _, record in read([str(tmp_path)], 10)]
    assert found == [{"id": "1", "sections": {"a": "x"}}, {"id": "2", "text": "y"}]


def test_a_line_that_is_no_record_says_so_and_the_others_are_read(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"id": 1}\nnot json\n[1]\n{"id": 2}\n')
    found = [record for _, record in read([str(file)], 3)]
    assert found[0] == {"id": 1} and found[3] == {"id": 2}
    assert "line 2 is no JSON" in str(found[1]) and "line 3 is no record" in str(found[2])


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(CorpusError, match="there is no such file or folder"):
        plan_parts([str(tmp_path / "nowhere.parquet")])
    with pytest.raises(CorpusError, match="holds no file"):
        plan_parts([str(tmp_path)])
    (tmp_path / "a.csv").write_text("id\n")
    with pytest.raises(CorpusError, match=r"a\.csv: \.parquet .* are read"):
        plan_parts([str(tmp_path)])
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(CorpusError, match=r"torn\.parquet: cannot be read"):
        plan_parts([str(torn)])
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(gzip.compress(b'{"id": 1}\n' * 1000)[:60])
    with pytest.raises(CorpusError, match=r"torn\.jsonl\.gz: cannot be read"):
        plan_parts([str(torn)])
