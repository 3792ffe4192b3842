"""How much does it matter which categories are held out? New categories, over several draws.

    python scripts/category_draws.py runs/benchmark --output benchmark/learning \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

The benchmark holds one draw of categories out, and its intervals do not cover that. Here those
contestants that need no training of an encoder are asked the categories of other draws, masked, at
ATC level 3; of the first draws also drugtext with an encoder meta-trained for each, where that is
asked for (a quarter of an hour each). Where a contestant gives probabilities, it is told over all
its draws how true they are. The folder is that of a run of scripts/benchmark.py: corpus and vectors
are taken from it. A larger encoder than the run's is set beside it by

    python scripts/category_draws.py runs/benchmark --output benchmark/learning \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv \
        --larger sentence-transformers/all-mpnet-base-v2
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.contestants import Encoder, contestants, make_encoder
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.new_category import new_category, split_categories
from drugtext.evaluation.benchmark.protocols import INDICATED
from drugtext.evaluation.benchmark.records import load_corpus
from drugtext.evaluation.benchmark.run import trial_without_queries
from drugtext.evaluation.benchmark.task import OWN, Contestant, Trial
from drugtext.evaluation.figures_file import read_figures, write_figures
from drugtext.evaluation.trust.probabilities import calibration
from drugtext.taxonomy import Taxonomy
from drugtext.training.meta import ATC_PLAN

LEVEL, SHOTS = 3, (1, 3, 5)
READ_BY_AN_ENCODER = ("frozen + prototypes", "drugtext, not trained")
ASKED = (*READ_BY_AN_ENCODER, "TF-IDF + prototypes")

console = Console(stderr=True, markup=False)  # names of files hold brackets


def n_parameters(reads: Encoder) -> int:
    """Return the size of an encoder."""
    return sum(weights.numel() for weights in reads.untrained.classifier.model.encoder.parameters())


class Asked(NamedTuple):
    """What a contestant says of the queries of a trial, all episodes together.

    Attributes:
        right: whether its best answer is, shape (n_queries,).
        drugs: ingredients of each query.
        confidences: of its best answer, shape (n_queries,); None where it gives no probabilities.
        accuracy: mean over the episodes.
    """

    right: NDArray
    drugs: list[str]
    confidences: NDArray | None
    accuracy: float


def ask(contestant: Contestant, trial: Trial) -> Asked:
    """Teach a contestant each lesson of a trial, and ask its queries."""
    contestant.prepare(trial_without_queries(trial))
    right, confidences = [], []
    for task in trial.tasks:
        contestant.fit(task.lesson)
        answers = contestant.predict([query.insert for query in task.queries])
        pairs = zip(answers.ranked, task.queries, strict=True)
        right.append(np.array([ranked[0] == query.category for ranked, query in pairs]))
        confidences += [answers.confidences] if answers.confidences else []
    return Asked(
        np.concatenate(right),
        [query.ingredient for task in trial.tasks for query in task.queries],
        np.concatenate(confidences) if confidences else None,
        float(np.mean([one.mean() for one in right])),
    )


def calibrations(found: dict[tuple[str, int, int], Asked]) -> list[dict[str, Any]]:
    """Return how true probabilities are, over all draws and in each, of those asked in all.

    Args:
        found: by contestant, k and draw.
    """
    rows, n_draws = [], len({seed for *_, seed in found})
    for name, k in dict.fromkeys((name, k) for name, k, _ in found):
        some = [one for (*of, _), one in found.items() if of == [name, k]]
        given = [one.confidences for one in some if one.confidences is not None]
        if len(given) < n_draws:
            continue
        right, drugs = [one.right for one in some], [one.drugs for one in some]
        by_draw = [calibration(*one)["ece"] for one in zip(given, right, drugs, strict=True)]
        told = calibration(np.concatenate(given), np.concatenate(right), [*chain(*drugs)])
        rows.append({"contestant": name, "k": k, **told, "by_draw": by_draw})
    return rows


def smaller(folder: Path, made_of: dict[str, Any]) -> dict[str, Any]:
    """Return what draws.json in a folder says of the encoder that a larger one is compared with.

    Raises:
        DrugTextError: it is not there, or was asked other episodes.
    """
    told = read_figures(folder, ["draws"]).get("draws", {})
    if any(told.get(name) != made_of[name] for name in ("corpus_sha256", "level", "episodes")):
        raise DrugTextError(
            f"{folder / 'draws.json'}: is not there, or of other episodes; make it first, by the"
            " same command without --larger."
        )
    rows = [
        {**row, "accuracy": {name: row["accuracy"][name] for name in READ_BY_AN_ENCODER}}
        for row in told["rows"]
    ]
    return {"encoder": told["encoder"], "n_parameters": told["n_parameters"], "rows": rows}


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of draws.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That the run trained.")] = DEFAULT_ENCODER,
    draws: Annotated[int, typer.Option(min=1, help="Of the categories held out.")] = 8,
    episodes: Annotated[int, typer.Option(min=1, help="Of each draw and k.")] = 10,
    trained: Annotated[
        int, typer.Option(help="Of the first draws, for which drugtext is trained as well.")
    ] = 0,
    steps: Annotated[int, typer.Option(min=1, help="Of each training.")] = ATC_PLAN.loop.n_steps,
    larger: Annotated[
        str | None, typer.Option(help="Encoder to compare with it: larger.json, not draws.json.")
    ] = None,
) -> None:
    """Draw the categories anew, and ask them."""
    try:
        if larger and trained:
            raise DrugTextError("--larger compares encoders that are not trained; leave --trained.")
        corpus = load_corpus(run / "corpus-atc", Taxonomy.from_atc(taxonomy))
        reads, *_ = make_encoder(larger or encoder, run, steps)
        makers = contestants(reads, 0)
        made_of: dict[str, Any] = {
            "encoder": Path(larger or encoder).name,
            "n_parameters": n_parameters(reads),
            "corpus_sha256": corpus.sha256,
            "level": LEVEL,
            "episodes": episodes,
        }
        file = output / f"{'larger' if larger else 'draws'}.json"
        if larger:
            made_of["beside"] = smaller(output, made_of)
        rows: list[dict[str, Any]] = []
        found: dict[tuple[str, int, int], Asked] = {}
        for seed in track(range(draws), "draws", console=console):
            split = split_categories(corpus, seed)
            for k in SHOTS:
                trial = new_category(split, "masked", LEVEL, INDICATED, k, episodes, seed)
                if trial is None:
                    continue
                asked = [*(READ_BY_AN_ENCODER if larger else ASKED)]
                asked += [OWN] if seed < trained else []
                answered = {n: ask(makers[n](), trial) for n in asked}
                found |= {(name, k, seed): one for name, one in answered.items()}
                told = {name: round(one.accuracy, 4) for name, one in answered.items()}
                way = len(trial.tasks[0].lesson.categories)
                rows.append({"seed": seed, "k": k, "n_way": way, "accuracy": told})
                console.print(rows[-1])
            figures = {**made_of, "rows": rows, "calibrations": calibrations(found)}
            write_figures(file, figures, reads.untrained.classifier.backend)
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
