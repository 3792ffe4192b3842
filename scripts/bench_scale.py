"""Show how the cost of a corpus grows: seconds and memory against inserts, and workers.

    python scripts/bench_scale.py ../shared/data/en/inserts.jsonl.gz --output benchmark/speed \
        --n-inserts 1000 --n-inserts 10000 --n-inserts 100000

The real inserts are shuffled, for a file of them is often ordered by kind, and repeated under new
ids until there are enough of them. Each corpus is classified by scripts/classify_corpus.py in a
process of its own, whose memory, with that of Ray's processes, is watched. Writes scale.json after
each corpus, and the page of all that the folder holds; --go-on keeps what a stopped run measured.
Each worker has one core. Run it alone: whatever else the cores do, it shows.
"""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console

from drugtext.evaluation.figures_file import read_figures, write_figures
from drugtext.evaluation.speed.page import write_speed_page

SCRIPT = Path(__file__).with_name("classify_corpus.py")
FIELDS = ("name", "language", "ingredients", "sections")
ROWS_A_FILE = 1000
ROWS_A_PART = 250  # so that the smallest corpus has some for each worker
SEED = 0
SECONDS_BETWEEN_LOOKS = 1  # at memory; a look costs the process that is looked at

console = Console(stderr=True, markup=False)  # names of files hold brackets


def records(file: Path, n_inserts: int) -> Iterator[dict[str, Any]]:
    """Yield the inserts of a file, shuffled, again and again under new ids."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        read = [json.loads(line) for line in lines]
    random.Random(SEED).shuffle(read)  # noqa: S311
    kept = [{name: record.get(name) for name in FIELDS} for record in read]
    for n, record in enumerate(islice(cycle(kept), n_inserts)):
        sections = list((record["sections"] or {}).items())  # their names differ: a list of pairs
        yield {**record, "id": f"insert {n}", "sections": sections}


def write_corpus(file: Path, n_inserts: int, folder: Path) -> None:
    """Write a corpus of Parquet files."""
    folder.mkdir()
    remaining = records(file, n_inserts)
    number = 0
    text = pa.string()
    schema = pa.schema(
        {
            "id": text,
            "name": text,
            "language": text,
            "ingredients": pa.list_(text),
            "sections": pa.map_(text, text),
        }
    )
    while part := [*islice(remaining, ROWS_A_FILE)]:
        table = pa.Table.from_pylist(part, schema=schema)
        pq.write_table(table, folder / f"{number:05}.parquet")
        number += 1


def classified(folder: Path, output: Path, workers: int, quick: bool) -> dict[str, float]:
    """Classify a corpus, and return its seconds and the most memory of all processes together."""
    command = [sys.executable, SCRIPT, folder, "--output", output, "--workers", workers]
    command += ["--cpus-a-worker", 1, "--rows-a-part", ROWS_A_PART]
    command += ["--quick"] * quick
    begun = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as told,
        subprocess.Popen([*map(str, command)], stdout=told, stderr=told) as process,  # noqa: S603
    ):
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, memory_mb(process.pid))
            time.sleep(SECONDS_BETWEEN_LOOKS)
        if process.returncode:
            told.seek(0)
            raise SystemExit(f"{' '.join(map(str, command))} failed:\n{told.read()[-2000:]}")
    return {"seconds": time.perf_counter() - begun, "peak_mb": peak}


def memory_mb(pid: int) -> float:
    """Return the memory of a process and its children, shared pages counted once."""
    total = 0.0
    try:
        process = psutil.Process(pid)
        for part in [process, *process.children(recursive=True)]:
            total += part.memory_full_info().pss / 1e6
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass
    return total


def main(
    inserts: Annotated[Path, typer.Argument(help="Inserts, as gzipped JSON lines.")],
    output: Annotated[Path, typer.Option(help="Folder of scale.json and of the page.")],
    n_inserts: Annotated[list[int], typer.Option(help="Of each corpus; may recur.")],
    workers: Annotated[
        list[int] | None,
        typer.Option(help="Of Ray; the second corpus by each, the others by the most [1 and 2]."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="As classify_corpus.py --quick reads.")
    ] = False,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Keep the rows that scale.json has.")
    ] = False,
) -> None:
    """Measure how the cost grows."""
    rows: list[dict[str, Any]] = []
    if go_on and (told := read_figures(output, ["scale"])):
        rows = told["scale"]["rows"]
    second, n_workers = n_inserts[min(1, len(n_inserts) - 1)], sorted(set(workers or [1, 2]))
    settings = [(second, few) for few in n_workers[:-1]]
    settings += [(n, n_workers[-1]) for n in n_inserts]
    for n, workers_now in settings:
        told = {"n_inserts": n, "workers": workers_now, "quick": quick}
        if any(told.items() <= row.items() for row in rows):
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_corpus(inserts, n, folder / "corpus")
            found = classified(folder / "corpus", folder / "answers", workers_now, quick)
        rows.append({**told, **found})
        console.print(rows[-1])
        write_figures(output / "scale.json", {"rows": rows})
    console.print(f"written: {write_speed_page(output)}")


if __name__ == "__main__":
    typer.run(main)
