"""Does it help to let the encoder meet its domain before it is meta-trained?

    python scripts/compare_starts.py runs/benchmark --output benchmark/learning \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

Four encoders learn new categories from the same inserts: as it comes; adapted by contrast to the
inserts of the benchmark's training part, without their categories; meta-trained on them; and
adapted first and then meta-trained. Each has the lexicon of these inserts, and whitening from their
categories. What is kept is decided on the validation part; the test part stands beside it. The
folder is that of a run of scripts/benchmark.py: corpus, adapters and vectors are taken from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.head_comparison import prototype_accuracy
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.new_category import (
    SHOTS,
    CategorySplit,
    new_category,
    split_categories,
)
from drugtext.evaluation.benchmark.protocols import INDICATED
from drugtext.evaluation.benchmark.readers import (
    Reader,
    cached_reader,
    fitted_to_background,
    readers_of_run,
)
from drugtext.evaluation.benchmark.records import load_corpus
from drugtext.evaluation.figures_file import write_figures
from drugtext.evaluation.scores import few_shot_accuracy
from drugtext.taxonomy import Taxonomy
from drugtext.training.bar import training_bar
from drugtext.training.contrast import ContrastPlan, adapt_encoder
from drugtext.training.meta import ATC_PLAN
from drugtext.training.plan import LoopPlan

LEVELS = (3, 4)
PARTS = ("validation", "test")
META = "meta-trained"
BOTH = "adapted, then meta-trained"

console = Console(stderr=True, markup=False)  # names of files hold brackets


def adapted_to(
    split: CategorySplit, encoder: DrugClassifier, folder: Path, n_steps: int, seed: int
) -> DrugClassifier:
    """Return the encoder with an adapter learnt by contrast from the masked training inserts."""
    records = split.training.records
    plan = ContrastPlan(LoopPlan(n_steps, learning_rate=3e-4, seed=seed))
    with training_bar(console) as advance:
        adapter, _ = adapt_encoder(
            encoder,
            [record.inserts["masked"] for record in records],
            [record.substances for record in records],
            plan,
            folder,
            told={"inserts": split.training.sha256},
            advance=advance,
        )
    return encoder.with_adapter(adapter)


def readers_of(
    split: CategorySplit, encoder: DrugClassifier, run: Path, n_adapt: int, n_meta: int, seed: int
) -> dict[str, Reader]:
    """Make the four encoders ready."""
    adapted = adapted_to(split, encoder, run / "adapted", n_adapt, seed)
    masked = [record.inserts["masked"] for record in split.training.records]
    found = {}
    for name, start, folder in (
        ("as it comes", encoder, run / "windows"),
        ("adapted", adapted, run / "adapted" / "windows"),
    ):
        found[name] = cached_reader(start.with_lexicon(masked), folder)
    for name, start in ((META, encoder), (BOTH, adapted)):
        readers = readers_of_run(run, start, n_meta)
        with training_bar(console) as advance:
            found[name] = readers.learn(split.training, split.corpus.taxonomy, advance)
    return found


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of starts.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That the run trained.")] = DEFAULT_ENCODER,
    steps: Annotated[int, typer.Option(min=1, help="Of contrast.")] = 200,
    meta_steps: Annotated[
        int, typer.Option(min=1, help="Of meta-training.")
    ] = ATC_PLAN.loop.n_steps,
    n_episodes: Annotated[
        int, typer.Option(min=1, help="Of each level and number of inserts.")
    ] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
) -> None:
    """Compare the starts."""
    rows: list[dict[str, Any]] = []
    try:
        atc = Taxonomy.from_atc(taxonomy)
        split = split_categories(load_corpus(run / "corpus-atc", atc), seed)
        raw = drugtext.load(encoder)
        readers = readers_of(split, raw, run, steps, meta_steps, seed)
        trials = [
            (part, trial)
            for part in PARTS
            for level in LEVELS
            for k_shot in SHOTS[INDICATED]
            if (
                trial := new_category(
                    split, "masked", level, INDICATED, k_shot, n_episodes, seed, part
                )
            )
        ]
        fitted = {}
        for name, reader in readers.items():
            for level in LEVELS:
                console.print(f"embedding: {name}, level {level}")
                first = next(trial for _, trial in trials if trial.setting.level == level)
                fitted[name, level] = fitted_to_background(first, reader)
        for part, trial in trials:
            level, tasks = trial.setting.level, trial.tasks
            row = {"part": part, "level": level, "k": trial.setting.k, "n_tasks": len(tasks)}
            found = {
                name: np.array(
                    [prototype_accuracy(fitted[name, level], task, reader.embed) for task in tasks]
                )
                for name, reader in readers.items()
            }
            told = {**found, "helps after meta-training": found[BOTH] - found[META]}
            row |= {
                name: [round(float(x), 4) for x in few_shot_accuracy(each)]
                for name, each in told.items()
            }
            rows.append({**row, "n_way": len(tasks[0].lesson.categories)})
            console.print(rows[-1])
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    asked = {"corpus_sha256": split.corpus.sha256, "steps": steps, "meta_steps": meta_steps}
    write_figures(output / "starts.json", {**asked, "seed": seed, "rows": rows}, raw.backend)
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
