"""Figures of a list of answers, in plain numpy; a bootstrap sums what `…_columns` return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from drugtext.errors import CorpusError
from drugtext.evaluation.bootstrap import ratio


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
    return float(mean_f1(f1_columns(predictions, references).sum(0, keepdims=True))[0])


def f1_columns(predictions: Sequence[str], references: Sequence[str]) -> NDArray:
    """Return what `mean_f1` needs the sums of, shape (n, 3 * n_categories).

    Of each insert and category: whether it is the true one, the answer, or both.
    """
    categories = sorted({*predictions, *references} - {""})
    true = np.array(references)[:, None] == categories
    answered = np.array(predictions)[:, None] == categories
    return np.concatenate([true, answered, true & answered], axis=1)


def mean_f1(sums: NDArray) -> NDArray:
    """Return the mean F1 of the categories met, of sums (n_draws, 3 * n_categories): (n_draws,)."""
    true, answered, both = np.split(sums, 3, axis=1)
    met = true + answered > 0
    f1 = np.divide(2 * both, true + answered, out=np.zeros_like(both, dtype=float), where=met)
    return f1.sum(1) / met.sum(1)


def ingredient_accuracy(right: NDArray[np.bool_], ingredients: Sequence[str]) -> float:
    """Return the mean over ingredients of the share of their inserts that is right.

    Args:
        right: whether each answer is right, shape (n,).
        ingredients: one key an insert.

    Raises:
        CorpusError: there is no insert.
    """
    _check_some(ingredients)
    return float(ratio(ingredient_columns(right, ingredients).sum(0, keepdims=True))[0])


def ingredient_columns(right: NDArray, ingredients: Sequence[str]) -> NDArray:
    """Return columns whose sums' ratio is the mean over ingredients, shape (n, 2)."""
    sizes = Counter(ingredients)
    weights = np.array([1 / sizes[ingredient] for ingredient in ingredients])
    return np.stack([right * weights, weights], axis=1)


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
    shared, answered, true = path_columns(predictions, references).sum(0).tolist()
    precision, recall = shared / max(answered, 1), shared / max(true, 1)
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


def path_columns(
    predictions: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> NDArray:
    """Return for each insert the steps that both paths share, and the length of each: (n, 3)."""
    pairs = [(set(p), set(r)) for p, r in zip(predictions, references, strict=True)]
    return np.array([[len(given & true), len(given), len(true)] for given, true in pairs])


def _check_some(given: Sequence[object] | NDArray) -> None:
    if not len(given):
        raise CorpusError("found no insert to score; one answer and one reference are needed.")
