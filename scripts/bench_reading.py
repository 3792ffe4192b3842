"""Show that reading needs the same memory however long a file is: prints a Markdown table.

    python scripts/bench_reading.py --records 1000 --records 10000 --records 100000

Each file is a made-up bulk part in openFDA's layout, about 11 kB a record; it is read in a process
of its own, and then deleted.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

# Runs in the fresh process; ru_maxrss counts kilobytes on Linux and bytes on macOS.
MEASURE = """
import json, resource, sys, time
from drugtext.inserts.read import read_inserts
start = time.perf_counter()
n_inserts = sum(1 for _ in read_inserts(sys.argv[1]))
seconds = time.perf_counter() - start
unit = 1 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
print(json.dumps({"inserts": n_inserts, "seconds": seconds, "peak": peak}))
"""
SENTENCES_OF_SECTION = {
    "indications_and_usage": 4,
    "dosage_and_administration": 18,
    "contraindications": 3,
    "warnings_and_cautions": 30,
    "adverse_reactions": 25,
    "drug_interactions": 12,
    "overdosage": 4,
    "description": 8,
    "mechanism_of_action": 4,
    "how_supplied": 6,
}
SUBJECTS = "The tablet,A lower dose,The kidney,Careful watching,The first week,A missed dose"
VERBS = (
    "should be weighed against,is seldom followed by,may call for,was compared with,comes before"
)
OBJECTS = (
    "a change of diet,a second blood test,the same treatment,dizziness on standing,a longer stay"
)
ENDS = "in adults,in older patients,at bedtime,after a meal,within two days,without other drugs"

console = Console(stderr=True, markup=False)  # names of files hold brackets


def made_up_records(n_records: int, seed: int = 0) -> Iterator[dict[str, object]]:
    """Yield records in openFDA's layout, made of the words above and of numbers."""
    chance = random.Random(seed)  # noqa: S311
    phrases = [words.split(",") for words in (SUBJECTS, VERBS, OBJECTS, ENDS)]
    sentences = [
        f"{' '.join(map(chance.choice, phrases))} (group {n}, {chance.randint(1, 99)} patients)."
        for n in range(5000)
    ]
    for n in range(n_records):
        sections = {
            field: [
                f"{i} {field.replace('_', ' ').upper()} " + " ".join(chance.choices(sentences, k=k))
            ]
            for i, (field, k) in enumerate(SENTENCES_OF_SECTION.items(), start=1)
        }
        mechanism = sections["mechanism_of_action"][0]
        sections["clinical_pharmacology"] = [f"12 CLINICAL PHARMACOLOGY {mechanism}"]
        names = {"brand_name": [f"Madeupol {n}"], "generic_name": [f"madeupine {n % 500}"]}
        yield {"id": str(n), "set_id": str(n), "version": "1", "openfda": names, **sections}


def write_bulk_part(path: Path, n_records: int) -> None:
    """Write a file in the layout of openFDA's bulk download."""
    with path.open("w", encoding="utf-8") as file:
        meta = json.dumps({"results": {"total": n_records}})
        file.write(f'{{"meta": {meta}, "results": [\n')
        for n, record in enumerate(made_up_records(n_records)):
            file.write((",\n" if n else "") + json.dumps(record))
        file.write("\n]}\n")


def main(
    records: Annotated[list[int] | None, typer.Option(help="Records a file; repeat it.")] = None,
) -> None:
    """Read made-up bulk parts of growing length; print seconds and peak memory of each."""
    print("| records | file, MB | seconds | MB a second | peak memory, MB |")
    print("|---:|---:|---:|---:|---:|")
    for n_records in records or [1_000, 10_000, 100_000]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "drug-label-0001-of-0001.json")
            with console.status(f"{n_records:,} records"):
                write_bulk_part(path, n_records)
                megabytes = path.stat().st_size / 2**20
                command = [sys.executable, "-c", MEASURE, str(path)]
                answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        found = json.loads(answer.stdout)
        if found["inserts"] != n_records:
            console.print(f"error: read {found['inserts']:,} of {n_records:,} records", style="red")
            raise typer.Exit(1)
        speed = megabytes / found["seconds"]
        row = (n_records, megabytes, found["seconds"], speed, found["peak"])
        print("| {:,} | {:,.1f} | {:.1f} | {:.1f} | {:.1f} |".format(*row), flush=True)


if __name__ == "__main__":
    typer.run(main)
