"""How was meta-training tuned? Its plan against plans that differ in one thing.

    python scripts/compare_trainings.py runs/benchmark --output benchmark/learning \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

Each training learns from the same inserts, those of the benchmark's training categories, and is
judged on the validation categories, names masked, learnt from few inserts as `fit` learns them.
Test categories are not asked: this is what the plan was chosen by. The folder is that of a run of
scripts/benchmark.py: corpus, adapters and vectors are taken from it. A training takes a quarter of
an hour; `--only` asks for some, and those that were measured before stay in the file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.encoder import DEFAULT_ENCODER, weights_sha256
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.head_comparison import prototype_accuracy
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.new_category import (
    CategorySplit,
    new_category,
    split_categories,
)
from drugtext.evaluation.benchmark.protocols import INDICATED
from drugtext.evaluation.benchmark.readers import (
    TRAINED_FOLDER,
    Reader,
    TrainedReaders,
    fitted_to_background,
)
from drugtext.evaluation.benchmark.records import load_corpus
from drugtext.evaluation.benchmark.task import Trial
from drugtext.evaluation.few_shot_calibration import SOFTENING
from drugtext.evaluation.figures_file import command_line, write_figures
from drugtext.evaluation.scores import few_shot_accuracy
from drugtext.fingerprint import code_sha256
from drugtext.taxonomy import Taxonomy
from drugtext.training.bar import training_bar
from drugtext.training.meta import ATC_PLAN, MetaPlan

LEVELS, SHOTS = (3, 4), (0, 1, 5)
BY_DEFAULT = "as it is"
CODE = code_sha256("drugtext.evaluation.benchmark.head_comparison")

console = Console(stderr=True, markup=False)  # names of files hold brackets


def plans(steps: int) -> dict[str, MetaPlan]:
    """Return the plans, the one that is used first."""
    plan = ATC_PLAN.lasting(steps)

    def episodes(**differ: Any) -> MetaPlan:
        return replace(plan, episodes=replace(plan.episodes, **differ))

    fast = replace(plan.loop, learning_rate=1e-3)
    return {
        BY_DEFAULT: plan,
        "half as many steps": plan.lasting(max(steps // 2, 1)),
        "twice as many steps": plan.lasting(2 * steps),
        "learning rate of 1e-3": replace(plan, loop=fast),
        "LoRA of rank 4": replace(plan, lora={"r": 4}),
        "LoRA of rank 32": replace(plan, lora={"r": 32}),
        "no episode is hard": episodes(hard_share=0.0),
        "all episodes are hard": episodes(hard_share=1.0),
        "level 3 alone": episodes(levels={3: 1.0}),
        "episodes alone, no proxies": replace(plan, proxy_weight=0.0),
        "proxies weigh as much": replace(plan, proxy_weight=1.0),
        "squared Euclidean distance": replace(plan, head="euclidean"),
        "windows of 254 tokens": replace(plan, window_tokens=254),
    }


def trials_of(split: CategorySplit, n_episodes: int, seed: int) -> list[Trial]:
    """Return what every training is asked."""
    asked = [
        new_category(split, "masked", level, INDICATED, k, n_episodes, seed, "validation")
        for level in LEVELS
        for k in SHOTS
    ]
    found = [trial for trial in asked if trial]
    if not found:
        raise DrugTextError(
            "no two validation categories have ingredients enough to be asked; a corpus of more"
            " categories is needed."
        )
    return found


def accuracies(reader: Reader, trials: Sequence[Trial]) -> list[NDArray]:
    """Return of each trial the accuracy of each task, shape (n_tasks,)."""
    found: list[NDArray] = []
    bases: dict[int, DrugClassifier] = {}
    for trial in trials:
        level = trial.setting.level
        if level not in bases:
            bases[level] = fitted_to_background(trial, reader)
            bases[level].model.config.few_shot = {"softening": SOFTENING}
        base = bases[level]
        right = [prototype_accuracy(base, task, reader.embed) for task in trial.tasks]
        found.append(np.array(right))
    return found


def measured_before(file: Path, made_of: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a file holds of trainings, by name, where it was made of the same."""
    told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    is_same = all(told.get(name) == value for name, value in made_of.items())
    return {row["training"]: row for row in told["rows"]} if is_same else {}


def row_of(name: str, trials: Sequence[Trial], own: Sequence[NDArray]) -> dict[str, Any]:
    """Return what a training got right, task by task."""
    asked = [
        {
            "level": trial.setting.level,
            "k": trial.setting.k,
            "n_way": len(trial.tasks[0].lesson.categories),
            "accuracies": [round(float(x), 4) for x in one],
            "accuracy": [round(float(x), 4) for x in few_shot_accuracy(one)],
        }
        for trial, one in zip(trials, own, strict=True)
    ]
    return {"training": name, "asked": asked}


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of trainings.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That is trained.")] = DEFAULT_ENCODER,
    steps: Annotated[
        int, typer.Option(min=1, help="Of the plan as it is.")
    ] = ATC_PLAN.loop.n_steps,
    n_episodes: Annotated[int, typer.Option(min=2, help="Of each level and k.")] = 60,
    only: Annotated[
        list[str] | None, typer.Option(help="Plans, beside the one as it is; all if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
) -> None:
    """Train by each plan, and compare."""
    file = output / "trainings.json"
    try:
        known = plans(steps)
        wrong = [name for name in only or [] if name not in known]
        if wrong:
            raise DrugTextError(f"found --only {wrong[0]!r}; one of {', '.join(known)} is needed.")
        atc = Taxonomy.from_atc(taxonomy)
        split = split_categories(load_corpus(run / "corpus-atc", atc), seed)
        raw, trials = drugtext.load(encoder), trials_of(split, n_episodes, seed)
        made_of = {
            **{"corpus_sha256": split.corpus.sha256, "steps": steps, "seed": seed},
            **{"n_tasks": n_episodes, "code": CODE},
            "encoder_sha256": weights_sha256(raw.model.encoder),
        }
        rows = measured_before(file, made_of)
        command = command_line(without="--only")  # it makes all of the file
        for name, plan in known.items():
            if name in rows or (only and name not in (BY_DEFAULT, *only)):
                continue
            folder = run / TRAINED_FOLDER if name == BY_DEFAULT else run / "trainings" / name
            console.print(name)
            readers = TrainedReaders(Reader(raw, raw.embed), folder, plan)
            with training_bar(console) as advance:
                reader = readers.learn(split.training, atc, advance)
            rows[name] = row_of(name, trials, accuracies(reader, trials))
            ordered = [rows[each] for each in known if each in rows]
            told = {"command": command, **made_of, "rows": ordered}
            write_figures(file, told, raw.backend)
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
