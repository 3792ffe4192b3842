"""The command line: its commands and exit codes; the work is done by the Python functions."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from drugtext._version import __version__
from drugtext.commands.classify import classify, explain, read
from drugtext.commands.evaluate import evaluate, models
from drugtext.commands.learn import learn
from drugtext.commands.map import draw
from drugtext.commands.page import page
from drugtext.commands.registry import app as registry
from drugtext.errors import first_line

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Read drug package inserts and say which drug category each belongs to.",
    epilog="Exit status: 0, all inserts were read; 1, some could not be, and each is named on"
    " standard error; 2, the call itself is wrong; 70, an error of drugtext's own.",
)
_OWN_ERROR = 70  # EX_SOFTWARE of BSD's sysexits.h
_SHOWS_TRACEBACK = "DRUGTEXT_TRACEBACK"

_COMMANDS: dict[str, Callable[..., None]] = {
    "classify": classify,
    "explain": explain,
    "learn": learn,
    "evaluate": evaluate,
    "models": models,
    "read": read,
    "map": draw,
    "app": page,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)
app.add_typer(registry, name="registry")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"drugtext {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """Run the command line and end the process."""
    status = 0
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals without Chinese
    try:
        app()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
        if isinstance(end.__context__, BrokenPipeError):  # as below, in the midst of the work
            status = 0
    except BaseException as error:  # a fault of ours, or of a library: Rust's panic is no Exception
        if isinstance(error, KeyboardInterrupt) or os.environ.get(_SHOWS_TRACEBACK, "0") != "0":
            raise
        told = f"drugtext: failed where it should not ({type(error).__name__}: {first_line(error)})"
        print(f"{told}. Please report it; {_SHOWS_TRACEBACK}=1 shows where.", file=sys.stderr)
        status = _OWN_ERROR
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # `drugtext … | head` closed the pipe: nobody reads on
        status = 0
    # Taking torch down in good order takes longer than classifying an insert; nothing is open.
    os._exit(status)


if __name__ == "__main__":
    main()
