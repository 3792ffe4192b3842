"""What do the names of drugs bring? New drugs, by folds of those that are known.

    python scripts/compare_names.py runs/benchmark --output benchmark/learning \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv \
        --synonyms ../shared/data/taxonomies/drugbank_vocabulary.csv

Drugs of the training and the validation split are dealt into folds; each fold is asked, names
plain, of a classifier that was taught the others as the bundled checkpoint is: it reads texts
alone, or names of the taught inserts, too, or those of substances at level 5 of the ATC as well. A
name that shares a word with a drug that is asked is not told, but in the last row: most of these
drugs are listed at level 5, as one is that everybody knows and no insert was taught of. The encoder
is not trained, because training would have met the drugs that are asked; it has the words and the
names' pieces of all these inserts, which say nothing of categories. The folder is that of a run of
scripts/benchmark.py: corpus and vectors are taken from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.corpus_files import read_synonyms
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.new_drugs_asked import (
    drug_folds,
    known_drugs,
    right_by_documents,
)
from drugtext.evaluation.benchmark.records import Record, load_corpus, load_rows
from drugtext.evaluation.figures_file import write_figures
from drugtext.evaluation.trust.subjects import judge, projected
from drugtext.taxonomy import Taxonomy
from drugtext.training.fitting import MIN_INGREDIENTS, TEXT_FORMS, Embedded, fit_deepest
from drugtext.training.listed_drugs import ListedDrug, listed_drugs, unmet
from drugtext.window_cache import WindowCache

LEVELS = (1, 2, 3, 4)

console = Console(stderr=True, markup=False)  # names of files hold brackets


def is_right(
    bare: DrugClassifier,
    taxonomy: Taxonomy,
    known: Embedded,
    records: list[Record],
    folds: list[NDArray],
    drugs: Sequence[ListedDrug],
    *,
    own_too: bool = False,
) -> NDArray:
    """Return 1 where a record is answered rightly by what was taught the other folds, else 0.

    Args:
        bare: without categories, it gave the embeddings.
        taxonomy: of the categories.
        known: all drugs that may be taught.
        records: the same, in order.
        folds: that they are dealt into.
        drugs: whose names may be told.
        own_too: those of the drugs that are asked, too.

    Returns:
        Shape (n_records, n_levels); no number where the category is not among the taught ones.
    """
    found = np.full((len(records), len(LEVELS)), np.nan)
    for asked in track(folds, "folds", console=console):
        taught = known.at(np.setdiff1d(np.arange(len(records)), asked))
        others = drugs if own_too else unmet(drugs, known.at(asked).rows["ingredients"])
        fitted = fit_deepest(bare, [taught], taxonomy, MIN_INGREDIENTS, others)
        told = [n for n in asked if any(step in fitted.taxonomy for step in records[n].path)]
        given = projected(fitted, known.embeddings["text"][told])
        judged = judge(fitted, given, [records[n] for n in told])
        for level, (_, right, places) in judged.by_level().items():
            paths = [records[told[place]].path[:level] for place in places]
            at_level = [
                n
                for n, path in enumerate(paths)
                if len(path) == level and path[-1] in fitted.taxonomy
            ]
            rows = [told[places[n]] for n in at_level]
            found[rows, LEVELS.index(level)] = right[at_level]
    return found


def rows_of(answers: dict[str, NDArray], records: list[Record]) -> list[dict[str, Any]]:
    """Return what is right at each level, and by how much the first way is ahead of each.

    Args:
        answers: way -> as `is_right` returns it.
        records: that were asked.
    """
    rows, first = [], next(iter(answers.values()))
    for number, level in enumerate(LEVELS):
        told = np.flatnonzero(~np.isnan(first[:, number]))
        examples = [records[n].example("plain", level) for n in told]
        for way, right in answers.items():
            both = right[told, number], first[told, number]
            row = {"names": "plain", "level": level, "reads": way}
            rows.append({**row, **right_by_documents(examples, *both)})
    return rows


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names, level 5 too.")],
    output: Annotated[Path, typer.Option(help="Folder of names.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That reads.")] = DEFAULT_ENCODER,
    synonyms: Annotated[
        Path | None, typer.Option(help="As the corpus was built with: other names of drugs.")
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="That drugs are dealt into.")] = 5,
) -> None:
    """Compare what is told of names."""
    try:
        atc, folder = Taxonomy.from_atc(taxonomy), run / "corpus-atc"
        corpus = load_corpus(folder, atc)
        records, rows = known_drugs(folder, corpus)
        masked, plain = ([r.inserts[names] for r in records] for names in ("masked", "plain"))
        raw = drugtext.load(encoder)
        texts = raw.with_lexicon(masked)
        names = texts.with_name_stems(plain)
        listed = listed_drugs(atc, read_synonyms(synonyms))
        drugs = unmet(listed, load_rows(folder / "test.parquet")["ingredients"])
        dealt, answers = drug_folds(records, folds), {}
        for way, bare, told, own_too in (
            ("names of level 5, too", names, drugs, False),
            ("names of the taught inserts alone", names, [], False),
            ("no names", texts, [], False),
            ("all names of level 5, its own too", names, drugs, True),
        ):
            bare.window_cache = WindowCache(raw.model.encoder, run / "windows")
            forms = zip(TEXT_FORMS, (masked, plain), strict=True)
            known = Embedded(rows, {form: bare.embed(inserts) for form, inserts in forms})
            answers[way] = is_right(bare, atc, known, records, dealt, told, own_too=own_too)
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    made_of = {"corpus_sha256": corpus.sha256, "folds": folds}
    figures = {**made_of, "rows": rows_of(answers, records)}
    write_figures(output / "names.json", figures, bare.backend)
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
