"""Measure what training costs on this machine: seconds a step, and memory.

    python scripts/bench_training.py runs/benchmark/corpus-atc \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv --output benchmark/training.json

Each training takes a few steps on the first inserts of the training split, in a process of its
own, so that the peak memory is its own. Of domain adaptation it is also told how many tokens an
hour it reads.
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
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
from drugtext.training.contrast import ContrastPlan, adapt_encoder, pair_batches
from drugtext.training.data import LabelledInserts
from drugtext.training.finetune import FinetunePlan, finetune
from drugtext.training.meta import ATC_PLAN, meta_train, plan_for
from drugtext.training.plan import LoopPlan

_TOLD = ("seconds_a_step", "peak_rss_mb", "precision", "threads", "n_trainable_parameters")

ADAPTATION = "domain adaptation"

console = Console(stderr=True, markup=False)  # names of files hold brackets


def measure(
    kind: str, encoder: str, corpus: Path, taxonomy: Path, n_inserts: int, steps: int
) -> dict[str, Any]:
    """Train a few steps and return what run.json says of them."""
    rows = load_dataset("parquet", data_files=str(corpus / "train.parquet"), split="train")
    data = LabelledInserts.of_rows([*islice(rows, n_inserts)], Taxonomy.from_atc(taxonomy))
    classifier = drugtext.load(encoder)
    with tempfile.TemporaryDirectory() as folder:
        loop = LoopPlan(steps, save_every=steps, evaluate_every=steps)
        n_tokens = 0
        if kind == ADAPTATION:
            adaptation = ContrastPlan(loop)
            asked = (classifier, data.forms[1], data.substances, adaptation)  # names masked
            adapt_encoder(*asked, Path(folder))
            read, batches = adaptation.n_pairs * adaptation.batches_a_step, pair_batches(*asked)
            windows = [side for step in range(steps) for pairs in batches(step) for side in pairs]
            n_tokens = sum(int(each.attention_mask.sum()) for each in windows)
        elif kind == "meta-training":
            plan = plan_for(data, ATC_PLAN.lasting(steps))
            meta_train(classifier, data, plan, Path(folder))
            read = plan.episodes.n_inserts
        else:
            tuning = FinetunePlan((2, 3, 4), loop)
            finetune(classifier, data, tuning, Path(folder))
            read = tuning.n_inserts
        run = json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))
    told = {"training": kind, "inserts": len(data), "inserts_a_step": read}
    told |= {name: run[name] for name in _TOLD}
    seconds = steps * run["seconds_a_step"]
    return told | ({"tokens_an_hour": round(3600 * n_tokens / seconds)} if n_tokens else {})


def main(
    corpus: Annotated[Path, typer.Argument(help="Folder that build_corpus.py wrote.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="JSON file of the figures.")],
    encoder: Annotated[str, typer.Option(help="Folder or hub id.")] = DEFAULT_ENCODER,
    n_inserts: Annotated[int, typer.Option(help="That are trained on.")] = 1000,
    steps: Annotated[int, typer.Option(min=1, help="Of each training.")] = 10,
) -> None:
    """Measure meta-training, fine-tuning and domain adaptation."""
    found = []
    for kind in ("meta-training", "fine-tuning", ADAPTATION):
        with (
            console.status(kind),
            # One that dies is told: a Pool would wait for it for ever.
            ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool,
        ):
            asked = (kind, encoder, corpus, taxonomy, n_inserts, steps)
            found.append(pool.submit(measure, *asked).result())
        console.print(found[-1])
    told = {"n_inserts": n_inserts, "steps": steps, "window_tokens": ATC_PLAN.window_tokens}
    write_figures(output, {**told, "rows": found})


if __name__ == "__main__":
    typer.run(main)
