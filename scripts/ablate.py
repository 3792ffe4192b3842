"""What each part of drugtext adds: all parts, and all but one, on validation drugs and categories.

    python scripts/ablate.py runs/benchmark --output benchmark/learning \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

The folder is that of a run of scripts/benchmark.py: corpus, adapters and vectors are taken from it.
New drugs are those of the validation split, taught the training split; new categories those of the
validation part, whitened by the training part. Names are masked. The test parts are not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.new_category import new_category, split_categories
from drugtext.evaluation.benchmark.new_drugs_asked import right_by_documents, rounded
from drugtext.evaluation.benchmark.protocols import INDICATED, new_drug
from drugtext.evaluation.benchmark.readers import Reader, cached_reader, readers_of_run
from drugtext.evaluation.benchmark.records import Example, load_corpus
from drugtext.evaluation.benchmark.task import Training, Trial
from drugtext.evaluation.few_shot_calibration import SOFTENING
from drugtext.evaluation.figures_file import write_figures
from drugtext.evaluation.scores import few_shot_accuracy
from drugtext.heads import PrototypeHead
from drugtext.names import category_text, name_and_parent
from drugtext.prototypes import alike_means, ingredient_means
from drugtext.taxonomy import Taxonomy
from drugtext.training.bar import training_bar
from drugtext.training.meta import ATC_PLAN

LEVEL = 3
SHOTS = (1, 5)

console = Console(stderr=True, markup=False)  # names of files hold brackets


@dataclass(frozen=True)
class Variant:
    """What takes part.

    Attributes:
        adapter: meta-trained weights.
        lexicon: the channel of words.
        whitening: of embeddings, by drugs of one category.
        softening: power of the whitening that new categories are learnt with.
        names: of categories, each as one drug.
        names_below: read beside these, of the categories right below, where those are learnt from
            a few inserts.
        ancestors: share in the prototypes below them, where those are learnt from many inserts.
        always_ancestors: also where a category is learnt from a few, beside others.
        by_drug: the inserts of a drug count once.
        memory: of the support itself, beside the prototypes.
    """

    adapter: bool = True
    lexicon: bool = True
    whitening: bool = True
    softening: float = SOFTENING
    names: bool = True
    names_below: bool = True
    ancestors: bool = True
    always_ancestors: bool = False
    by_drug: bool = True
    memory: bool = True


ALL = Variant()
VARIANTS = {
    "all parts": ALL,
    "without the adapter": replace(ALL, adapter=False),
    "without the lexicon": replace(ALL, lexicon=False),
    "without both": replace(ALL, adapter=False, lexicon=False),
    "without whitening": replace(ALL, whitening=False),
    "new categories whitened in full": replace(ALL, softening=1.0),
    "new categories not whitened": replace(ALL, softening=0.0),
    "without names": replace(ALL, names=False),
    "names without those below": replace(ALL, names_below=False),
    "without ancestors": replace(ALL, ancestors=False),
    "ancestors of new categories, too": replace(ALL, always_ancestors=True),
    "inserts count, not drugs": replace(ALL, by_drug=False),
    "without the memory": replace(ALL, memory=False),
    "prototypes alone": Variant(False, False, False, 0.0, *[False] * 6),
}


class Readers:
    """The encoder with and without adapter and lexicon, for one training."""

    def __init__(
        self, raw: DrugClassifier, training: Training, run: Path, taxonomy: Taxonomy, n_steps: int
    ) -> None:
        readers = readers_of_run(run, raw, n_steps)
        with training_bar(console) as advance:
            trained = readers.learn(training, taxonomy, advance).classifier
        masked = [record.inserts["masked"] for record in training.records]
        adapter = trained.model.adapter
        adapted = raw.with_adapter(adapter) if adapter else raw
        cache = trained.window_cache
        folder = cache.folder if cache else run / "windows"
        self._readers = {
            (True, True): cached_reader(trained, folder),
            (True, False): cached_reader(adapted, folder),
            (False, True): cached_reader(raw.with_lexicon(masked), run / "windows"),
            (False, False): cached_reader(raw, run / "windows"),
        }

    def __call__(self, variant: Variant) -> Reader:
        """Return what a variant reads with."""
        return self._readers[variant.adapter, variant.lexicon]


def fitted_head(
    reader: Reader, variant: Variant, examples: Sequence[Example], taxonomy: Taxonomy
) -> tuple[PrototypeHead, list[str]]:
    """Learn projection and prototypes from examples, with the parts that take part."""
    config = reader.classifier.model.config
    bare = PrototypeHead(config.text_dim, 0, name_dim=config.name_dim)
    return learn(bare, reader, variant, examples, taxonomy)


@torch.no_grad()
def learn(
    head: PrototypeHead,
    reader: Reader,
    variant: Variant,
    examples: Sequence[Example],
    taxonomy: Taxonomy,
) -> tuple[PrototypeHead, list[str]]:
    """Fit a head as `CategoryLearner.fit_embeddings` does, each part for itself."""
    order = list(dict.fromkeys(example.category for example in examples))
    rows = torch.tensor([order.index(example.category) for example in examples])
    support = torch.as_tensor(reader.embed([example.insert for example in examples]))
    leans_on_tree = variant.ancestors and (head.is_bare or variant.always_ancestors)
    drugs = [e.substances if variant.by_drug else n for n, e in enumerate(examples)]
    means, mean_rows = ingredient_means(support, rows, drugs)
    read = name_and_parent if head.is_bare or not variant.names_below else category_text
    names = reader.classifier.embed_texts([read(taxonomy, c) for c in order])
    if head.is_bare and variant.whitening:
        learnt = (means, mean_rows) if len(means) >= head.text_dim else (support, rows)
        head = head.with_projection(*learnt, names)
    ancestors = [
        [step.id for step in taxonomy.path(c)[-2::-1]] if leans_on_tree else [] for c in order
    ]
    told = head.project_names(names) if variant.names else None
    fitted = head.fitted(head.project(means), mean_rows, ancestors, told)
    if variant.memory:
        known, known_rows, _ = alike_means(head.project(support), rows, drugs)
        fitted = fitted.remembering(known, known_rows)
    return fitted, order


def is_right(
    head: PrototypeHead, order: list[str], reader: Reader, asked: Sequence[Example]
) -> NDArray:
    """Return whether each answer is right, shape (n,)."""
    with torch.no_grad():
        embeddings: Tensor = torch.as_tensor(reader.embed([example.insert for example in asked]))
        best = head.logits(head.project(embeddings)).argmax(1).tolist()
    return np.array([order[n] == e.category for n, e in zip(best, asked, strict=True)])


def new_drugs(trial: Trial, reader: Reader, variant: Variant) -> NDArray:
    """Return whether the answers to the validation drugs of "new drug" are right, shape (n,)."""
    taxonomy = trial.tasks[0].lesson.taxonomy
    head, order = fitted_head(reader, variant, trial.tasks[0].lesson.support, taxonomy)
    return is_right(head, order, reader, trial.validation)


def new_categories(trials: Sequence[Trial], reader: Reader, variant: Variant) -> list[NDArray]:
    """Return of each trial the accuracies of its tasks, shape (n_tasks,)."""
    taxonomy = trials[0].tasks[0].lesson.taxonomy
    base, _ = fitted_head(reader, variant, trials[0].background, taxonomy)
    if variant.whitening:  # without it there is nothing to soften
        base = base.softened(variant.softening)
    found = []
    for trial in trials:
        accuracies = []
        for task in trial.tasks:
            head, order = learn(base, reader, variant, task.lesson.support, taxonomy)
            accuracies.append(is_right(head, order, reader, task.queries).mean())
        found.append(np.array(accuracies))
    return found


class Judged(NamedTuple):
    """What a variant was right of: as `new_drugs` and `new_categories` give it."""

    right: NDArray
    accuracies: list[NDArray]


def figures(drugs: Trial, few: Sequence[Trial], one: Judged, whole: Judged) -> dict[str, Any]:
    """Return accuracies of a variant, and by how much all parts together are ahead of it.

    Args:
        drugs: of new drugs.
        few: of new categories.
        one: the variant.
        whole: all parts.
    """
    found = right_by_documents(drugs.validation, one.right, whole.right)
    for trial, own, best in zip(few, one.accuracies, whole.accuracies, strict=True):
        found[f"new category, k = {trial.setting.k}"] = {
            "n_way": len(trial.tasks[0].lesson.categories),
            "n_tasks": len(trial.tasks),
            "accuracy": rounded(few_shot_accuracy(own)),
            "all_ahead": rounded(few_shot_accuracy(best - own)),
        }
    return found


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of ablation.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That the run trained.")] = DEFAULT_ENCODER,
    steps: Annotated[int, typer.Option(min=1, help="Of each training.")] = ATC_PLAN.loop.n_steps,
    episodes: Annotated[int, typer.Option(min=2, help="Of each number of inserts.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
) -> None:
    """Take the parts away, one at a time."""
    try:
        atc = Taxonomy.from_atc(taxonomy)
        corpus = load_corpus(run / "corpus-atc", atc)
        drugs = new_drug(corpus, "masked", LEVEL)
        split = split_categories(corpus, seed)
        few = [
            trial
            for k in SHOTS
            if (
                trial := new_category(
                    split, "masked", LEVEL, INDICATED, k, episodes, seed, "validation"
                )
            )
        ]
        raw = drugtext.load(encoder)
        of_drugs = Readers(raw, drugs.training, run, atc, steps)
        of_categories = Readers(raw, split.training, run, atc, steps)
        rows: list[dict[str, Any]] = []
        judged: dict[str, Judged] = {}
        for name, variant in VARIANTS.items():
            right = new_drugs(drugs, of_drugs(variant), variant)
            judged[name] = Judged(right, new_categories(few, of_categories(variant), variant))
            whole = next(iter(judged.values()))
            rows.append({"parts": name, **figures(drugs, few, judged[name], whole)})
            console.print(rows[-1])
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    asked = {"corpus_sha256": corpus.sha256, "level": LEVEL, "steps": steps, "seed": seed}
    write_figures(output / "ablation.json", {**asked, "rows": rows}, raw.backend)
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
