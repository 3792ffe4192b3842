"""Sets of categories that hold the true one as often as was asked, at each level of the tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drugtext.errors import DrugTextError
from drugtext.taxonomy import Taxonomy, deepest_known

MAX_SCORES = 999
"""Of a level that are kept: sets of coverage 0.999 need no more."""

SHORT, LONG = "short", "long"
KNOWN = "known"
KINDS = {length: (length, f"{length}, named", f"{length}, {KNOWN}") for length in (SHORT, LONG)}
"""Of inserts: with little text or much -> whose names tell nothing, are new, or are those of known
drugs. Keys of what was measured on each alone."""
_ALL_KINDS = frozenset(chain(*KINDS.values()))


class Level(NamedTuple):
    """The tree cut at a level: each category by its ancestor there, or by itself if it is higher.

    Attributes:
        number: of the level, counted from 1 at the roots.
        ids: of the nodes.
        probabilities: of each node, shape (n_inserts, n_nodes), rows summing to 1.
    """

    number: int
    ids: list[str]
    probabilities: NDArray[np.float64]

    def true_nodes(self, paths: Sequence[Sequence[str]]) -> dict[int, str]:
        """Return the deepest node on the path of each true category, by the insert's number.

        Args:
            paths: ids from the root down to the true category of each insert.

        Returns:
            Nothing of an insert that has no such node: it is not judged at this level.
        """
        nodes = set(self.ids)
        deepest = (deepest_known(path[: self.number], nodes) for path in paths)
        return {n: node for n, node in enumerate(deepest) if node is not None}


def levels(
    probabilities: NDArray[np.float64], category_ids: Sequence[str], taxonomy: Taxonomy
) -> list[Level]:
    """Cut the tree at each of its levels.

    Args:
        probabilities: shape (n_inserts, n_categories), rows summing to 1.
        category_ids: of the columns.
        taxonomy: holds them and their ancestors.

    Returns:
        From the roots down to the deepest category.
    """
    paths = [[step.id for step in taxonomy.path(i)] for i in category_ids]
    found = []
    for number in range(1, max(map(len, paths), default=0) + 1):
        nodes = [path[:number][-1] for path in paths]
        columns = {node: n for n, node in enumerate(dict.fromkeys(nodes))}
        sums = np.zeros((len(probabilities), len(columns)))
        for column, node in zip(probabilities.T, nodes, strict=True):
            sums[:, columns[node]] += column
        found.append(Level(number, [*columns], np.minimum(sums, 1.0)))
    return found


def strangeness(
    probabilities: NDArray[np.float64],
    category_ids: Sequence[str],
    taxonomy: Taxonomy,
    true_ids: Sequence[str],
    groups: Sequence[str] | None = None,
) -> dict[str, list[float]]:
    """Return how strange the true category of held-out inserts looks: 1 minus its probability.

    Args:
        probabilities: of held-out inserts, as `levels` takes them.
        category_ids: as well.
        taxonomy: holds the true categories, too.
        true_ids: of each insert; at a level, see `Level.true_nodes`.
        groups: of each insert, such as its ingredients; see `thinned`.

    Returns:
        Level, as JSON has keys, -> scores, `thinned`.
    """
    paths = [[step.id for step in taxonomy.path(i)] for i in true_ids]
    found: dict[str, list[float]] = {}
    for level in levels(probabilities, category_ids, taxonomy):
        columns = {node: n for n, node in enumerate(level.ids)}
        nodes = level.true_nodes(paths)
        if nodes:
            scores = [1 - level.probabilities[n, columns[node]] for n, node in nodes.items()]
            of_places = None if groups is None else [groups[n] for n in nodes]
            found[str(level.number)] = thinned(np.array(scores), of_places)
    return found


def strangeness_of_kinds(
    probabilities: NDArray[np.float64],
    category_ids: Sequence[str],
    taxonomy: Taxonomy,
    true_ids: Sequence[str],
    groups: Sequence[str],
    kinds: NDArray[np.str_],
) -> dict[str, dict[str, list[float]]]:
    """Return each kind of inserts -> their `strangeness`.

    Kinds are those in `KINDS`, one of each insert, shape (n_inserts,); `strangeness` takes the
    other arguments.
    """
    found = {}
    for kind in np.unique(kinds).tolist():
        rows = np.flatnonzero(kinds == kind).tolist()
        told, of_rows = [true_ids[n] for n in rows], [groups[n] for n in rows]
        found[kind] = strangeness(probabilities[rows], category_ids, taxonomy, told, of_rows)
    return found


def deepened(held_out: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Return what was measured, as it holds where categories were added since.

    Of levels below the deepest it is the same as of that one. Of known drugs nothing is left: their
    names were told of other categories, and may stand for the new ones, too.

    Args:
        held_out: as `strangeness` returns it, and `strangeness_of_kinds`.
        depth: of the tree.
    """
    found: dict[str, Any] = {
        kind: deepened(scores, depth)
        for kind, scores in held_out.items()
        if isinstance(scores, Mapping)
    }
    told = {int(key): scores for key, scores in held_out.items() if key not in found}
    last = max(told, default=0)
    below = {number: told[last] for number in range(last + 1, depth + 1) if told}
    new = {kind: scores for kind, scores in found.items() if not kind.endswith(KNOWN)}
    return {str(number): scores for number, scores in (told | below).items()} | new


