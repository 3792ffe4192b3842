"""Sections of the page on learning that new drugs are asked for: parts, windows, sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drugtext.evaluation.benchmark.learning_cells import Figures, interval, with_ahead
from drugtext.evaluation.markdown import markdown_table

JUDGED = ("new drug, full documents", "new drug, all", "new category, k = 1", "new category, k = 5")
"""What is asked; `scripts/ablate.py` asks all of it."""


def ablation(told: Figures) -> Iterator[str]:
    """Take each part away, told by ablation.json."""
    yield "All parts, and all but one"
    yield (
        f"ATC level {told['level']}, validation drugs and categories. Behind each accuracy: by how"
        " much all parts together are ahead of it."
    )
    rows = [
        [row["parts"], *(_cell(row[what], is_first=n == 0) for what in JUDGED)]
        for n, row in enumerate(told["rows"])
    ]
    first = told["rows"][0]
    sizes = [f"{w}, n = {first[w]['n']}" for w in JUDGED[:2]]
    sizes += [f"{w}, {first[w]['n_way']} ways, {first[w]['n_tasks']} tasks" for w in JUDGED[2:]]
    yield markdown_table([["", *sizes], *rows])


def _cell(one: Figures, *, is_first: bool) -> str:
    found = one["accuracy"]
    return interval(found) if is_first else with_ahead(found, one["all_ahead"])


def pooling(told: Figures) -> Iterator[str]:
    """Compare ways to weigh windows, told by pooling.json."""
    yield "How the windows of an insert become one vector"
    yield (
        f"ATC level {told['level']}, validation drugs. Each window counts by the reading plan; in"
        " place of that alike; or by the plan times a factor that is learnt, of its section, or by"
        f" attention to what stands in it. Learnt in {told['steps']} steps on the training drugs,"
        " each judged by the prototypes of the others; the encoder was trained on them, too, so"
        " what is said of them may be too good. Behind each accuracy: by how much the plan is"
        " ahead."
    )
    rows = [
        [row["windows"], *(_cell(row[what], is_first=n == 0) for what in JUDGED[:2])]
        for n, row in enumerate(told["rows"])
    ]
    sizes = [f"{what}, n = {told['rows'][0][what]['n']}" for what in JUDGED[:2]]
    yield markdown_table([["", *sizes], *rows])
    factors = ", ".join(f"{name} {factor:.2f}" for name, factor in told["factors"].items())
    yield f"Learnt factors of sections, that of the indications being 1: {factors}."


def readings(told: Figures) -> Iterator[str]:
    """Compare ways to read, told by readings.json."""
    yield "How much of each section is worth reading"
    yield (
        f"Drugs of the training and the validation split in {told['folds']} folds, each asked of"
        " what was taught the others, by the same way of reading; the encoder is not trained."
        " *Tokens*: encoded of a full document, in the mean. Behind each accuracy: by how much the"
        " default is ahead."
    )
    for names in dict.fromkeys(row["names"] for row in told["rows"]):
        rows = [row for row in told["rows"] if row["names"] == names]
        tokens = {row["reads"]: f"{row['tokens']:,.0f}" for row in rows}
        head, *lines = _by_level(rows, "reads")
        yield f"Names {names}:"
        told_too = [[name, tokens[name], *cells] for name, *cells in lines]
        yield markdown_table([["", "tokens", *head[1:]], *told_too])


def names(told: Figures) -> Iterator[str]:
    """Compare what is told of names, told by names.json."""
    yield "What the names of drugs bring"
    yield (
        f"Drugs of the training and the validation split in {told['folds']} folds, names plain,"
        " each asked of what was taught the others as the bundled checkpoint is; the encoder is not"
        " trained. Level 5 of the ATC names substances of which there is no insert, too; a name"
        " that shares a word with a drug that is asked is not told, but in the last row: nearly all"
        " of these drugs are listed there. How much names weigh was chosen on these drugs; with"
        " others they may bring less. Behind each accuracy: by how much the first way is ahead."
    )
    yield markdown_table(_by_level(told["rows"], "reads"))


def calibrations(told: Figures) -> Iterator[str]:
    """Compare ways to calibrate, told by calibrations.json."""
    yield "What makes evidence a probability"
    yield (
        f"Drugs of the training and the validation split in {told['folds']} folds, each asked of"
        " what was taught all others but one, and calibrated on that one; the encoder is not"
        " trained. *Listed*: plain texts of drugs that are known by name, as their names were told,"
        " too. Expected calibration error, 15 bins, all inserts. *By chance*: that of as many"
        " answers whose probabilities are true, where the inserts of a drug are right or wrong by"
        " themselves, and where they are together. *One fold*: the mean of what is measured where"
        " the drugs of one are all that is asked, calibrated as it is, and by chance, where the"
        " inserts of a drug are right or wrong together."
    )
    yield calibrations_table(told)
    yield (
        f"Sets of coverage {told['sets'][0]['asked']} on the same drugs: how often they hold the"
        " true category, each drug counted alike, as they are calibrated; of inserts, over all"
        " folds, in the fold where they do least and where they do most; and categories in a set."
    )
    yield sets_table(told)


def sets_table(told: Figures) -> str:
    """Return how often sets hold the true category, from what calibrations.json holds."""
    written = [["", "drugs", "inserts covered", "least", "most", "categories", "inserts"]]
    for row in told["sets"]:
        ends = ("", "_low", "_high")
        of_drugs = interval([row[f"drugs_covered{end}"] for end in ends])
        covered = f"{row['covered']:.3f}"
        folds = [f"{bound(row['folds']):.3f}" for bound in (min, max)]
        what = f"level {row['level']}, {row['documents']}, {row['names']}"
        written.append(
            [what, of_drugs, covered, *folds, f"{row['mean_size']:.1f}", f"{row['n']:,}"]
        )
    return markdown_table(written)


def calibrations_table(told: Figures) -> str:
    """Return the calibration error of each way, from what calibrations.json holds."""
    by_way: dict[str, dict[tuple[str, int], Figures]] = {}
    for row in told["rows"]:
        by_way.setdefault(row["calibrated"], {})[row["names"], row["level"]] = row
    alone = ["one fold", "by chance", "inserts"]
    written = [["", *by_way, "by chance", "inserts", *alone]]
    for (names, level), first in next(iter(by_way.values())).items():
        rows = [rows[names, level] for rows in by_way.values()]
        errors = [interval([row[name] for name in ("ece", "low", "high")]) for row in rows]
        by_chance = f"{first['by_chance']:.3f} to {first['by_chance_alike']:.3f}"
        fold = first["fold"]
        alone = [f"{fold['ece']:.3f}", f"{fold['by_chance_alike']:.3f}", f"{fold['n']:,.0f}"]
        written.append([f"level {level}, {names}", *errors, by_chance, f"{first['n']:,}", *alone])
    return markdown_table(written)


def fine_tuning(told: Figures) -> Iterator[str]:
    """Compare encoders that were fine-tuned to a whole taxonomy, told by fine_tuning.json."""
    yield "Does fine-tuning to a whole taxonomy pay?"
    yield (
        f"Encoders that were trained on the inserts of {told['n_drugs']:,} drugs, and prototypes of"
        f" these. Fine-tuned: {told['steps']} steps of telling all categories of levels 2 to 4"
        f" apart. Meta-trained: {told['meta_steps']} steps of episodes, as it is used; behind each"
        " accuracy: by how much that one is ahead. The validation part decides."
    )
    for part in dict.fromkeys(row["part"] for row in told["rows"]):
        rows = [row for row in told["rows"] if row["part"] == part]
        yield f"{part.capitalize()} drugs:"
        yield markdown_table(_by_level(rows, "encoder"))


def _by_level(rows: Sequence[Figures], ways: str) -> list[list[str]]:
    """Return a table: each way in a line, each level of `JUDGED` drugs in a column."""
    levels = sorted({row["level"] for row in rows})
    columns = [(what, level) for what in JUDGED[:2] for level in levels]
    sizes = {(what, row["level"]): row[what]["n"] for row in rows for what in JUDGED[:2]}
    written = [["", *(f"{w}, level {n}, n = {sizes[w, n]:,}" for w, n in columns)]]
    for way in dict.fromkeys(row[ways] for row in rows):
        by_level = {row["level"]: row for row in rows if row[ways] == way}
        is_first = way == rows[0][ways]
        cells = [_cell(by_level[level][w], is_first=is_first) for w, level in columns]
        written.append([way, *cells])
    return written
