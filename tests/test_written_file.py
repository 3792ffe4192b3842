"""Files that a user wants somewhere."""

from __future__ import annotations

import pytest

from drugtext.errors import DrugTextError
from drugtext.written_file import write_file


def test_texts_and_bytes_are_written_and_written_over(tmp_path):
    file = tmp_path / "file"
    write_file(file, "说明书 \ud800")
    assert file.read_bytes() == "说明书 ?".encode()
    write_file(str(file), b"\x89PNG\n")
    assert file.read_bytes() == b"\x89PNG\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(DrugTextError, match=r"none/a.html: cannot be written \(No such file"):
        write_file(tmp_path / "none" / "a.html", "")
    with pytest.raises(DrugTextError, match=r"cannot be written .* give a file in a folder"):
        write_file(tmp_path, "")