def check_strangeness(found: Mapping[str, Any]) -> None:
    """Raise TypeError, ValueError or OverflowError where it is not what `strangeness` returns."""
    for key, scores in found.items():
        if isinstance(scores, Mapping):
            if key not in _ALL_KINDS:
                known = "; ".join(sorted(_ALL_KINDS))
                raise ValueError(f"strangeness has {key!r}; known are: {known}")
            check_strangeness(scores)
        elif not isinstance(scores, list) or not all(map(is_number, scores)):
            raise TypeError(f"strangeness of {key!r} is no list of numbers")
        elif key in _ALL_KINDS:
            raise TypeError(f"strangeness of {key!r} has no levels")


def is_number(value: Any) -> bool:
    """Tell whether a value of a configuration is a finite number."""
    return isinstance(value, int | float) and isfinite(value)


def thinned(scores: NDArray[np.float64], groups: Sequence[str] | None = None) -> list[float]:
    """Return quantiles of scores in which each group weighs the same, in order, rounded up.

    The inserts of one drug are much alike: they say no more of the next drug than one of them does.

    Args:
        scores: of held-out inserts, shape (n,).
        groups: of each; each score by itself if left out.

    Returns:
        As many as there are groups, and no more than `MAX_SCORES`. A set is never smaller for it.
    """
    _, numbers, sizes = np.unique(
        np.arange(len(scores)) if groups is None else np.array(groups),
        return_inverse=True,
        return_counts=True,
    )
    order = np.argsort(scores, kind="stable")
    shares = np.cumsum(1 / sizes[numbers[order]]) / len(sizes)
    n_kept = min(len(sizes), MAX_SCORES)
    wanted = np.arange(1, n_kept + 1) / n_kept
    places = np.searchsorted(shares, wanted - 1e-9).clip(max=len(scores) - 1)
    return (np.ceil((scores[order][places] * 1e4).round(6)) / 1e4).tolist()


def prediction_sets(
    probabilities: NDArray[np.float64],
    category_ids: Sequence[str],
    taxonomy: Taxonomy,
    held_out: Mapping[str, Any],
    coverage: float,
    kinds: NDArray[np.str_] | None = None,
) -> list[list[list[str]]]:
    """Return the categories of each level that cannot be ruled out.

    Inserts with little text and with much, without names, with new and with known ones, are
    compared with held-out ones of their kind, where there are enough of each: else sets of some
    would be too small, and those of others too large. Where too little was measured on known drugs,
    they are compared with new ones.

    Args:
        probabilities: as `levels` takes them.
        category_ids: as well.
        taxonomy: as well.
        held_out: as `strangeness` returns it, and `strangeness_of_kinds`.
        coverage: share of drugs whose set is to hold the true category, in (0, 1).
        kinds: of each insert, one of those in `KINDS`, shape (n_inserts,); all are compared with
            all held-out ones if left out.

    Returns:
        Of each insert the ids of each level, from the roots down, the most probable first. Never
        empty: where nothing is probable enough, the best category stands alone.

    Raises:
        DrugTextError: a level was not calibrated for such a coverage.

    Source:
        Split conformal prediction: Vovk, Gammerman, Shafer 2005, doi:10.1007/b106715, section 4.2,
        by kinds of inserts as in section 4.5 (Mondrian); the score is that of Sadinle, Lei,
        Wasserman 2019, arXiv:1609.00451, section 2.
    """
    from crepes import ConformalClassifier  # brings pandas, for this alone

    found: list[list[list[str]]] = [[] for _ in probabilities]
    for level in levels(probabilities, category_ids, taxonomy):
        for chosen, scores in _compared(held_out, kinds, level.number, coverage):
            rows = np.arange(len(probabilities))[chosen]
            inside = (
                ConformalClassifier()
                .fit(scores)
                .predict_set(1 - level.probabilities[rows], confidence=coverage, smoothing=False)
                .astype(bool)
            )
            order = np.argsort(-level.probabilities[rows], axis=1, kind="stable")
            inside[np.arange(len(inside)), order[:, 0]] = True
            for n, row in enumerate(rows):
                found[row].append([level.ids[c] for c in order[n] if inside[n, c]])
    return found


def _compared(
    held_out: Mapping[str, Any],
    kinds: NDArray[np.str_] | None,
    number: int,
    coverage: float,
) -> list[tuple[NDArray[np.bool_] | slice, NDArray[np.float64]]]:
    """Return which inserts are compared with which scores of a level.

    They are all compared with all where a kind has too few: were the others still compared with
    their own, all together would be covered less than was asked.
    """
    needed = int(np.ceil(round(1 / (1 - coverage), 6))) - 1
    of_kinds = {
        kind: scores[str(number)]
        for kind, scores in held_out.items()
        if kind in _ALL_KINDS and str(number) in scores
    }
    as_new = {
        known: new for _, new, known in KINDS.values() if len(of_kinds.get(known, ())) < needed
    }
    told = [] if kinds is None else [as_new.get(kind, kind) for kind in kinds.tolist()]
    compared = {kind: scores for kind, scores in of_kinds.items() if kind not in as_new}
    if told and {*told} <= compared.keys() and min(map(len, compared.values())) >= needed:
        return [(np.array(told) == kind, np.array(compared[kind])) for kind in sorted({*told})]
    scores = held_out.get(str(number), ())
    if len(scores) < needed:
        raise DrugTextError(
            f"level {number} was calibrated on {len(scores)} held-out drugs; sets of"
            f" coverage {coverage:g} need {needed} or more. Ask for"
            " less, or use a checkpoint that was calibrated on more."
        )
    return [(slice(None), np.array(scores))]
