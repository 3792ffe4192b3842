"""Measure what training costs on this machine: seconds a step, and memory.

    python scripts/bench_training.py runs/benchmark/corpus-atc \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv --output benchmark/training.json

Both trainings take a few steps on the first inserts of the training split, each in a process of its
own, so that the peak memory is its own.
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from datasets import load_dataset
from rich.console import Console

import drugtext
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.evaluation.figures_file import write_figures
from drugtext.taxonomy import Taxonomy
from drugtext.training.data import LabelledInserts
from drugtext.training.finetune import FinetunePlan, finetune
from drugtext.training.meta import ATC_PLAN, meta_train, plan_for
from drugtext.training.plan import LoopPlan

_TOLD = ("seconds_a_step", "peak_rss_mb", "precision", "threads", "n_trainable_parameters")

console = Console(stderr=True)


def measure(
    kind: str, encoder: str, corpus: Path, taxonomy: Path, n_inserts: int, steps: int
) -> dict[str, Any]:
    """Train a few steps and return what run.json says of them."""
    rows = load_dataset("parquet", data_files=str(corpus / "train.parquet"), split="train")
    data = LabelledInserts.of_rows([*islice(rows, n_inserts)], Taxonomy.from_atc(taxonomy))
    classifier = drugtext.load(encoder)
    with tempfile.TemporaryDirectory() as folder:
        if kind == "meta-training":
            plan = plan_for(data, n_steps=steps)
            meta_train(classifier, data, plan, Path(folder))
            read = plan.episodes.n_inserts
        else:
            loop = LoopPlan(steps, save_every=steps, evaluate_every=steps)
            tuning = FinetunePlan((2, 3, 4), loop)
            finetune(classifier, data, tuning, Path(folder))
            read = tuning.n_inserts
        run = json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))
    return {"training": kind, "inserts": len(data), "inserts_a_step": read} | {
        name: run[name] for name in _TOLD
    }


def main(
    corpus: Annotated[Path, typer.Argument(help="Folder that build_corpus.py wrote.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="JSON file of the figures.")],
    encoder: Annotated[str, typer.Option(help="Folder or hub id.")] = DEFAULT_ENCODER,
    n_inserts: Annotated[int, typer.Option(help="That are trained on.")] = 1000,
    steps: Annotated[int, typer.Option(help="Of each training.")] = 10,
) -> None:
    """Measure meta-training and fine-tuning."""
    found = []
    for kind in ("meta-training", "fine-tuning"):
        with (
            console.status(kind),
            multiprocessing.get_context("spawn").Pool(1) as pool,
        ):
            asked = (kind, encoder, corpus, taxonomy, n_inserts, steps)
            found.append(pool.apply(measure, asked))
        console.print(found[-1])
    told = {"n_inserts": n_inserts, "steps": steps, "window_tokens": ATC_PLAN.window_tokens}
    write_figures(output, {**told, "rows": found})


if __name__ == "__main__":
    typer.run(main)
