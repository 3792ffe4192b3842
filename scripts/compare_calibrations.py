"""What makes evidence a probability? New drugs, by folds of those that are known.

    python scripts/compare_calibrations.py runs/benchmark --output benchmark/learning \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv \
        --synonyms ../shared/data/taxonomies/drugbank_vocabulary.csv

Drugs of the training and the validation split are dealt into folds. Each fold is asked of a
classifier that was taught all others but one, and calibrated on that one. These are many more drugs
than the test split has, which is not touched: errors that chance makes of few drugs are small here.
What they are where no more drugs are asked than a fold has is told beside it. Sets of coverage 0.9
are judged in the same way.
The encoder is not trained, because training would have met the drugs that are asked; it has the
words and the names' pieces of all these inserts, which say nothing of categories. Names of drugs
that are asked are not told, but in rows of listed drugs: those whose names the taxonomy lists, as
nearly all real ones are. Without doubts, too, inserts count down to the first wrong level.
The folder is that of a run of scripts/benchmark.py: corpus and vectors are taken from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.corpus import FULL_DOCUMENTS
from drugtext.corpus_files import read_synonyms
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.new_drugs_asked import drug_folds, known_drugs
from drugtext.evaluation.benchmark.records import Record, load_corpus, load_rows
from drugtext.evaluation.calibration import Calibration, HeldOut, best_calibration
from drugtext.evaluation.figures_file import write_figures
from drugtext.evaluation.metrics import expected_calibration_error
from drugtext.evaluation.trust.probabilities import (
    Covered,
    Judged,
    calibration,
    coverage,
    covered_by_level,
)
from drugtext.evaluation.trust.subjects import FORMS, LISTED, judge, projected
from drugtext.taxonomy import Taxonomy
from drugtext.training.fitting import MIN_INGREDIENTS, Embedded, fit_deepest
from drugtext.training.listed_drugs import (
    ListedDrug,
    listed_drugs,
    unmet,
    with_names_of,
)
from drugtext.training.recipe import calibrate_known
from drugtext.window_cache import WindowCache

ALONE = (0.0, 0.0)
"""Nothing but this is tried."""
WAYS: dict[str, Callable[[HeldOut], Calibration]] = {
    "as it is": best_calibration,
    "no doubts": partial(best_calibration, doubts=ALONE),
    "no doubts, one scale for all": partial(best_calibration, doubts=ALONE, strengths=ALONE),
}
AS_IT_IS = next(iter(WAYS))
COVERAGE = 0.9

console = Console(stderr=True, markup=False)  # names of files hold brackets


class Answered(NamedTuple):
    """What a fold is answered.

    Attributes:
        way: to calibrate.
        names: form of the texts; or `LISTED`, as printed, where names of asked drugs are told.
        judged: the answers.
        held_out: what sets are made by, as `strangeness` returns it.
        is_full: whether each is a full document, shape (n_inserts,).
    """

    way: str
    names: str
    judged: Judged
    held_out: dict[str, Any] | None
    is_full: NDArray[np.bool_]


def answers(
    bare: DrugClassifier,
    taxonomy: Taxonomy,
    known: Embedded,
    records: list[Record],
    drugs: Sequence[ListedDrug],
    n_folds: int,
) -> Iterator[Answered]:
    """Yield what each fold is answered by each way and form of names.

    Args:
        bare: without categories, it gave the embeddings.
        taxonomy: of the categories.
        known: all drugs that may be taught.
        records: the same, in order.
        drugs: whose names may be told, but for those of drugs that are held back.
        n_folds: that they are dealt into.
    """
    folds = drug_folds(records, n_folds)
    for number in track(range(n_folds), "folds", console=console):
        asked, held_out = folds[number], folds[number - 1]
        rest = np.setdiff1d(np.arange(len(records)), np.concatenate([asked, held_out]))
        taught, tuned_on = known.at(rest), known.at(held_out)
        their_names, asked_names = tuned_on.rows["ingredients"], known.at(asked).rows["ingredients"]
        others = unmet(drugs, [*their_names, *asked_names])
        fitted = fit_deepest(bare, [taught], taxonomy, MIN_INGREDIENTS, others)
        tree = fitted.taxonomy
        told = [place for place in asked if any(step in tree for step in records[place].path)]
        is_full = np.array([records[place].kind in FULL_DOCUMENTS for place in told])
        told_theirs = with_names_of(fitted, unmet(drugs, asked_names))
        for way, calibrate in WAYS.items():
            calibrate_known(fitted, taught, tuned_on, told_theirs, calibrate)
            strange = fitted.model.config.strangeness
            for names, column in FORMS.items():
                given = projected(fitted, known.embeddings[column][told])
                judged = judge(fitted, given, [records[place] for place in told])
                yield Answered(way, names, judged, strange, is_full)
            listed = with_names_of(fitted, unmet(drugs, their_names))
            given = projected(fitted, known.embeddings[FORMS["plain"]][told])
            by_name = judge(listed, given, [records[place] for place in told])
            of_known = is_full[by_name.is_known_by_name]
            if len(of_known):
                yield Answered(way, LISTED, by_name.known_by_name(), strange, of_known)


def rows_of(found: Sequence[Answered]) -> list[dict[str, Any]]:
    """Return the calibration error of each way at each level: over all folds, and of one alone."""
    parts: dict[tuple[str, str, int], list[tuple[NDArray, NDArray, list[str]]]] = defaultdict(list)
    for way, names, judged, *_ in found:
        for level, (confidences, right, places) in judged.by_level().items():
            drugs = [judged.groups[place] for place in places]
            parts[way, names, level].append((confidences, right, drugs))
    rows = []
    for (way, names, level), some in parts.items():
        confidences, right = (np.concatenate([one[n] for one in some]) for n in (0, 1))
        drugs = [drug for *_, of_one in some for drug in of_one]
        # Not rounded each: what all folds show together is never above the mean of theirs.
        alone = [calibration(*one) | {"ece": expected_calibration_error(*one[:2])} for one in some]
        told = {"calibrated": way, "names": names, "level": level}
        told |= calibration(confidences, right, drugs)
        sizes = [one["n"] for one in alone]
        told["fold"] = {
            name: round(float(np.average([one[name] for one in alone], weights=sizes)), 4)
            for name in ("ece", "by_chance", "by_chance_alike")
        } | {"n": float(np.mean(sizes))}
        rows.append(told)
    return rows


def sets_of(found: Sequence[Answered]) -> list[dict[str, Any]]:
    """Return how often sets hold the true category: over all folds, and in the folds apart."""
    parts: dict[tuple[str, str, int], list[Covered]] = defaultdict(list)
    for _, names, judged, held_out, is_full in (one for one in found if one.way == AS_IT_IS):
        for documents, chosen in (("all inserts", is_full | True), ("full documents", is_full)):
            if chosen.any():
                of_these = judged.at(np.flatnonzero(chosen).tolist())
                sets = of_these.sets(held_out, COVERAGE)
                for level, covered in covered_by_level(of_these, sets).items():
                    parts[documents, names, level].append(covered)
    rows = []
    for (documents, names, level), some in parts.items():
        inside, sizes = (np.concatenate([one[n] for one in some]) for n in (0, 1))
        whole = Covered(inside, sizes, [drug for one in some for drug in one.groups])
        told = {"documents": documents, "names": names, "level": level, "asked": COVERAGE}
        folds = [round(float(one.inside.mean()), 4) for one in some]
        rows.append(told | coverage(whole) | {"folds": folds})
    return rows


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of calibrations.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That reads.")] = DEFAULT_ENCODER,
    synonyms: Annotated[
        Path | None, typer.Option(help="As the corpus was built with: other names of drugs.")
    ] = None,
    folds: Annotated[int, typer.Option(min=3, help="That drugs are dealt into.")] = 5,
) -> None:
    """Compare ways to calibrate."""
    try:
        atc, folder = Taxonomy.from_atc(taxonomy), run / "corpus-atc"
        corpus = load_corpus(folder, atc)
        records, rows = known_drugs(folder, corpus)
        raw = drugtext.load(encoder)
        texts = {names: [record.inserts[names] for record in records] for names in FORMS}
        bare = raw.with_lexicon(texts["masked"]).with_name_stems(texts["plain"])
        bare.window_cache = WindowCache(raw.model.encoder, run / "windows")
        embeddings = {column: bare.embed(texts[names]) for names, column in FORMS.items()}
        known = Embedded(rows, embeddings)
        listed = listed_drugs(atc, read_synonyms(synonyms))
        drugs = unmet(listed, load_rows(folder / "test.parquet")["ingredients"])
        found = list(answers(bare, atc, known, records, drugs, folds))
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    told = {"corpus_sha256": corpus.sha256, "folds": folds, "rows": rows_of(found)}
    told["sets"] = sets_of(found)
    write_figures(output / "calibrations.json", told, bare.backend)
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
