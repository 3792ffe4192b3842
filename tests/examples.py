"""The examples of a Markdown page: found, and run as a reader would run them, in a folder."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import typer
from typer.main import get_command
from typer.testing import CliRunner, Result

from drugtext.cli import app

PROJECT = Path(__file__).parents[1]
SCRIPTS = PROJECT / "scripts"

COMMANDS = cast(Any, get_command(app)).commands
"""Name of a command of drugtext -> the command."""

SHELVES = {
    "blood-pressure": (
        "high blood pressure. Lowering blood pressure makes strokes and heart attacks rarer",
        "blocks beta receptors of the heart, which then beats more slowly and with less force",
        ("Adalol", "Bevalol", "Corvalol", "Dumalol", "Evelol"),
    ),
    "diabetes": (
        "type 2 diabetes, beside diet and exercise, to lower the glucose of the blood",
        "lets the liver release less glucose and makes tissues take up more of it by insulin",
        ("Agliform", "Begliform", "Cegliform", "Dogliform", "Egliform"),
    ),
    "epilepsy": (
        "partial onset seizures of epilepsy, by itself or added to other antiepileptics",
        "calms nerve cells that fire too often, by keeping their sodium channels closed",
        ("Acetam", "Bracetam", "Cimacetam", "Docetam", "Elacetam"),
    ),
    "antibiotics": (
        "infections of the skin, the lung and the urinary tract by susceptible bacteria",
        "kills bacteria, which can no longer build their cell wall",
        ("Acillin", "Bocillin", "Cucillin", "Docillin", "Efcillin"),
    ),
}
"""Shelf -> what its invented medicines are for, how they work, and their names."""

NEW_SHELF = "antibiotics"
PATIENTS = ("adults", "adults and children from 6 years of age", "older patients", "adolescents")


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


class Command(NamedTuple):
    """A line of a shell block.

    Attributes:
        words: of the call.
        output: file that it writes what it prints into; empty if it does not.
        status: exit status that its comment foretells (`# exit status 1: …`), else 0.
    """

    words: list[str]
    output: str
    status: int


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


def lines_of(code: str) -> list[str]:
    """Return the commands of a shell block, each on one line."""
    lines = code.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def command_of(line: str) -> Command:
    """Take a line of a shell block apart."""
    words = shlex.split(line, comments=True)
    output = ""
    if ">" in words:
        *words, _, output = words
    told = re.search(r"# exit status (\d)", line)
    return Command(words, output, int(told[1]) if told else 0)


def make_workplace(folder: Path) -> Path:
    """Fill a folder with what the examples of the pages read, and return it.

    samples/ are those of the project; my-shelves/ holds a folder of invented inserts a shelf,
    held-back/ one more insert of each, and new-shelf/ those of another shelf.
    """
    shutil.copytree(PROJECT / "samples", folder / "samples")
    for shelf, (purpose, mechanism, names) in SHELVES.items():
        for name, patients in zip(names, [*PATIENTS, PATIENTS[0]], strict=True):
            text = (
                f"{name}\n\nINDICATIONS AND USAGE\n{name} is indicated in {patients} for"
                f" {purpose}.\n\nMECHANISM OF ACTION\n{name} {mechanism}.\n"
            )
            place = folder / "my-shelves" / shelf
            if shelf == NEW_SHELF:
                place = folder / "new-shelf"
            elif name == names[-1]:
                place = folder / "held-back" / shelf
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{name.lower()}.txt").write_text(text, encoding="utf-8")
    return folder


def run_drugtext(words: list[str]) -> Result:
    """Run a call of the command line in this process."""
    assert words[0] == "drugtext"
    return CliRunner().invoke(app, words[1:])


@cache
def script_app(name: str) -> typer.Typer:
    """Return a script's command line, as its `--help` shows it."""
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), SCRIPTS / name)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    command = typer.Typer(add_completion=False)
    command.command()(module.main)
    return command


def run_script(words: list[str]) -> Result:
    """Run `python scripts/NAME …` in this process."""
    return CliRunner().invoke(script_app(Path(words[1]).name), words[2:])


def check_call(words: list[str]) -> None:
    """Check that a call of drugtext or of a script names options and values that there are.

    Nothing is run; what is wrong with the call is raised.
    """
    if words[0] == "drugtext":
        command = COMMANDS[words[1]]
    else:
        assert words[1] == f"scripts/{Path(words[1]).name}"
        command = get_command(script_app(Path(words[1]).name))
    command.make_context(words[1], words[2:])
