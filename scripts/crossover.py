"""From how many support inserts is fine-tuning better than prototypes?

    python scripts/crossover.py runs/benchmark --output benchmark/learning \\
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

New categories of the benchmark's test part are learnt in two ways from the same inserts: by `fit`
over the meta-trained encoder, and by `fit` after its adapter has been trained on with them (LoRA
alone, cosine to a proxy of each category). Both stand without the whitening that other categories
give, which would have to be learnt anew for each encoder; `fit` with it is shown beside them. The
folder is that of a run of scripts/benchmark.py.
"""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.encoder import DEFAULT_ENCODER, weights_sha256
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.head_comparison import prototype_accuracy
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.new_category import new_category
from drugtext.evaluation.benchmark.protocols import INDICATED
from drugtext.evaluation.benchmark.readers import (
    Reader,
    fitted_to_background,
    new_category_reader,
)
from drugtext.evaluation.benchmark.task import Task
from drugtext.evaluation.figures_file import kept_folder, mean_over_tasks, write_figures
from drugtext.fingerprint import code_sha256
from drugtext.taxonomy import Taxonomy
from drugtext.training.bar import training_bar
from drugtext.training.data import LabelledInserts
from drugtext.training.finetune import FinetunePlan, finetune
from drugtext.training.meta import ATC_PLAN
from drugtext.training.plan import LoopPlan

LEVEL = 3
SHOTS = (1, 3, 5, 10, 20)
CODE = code_sha256(prototype_accuracy.__module__, finetune.__module__)

console = Console(stderr=True, markup=False)  # names of files hold brackets


def tuned_on(classifier: DrugClassifier, task: Task, n_steps: int, seed: int) -> DrugClassifier:
    """Train a classifier's adapter on with the support of a task."""
    support = task.lesson.support
    data = LabelledInserts(
        [[example.insert for example in support]],
        [example.path[:LEVEL] for example in support],
        [example.substances for example in support],
        task.lesson.taxonomy,
    )
    plan = FinetunePlan((LEVEL,), LoopPlan(n_steps, learning_rate=3e-4, warmup_steps=3, seed=seed))
    with tempfile.TemporaryDirectory() as folder, training_bar(console) as advance:
        adapter, _ = finetune(classifier, data, plan, Path(folder), advance=advance)
    return classifier.with_adapter(adapter)


def compared(
    reader: Reader, beside: DrugClassifier, task: Task, n_steps: int, seed: int
) -> dict[str, float]:
    """Return accuracies of the ways to learn a task, what fine-tuning is ahead by, and its seconds.

    Args:
        reader: that was meta-trained.
        beside: that, with other categories.
        task: what is taught and asked.
        n_steps: of fine-tuning.
        seed: of it.
    """
    begun = time.perf_counter()
    tuned = tuned_on(reader.classifier, task, n_steps, seed)
    spent = time.perf_counter() - begun
    plain = prototype_accuracy(reader.classifier, task, reader.embed)
    whitened = prototype_accuracy(beside, task, reader.embed)
    found = prototype_accuracy(tuned, task, tuned.embed)
    return {
        "prototypes": plain,
        "fine-tuned": found,
        "prototypes, whitened": whitened,
        "ahead": found - plain,
        "ahead of whitened": found - whitened,
        "seconds": spent,
    }


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of crossover.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That the run trained.")] = DEFAULT_ENCODER,
    n_tasks: Annotated[int, typer.Option(min=1, help="Of each number of inserts.")] = 10,
    steps: Annotated[int, typer.Option(min=1, help="Of fine-tuning.")] = 20,
    meta_steps: Annotated[
        int, typer.Option(min=1, help="Of meta-training.")
    ] = ATC_PLAN.loop.n_steps,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
) -> None:
    """Compare prototypes and fine-tuning."""
    rows: list[dict[str, Any]] = []
    try:
        atc = Taxonomy.from_atc(taxonomy)
        raw = drugtext.load(encoder)
        split, reader = new_category_reader(run, atc, raw, meta_steps, seed)
        asked = {
            **{"corpus_sha256": split.corpus.sha256, "level": LEVEL, "steps": steps, "seed": seed},
            "n_tasks": n_tasks,
        }
        weights = weights_sha256(reader.classifier.model.encoder)
        kept = kept_folder(run / "crossover", asked, weights, CODE)
        for k_shot in SHOTS:
            trial = new_category(split, "masked", LEVEL, INDICATED, k_shot, n_tasks, seed)
            if trial is None:
                continue
            beside = fitted_to_background(trial, reader)
            measures = [partial(compared, reader, beside, t, steps, seed) for t in trial.tasks]
            row = mean_over_tasks(kept, str(k_shot), measures)
            rows.append({"k": k_shot, "n_way": len(trial.tasks[0].lesson.categories), **row})
            console.print(rows[-1])
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    write_figures(output / "crossover.json", {**asked, "rows": rows}, raw.backend)
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
