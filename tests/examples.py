"""The examples of a Markdown page: found, and run as a reader would run them, in a folder."""

from __future__ import annotations

import glob
import io
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from hub_server import Hub, hub_settings
from shell_lines import PROJECT, lines_of, run_line

SHELVES = {"blood-pressure", "diabetes", "epilepsy"}
"""Folders below sample-shelves/support."""

HUB = "https://huggingface.co"

PRINTED = "printed"
"""Title of a block that shows what the one above it prints."""

ELSEWHERE = "# drugtext is not installed here"
"""First line of a Python block that runs in an environment without drugtext."""


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
        language: behind the fence.
        title: name of the file whose content the block is; empty if it is no file's.
        code: what stands between the fences.
    """

    language: str
    title: str
    code: str


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order; a fence stands at the beginning of a line."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(
        r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$', text, flags=re.DOTALL | re.MULTILINE
    )
    assert 2 * len(found) == len(re.findall(r"^\s*```", text, flags=re.MULTILINE)), page
    return [Block(*groups) for groups in found]


def code_of(page: Path, language: str) -> list[str]:
    """Return what a page's blocks of one language hold."""
    return [block.code for block in blocks_of(page) if block.language == language]


def make_workplace(folder: Path) -> Path:
    """Put what the examples of the pages read into a folder, and return it."""
    for name in ("samples", "sample-shelves"):
        shutil.copytree(PROJECT / name, folder / name)
    return folder


def run_python(code: str, page: str, names: dict[str, Any]) -> str:
    """Run a block in these names, and return what it printed; it is printed here, too."""
    told = io.StringIO()
    with redirect_stdout(told):
        exec(compile(code, page, "exec"), names)
    print(told.getvalue(), end="")
    return told.getvalue()


def run_page(page: Path) -> dict[str, Any]:
    """Run a page's blocks in the current folder; return the names that its Python has made."""
    names: dict[str, Any] = {}
    printed = ""
    for block in blocks_of(page):
        if block.title == PRINTED:
            check_printed(block.code, printed)
        elif block.title:
            Path(block.title).write_text(block.code, encoding="utf-8")
        elif block.language == "sh":
            printed = "".join(run_line(line) for line in lines_of(block.code))
        elif block.language == "python" and can_run(block.code):
            printed = run_python(block.code, page.name, names)
    return names


def can_run(code: str) -> bool:
    """Tell whether what a block of Python needs is installed."""
    return not code.startswith(ELSEWHERE) and ("fastapi" not in code or bool(find_spec("fastapi")))


def check_printed(shown: str, printed: str) -> None:
    """Check that a block shows what was printed.

    `…` stands for anything; figures may differ a little, as they do from machine to machine.
    """
    told = printed.replace(os.environ.get("HF_ENDPOINT", HUB), HUB).split()
    assert len(told) == len(shown.split()) and all(map(is_alike, shown.split(), told)), printed


def is_alike(shown: str, printed: str) -> bool:
    """Tell whether a word is what was printed, as `check_printed` understands it."""
    if re.fullmatch(r"\d+\.\d+", shown):
        return re.fullmatch(r"\d+\.\d+", printed) is not None and (
            abs(float(shown) - float(printed)) <= 0.03
        )
    return fnmatchcase(printed, glob.escape(shown).replace("…", "*"))


def in_process(module: str, function: str) -> str:
    """Return code that calls a function of a module of tests/."""
    tests = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"
    return f"{tests}\nfrom {module} import {function}; {function}()"


def run_against(hub: Hub, code: str, *, python: str | Path = sys.executable) -> str:
    """Run code in the current folder, in a process that speaks with this hub; return its output."""
    settings = hub_settings(hub, Path("home").absolute())
    done = subprocess.run(
        [str(python), "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | settings | {"PYTHONPATH": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
