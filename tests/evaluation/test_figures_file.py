"""The file of figures: what was measured, and what repeats it."""

from __future__ import annotations

import json
import platform

from drugtext import __version__
from drugtext.evaluation.figures_file import made_by, versions, write_figures
from drugtext.evaluation.machine import machine


def test_figures_stand_behind_what_repeats_them(tmp_path):
    file = tmp_path / "new" / "folder" / "figures.json"
    write_figures(file, {"rows": [{"k": 1}]}, "torch bfloat16")
    told = json.loads(file.read_text(encoding="utf-8"))
    assert [*told] == ["command", "versions", "machine", "rows"]
    assert told["rows"] == [{"k": 1}] and told["machine"] == machine()
    assert told["command"].startswith("python ")
    assert told["versions"] == versions("torch bfloat16")


def test_versions_tell_what_ran_the_encoder_where_it_was_one():
    assert versions("torch bfloat16")["encoder run by"] == "torch bfloat16"
    found = made_by()["versions"]
    assert "encoder run by" not in found
    assert found["drugtext"] == __version__ and found["python"] == platform.python_version()
    assert found["torch"][0].isdigit()
