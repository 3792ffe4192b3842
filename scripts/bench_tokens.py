"""Which sections decide, and how many tokens: accuracy against what is read of an insert.

    python scripts/bench_tokens.py runs/benchmark --output benchmark/speed \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

The folder is that of a run of scripts/benchmark.py: corpus, adapter and vectors are taken from it.
Classifiers of "new drug" at ATC level 3, names as printed, are fitted and asked by other reading
plans, each by its own: ones that stop earlier, that hide names or show them, too, in all inserts,
that read on in each section, that read one section alone. That of the default plan is asked inserts
of which less is read: fewer tokens of each section, no further than an answer is probable. How much
is enough is chosen on the validation part; the test part stands beside it, and so does what a plain
transformers pipeline gets from the same weights. Writes tokens.json, and the page of all that the
folder holds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from torch import Tensor

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.corpus import FULL_DOCUMENTS
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.contestants.own import DrugText
from drugtext.evaluation.benchmark.protocols import new_drug
from drugtext.evaluation.benchmark.readers import Reader, readers_of_run
from drugtext.evaluation.benchmark.records import Example, Names, load_corpus
from drugtext.evaluation.benchmark.task import Trial
from drugtext.evaluation.bootstrap import grouped_mean
from drugtext.evaluation.figures_file import write_figures
from drugtext.evaluation.speed.page import write_speed_page
from drugtext.evaluation.speed.peers import (
    N_SPECIAL,
    PIPELINE_FIRST,
    PIPELINE_WHOLE,
    plain_pipeline,
)
from drugtext.evaluation.speed.targets import DEFAULT_READING
from drugtext.inserts.batches import batches
from drugtext.prediction import Prediction, Wanted
from drugtext.reading_plan import ReadingPlan
from drugtext.taxonomy import Taxonomy
from drugtext.training.bar import training_bar
from drugtext.training.meta import ATC_PLAN

LEVEL = 3
STOPS = (100, 200, 300, 400, 600)
SECTION_TOKENS = (32, 64, 128)
NAMES: Names = "plain"
ENOUGH = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)

console = Console(stderr=True, markup=False)  # names of files hold brackets


class Reading(NamedTuple):
    """A way to read.

    Attributes:
        reads: what it is called.
        way: of which kind it is, for the picture.
        plan: that inserts are asked by.
        is_fitted: whether the classifier is taught by this plan, or by the default one.
    """

    reads: str
    way: str
    plan: ReadingPlan
    is_fitted: bool = True


def readings() -> Iterator[Reading]:
    """Yield the default reading, and others that read more or less.

    Where sections are asked alone others stay unread if those are missing: the insert is then told
    by nothing.
    """
    plan = ReadingPlan()
    yield Reading(DEFAULT_READING, "default", plan)
    for stop in STOPS:
        yield Reading(f"stops behind {stop} tokens", "stop", replace(plan, stop_tokens=stop))
    whole = replace(plan, once_tokens=None)
    yield Reading("names shown and hidden", "names", whole)
    once = replace(whole, show_names=False)
    yield Reading("names hidden", "names", once)
    yield Reading("254 tokens of each section", "longer", plan.fuller())
    sections = dict(plan.section_tokens)
    names = list(sections)
    for name in names:
        alone = replace(once, section_tokens={name: sections[name]}, other_tokens=0)
        yield Reading(f"{name} alone", "section", alone)
    for n in range(2, len(names)):
        kept = {name: sections[name] for name in names[:n]}
        first = replace(once, section_tokens=kept, other_tokens=0)
        yield Reading(f"first {n} sections", "first", first)
    for limit in SECTION_TOKENS:
        cut = {name: min(limit, most) for name, most in sections.items()}
        short = replace(plan, section_tokens=cut)
        yield Reading(f"{limit} tokens a section", "short", short, is_fitted=False)
    for enough in ENOUGH:
        quick = replace(plan.quick(), enough_probability=enough)
        yield Reading(f"quick, until p > {enough}", "until", quick, is_fitted=False)


def fitted(trial: Trial, bare: DrugClassifier, plan: ReadingPlan) -> DrugClassifier:
    """Return a classifier that was taught, and reads, by a plan; so does the bare one then."""
    bare.reading_plan = plan
    contestant = DrugText(lambda _: Reader(bare, bare.embed))
    contestant.prepare(trial)
    contestant.fit(trial.tasks[0].lesson)
    return contestant.classifier


def judged(classifier: DrugClassifier, examples: Sequence[Example]) -> dict[str, Any]:
    """Return accuracy and tokens, of full documents and of all inserts."""
    full = [example for example in examples if example.kind in FULL_DOCUMENTS]
    short = [example for example in examples if example.kind not in FULL_DOCUMENTS]
    answered = [answers(classifier, some) for some in (full, short)]
    found = {}
    for what, some, parts in (
        ("full documents", full, answered[:1]),
        ("all", full + short, answered),
    ):
        is_right = [right for part in parts for right in part.is_right]
        tokens_read = [n for part in parts for n in part.tokens_read]
        encoded = sum(part.tokens_encoded for part in parts) / len(some)
        found[what] = {**figures(is_right, tokens_read, some), "tokens_encoded": round(encoded, 1)}
    return found


class Answers(NamedTuple):
    """What a classifier said of some inserts.

    Attributes:
        is_right: of each.
        tokens_read: of each, a section that is read twice counted once.
        tokens_encoded: of all, special tokens included, padding left out.
    """

    is_right: list[bool]
    tokens_read: list[int]
    tokens_encoded: int


def answers(classifier: DrugClassifier, examples: Sequence[Example]) -> Answers:
    """Classify, and count what the encoder is given."""
    lengths: list[int] = []

    def counted(token_ids: list[list[int]]) -> Tensor:
        lengths.extend(map(len, token_ids))
        return classifier.vectors(token_ids)

    predictions: list[Prediction] = []
    for batch in batches(example.insert for example in examples):
        windows = classifier.windows(batch)
        predictions += classifier.answers(batch, windows, Wanted(top_k=1), counted)
    is_right = [p.category_id == e.category for p, e in zip(predictions, examples, strict=True)]
    return Answers(is_right, [p.tokens_read for p in predictions], sum(lengths))


def figures(
    is_right: Sequence[bool], tokens_read: Sequence[int], examples: Sequence[Example]
) -> dict[str, Any]:
    """Return accuracy with its interval, and the mean of tokens read."""
    groups = [example.ingredient for example in examples]
    accuracy = grouped_mean(np.asarray(is_right), groups)
    return {
        "n": len(examples),
        "accuracy": [round(value, 4) for value in accuracy],
        "tokens_read": round(float(np.mean(tokens_read)), 1),
    }


def judged_pipeline(
    classifier: DrugClassifier, examples: Sequence[Example], *, is_whole: bool
) -> dict[str, Any]:
    """Return accuracy of a plain transformers pipeline over the same weights, full documents."""
    chosen = [example for example in examples if example.kind in FULL_DOCUMENTS]
    with tempfile.TemporaryDirectory() as folder:
        classifier.save_pretrained(folder)
        inserts = [example.insert for example in chosen]
        answers = plain_pipeline(inserts, Path(folder), is_whole=is_whole)["answers"]
    is_right = [a == e.category for a, e in zip(answers, chosen, strict=True)]
    room = classifier.tokenizer.model_max_length - N_SPECIAL
    totals = classifier.windows(inserts).tokens_total
    n_tokens = totals if is_whole else [min(total, room) for total in totals]
    n_special = [N_SPECIAL * -(-n // room) for n in n_tokens]  # of each part
    encoded = (sum(n_tokens) + sum(n_special)) / len(n_tokens)
    found = figures(is_right, n_tokens, chosen)
    return {"full documents": {**found, "tokens_encoded": round(encoded, 1)}}


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of tokens.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That the run trained.")] = DEFAULT_ENCODER,
    steps: Annotated[
        int, typer.Option(min=1, help="Of the encoder's training.")
    ] = ATC_PLAN.loop.n_steps,
) -> None:
    """Measure what less reading costs."""
    try:
        atc = Taxonomy.from_atc(taxonomy)
        corpus = load_corpus(run / "corpus-atc", atc)
        trial = new_drug(corpus, NAMES, LEVEL)
        parts = {"validation": trial.validation, "test": trial.tasks[0].queries}
        raw = drugtext.load(encoder)
        readers = readers_of_run(run, raw, steps)
        with training_bar(console) as advance:
            bare = readers.learn(trial.training, atc, advance).classifier
        default = ReadingPlan()
        by_default = fitted(trial, bare, default)
        rows: list[dict[str, Any]] = []
        for reading in track([*readings()], "reading", console=console):
            is_other = reading.is_fitted and reading.plan != default
            classifier = fitted(trial, bare, reading.plan) if is_other else by_default
            classifier.reading_plan = reading.plan
            found = {part: judged(classifier, examples) for part, examples in parts.items()}
            told = {name: getattr(reading, name) for name in ("reads", "way", "is_fitted")}
            rows.append({**told, **found})
            console.print(rows[-1])
        by_default.reading_plan = default
        for reads in (PIPELINE_FIRST, PIPELINE_WHOLE):
            is_whole = reads == PIPELINE_WHOLE
            test = judged_pipeline(by_default, parts["test"], is_whole=is_whole)
            rows.append({"reads": reads, "test": test})
            console.print(rows[-1])
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    asked = {"corpus_sha256": corpus.sha256, "level": LEVEL, "names": NAMES}
    write_figures(output / "tokens.json", {**asked, "rows": rows}, classifier.backend)
    console.print(f"written: {write_speed_page(output)}")


if __name__ == "__main__":
    typer.run(main)
