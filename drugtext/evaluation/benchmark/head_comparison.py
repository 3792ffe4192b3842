"""Which head learns a category best from how many inserts: all over the same embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import ttest_1samp
from torch import Tensor

from drugtext.classifier import DrugClassifier
from drugtext.episode_heads import HEADS, EpisodeHead
from drugtext.episodes import Episode, EpisodePool
from drugtext.evaluation.benchmark.cached_embedder import Embed
from drugtext.evaluation.benchmark.readers import Reader, fitted_to_background
from drugtext.evaluation.benchmark.records import Example
from drugtext.evaluation.benchmark.task import Task, Trial
from drugtext.evaluation.few_shot_calibration import few_shot_projection
from drugtext.evaluation.scores import few_shot_accuracy

SIMPLEST = "cosine"
"""The head that the others are compared with. The encoder was meta-trained with it: that favours it
somewhat."""

REFINED = "cosine, refined"
"""The simplest head, its prototypes then fitted to the support by gradient: MAML's cheap form, head
only (Raghu et al. 2020, arXiv:1909.09157)."""

_REFINE_STEPS, _REFINE_RATE = 40, 0.01
_N_EPISODES = 300
_MOST_WAY, _MOST_SHOTS = 24, 5
_LEARNING_RATE, _MATRIX_RATE = 2e-3, 1e-4  # of scalars and vectors; matrices diverge at the first
_MOST_QUERIES = 1  # of a category


@dataclass(frozen=True)
class Projected:
    """Inserts and names of categories, as the head projects them that new ones are learnt with.

    Attributes:
        rows: id of an insert -> its unit vector, shape (embedding_dim,).
        names: id of a category -> that of its name.
    """

    rows: Mapping[int, Tensor]
    names: Mapping[str, Tensor]

    def of(self, examples: Sequence[Example]) -> Tensor:
        """Return the vectors of examples, shape (n, embedding_dim)."""
        dim = len(next(iter(self.rows.values())))
        found = [self.rows[id(example.insert)] for example in examples]
        return torch.stack(found) if found else torch.zeros(0, dim)


def compare_heads(trials: Sequence[Trial], reader: Reader, seed: int) -> list[dict[str, NDArray]]:
    """Train each head on the background that trials share, and let it answer their tasks.

    Args:
        trials: of new categories, all with the same background.
        reader: that was trained for them.
        seed: of the heads' first weights and of the episodes that they are trained in.

    Returns:
        Of each trial: name of the head -> accuracy of each task, shape (n_tasks,).
    """
    projected = _projected(trials, reader)
    heads = {name: trained_head(name, trials[0].background, projected, seed) for name in HEADS}
    found = []
    for trial in trials:
        accuracies = {
            name: np.array([_accuracy(head, task, projected) for task in trial.tasks])
            for name, head in heads.items()
        }
        simplest = heads[SIMPLEST]
        accuracies[REFINED] = np.array(
            [_accuracy(simplest, task, projected, is_refined=True) for task in trial.tasks]
        )
        found.append(accuracies)
    return found


def trained_head(
    name: str, examples: Sequence[Example], projected: Projected, seed: int
) -> EpisodeHead:
    """Train a head in episodes over embeddings that stay as they are.

    Args:
        name: a key of `HEADS`.
        examples: to draw the episodes from.
        projected: their vectors.
        seed: of first weights and episodes.
    """
    torch.manual_seed(seed)
    vectors = projected.of(examples)
    head = HEADS[name](vectors.shape[1])
    optimizer = torch.optim.Adam(
        [
            {"params": [p for p in head.parameters() if p.ndim < 2], "lr": _LEARNING_RATE},
            {"params": [p for p in head.parameters() if p.ndim >= 2], "lr": _MATRIX_RATE},
        ]
    )
    pool = EpisodePool([e.category for e in examples], [e.substances for e in examples])
    for number in range(_N_EPISODES):
        rng = np.random.default_rng([seed, number])
        k_shot = int(rng.integers(1, _MOST_SHOTS + 1))
        n_able = len(pool.able(k_shot + _MOST_QUERIES))
        episode = pool.draw_up_to(min(n_able, _MOST_WAY), k_shot, _MOST_QUERIES, rng)
        logits = head(
            vectors[list(episode.support)],
            torch.tensor(episode.support_categories),
            vectors[list(episode.queries)],
            len(episode.categories),
            _names_of(episode, projected),
        )
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(episode.query_categories))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return head.requires_grad_(False)


def prototype_accuracy(base: DrugClassifier, task: Task, embed: Embed) -> float:
    """Return the accuracy of prototypes fitted to a task's support, or to names where it has none.

    Args:
        base: without categories, or with others, which give whitening.
        task: what is taught and asked.
        embed: gives embeddings of the encoder that `base` stands on, not projected.
    """
    lesson = task.lesson

    def projected(examples: Sequence[Example], classifier: DrugClassifier) -> Tensor:
        vectors = embed([example.insert for example in examples])
        with torch.no_grad():
            return classifier.model.head.project(torch.as_tensor(vectors))

    if lesson.support:
        taught, categories = projected(lesson.support, base), [e.category for e in lesson.support]
        fitted = base.fit_embeddings(taught, categories, taxonomy=lesson.taxonomy)
    else:
        fitted = base.fit_names(lesson.categories, taxonomy=lesson.taxonomy)
    asked = projected(task.queries, fitted)  # a bare base learns its centre from the support
    best = fitted.probabilities(asked).argmax(axis=1)
    truth = [fitted.category_ids.index(query.category) for query in task.queries]
    return float((best == np.array(truth)).mean())


def table_row(trial: Trial, accuracies: Mapping[str, NDArray]) -> dict[str, Any]:
    """Return what the report holds of a trial: each head's accuracy, and what it is ahead by.

    Args:
        trial: that was answered.
        accuracies: as `compare_heads` gives them.
    """
    row: dict[str, Any] = {
        "level": trial.setting.level,
        "k": trial.setting.k,
        "n_way": len(trial.tasks[0].lesson.categories),
        "n_tasks": len(trial.tasks),
    }
    for name, found in accuracies.items():
        figures = few_shot_accuracy(found)
        ahead = few_shot_accuracy(found - accuracies[SIMPLEST])
        row[name] = {
            "accuracy": [round(float(x), 4) for x in figures],
            "ahead": [round(float(x), 4) for x in ahead],
        }
    return row


def ahead_of_simplest(
    compared: Sequence[Mapping[str, NDArray]], level: float = 0.05
) -> dict[str, list[int]]:
    """Return which heads are ahead of the simplest one, and where, for the number of comparisons.

    Each head is compared with the simplest one in each trial, by the paired t-test over tasks. A
    comparison has its share alone of the chance to be wrong in any of them (Bonferroni; Dunn 1961).

    Args:
        compared: of each trial: name of the head -> accuracy of each task, shape (n_tasks,), of two
            tasks or more.
        level: chance to call any head ahead where none is.

    Returns:
        Name of the head -> the trials in which it is ahead. Heads that never are stand there, too.
    """
    others = [name for name in (compared[0] if compared else ()) if name != SIMPLEST]
    share = level / max(len(others) * len(compared), 1)
    found: dict[str, list[int]] = {name: [] for name in others}
    for number, accuracies in enumerate(compared):
        for name in others:
            gain = accuracies[name] - accuracies[SIMPLEST]
            if gain.mean() > 0 and (np.ptp(gain) == 0 or ttest_1samp(gain, 0).pvalue < share):
                found[name].append(number)
    return found


def _projected(trials: Sequence[Trial], reader: Reader) -> Projected:
    background, taxonomy = trials[0].background, trials[0].tasks[0].lesson.taxonomy
    fitted = fitted_to_background(trials[0], reader)
    inserts = {id(insert): insert for trial in trials for insert in trial.inserts}
    categories = {example.category for example in background}
    categories.update(c for trial in trials for t in trial.tasks for c in t.lesson.categories)
    head, names = few_shot_projection(
        fitted.model.head, fitted.embed_names(sorted(categories), taxonomy)
    )
    with torch.no_grad():
        read = torch.as_tensor(reader.embed([*inserts.values()]))
        vectors = head.text_of(head.project(read))
    return Projected(dict(zip(inserts, vectors, strict=True)), names)


def _names_of(episode: Episode, projected: Projected) -> Tensor:
    return torch.stack([projected.names[category] for category in episode.categories])


def _accuracy(
    head: EpisodeHead, task: Task, projected: Projected, *, is_refined: bool = False
) -> float:
    lesson = task.lesson
    order = {category: n for n, category in enumerate(lesson.categories)}
    support, queries = projected.of(lesson.support), projected.of(task.queries)
    rows = torch.tensor([order[e.category] for e in lesson.support], dtype=torch.long)
    names = torch.stack([projected.names[category] for category in order])
    if is_refined and len(support):
        logits = _refined_logits(head, support, rows, queries, names)
    else:
        logits = head(support, rows, queries, len(order), names)
    truth = torch.tensor([order[query.category] for query in task.queries])
    return float((logits.argmax(1) == truth).double().mean())


def _refined_logits(
    head: EpisodeHead, support: Tensor, rows: Tensor, queries: Tensor, names: Tensor
) -> Tensor:
    """Return the cosines to prototypes that some steps of gradient have fitted to the support."""
    weights = torch.cat([torch.ones(len(rows)), head.name_weight.expand(len(names))])
    taught = torch.cat([support, names])
    targets = torch.cat([rows, torch.arange(len(names))])
    sums = torch.zeros_like(names).index_add(0, targets, taught * weights.unsqueeze(1))
    prototypes = torch.nn.functional.normalize(sums, dim=1).requires_grad_()
    scale = head.log_scale.exp()
    optimizer = torch.optim.Adam([prototypes], lr=_REFINE_RATE)
    for _ in range(_REFINE_STEPS):
        losses = torch.nn.functional.cross_entropy(
            scale * taught @ torch.nn.functional.normalize(prototypes, dim=1).T,
            targets,
            reduction="none",
        )
        optimizer.zero_grad()
        (losses * weights).mean().backward()
        optimizer.step()
    return queries @ torch.nn.functional.normalize(prototypes.detach(), dim=1).T
