"""Measure how far drugtext can be trusted: calibration, scope, sets, reasons, noise, privacy.

The encoders are those of a run of the benchmark: nobody trained on the drugs that are asked.

    python scripts/trust_report.py runs/benchmark \\
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv \\
        --synonyms ../shared/data/taxonomies/drugbank_vocabulary.csv --report benchmark/trust

It takes about a quarter of an hour, and some more where the run has no trained encoders yet.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from drugtext.corpus_files import read_synonyms
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.evaluation.figures_file import made_by
from drugtext.evaluation.trust.page import trust_page
from drugtext.evaluation.trust.pictures import write_pictures
from drugtext.evaluation.trust.report import FULL, QUICK, measure_trust
from drugtext.evaluation.trust.subjects import Run
from drugtext.taxonomy import Taxonomy
from drugtext.training.listed_drugs import listed_drugs
from drugtext.training.meta import ATC_PLAN

FUZZED = "fuzz.json"
"""In the report's folder: what scripts/fuzz.py --figures wrote, if it ran."""

console = Console(stderr=True, markup=False)  # names of files hold brackets


def fuzzed(file: Path) -> list[dict[str, Any]]:
    """Return what a fuzzer tried, all targets together, as the other bad inputs are counted."""
    if not file.is_file():
        return []
    runs = json.loads(file.read_text(encoding="utf-8"))
    told = {
        "what": "fuzzed",
        "command": f"python scripts/fuzz.py TARGET --figures {file}",
        "tried": sum(run["tried"] for run in runs),
        "escaped": [path for run in runs for path in run["escaped"]],
        "runs": runs,
    }
    return [told]


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    report: Annotated[Path, typer.Option(help="Folder of results.json, README.md and pictures.")],
    encoder: Annotated[str, typer.Option(help="That the run trained.")] = DEFAULT_ENCODER,
    steps: Annotated[int, typer.Option(min=1, help="Of each training.")] = ATC_PLAN.loop.n_steps,
    quick: Annotated[
        bool, typer.Option("--quick", help="On few inserts, which shows that all of it works.")
    ] = False,
    synonyms: Annotated[
        Path | None, typer.Option(help="As the corpus was built with: other names of drugs.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
) -> None:
    """Measure, and write the report."""
    try:
        with console.status("loading") as status:

            def begins(what: str) -> None:
                console.print(what)
                status.update(what)

            atc = Taxonomy.from_atc(taxonomy)
            drugs = listed_drugs(atc, read_synonyms(synonyms))
            judged = Run(run, atc, steps, seed, encoder, drugs)
            sizes = QUICK if quick else FULL
            figures = measure_trust(judged, sizes=sizes, seed=seed, begins=begins)
            figures["faults"] += fuzzed(report / FUZZED)
            results = {
                **made_by(judged.run_by),
                "seed": seed,
                "corpus_sha256": judged.corpus.sha256,
                "figures": figures,
            }
        report.mkdir(parents=True, exist_ok=True)
        told = json.dumps(results, indent=1)
        (report / "results.json").write_text(told + "\n", encoding="utf-8")
        pictures = write_pictures(figures, report)
        (report / "README.md").write_text(trust_page(results, pictures), encoding="utf-8")
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    print(trust_page(results, []))


if __name__ == "__main__":
    typer.run(main)
