"""Does drugtext keep ahead of SetFit where that is trained to its end, and how long does each take?

    python scripts/compare_setfit.py runs/benchmark --output benchmark/learning \\
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

The benchmark asks so many categories at once that SetFit's own defaults (all pairs of the support)
would take hours, and bounds its steps. Here fewer new categories are asked at once, and SetFit is
trained by its defaults, on the same support as drugtext. The folder is that of a run of
scripts/benchmark.py.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

import drugtext
from drugtext.encoder import DEFAULT_ENCODER, weights_sha256
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.contestants.own import DrugText
from drugtext.evaluation.benchmark.contestants.setfit_trained import SetFit
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.measures import best
from drugtext.evaluation.benchmark.new_category import new_category
from drugtext.evaluation.benchmark.protocols import INDICATED
from drugtext.evaluation.benchmark.readers import Reader, new_category_reader
from drugtext.evaluation.benchmark.task import Contestant, Lesson, Task, check_no_leak
from drugtext.evaluation.figures_file import kept_folder, mean_over_tasks, write_figures
from drugtext.fingerprint import code_sha256
from drugtext.taxonomy import Taxonomy
from drugtext.training.meta import ATC_PLAN

LEVEL = 3
SHOTS = (1, 3, 5)
CODE = code_sha256(DrugText.__module__, SetFit.__module__, new_category.__module__)

console = Console(stderr=True, markup=False)  # names of files hold brackets


def drawn(task: Task, n_way: int, seed: int) -> Task:
    """Return the part of a task that is of some of its categories.

    Args:
        task: of more categories.
        n_way: how many are drawn.
        seed: of the draw.
    """
    lesson, rng = task.lesson, np.random.default_rng(seed)
    n_way = min(n_way, len(lesson.categories))
    kept = sorted(rng.choice(lesson.categories, n_way, replace=False).tolist())
    support = [example for example in lesson.support if example.category in kept]
    queries = [query for query in task.queries if query.category in kept]
    return Task(Lesson(lesson.taxonomy, tuple(kept), support), queries)


def answered(contestant: Contestant, task: Task) -> tuple[float, float]:
    """Let a contestant learn a task; return its accuracy and the seconds of learning."""
    begun = time.perf_counter()
    contestant.fit(task.lesson)
    seconds = time.perf_counter() - begun
    answers = best(contestant.predict([query.insert for query in task.queries]).ranked)
    right = [query.category == one for query, one in zip(task.queries, answers, strict=True)]
    return float(np.mean(right)), seconds


def compared(own: DrugText, reader: Reader, task: Task, seed: int) -> dict[str, float]:
    """Return accuracy and seconds of drugtext and of SetFit in a task.

    Args:
        own: prepared; its embeddings may be kept ones.
        reader: whose encoder drugtext reads with.
        task: what is taught and asked.
        seed: of SetFit.
    """
    kept, reader.classifier.window_cache = reader.classifier.window_cache, None
    begun = time.perf_counter()
    reader.classifier.embed([example.insert for example in task.lesson.support])
    embedding = time.perf_counter() - begun
    reader.classifier.window_cache = kept
    accuracy, seconds = answered(own, task)
    rival, rival_seconds = answered(SetFit(seed, most_pairs=sys.maxsize), task)
    return {
        "drugtext": accuracy,
        "SetFit": rival,
        "ahead": accuracy - rival,
        "drugtext, seconds": embedding + seconds,
        "SetFit, seconds": rival_seconds,
    }


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of setfit.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That the run trained.")] = DEFAULT_ENCODER,
    n_tasks: Annotated[int, typer.Option(min=2, help="Of each number of inserts.")] = 3,
    n_way: Annotated[int, typer.Option(min=1, help="Categories asked at once.")] = 10,
    meta_steps: Annotated[
        int, typer.Option(min=1, help="Of meta-training.")
    ] = ATC_PLAN.loop.n_steps,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
) -> None:
    """Compare drugtext and SetFit."""
    rows: list[dict[str, Any]] = []
    try:
        atc = Taxonomy.from_atc(taxonomy)
        raw = drugtext.load(encoder)
        split, reader = new_category_reader(run, atc, raw, meta_steps, seed)
        asked = {
            **{"corpus_sha256": split.corpus.sha256, "level": LEVEL, "n_way": n_way},
            **{"n_tasks": n_tasks, "meta_steps": meta_steps, "seed": seed},
        }
        weights = weights_sha256(reader.classifier.model.encoder)
        kept = kept_folder(run / "setfit", asked, weights, CODE)
        for k_shot in SHOTS:
            trial = new_category(split, "masked", LEVEL, INDICATED, k_shot, n_tasks, seed)
            if trial is None:
                continue
            check_no_leak(trial)
            own = DrugText(lambda _: reader)
            own.prepare(trial)
            tasks = [drawn(task, n_way, number) for number, task in enumerate(trial.tasks)]
            told = f"{k_shot} inserts each"
            measures = (
                partial(compared, own, reader, task, seed)
                for task in track(tasks, told, console=console)
            )
            row = mean_over_tasks(kept, str(k_shot), measures)
            rows.append({"k": k_shot, **row})
            console.print(rows[-1])
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    write_figures(output / "setfit.json", {**asked, "rows": rows}, raw.backend)
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
