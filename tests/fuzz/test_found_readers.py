"""What fuzzing found in the readers, and what is read or said of it now."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile

import pytest

from drugtext.errors import CorpusError, ReadError, TaxonomyError
from drugtext.evaluation.trust.bad_inputs import zipped
from drugtext.evaluation.trust.hostile_inputs import hostile_inputs, hostile_taxonomies
from drugtext.inserts.read import read_inserts
from drugtext.inserts.table import read_csv
from drugtext.support import read_support
from drugtext.taxonomy import Taxonomy

TEXT = b"INDICATIONS AND USAGE\nExamplol is for a fast pulse.\n"


@pytest.fixture
def read(tmp_path):
    """A function that writes a file and reads it: inserts, and errors."""

    def read(data: bytes) -> tuple[list, list[ReadError]]:
        errors: list[ReadError] = []
        (tmp_path / "file").write_bytes(data)
        return list(read_inserts(tmp_path / "file", on_error=errors.append)), errors

    return read


@pytest.mark.parametrize("what", ["a million separators", "separators as references"])
def test_a_run_of_the_sign_that_stands_for_soft_space_took_the_square_of_its_length(read, what):
    (insert,), errors = read(hostile_inputs()[f"html: {what}"])
    assert not errors and insert.sections["indications_and_usage"] == "Pain"


def test_a_footnote_is_still_followed_by_punctuation_without_a_space(read):
    page = b"<h2>Uses</h2>a pulse<footnote>at rest</footnote> , b<footnote>c</footnote>d"
    (insert,), _ = read(page)
    assert insert.sections["indications_and_usage"] == "a pulse (at rest), b (c) d"


def test_half_characters_in_the_names_of_fields_went_into_what_is_written_down(read):
    (first, _), errors = read(hostile_inputs()["json: half characters on lines"])
    assert not errors and list(first.categories) == [""]
    json.dumps([*first.metadata.items(), *first.categories.items()], ensure_ascii=False).encode()
    _, (error,) = read(b'[{"\\ud83d\\ude00 \xed\xa0\x80": 1}]')
    str(error).encode()


def test_of_two_columns_called_text_the_first_was_lost():
    with pytest.raises(ReadError, match="has 2 columns that are called text; call one"):
        read_csv("text,name,text\na,b,c\n", "a.csv")


def test_members_above_the_folder_were_passed_over_in_silence(read):
    inserts, errors = read(zipped({"../a.txt": TEXT, "./b.txt": TEXT, "../.git/c.txt": TEXT}))
    assert [insert.source[-9:] for insert in inserts] == ["/../a.txt", "e/./b.txt"]
    assert not errors


def test_members_over_one_another_were_each_unpacked(read):
    inserts, errors = read(hostile_inputs()["zip: 400 members over one another"])
    assert not inserts and len(errors) == 400
    assert sum("It looks like an archive bomb" in error.reason for error in errors) > 390


def test_a_member_that_asks_for_more_memory_than_there_is(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.txt", TEXT)
    data = bytearray(packed.getvalue())
    size = data.index(b"a.txt") + len("a.txt") + 5  # of its dictionary, behind version and length
    data[size : size + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "a.zip").write_bytes(data)
    code = f"""
import resource
from drugtext.inserts.read import read_inserts
resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
print(list(read_inserts({str(tmp_path / "a.zip")!r}, on_error=print)))
"""
    call = [sys.executable, "-c", code]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert re.search(r"a\.txt: the archive is damaged .*MemoryError.*\n\[\]\n$", done.stdout), done


@pytest.mark.parametrize("what", ["a chain of 100,000", "tags that do not end"])
def test_taxonomies_that_took_the_square_of_their_length(tmp_path, what):
    kind, data = hostile_taxonomies()[f"taxonomy: {what}"]
    (tmp_path / "file").write_bytes(data)
    taxonomy = getattr(Taxonomy, f"from_{kind}")(tmp_path / "file")
    assert len(taxonomy) == (100_000 if kind == "csv" else 1)


def test_a_circle_that_a_chain_leads_into_is_still_found(tmp_path):
    (tmp_path / "a.csv").write_text("id,name,parent\na,,b\nb,,c\nc,,b\n")
    with pytest.raises(TaxonomyError, match="'b' is its own ancestor"):
        Taxonomy.from_csv(tmp_path / "a.csv")


@pytest.mark.parametrize("kind", ["csv", "atc", "epc", "keg"])
@pytest.mark.parametrize("path", ["a\0b", "x" * 5000], ids=["zero byte", "too long"])
def test_paths_that_no_file_can_have(kind, path):
    with pytest.raises(TaxonomyError, match="cannot be read"):
        getattr(Taxonomy, f"from_{kind}")(path)
    with pytest.raises(ReadError, match=r"no such file|cannot be opened"):
        list(read_support(path))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_a_category_whose_folder_has_no_name_in_utf8(tmp_path):
    folder = tmp_path / os.fsdecode(b"pain \xff")
    folder.mkdir()
    (folder / "a.txt").write_bytes(TEXT)
    ((_, category),) = read_support(tmp_path)
    assert category == r"pain \udcff"


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(ReadError, match=r"cannot be listed \(Permission denied\)"):
        list(read_support(tmp_path))
    monkeypatch.undo()
    with pytest.raises(CorpusError, match="holds no folder"):
        list(read_support(tmp_path))
