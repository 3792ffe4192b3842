"""Look for files that a reader neither reads nor refuses, led by which lines of code they reach.

    pip install 'drugtext[fuzz]'
    python scripts/fuzz.py reader --minutes 10
    python scripts/fuzz.py reader --format spl.xml --format page.html --minutes 10
    python scripts/fuzz.py taxonomy --minutes 5 --output runs/fuzz
    python scripts/fuzz.py checkpoint --of my-classifier --minutes 10

Atheris (libFuzzer for Python) changes whole files of each format, keeps the changes that reach new
lines of drugtext, and changes those again. An escape is what `drugtext.evaluation.trust.faults`
counts as one: an exception that is no DrugTextError, a file of which nothing is read and nothing
said, an insert that cannot be written down; besides, a file that takes longer than --timeout. Of a
checkpoint one file is changed at a time and the manifest sealed anew; one that is small makes more
tries in a minute, and files of more than 20,000 bytes stay as they are.

The folder --output holds the inputs that escaped, each with a .txt that says what happened, and in
corpus/ those that reach most lines: a second run goes on from there. With --figures
benchmark/trust/fuzz.json the counts come into the report of scripts/trust_report.py. Exit status 0:
nothing escaped. 1: something did. 2: the call itself is wrong.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)

LONGEST = 20_000  # bytes of an input: what is wrong with a reader shows in short ones
MOST_MEMORY = 4096  # MB
STATED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


class Target(StrEnum):
    """What is fuzzed."""

    READER = "reader"
    SUPPORT = "support"
    TAXONOMY = "taxonomy"
    CHECKPOINT = "checkpoint"


@app.command(help=f"\b\n{__doc__}".replace("\n\n", "\n\n\b\n"))  # as it stands, not wrapped
def main(
    target: Annotated[Target, typer.Argument(help="What to fuzz.", show_default=False)],
    minutes: Annotated[float, typer.Option(min=0.01, help="How long.")] = 1.0,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="A file to begin with; repeat it. All, if left out."),
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option("--of", help="Folder of the checkpoint that is changed.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder of what is found.")] = Path("runs/fuzz"),
    figures: Annotated[
        Path | None, typer.Option(help="JSON file to add to: what was tried, and what escaped.")
    ] = None,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that one input may take.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Of the changes.")] = 1,
) -> None:
    if find_spec("atheris") is None:
        stop("atheris is not installed; run: pip install 'drugtext[fuzz]'")
    if (target == Target.CHECKPOINT) != (checkpoint is not None):
        stop("--of FOLDER goes with the target checkpoint, and it with --of FOLDER.")
    sound = sound_of(target, checkpoint)
    if unknown := sorted({*(formats or [])} - {*sound}):
        stop(f"found the format {unknown[0]!r}; one of {', '.join(sound)} is needed.")
    found, corpus = output / target, output / target / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for name in formats or sound:
        (corpus / name.replace("/", "-")).write_bytes(sound[name])
    before = {*found.iterdir()}
    settings = {
        "max_total_time": max(1, round(minutes * 60)),
        "max_len": LONGEST,
        "timeout": timeout,
        "rss_limit_mb": MOST_MEMORY,
        "seed": seed,
        "artifact_prefix": f"{found}/",
        "print_final_stats": 1,
    }
    # In a process of its own: libFuzzer ends it, and a fault of a C library may.
    call = [sys.executable, __file__, "--child", target, str(checkpoint or ""), str(found)]
    call += [f"-{name}={value}" for name, value in settings.items()]
    done = subprocess.run([*call, str(corpus)], stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603
    stated = STATED.search(done.stderr)
    if not stated:
        stop(f"atheris ended before its time:\n{done.stderr[-3000:]}")
    new = sorted(path for path in found.iterdir() if path not in before and path.suffix != ".txt")
    print(f"{target}: tried {int(stated[1]):,} inputs, {len(new)} escaped")
    if figures:
        add_figures(
            figures, {"target": str(target), "minutes": minutes, "tried": int(stated[1])}, new
        )
    for path in new:
        why = path.with_name(f"{path.name}.txt")
        print(f"{path}: {why.read_text().splitlines()[0] if why.exists() else 'took too long'}")
    raise typer.Exit(1 if new else 0)


def add_figures(file: Path, run: dict[str, Any], escaped: list[Path]) -> None:
    """Put a run into a file of runs, in the place of an earlier one of its target."""
    runs = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    kept = [one for one in runs if one["target"] != run["target"]]
    told = [*kept, run | {"escaped": [str(path) for path in escaped]}]
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def sound_of(target: Target, checkpoint: Path | None) -> dict[str, bytes]:
    """Return what is changed first: name -> a whole file."""
    from drugtext.evaluation.trust.bad_inputs import sound_inputs, sound_taxonomies

    if checkpoint is None:
        return sound_taxonomies() if target == Target.TAXONOMY else sound_inputs()
    from drugtext.evaluation.trust.checkpoint_faults import sealed_files

    try:
        files = sealed_files(checkpoint)
    except (OSError, ValueError, KeyError) as error:
        stop(f"{checkpoint}: is no checkpoint with a manifest ({error}).")
    return {name: data for name, data in files.items() if len(data) <= LONGEST}


def stop(what: str) -> NoReturn:
    """Say what is wrong with the call, and end."""
    typer.echo(f"fuzz: {what}", err=True)
    raise typer.Exit(2)


def fuzz(target: str, checkpoint: str, found: Path, arguments: list[str]) -> None:
    """Fuzz until libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["drugtext"]):
        from drugtext.evaluation.trust import faults
        from drugtext.evaluation.trust.bad_inputs import sound_taxonomies

        if checkpoint:  # what imports torch takes a while
            from drugtext.evaluation.trust.checkpoint_faults import load_sealed

    known: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "input")
        reads: dict[str, Callable[[Path], Any]]
        if target == Target.TAXONOMY:
            reads = {kind: partial(faults.read_tree, kind) for kind in sound_taxonomies()}
        elif checkpoint:
            reads = {target: partial(load_sealed, Path(checkpoint), Path(folder))}
        else:
            read = faults.read_once if target == Target.READER else faults.read_examples
            reads = {target: read}

        def try_one(data: bytes) -> None:
            file.write_bytes(data)
            count = faults.FaultCount()
            for kind, of_kind in reads.items():
                count.attempt(kind, partial(of_kind, file))
            for what in count.escaped:
                place = what.split(": ")[1]  # of many that fail in one place, the first is kept
                if place not in known:
                    known.add(place)
                    name = f"escape-{hashlib.sha256(data).hexdigest()[:16]}"
                    (found / name).write_bytes(data)
                    (found / f"{name}.txt").write_text(what + "\n")

        atheris.Setup([sys.argv[0], *arguments], try_one)
        atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        os.environ["PYTHONWARNINGS"] = "ignore"
        fuzz(sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5:])
    else:
        app()
