"""A line of a shell block of a page: run as a reader would run it, or checked."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import typer
from huggingface_hub.cli import hf
from torch.distributed.run import get_args_parser as torchrun_parser
from typer.main import get_command
from typer.testing import CliRunner, Result

from drugtext.cli import app

PROJECT = Path(__file__).parents[1]
SCRIPTS = PROJECT / "scripts"

COMMANDS = cast(Any, get_command(app)).commands
"""Name of a command of drugtext -> the command."""

LEFT_OUT = {
    "python -m venv": "makes an environment; tests/test_packaging.py does",
    ". .venv/bin/activate": "likewise",
    "tensorboard ": "serves until it is stopped",
    "DRUGTEXT_MODEL=my-classifier uvicorn ": "serves until it is stopped",
    "curl ": "asks that service; tests/test_docs.py, test_the_service_answers, asks it the same",
}
"""Beginnings of lines that are not run, and why."""

CHECKED = {
    "pip install": "needs a registry",
    "make ": "installs first; continuous integration does it all",
    "hf auth login": "asks for a token",
    "drugtext app": "serves until it is stopped; tests/test_app.py visits it",
    "ACCELERATE_USE_CPU=true torchrun ": "several processes: tests/training does that",
    "torchrun --nnodes 2 ": "several machines",
    "python scripts/finetune_lora.py sample-shelves/support --output runs/tuned": (
        "a page of docs/ trains the same"
    ),
    "python scripts/finetune_lora.py sample-shelves/support --output runs/tree": "trains long",
    "python scripts/finetune_lora.py sample-shelves/support --output runs/on": (
        "runs in tests/scripts"
    ),
    "python scripts/publish.py runs/corpus": (
        "there is no corpus; tests/test_publish.py uploads one"
    ),
    "python scripts/build_corpus.py": "runs in tests/scripts, with inserts written for it",
    "python scripts/meta_train.py": "runs in tests/scripts, on that corpus",
    "python scripts/adapt_encoder.py": "runs in tests/scripts",
    "drugtext learn sample-shelves/support --output my-classifier --model runs/meta": (
        "needs that training"
    ),
    "python scripts/classify_corpus.py": "starts Ray; tests/scale runs it",
    "python scripts/train_checkpoint.py": "needs the real inserts, and long",
    "python scripts/benchmark.py": "likewise; runs in tests/scripts on invented ones",
    "python scripts/trust_report.py": "likewise",
    "python scripts/category_draws.py": "likewise",
    "python scripts/compare_": "likewise",
    "python scripts/bench_": "measures for minutes",
}
"""Beginnings of lines that are not run, but checked: what they name is there. And why."""

SHORTENED = {"python scripts/finetune_lora.py": ["--steps", "2"]}
"""Beginnings of lines that are run with further arguments: training is cut short."""


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


def begins(line: str, beginnings: Iterable[str]) -> str | None:
    """Return the first of these that a line begins with."""
    return next((beginning for beginning in beginnings if line.startswith(beginning)), None)


def run_drugtext(words: list[str]) -> Result:
    """Run a call of the command line in this process."""
    assert words[0] == "drugtext"
    return CliRunner().invoke(app, words[1:])


@cache
def script_app(name: str) -> typer.Typer:
    """Return a script's command line, as its `--help` shows it."""
    own_name = f"script_{Path(name).stem}"
    spec = importlib.util.spec_from_file_location(own_name, SCRIPTS / name)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[own_name] = module  # where its data classes look
    spec.loader.exec_module(module)
    command = typer.Typer(add_completion=False)
    command.command()(module.main)
    return command


def run_script(words: list[str]) -> Result:
    """Run `python scripts/NAME …` in this process."""
    return CliRunner().invoke(script_app(Path(words[1]).name), words[2:])


def check_line(line: str) -> None:
    """Check that commands, options, values and extras that a line names are there; run nothing."""
    words = command_of(line).words
    while re.match(r"[A-Z_]+=", words[0]):  # of the environment
        words = words[1:]
    if words[0] == "torchrun":
        launch = torchrun_parser().parse_args(words[1:])
        words = ["python", launch.training_script, *launch.training_script_args]
    checks = {"pip": check_install, "make": check_target, "python": check_script}
    checks.get(words[0], check_command)(words)


def check_command(words: list[str]) -> None:
    """Check a call of drugtext, or of the hub's own command."""
    tool, *arguments = words
    command: Any = {"drugtext": get_command(app), "hf": hf.app}[tool]
    while subcommand := getattr(command, "get_command", None):
        command = subcommand(command.make_context(tool, [], resilient_parsing=True), arguments[0])
        assert command is not None, words
        tool, *arguments = arguments
    command.make_context(tool, arguments)


def check_script(words: list[str]) -> None:
    """Check `python scripts/NAME …`."""
    script = Path(words[1])
    assert script.parts == ("scripts", script.name), words
    get_command(script_app(script.name)).make_context(words[1], words[2:])


def check_install(words: list[str]) -> None:
    """Check `pip install …`: extras are asked of the checkout, and there are such."""
    assert words[1] == "install", words
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for word in words[2:]:
        place, _, extras = word.partition("[")
        if extras:
            assert place == ".", words
            assert set(extras[:-1].split(",")) <= project["optional-dependencies"].keys(), words


def check_target(words: list[str]) -> None:
    """Check `make TARGET`."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{word}:", makefile, flags=re.MULTILINE) for word in words[1:]), words


def run_line(line: str) -> str:
    """Run a line as a reader would, or check it where there is a reason not to.

    Returns:
        What it printed on standard output.
    """
    if begins(line, LEFT_OUT):
        return ""
    if begins(line, CHECKED):
        check_line(line)
        return ""
    command = command_of(line)
    if command.words[0] == "drugtext":
        done = run_drugtext(command.words)
    else:
        more = begins(line, SHORTENED)
        done = run_script(command.words + (SHORTENED[more] if more else []))
    assert done.exit_code == command.status, (line, done.output, done.exception)
    if command.output:
        Path(command.output).write_text(done.stdout, encoding="utf-8")
    return done.stdout
