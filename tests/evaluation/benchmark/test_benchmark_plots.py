"""Pictures: PNG files with something on them, and none where there is nothing to draw."""

from __future__ import annotations

import struct
import zlib

from drugtext.evaluation.benchmark.plots import write_plots


def pixels(data: bytes) -> bytes:
    """The raw image data of a PNG file."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    place, found = 8, b""
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        if data[place + 4 : place + 8] == b"IDAT":
            found += data[place + 8 : place + 8 + length]
        place += 12 + length
    return zlib.decompress(found)


def test_every_picture_is_drawn(invented_results, tmp_path):
    files = write_plots(invented_results, tmp_path)
    names = ["accuracy_by_k.png", "cost.png", "confusion.png", "growing.png"]
    assert [file.name for file in files] == names
    for file in files:
        assert len(set(pixels(file.read_bytes()))) > 20


def test_other_figures_give_another_picture(invented_results, tmp_path):
    (first,) = (f for f in write_plots(invented_results, tmp_path) if f.name == "cost.png")
    before = first.read_bytes()
    for row in invented_results["figures"]:
        if row["contestant"] == "rival" and row["metrics"]:
            row["metrics"]["accuracy"] = {"value": 0.1, "low": None, "high": None}
    write_plots(invented_results, tmp_path)
    assert first.read_bytes() != before


def test_without_figures_nothing_is_drawn(invented_results, tmp_path):
    empty = invented_results | {"figures": [], "confusion": None}
    assert write_plots(empty, tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_what_did_not_finish_is_left_out(invented_results, tmp_path):
    kept = [row for row in invented_results["figures"] if not row["metrics"]]
    assert kept
    results = invented_results | {"figures": kept}
    assert [file.name for file in write_plots(results, tmp_path)] == ["confusion.png"]
