"""Does fine-tuning to a whole taxonomy pay? New drugs, asked of encoders trained in several ways.

    python scripts/compare_fine_tuning.py runs/benchmark --output benchmark/learning \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

An encoder learns from the inserts of the benchmark's training drugs: in episodes, as it is used;
by telling all categories apart, as scripts/finetune_lora.py does it; and by both. Each then has the
words of these inserts and learns prototypes of their categories, names masked. The validation drugs
decide what is kept; the test drugs stand beside them. The folder is that of a run of
scripts/benchmark.py: corpus, adapters and vectors are taken from it. A stopped run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from numpy.typing import NDArray
from rich.console import Console

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.encoder import DEFAULT_ENCODER, weights_sha256
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.new_drugs_asked import right_answers, right_by_documents
from drugtext.evaluation.benchmark.protocols import new_drug
from drugtext.evaluation.benchmark.readers import (
    Reader,
    cached_reader,
    labelled_inserts,
    readers_of_run,
)
from drugtext.evaluation.benchmark.records import Example, load_corpus
from drugtext.evaluation.figures_file import write_figures
from drugtext.taxonomy import Taxonomy
from drugtext.training.bar import training_bar
from drugtext.training.data import LabelledInserts
from drugtext.training.finetune import FinetunePlan, finetune
from drugtext.training.meta import ATC_PLAN
from drugtext.training.plan import LoopPlan

LEVELS = (2, 3, 4)
LEARNING_RATE = 3e-4  # of scripts/finetune_lora.py

console = Console(stderr=True, markup=False)  # names of files hold brackets


def tuned(start: DrugClassifier, data: LabelledInserts, folder: Path, n_steps: int) -> Reader:
    """Return a reader whose adapter was trained to tell the categories apart."""
    plan = FinetunePlan(LEVELS, LoopPlan(n_steps, learning_rate=LEARNING_RATE))
    told = {"inserts": data.sha256, "weights": weights_sha256(start.model.encoder)}
    with training_bar(console) as advance:
        adapter, _ = finetune(start, data, plan, folder, told=told, advance=advance)
    ready = start.with_adapter(adapter).with_lexicon(data.forms[-1])
    return cached_reader(ready, folder / "windows")


def encoders(
    raw: DrugClassifier, trained: Reader, data: LabelledInserts, run: Path, n_steps: int
) -> Iterator[tuple[str, Reader]]:
    """Yield the encoders, ready to read, the one that is used first."""
    yield "meta-trained", trained
    yield "as it comes", cached_reader(raw.with_lexicon(data.forms[-1]), run / "windows")
    yield "fine-tuned", tuned(raw, data, run / "fine-tuned", n_steps)
    both = run / "meta-trained, then fine-tuned"
    yield both.name, tuned(trained.classifier, data, both, n_steps)


def is_right(
    reader: Reader, support: Sequence[Example], asked: Sequence[Example], tree: Taxonomy
) -> NDArray:
    """Return whether each answer is right of prototypes fitted to the support, shape (n_asked,)."""
    taught, given = (reader.embed([e.insert for e in some]) for some in (support, asked))
    return right_answers(reader.classifier, tree, (support, taught), (asked, given))


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of fine_tuning.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That the run trained.")] = DEFAULT_ENCODER,
    steps: Annotated[int, typer.Option(min=1, help="Of fine-tuning.")] = 150,
    meta_steps: Annotated[
        int, typer.Option(min=1, help="Of meta-training.")
    ] = ATC_PLAN.loop.n_steps,
) -> None:
    """Compare encoders that were fine-tuned to all categories with others."""
    rows: list[dict[str, Any]] = []
    try:
        atc = Taxonomy.from_atc(taxonomy)
        corpus = load_corpus(run / "corpus-atc", atc)
        trials = {level: new_drug(corpus, "masked", level) for level in LEVELS}
        training = trials[LEVELS[0]].training
        raw, data = drugtext.load(encoder), labelled_inserts(training, atc)
        readers = readers_of_run(run, raw, meta_steps)
        with training_bar(console) as advance:
            trained = readers.learn(training, atc, advance)
        first: dict[tuple[str, int], NDArray] = {}
        for name, reader in encoders(raw, trained, data, run, steps):
            for level, trial in trials.items():
                task = trial.tasks[0]
                for part, asked in (("validation", trial.validation), ("test", task.queries)):
                    right = is_right(reader, task.lesson.support, asked, atc)
                    told = right_by_documents(asked, right, first.setdefault((part, level), right))
                    rows.append({"part": part, "level": level, "encoder": name, **told})
                    console.print(rows[-1])
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    made_of = {"corpus_sha256": corpus.sha256, "steps": steps, "meta_steps": meta_steps}
    made_of |= {"n_drugs": len({frozenset(record.substances) for record in training.records})}
    rows.sort(key=lambda row: row["part"], reverse=True)
    write_figures(output / "fine_tuning.json", {**made_of, "rows": rows}, raw.backend)
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
