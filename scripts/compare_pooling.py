"""How should the windows of an insert become one vector? By the plan, alike, or by learnt weights.

    python scripts/compare_pooling.py runs/benchmark --output benchmark/learning \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

The folder is that of a run of scripts/benchmark.py: corpus, encoder and vectors are taken from it.
Weights are learnt on the training drugs, over windows of the encoder as it was trained, and judged
on the validation drugs. Names are masked. The test part is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.encoder import DEFAULT_ENCODER, pool_windows
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.contestants.own import DrugText
from drugtext.evaluation.benchmark.learning_page import write_learning_page
from drugtext.evaluation.benchmark.new_drugs_asked import right_by_documents
from drugtext.evaluation.benchmark.protocols import new_drug
from drugtext.evaluation.benchmark.readers import Reader, readers_of_run
from drugtext.evaluation.benchmark.records import Example, load_corpus
from drugtext.evaluation.benchmark.task import Trial
from drugtext.evaluation.figures_file import write_figures
from drugtext.inserts.batches import batches
from drugtext.inserts.insert import DrugInsert
from drugtext.name_stems import with_names
from drugtext.prototypes import ingredient_means
from drugtext.scorer import INITIAL_SCALE
from drugtext.taxonomy import Taxonomy
from drugtext.training.meta import ATC_PLAN

LEVEL = 3
PLAN, OTHERS = "the plan", "others"
LEARNING_RATE = 0.03

console = Console(stderr=True, markup=False)  # names of files hold brackets


class ReadInserts(NamedTuple):
    """Inserts as the encoder read them, window by window.

    Attributes:
        vectors: of the windows, unit vectors, shape (n_windows, text_dim).
        weights: how much the plan counts each, shape (n_windows,).
        numbers: int64, the insert of each, shape (n_windows,).
        sections: int64, the section of each, shape (n_windows,).
        n_inserts: how many they are.
    """

    vectors: Tensor
    weights: Tensor
    numbers: Tensor
    sections: Tensor
    n_inserts: int

    def pooled(self, factors: Tensor) -> Tensor:
        """Return unit vectors, shape (n_inserts, text_dim); factors: of the weights."""
        return pool_windows(self.vectors, self.weights * factors, self.numbers, self.n_inserts)


class LearntFactors(nn.Module):
    """Factors of the plan's weights: of the section, and by attention to what a window says.

    Args:
        n_sections: that are told apart.
        dim: of the windows' vectors.
        attends: whether the window itself has a say.

    Source:
        Attention over instances: Ilse et al. 2018, arXiv:1802.04712, equation 8, with one linear
        layer.
    """

    def __init__(self, n_sections: int, dim: int, *, attends: bool) -> None:
        super().__init__()
        self.of_section = nn.Parameter(torch.zeros(n_sections))
        self.query = nn.Parameter(torch.zeros(dim), requires_grad=attends)

    def forward(self, read: ReadInserts) -> Tensor:
        """Return a factor a window, above 0: shape (n_windows,)."""
        return (self.of_section[read.sections] + read.vectors @ self.query).exp()


@torch.no_grad()
def read_inserts(
    classifier: DrugClassifier, inserts: Sequence[DrugInsert], names: Sequence[str]
) -> ReadInserts:
    """Read inserts, window by window; names: of the sections that are told apart."""
    vectors, weights, numbers, sections = [], list[float](), list[int](), list[int]()
    for batch in batches(track(inserts, "windows", console=console)):
        windows, first = classifier.windows(batch), numbers[-1] + 1 if numbers else 0
        vectors.append(nn.functional.normalize(classifier.vectors(windows.token_ids), dim=1))
        weights += windows.weights
        numbers += [first + n for n in windows.insert_numbers]
        sections += [names.index(s if s in names else OTHERS) for s in windows.sections]
    return ReadInserts(
        torch.cat(vectors),
        torch.tensor(weights),
        torch.tensor(numbers),
        torch.tensor(sections),
        len(inserts),
    )


def loss_of_others(pooled: Tensor, rows: Tensor, drugs: Sequence[frozenset[str]]) -> Tensor:
    """Return the cross-entropy of drugs, each judged by prototypes of the other drugs alone.

    Args:
        pooled: of inserts, unit vectors, shape (n, dim).
        rows: int64, the category of each, shape (n,).
        drugs: of each.
    """
    centred = nn.functional.normalize(pooled - pooled.mean(0), dim=1)
    means, mean_rows = ingredient_means(centred, rows, drugs)
    sums = means.new_zeros(int(rows.max()) + 1, means.shape[1]).index_add(0, mean_rows, means)
    counts = torch.bincount(mean_rows)
    told = counts[mean_rows] > 1
    prototypes = nn.functional.normalize(sums, dim=1)
    of_others = nn.functional.normalize(sums[mean_rows] - means, dim=1)
    cosines = means @ prototypes.T
    own = (means * of_others).sum(1, keepdim=True)
    cosines = cosines.scatter(1, mean_rows.unsqueeze(1), own)
    return nn.functional.cross_entropy(INITIAL_SCALE * cosines[told], mean_rows[told])


def learn(
    read: ReadInserts, examples: Sequence[Example], factors: LearntFactors, steps: int
) -> None:
    """Learn factors in place."""
    order = sorted({example.category for example in examples})
    rows = torch.tensor([order.index(example.category) for example in examples])
    drugs = [example.substances for example in examples]
    learnt = [weights for weights in factors.parameters() if weights.requires_grad]
    optimizer = torch.optim.AdamW(learnt, LEARNING_RATE)
    for _ in track(range(steps), "learning", console=console):
        optimizer.zero_grad()
        loss_of_others(read.pooled(factors(read)), rows, drugs).backward()
        optimizer.step()


def ways(
    whole: ReadInserts, taught: Sequence[Example], names: Sequence[str], steps: int
) -> Iterator[tuple[str, Tensor, dict[str, float]]]:
    """Yield each way: what it is called, its factor of each window, those of sections if learnt.

    Args:
        whole: all inserts, those that are taught first.
        taught: examples that weights are learnt from.
        names: of the sections that are told apart.
        steps: of learning.
    """
    yield PLAN, torch.ones_like(whole.weights), {}
    yield "alike", 1 / whole.weights, {}
    is_taught = whole.numbers < len(taught)
    vectors, weights, numbers, sections = (part[is_taught] for part in whole[:4])
    read = ReadInserts(vectors, weights, numbers, sections, len(taught))
    for what, attends in (("factors of sections", False), ("attention", True)):
        factors = LearntFactors(len(names), whole.vectors.shape[1], attends=attends)
        learn(read, taught, factors, steps)
        learnt = (factors.of_section - factors.of_section[0]).exp().tolist()
        told = {name: round(value, 3) for name, value in zip(names, learnt, strict=True)}
        with torch.no_grad():  # and not where the factors are used
            found = factors(whole)
        yield what, found, {} if attends else told


def reader_of(classifier: DrugClassifier, inserts: Sequence[DrugInsert], texts: Tensor) -> Reader:
    """Return what reads these inserts as these vectors, shape (n_inserts, text_dim)."""
    nameless = torch.zeros(len(texts), classifier.model.config.name_dim)
    vectors = with_names(texts, nameless).numpy()
    place = {id(insert): n for n, insert in enumerate(inserts)}
    return Reader(classifier, lambda some: vectors[[place[id(insert)] for insert in some]])


def is_right(trial: Trial, reader: Reader) -> NDArray:
    """Return whether drugtext's answers to the validation drugs are right, shape (n,)."""
    contestant = DrugText(lambda _: reader)
    contestant.prepare(trial)
    contestant.fit(trial.tasks[0].lesson)
    ranked = contestant.predict([example.insert for example in trial.validation]).ranked
    pairs = zip(ranked, trial.validation, strict=True)
    return np.array([answers[0] == example.category for answers, example in pairs])


