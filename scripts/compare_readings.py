"""How much of each section is worth reading? New drugs, by folds of those that are known.

    python scripts/compare_readings.py runs/benchmark --output benchmark/learning \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

Drugs of the training and the validation split are dealt into folds; each fold is asked of a
classifier that was taught the others by the same way of reading. These are many more drugs than the
validation split has, so that small differences show; the test split is not touched. The encoder is
not trained, because training would have met the drugs that are asked; it has the words and the
names' pieces of all these inserts, which say nothing of categories. The folder is that of a run of
scripts/benchmark.py: corpus and vectors are taken from it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_args

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.corpus import FULL_DOCUMENTS
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.new_drugs_asked import (
    drug_folds,
    known_drugs,
    right_answers,
    right_by_documents,
)
from drugtext.evaluation.benchmark.records import Example, Names, Record, load_corpus
from drugtext.evaluation.figures_file import write_figures
from drugtext.inserts.batches import batches
from drugtext.reading_plan import ReadingPlan
from drugtext.taxonomy import Taxonomy
from drugtext.window_cache import WindowCache

LEVELS = (2, 3, 4)

console = Console(stderr=True, markup=False)  # names of files hold brackets


def readings() -> dict[str, ReadingPlan]:
    """Return the ways to read, the default one first."""
    plan = ReadingPlan()
    told = list(plan.section_tokens)
    background = told[2:]

    def of(names: list[str], limit: int) -> ReadingPlan:
        return replace(plan, section_tokens={**plan.section_tokens, **dict.fromkeys(names, limit)})

    return {
        "by default": plan,
        "254 tokens of each section": of(told, 254),
        "192 of description and clinical pharmacology": of(background, 192),
        "64 of description and clinical pharmacology": of(background, 64),
        "neither of these": of(background, 0),
        "128 tokens of each section": of(told, 128),
        "names shown, too, in all inserts": replace(plan, once_tokens=None),
    }


def is_right(
    bare: DrugClassifier,
    taxonomy: Taxonomy,
    embeddings: NDArray,
    asked: list[Example],
    folds: list[NDArray],
) -> NDArray:
    """Return 1 where an example is answered rightly by what was taught the other folds, else 0.

    Args:
        bare: without categories.
        taxonomy: of the categories.
        embeddings: of the examples, as `bare` gives them.
        asked: examples of one level.
        folds: numbers of the examples of each.

    Returns:
        Shape (n_examples,); no number where the category is not among the taught ones.
    """
    found = np.full(len(asked), np.nan)
    for held_out in folds:
        taught = np.setdiff1d(np.arange(len(asked)), held_out)
        known = {asked[n].category for n in taught}
        can_be_told = [n for n in held_out if asked[n].category in known]
        support, queries = (
            ([asked[n] for n in some], embeddings[some]) for some in (taught, can_be_told)
        )
        found[can_be_told] = right_answers(bare, taxonomy, support, queries)
    return found


def rows_of(
    bare: DrugClassifier,
    taxonomy: Taxonomy,
    records: list[Record],
    names: Names,
    folds: list[NDArray],
) -> list[dict[str, Any]]:
    """Return what is right at each level, by each way of reading."""
    full = [record.inserts[names] for record in records if record.kind in FULL_DOCUMENTS]
    first: dict[int, NDArray] = {}
    rows = []
    for reads, plan in track(readings().items(), names, console=console):
        bare.reading_plan = plan
        embeddings = bare.embed([record.inserts[names] for record in records])
        encoded = sum(len(ids) for some in batches(full) for ids in bare.windows(some).token_ids)
        for level in LEVELS:
            kept = [n for n, record in enumerate(records) if len(record.path) >= level]
            asked = [records[n].example(names, level) for n in kept]
            of_kept = [np.flatnonzero(np.isin(kept, fold)) for fold in folds]
            right = is_right(bare, taxonomy, embeddings[kept], asked, of_kept)
            can_be_told = np.flatnonzero(~np.isnan(right))
            right = right[can_be_told]
            told = right_by_documents(
                [asked[n] for n in can_be_told], right, first.setdefault(level, right)
            )
            row = {"names": names, "level": level, "reads": reads, "tokens": encoded / len(full)}
            rows.append({**row, **told})
            console.print(rows[-1])
    return rows


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of readings.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That reads.")] = DEFAULT_ENCODER,
    folds: Annotated[int, typer.Option(min=2, help="That drugs are dealt into.")] = 5,
) -> None:
    """Compare the ways to read."""
    rows: list[dict[str, Any]] = []
    try:
        atc = Taxonomy.from_atc(taxonomy)
        corpus = load_corpus(run / "corpus-atc", atc)
        records, _ = known_drugs(run / "corpus-atc", corpus)
        dealt = drug_folds(records, folds)
        raw = drugtext.load(encoder)
        masked, plain = ([r.inserts[names] for r in records] for names in ("masked", "plain"))
        bare = raw.with_lexicon(masked).with_name_stems(plain)
        bare.window_cache = WindowCache(raw.model.encoder, run / "windows")
        for names in get_args(Names):
            rows += rows_of(bare, atc, records, names, dealt)
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    made_of = {"corpus_sha256": corpus.sha256, "folds": folds}
    write_figures(output / "readings.json", {**made_of, "rows": rows}, bare.backend)
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
