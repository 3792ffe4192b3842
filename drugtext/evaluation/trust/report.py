"""All figures of trust from one run of the benchmark, as a dictionary that JSON holds."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drugtext.bundled import DEFAULT_CHECKPOINT, bundled_checkpoints
from drugtext.classifier import DrugClassifier, load
from drugtext.corpus import FULL_DOCUMENTS
from drugtext.evaluation.benchmark.records import NAMES, Names, Record
from drugtext.evaluation.bootstrap import grouped_share
from drugtext.evaluation.reliability import reliability_bins
from drugtext.evaluation.trust.checkpoint_faults import try_checkpoint
from drugtext.evaluation.trust.confidential import privacy
from drugtext.evaluation.trust.faithfulness import faithfulness
from drugtext.evaluation.trust.faults import try_readers
from drugtext.evaluation.trust.membership import N_TRIALS
from drugtext.evaluation.trust.probabilities import (
    Judged,
    back_off,
    calibration,
    calibration_by_level,
    coverage_by_level,
)
from drugtext.evaluation.trust.robustness import under_noise
from drugtext.evaluation.trust.strangers import N_DRAWS, far, near, near_few_shot
from drugtext.evaluation.trust.subjects import (
    LISTED,
    N_EPISODES,
    KnownCategories,
    NewCategories,
    Run,
)
from drugtext.evaluation.trust.writer_faults import try_writers
from drugtext.prediction_sets import LONG

COVERAGES = (0.8, 0.9, 0.95)
LEAST = (0.5, 0.7, 0.9, 0.95)
"""Probabilities that a sure answer is asked to have."""
SHOTS = (1, 5)

Begins = Callable[[str], object]
Bases = Mapping[Names, DrugClassifier]
"""Form of the texts -> what learns new categories, as `NewCategories.base` gives it."""


@dataclass(frozen=True)
class Sizes:
    """On how much is measured what would take long on all there is.

    Attributes:
        n_episodes: of each setting of new categories.
        n_draws: of categories that are left out, of each level.
        n_noisy: inserts that noise is put into.
        n_trials: of each attack on private heads.
        n_hostile: files, and folders; None for all there are.
        n_damaged: files, besides.
        n_tampered: copies of a checkpoint.
        n_killed: writers of each kind.
        n_explained: full documents whose reasons are judged.
    """

    n_episodes: int = N_EPISODES
    n_draws: int = N_DRAWS
    n_noisy: int = 400
    n_trials: int = N_TRIALS
    n_hostile: int | None = None
    n_damaged: int = 2000
    n_tampered: int = 250
    n_killed: int = 20
    n_explained: int = 40


FULL = Sizes()
QUICK = Sizes(
    n_episodes=4,
    n_draws=2,
    n_noisy=20,
    n_trials=8,
    n_hostile=10,
    n_damaged=20,
    n_tampered=2,
    n_killed=1,
    n_explained=4,
)
"""Shows that all of it works, and not how well."""


def measure_trust(
    run: Run, *, sizes: Sizes = FULL, seed: int = 0, begins: Begins = bool
) -> dict[str, Any]:
    """Measure all of it on test drugs and test categories.

    Args:
        run: whose encoders are judged.
        sizes: on how much.
        seed: of all that is drawn.
        begins: called with what begins, for a progress bar.
    """
    begins("known categories")
    known = run.known_drugs()
    begins("new categories")
    new = run.new_categories(sizes.n_episodes)
    figures: dict[str, Any] = {"known": known_categories(known, seed, begins)}
    begins("few inserts a category")
    bases = {names: new.base(names) for names in NAMES}
    figures["few_shot"] = few_shot(new, bases, known, seed)
    begins("scope")
    figures["scope"] = scope(known, new, bases, seed, sizes.n_draws)
    begins("noise")
    figures["noise"] = under_noise(
        known.classifier, sampled(known, sizes.n_noisy, seed), seed=seed, begins=begins
    )
    begins("privacy")
    figures["privacy"] = privacy(new, bases["plain"], seed, sizes.n_trials)
    begins("bad inputs")
    figures["faults"] = faults(seed, sizes)
    begins("reasons")
    explained = _of_full_documents(known, sizes.n_explained, seed)
    chosen = [record.inserts["plain"] for record in explained]
    figures["reasons"] = faithfulness(known.classifier, chosen, seed=seed).to_dict()
    return figures


def known_categories(known: KnownCategories, seed: int, begins: Begins) -> dict[str, Any]:
    """Judge probabilities, sets and sure answers on drugs that nobody met, of known categories."""
    config = known.classifier.model.config
    every = range(len(known.records))
    found: dict[str, Any] = {"calibration": [], "sets": [], "sure": [], "reliability": []}
    asks: dict[str, Callable[..., Judged]] = {
        names: partial(known.judged, names) for names in NAMES
    }
    asks[LISTED] = known.judged_by_name
    for documents in ("all inserts", "full documents"):
        chosen, held_out = (_places(known, split, documents) for split in ("test", "validation"))
        for names, ask in asks.items():
            begins(f"probabilities: {documents}, {names}")
            judged, of_held_out = ask(chosen), ask(held_out, "validation").by_level()
            if not judged.true_ids or not of_held_out:  # of those known by name
                continue
            told = {"documents": documents, "names": names}
            found["calibration"] += [
                told | one | {"validation": round(float(of_held_out[one["level"]][1].mean()), 4)}
                for one in calibration_by_level(judged, seed)
            ]
            found["sets"] += [told | one for one in _coverages(judged, config.strangeness)]
            found["sure"] += [told | back_off(judged, least, seed) for least in LEAST]
            confidences, right, _ = list(judged.by_level().values())[-1]
            found["reliability"].append(told | {"bins": _bins(confidences, right)})
    for names in NAMES:
        is_long = np.char.startswith(known.judged(names, every).kinds, LONG)
        for documents, side in (("little text", ~is_long), ("much text", is_long)):
            if side.any():
                judged = known.judged(names, np.flatnonzero(side).tolist())
                told = {"documents": documents, "names": names}
                found["sets"] += [told | one for one in _coverages(judged, config.strangeness)]
    return found


def _places(known: KnownCategories, split: str, documents: str) -> list[int]:
    """Return the places of a split's records: all of them, or the full documents."""
    records = known.corpus.splits[split]
    is_asked = [documents == "all inserts" or r.kind in FULL_DOCUMENTS for r in records]
    return np.flatnonzero(is_asked).tolist()


