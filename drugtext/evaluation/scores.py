"""Figures that a list of answers gives, in plain numpy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from drugtext.errors import CorpusError


def macro_f1(predictions: Sequence[str], references: Sequence[str]) -> float:
    """Return the mean F1 over the categories that occur in either list.

    Args:
        predictions: one category an insert; "" for no answer, which costs recall alone.
        references: the true category of each.

    Raises:
        CorpusError: there is no insert.

    Source:
        Opitz and Burst 2019, arXiv:1911.03347, the mean of the categories' F1; 0 where undefined.
    """
    _check_some(references)
    given, true = np.array(predictions), np.array(references)
    scores = []
    for category in sorted({*predictions, *references} - {""}):
        both = np.sum((given == category) & (true == category))
        scores.append(2 * both / (np.sum(given == category) + np.sum(true == category)))
    return float(np.mean(scores))


def ingredient_accuracy(right: NDArray[np.bool_], ingredients: Sequence[str]) -> float:
    """Return the mean over ingredients of the share of their inserts that is right.

    Args:
        right: whether each answer is right, shape (n,).
        ingredients: one key an insert.

    Raises:
        CorpusError: there is no insert.
    """
    _check_some(ingredients)
    by_ingredient = defaultdict(list)
    for hit, ingredient in zip(right, ingredients, strict=True):
        by_ingredient[ingredient].append(hit)
    return float(np.mean([np.mean(hits) for hits in by_ingredient.values()]))


def few_shot_accuracy(accuracies: NDArray) -> tuple[float, float, float]:
    """Return the mean over episodes, and the 95 % interval of that mean.

    Args:
        accuracies: of each episode, shape (n_episodes,).

    Returns:
        Mean, and mean ± t(0.975, n - 1) · s / √n; the bounds of one episode are nan.

    Raises:
        CorpusError: there is no episode.

    Source:
        Student 1908, doi:10.1093/biomet/6.1.1; what few-shot papers print, with t for few episodes.
    """
    _check_some(accuracies)
    n, mean = len(accuracies), float(np.mean(accuracies))
    if n == 1:
        return mean, float("nan"), float("nan")
    margin = float(t.ppf(0.975, n - 1) * np.std(accuracies, ddof=1) / np.sqrt(n))
    return mean, mean - margin, mean + margin


def hierarchical_scores(
    predictions: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> tuple[float, float, float]:
    """Compare the paths of answers and of true categories.

    Args:
        predictions: ids from the root down to the answer, of each insert; empty for no answer.
        references: ids from the root down to the true category.

    Returns:
        Hierarchical precision, recall and F1; 0 where undefined.

    Raises:
        CorpusError: there is no insert.

    Source:
        Kiritchenko, Matwin, Famili 2005, ACL BioLINK, section 4: sums over inserts.
    """
    _check_some(references)
    pairs = [(set(p), set(r)) for p, r in zip(predictions, references, strict=True)]
    shared = sum(len(given & true) for given, true in pairs)
    precision = shared / max(sum(len(given) for given, _ in pairs), 1)
    recall = shared / max(sum(len(true) for _, true in pairs), 1)
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


def _check_some(given: Sequence[object] | NDArray) -> None:
    if not len(given):
        raise CorpusError("found no insert to score; one answer and one reference are needed.")
