"""Helpers that the tests of the readers share."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drugtext.errors import ReadError
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts

ReadAll = Callable[..., tuple[list[DrugInsert], list[ReadError]]]


@pytest.fixture(scope="session")
def made_up_record() -> Callable[..., dict[str, Any]]:
    """A function that makes an openFDA record; keyword arguments add fields or replace them."""

    def make(name: str = "Examplol", **fields: Any) -> dict[str, Any]:
        return {
            "id": f"id-{name}",
            "openfda": {"brand_name": [name], "generic_name": ["EXAMPLOLOL"]},
            "indications_and_usage": [f"1 INDICATIONS AND USAGE {name} is for a fast pulse."],
        } | fields

    return make


@pytest.fixture(scope="session")
def read_all() -> ReadAll:
    """A function that reads paths and gives all inserts, and all errors, in order."""

    def read(*paths: str | Path) -> tuple[list[DrugInsert], list[ReadError]]:
        errors: list[ReadError] = []
        inserts = list(read_inserts(paths, on_error=errors.append))
        return inserts, errors

    return read


@pytest.fixture(scope="session")
def zipped() -> Callable[[dict[str, bytes]], bytes]:
    """A function that packs names and bytes into a zip archive."""

    def pack(files: dict[str, bytes]) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return packed.getvalue()

    return pack
