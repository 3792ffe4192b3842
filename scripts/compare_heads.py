"""Compare the few-shot heads over one encoder, and write which wins at how many support inserts.

    python scripts/compare_heads.py runs/benchmark --output benchmark/heads.json \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

The folder is that of a run of scripts/benchmark.py: corpus, adapter and vectors are taken from it.
Each head is trained in episodes on the categories of the benchmark's training part; the
default is chosen on those of the validation part, and the test part is reported beside it. The
encoder was meta-trained with cosine prototypes, which favours them somewhat.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import drugtext
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.head_comparison import compare_heads, table_row
from drugtext.evaluation.benchmark.new_category import SHOTS, new_category
from drugtext.evaluation.benchmark.protocols import INDICATED
from drugtext.evaluation.benchmark.readers import new_category_reader
from drugtext.taxonomy import Taxonomy
from drugtext.training.meta import ATC_PLAN

LEVELS = (3, 4)
PARTS = ("validation", "test")

console = Console(stderr=True)


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="JSON file of the figures.")],
    n_episodes: Annotated[int, typer.Option(help="Of each level and number of inserts.")] = 30,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
) -> None:
    """Compare the heads."""
    try:
        atc = Taxonomy.from_atc(taxonomy)
        encoder = drugtext.load(DEFAULT_ENCODER)
        with console.status("the encoder of new categories"):
            split, reader = new_category_reader(run, atc, encoder, ATC_PLAN.loop.n_steps, seed)
        rows = []
        for level in LEVELS:
            trials = {
                (part, k_shot): trial
                for part in PARTS
                for k_shot in SHOTS[INDICATED]
                if (
                    trial := new_category(
                        split, "masked", level, INDICATED, k_shot, n_episodes, seed, part
                    )
                )
            }
            with console.status(f"level {level}"):
                compared = compare_heads([*trials.values()], reader, seed)
            for (part, k_shot), found in zip(trials, compared, strict=True):
                rows.append({"part": part, **table_row(trials[part, k_shot], found)})
                heads = ", ".join(f"{name} {found[name].mean():.3f}" for name in found)
                console.print(f"{part}, level {level}, k = {k_shot}: {heads}")
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    output.write_text(json.dumps({"seed": seed, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    console.print(f"written: {output}")


if __name__ == "__main__":
    typer.run(main)
