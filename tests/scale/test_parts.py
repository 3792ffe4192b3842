"""Parts of a corpus: together they are all of it, in order, whatever the files are."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.errors import CorpusError
from drugtext.scale.parts import PartReader, file_system, plan_parts, states_of


class CountedFile(io.FileIO):
    """Counts what is read of all of its kind."""

    n_bytes = 0

    def readinto(self, buffer) -> int | None:
        n_bytes = super().readinto(buffer)
        CountedFile.n_bytes += n_bytes or 0
        return n_bytes

    def readall(self) -> bytes:
        found = super().readall()
        CountedFile.n_bytes += len(found)
        return found


class CountingFileSystem(LocalFileSystem):
    """Local files at counted:///…"""

    protocol = "counted"

    def _open(self, path, mode="rb", **_):
        return io.BufferedReader(CountedFile(path, mode))


fsspec.register_implementation("counted", CountingFileSystem)


def rows(n: int) -> list[dict[str, object]]:
    return [{"id": f"é{k}", "sections": {"indications_and_usage": f"treats {k}"}} for k in range(n)]


def read(inputs: list[str], rows_a_part: int) -> list[tuple[int, object]]:
    reader = PartReader()
    return [found for part in plan_parts(inputs, rows_a_part) for found in reader.read(part)]


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


def test_a_file_that_was_written_anew_is_another_one(tmp_path):
    for name in ("a.jsonl", "b.jsonl"):
        lines(tmp_path / name, rows(2))

    def states() -> dict[str, str]:
        return states_of(plan_parts([str(tmp_path)]))

    before = states()
    assert [Path(name).name for name in before] == ["a.jsonl", "b.jsonl"]
    assert states() == before
    file = tmp_path / "a.jsonl"
    file.write_text(file.read_text().replace("1", "2"))  # as long as before
    os.utime(file, (1, 1))
    first, second = (states()[name] != before[name] for name in before)
    assert first and not second


def test_blank_lines_are_no_records(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('\n{"id": 1}\n\n \n{"id": 2}\n{"id": 3}\n\n')
    for rows_a_part in (1, 2, 9):
        told = [{"id": n} for n in (1, 2, 3)]
        assert read([str(file)], rows_a_part) == list(enumerate(told))
    file.write_text("\n\n")
    assert plan_parts([str(file)]) == []


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
    file.write_text('{"id": 1}\nnot json\n[1]\n{"id": 2}\n' + "[" * 100_000 + '\n{"id": 3}\n')
    found = [record for _, record in read([str(file)], 3)]
    assert found[0] == {"id": 1} and found[3] == {"id": 2} and found[5] == {"id": 3}
    assert "[1]: is no JSON" in str(found[1]) and "[2]: is no record" in str(found[2])
    assert "[4]: is no JSON" in str(found[4])


def test_an_address_that_nothing_opens_is_named():
    with pytest.raises(CorpusError, match=r"nowhere://a: cannot be opened \(Protocol not known"):
        file_system("nowhere://a")


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


def long_rows(n: int) -> list[dict[str, object]]:
    """Rows that hardly pack."""
    rng = random.Random(0)
    return [{"id": str(k), "text": rng.randbytes(4000).hex()} for k in range(n)]


@pytest.fixture(params=["a.jsonl", "a.jsonl.gz", "a.parquet"])
def long_file(request, tmp_path) -> Path:
    """600 rows, 4 MB and more; those of Parquet in one group."""
    if request.param != "a.parquet":
        return lines(tmp_path / request.param, long_rows(600))
    pq.write_table(pa.Table.from_pylist(long_rows(600)), tmp_path / request.param)
    return tmp_path / request.param


def test_a_file_of_many_parts_is_read_once(long_file):
    size = long_file.stat().st_size
    parts = plan_parts([f"counted://{long_file}"], 20)
    assert len(parts) == 30 and parts[0].file == f"counted://{long_file}"
    reader, before = PartReader(), CountedFile.n_bytes
    found = [record for part in parts for _, record in reader.read(part)]
    assert found == long_rows(600)
    # Each by itself reads all that stands before it: fifteen times the file.
    assert (CountedFile.n_bytes - before) / size < 1.5


def test_workers_that_share_a_file_read_it_once_each(long_file):
    parts = plan_parts([f"counted://{long_file}"], 20)
    readers, before = [PartReader(), PartReader()], CountedFile.n_bytes
    for n, part in enumerate(parts):
        numbers = [number for number, _ in readers[n % 2].read(part)]
        assert numbers == list(range(20 * n, 20 * n + 20))
    assert (CountedFile.n_bytes - before) / long_file.stat().st_size < 2.5


def test_of_a_large_row_group_no_more_is_read_than_is_needed(tmp_path):
    file = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(long_rows(3000)), file)
    part = plan_parts([f"counted://{file}"], 20)[0]
    before = CountedFile.n_bytes
    assert len(list(PartReader().read(part))) == 20
    assert (CountedFile.n_bytes - before) / file.stat().st_size < 0.6


def test_parts_come_in_any_order_and_a_part_may_be_left_half_read(long_file):
    parts = plan_parts([str(long_file)], 100)
    reader, expected = PartReader(), long_rows(600)
    next(iter(reader.read(parts[3])))
    for n in (2, 5, 0, 0, 4):
        found = list(reader.read(parts[n]))
        assert found == list(enumerate(expected))[100 * n : 100 * n + 100]


def test_a_file_is_planned_once_and_what_programs_left_is_not(tmp_path):
    for name in ("a.jsonl", "in/b.jsonl", ".hid/c.jsonl", "_temporary/d.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        lines(tmp_path / name, rows(1))
    parts = plan_parts([str(tmp_path), str(tmp_path / "a.jsonl")], 20)
    assert [Path(part.file).name for part in parts] == ["a.jsonl", "b.jsonl"]