def _coverages(judged: Judged, held_out: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    for coverage in COVERAGES:
        yield from coverage_by_level(judged, judged.sets(held_out, coverage), coverage)


def few_shot(
    new: NewCategories, bases: Bases, known: KnownCategories, seed: int
) -> list[dict[str, Any]]:
    """Judge probabilities and sets of categories learnt from a few inserts each.

    The scale comes from validation categories that the encoder never met; beside it that which
    known categories give, as a checkpoint carries that is trained on every category there is.
    """
    carried = known.classifier.model.config.few_shot
    found = []
    for names, base in bases.items():
        own = base.model.config.few_shot
        for k_shot in SHOTS:
            trial = new.trial(names, k_shot)
            if trial is None:
                continue
            for told, calibrated in (("new categories", own), ("known categories", carried)):
                base.model.config.few_shot = calibrated
                answers = list(new.episodes(base, trial))
                row = {"names": names, "k": k_shot, "calibrated_on": told}
                row["n_way"] = len(trial.tasks[0].lesson.categories)
                row |= _pooled(answers, seed)
                found.append(row)
        base.model.config.few_shot = own
    return found


def _pooled(answers: list[tuple[Any, Judged]], seed: int) -> dict[str, Any]:
    """Return calibration and coverage over the queries of all episodes."""
    confidences, right, groups = [], [], []
    inside: list[bool] = []
    of_sets: list[str] = []
    for classifier, judged in answers:
        deepest = max(judged.by_level().items())
        told, correct, places = deepest[1]
        confidences += told.tolist()
        right += correct.tolist()
        groups += [judged.groups[n] for n in places]
        sets = judged.sets(classifier.model.config.strangeness, COVERAGES[1])
        of_sets += judged.groups
        inside += [true_id in told[-1] for true_id, told in zip(judged.true_ids, sets, strict=True)]
    figures = calibration(np.array(confidences), np.array(right), groups, seed)
    covered, low, high = grouped_share(inside, of_sets, seed)
    return figures | {
        "asked": COVERAGES[1],
        "covered": round(covered, 4),
        "covered_low": round(low, 4),
        "covered_high": round(high, 4),
    }


def scope(
    known: KnownCategories, new: NewCategories, bases: Bases, seed: int, n_draws: int
) -> dict[str, Any]:
    """Judge who tells strangers from those in scope."""
    few = [near_few_shot(new, bases[names], names, 5, seed) for names in NAMES]
    return {
        "far": [far(known, names, seed) for names in NAMES],
        "near": [
            near(known, names, level, seed, n_draws) for names in NAMES for level in (1, 2, 3)
        ],
        "near_few_shot": [one for one in few if one],
    }


def faults(seed: int, sizes: Sizes) -> list[dict[str, Any]]:
    """Try bad files on every reader, damaged copies of the bundled checkpoint on `load`, and have
    writers killed.
    """
    bundled = bundled_checkpoints()[DEFAULT_CHECKPOINT]
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / what for what in ("readers", "checkpoint", "writers")]
        for folder in folders:
            folder.mkdir()
        counts = {
            "readers": try_readers(folders[0], sizes.n_damaged, seed, sizes.n_hostile),
            "checkpoint": try_checkpoint(bundled, folders[1], seed, sizes.n_tampered),
            "writers": try_writers(load(bundled), folders[2], sizes.n_killed, seed),
        }
    found = []
    for what, count in counts.items():
        seconds, slowest = count.slowest
        told = {"what": what, "slowest_seconds": round(seconds, 2), "slowest": slowest}
        found.append(asdict(count) | told)
    return found


def sampled(known: KnownCategories, n: int, seed: int) -> list[Record]:
    """Return some records of the test split, or all of them."""
    rng = random.Random(seed)  # noqa: S311 - a sample, no secret
    return rng.sample(known.records, min(n, len(known.records)))


def _of_full_documents(known: KnownCategories, n: int, seed: int) -> list[Record]:
    """Return some full documents, one a drug."""
    one_each = {r.ingredient: r for r in known.records if r.kind in FULL_DOCUMENTS}
    chosen = sorted(one_each.values(), key=lambda record: record.ingredient)
    rng = random.Random(seed)  # noqa: S311 - a sample, no secret
    return rng.sample(chosen, min(n, len(chosen)))


def _bins(confidences: NDArray, right: NDArray) -> list[dict[str, Any]]:
    return [asdict(one) for one in reliability_bins(confidences, right) if one.n_inserts]
