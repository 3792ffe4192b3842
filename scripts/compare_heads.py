"""Compare the few-shot heads over one encoder, and write which wins at how many support inserts.

    python scripts/compare_heads.py runs/benchmark --output benchmark/learning \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

The folder is that of a run of scripts/benchmark.py: corpus, adapter and vectors are taken from it.
Each head is trained in episodes on the categories of the benchmark's training part. The default is
the simplest head unless another is ahead of it on those of the validation part, with what is due to
the number of comparisons; the test part is reported beside it. The encoder was meta-trained with
cosine prototypes, which favours them somewhat.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from numpy.typing import NDArray
from rich.console import Console

import drugtext
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.head_comparison import (
    SIMPLEST,
    ahead_of_simplest,
    compare_heads,
    table_row,
)
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.new_category import SHOTS, new_category
from drugtext.evaluation.benchmark.protocols import INDICATED
from drugtext.evaluation.benchmark.readers import new_category_reader
from drugtext.evaluation.figures_file import write_figures
from drugtext.taxonomy import Taxonomy
from drugtext.training.meta import ATC_PLAN

LEVELS = (3, 4)
PARTS = ("validation", "test")

console = Console(stderr=True, markup=False)  # names of files hold brackets


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of heads.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That the run trained.")] = DEFAULT_ENCODER,
    meta_steps: Annotated[
        int, typer.Option(min=1, help="Of meta-training.")
    ] = ATC_PLAN.loop.n_steps,
    n_episodes: Annotated[
        int, typer.Option(min=2, help="Of each level and number of inserts.")
    ] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
) -> None:
    """Compare the heads."""
    try:
        atc = Taxonomy.from_atc(taxonomy)
        raw = drugtext.load(encoder)
        with console.status("the encoder of new categories"):
            split, reader = new_category_reader(run, atc, raw, meta_steps, seed)
        rows: list[dict[str, Any]] = []
        chosen_by: list[tuple[dict[str, int], dict[str, NDArray]]] = []
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
                if part == "validation":
                    chosen_by.append(({"level": level, "k": k_shot}, found))
                heads = ", ".join(f"{name} {found[name].mean():.3f}" for name in found)
                console.print(f"{part}, level {level}, k = {k_shot}: {heads}")
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    ahead = ahead_of_simplest([found for _, found in chosen_by])
    default = {
        "compared_with": SIMPLEST,
        "n_comparisons": len(ahead) * len(chosen_by),
        "ahead": {name: [chosen_by[n][0] for n in where] for name, where in ahead.items()},
    }
    asked = {
        "corpus_sha256": split.corpus.sha256,
        "meta_steps": meta_steps,
        "seed": seed,
        "default": default,
    }
    write_figures(output / "heads.json", {**asked, "rows": rows}, raw.backend)
    console.print(default)
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