def main(
    run: Annotated[Path, typer.Argument(help="Folder of a run of scripts/benchmark.py.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of pooling.json and of the page.")],
    encoder: Annotated[str, typer.Option(help="That the run trained.")] = DEFAULT_ENCODER,
    steps: Annotated[int, typer.Option(min=1, help="Of each training.")] = ATC_PLAN.loop.n_steps,
    pooling_steps: Annotated[int, typer.Option(min=1, help="Of learning weights.")] = 100,
) -> None:
    """Compare ways to weigh the windows of an insert."""
    try:
        atc = Taxonomy.from_atc(taxonomy)
        trial = new_drug(load_corpus(run / "corpus-atc", atc), "masked", LEVEL)
        raw = drugtext.load(encoder)
        readers = readers_of_run(run, raw, steps)
        classifier = readers.learn(trial.training, atc).classifier
        taught, asked = trial.tasks[0].lesson.support, trial.validation
        names = [*classifier.reading_plan.section_tokens, OTHERS]
        inserts = [example.insert for example in (*taught, *asked)]
        whole = read_inserts(classifier, inserts, names)
        rows: list[dict[str, Any]] = []
        by_plan, of_sections = np.zeros(0), dict[str, float]()
        for what, factors, told in ways(whole, taught, names, pooling_steps):
            right = is_right(trial, reader_of(classifier, inserts, whole.pooled(factors)))
            by_plan = right if what == PLAN else by_plan
            of_sections = told or of_sections
            rows.append({"windows": what, **right_by_documents(trial.validation, right, by_plan)})
            console.print(rows[-1])
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    made_of = {"level": LEVEL, "steps": pooling_steps, "factors": of_sections}
    write_figures(output / "pooling.json", {**made_of, "rows": rows}, raw.backend)
    console.print(f"written: {write_learning_page(output)}")


if __name__ == "__main__":
    typer.run(main)
