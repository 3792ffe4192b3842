"""Train a prototype checkpoint: measure the recipe on unseen ingredients, then use every insert."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset, DatasetDict
from numpy.typing import NDArray
from torch import Tensor

from drugtext.classifier import DrugClassifier
from drugtext.corpus import FULL_DOCUMENTS
from drugtext.errors import CorpusError
from drugtext.evaluation.calibration import (
    SCOPE_FALSE_ALARMS,
    Calibration,
    HeldOut,
    best_calibration,
    calibrate,
    scope_threshold,
    text_direction,
)
from drugtext.evaluation.few_shot_calibration import calibrate_few_shot
from drugtext.evaluation.report import measure
from drugtext.prediction_sets import strangeness
from drugtext.splits import SPLITS
from drugtext.taxonomy import Taxonomy
from drugtext.training.fitting import TEXT_FORMS, Embedded, fit_deepest
from drugtext.training.listed_drugs import ListedDrug, unmet

_EPISODE_LEVEL = 3  # of the tree: few deeper categories have enough held-out ingredients


def train_prototypes(
    classifier: DrugClassifier,
    corpus: DatasetDict,
    taxonomy: Taxonomy,
    embed: Callable[[DrugClassifier, Dataset, str], NDArray],
    *,
    learn: Callable[[Sequence[str]], DrugClassifier] | None = None,
    drugs: Sequence[ListedDrug] = (),
    min_ingredients: int = 2,
    seed: int = 0,
) -> DrugClassifier:
    """Train, calibrate and measure on the splits; then train on all of them by the same recipe.

    Args:
        classifier: without categories: the encoder.
        corpus: as `build_corpus` makes it.
        taxonomy: of the corpus.
        embed: gives a classifier's embeddings of a split's column, shape (n_rows, embedding_dim).
        learn: gives a classifier without categories whose adapter and lexicon were learnt from
            these splits, and from nothing else; without it the encoder stays as it is.
        drugs: whose names are told, too; those of drugs that are asked only behind the measurement.
        min_ingredients: a category of fewer goes into the one above it.
        seed: of the bootstrap intervals.

    Returns:
        The classifier, with `measured` filled in.
    """
    if missing := [split for split in SPLITS if split not in corpus]:
        raise CorpusError(f"the corpus has no split {', '.join(missing)}; give it more inserts.")

    def embedded(base: DrugClassifier) -> dict[str, Embedded]:
        return {
            split: Embedded(
                corpus[split], {form: embed(base, corpus[split], form) for form in TEXT_FORMS}
            )
            for split in SPLITS
        }

    base = learn(SPLITS[:1]) if learn else classifier
    splits = embedded(base)
    trained, calibration = calibrated(base, splits, taxonomy, drugs, min_ingredients, seed)
    measured = _measure_all(trained, splits["test"], taxonomy, seed)
    if learn:
        base = learn(SPLITS)
        splits = embedded(base)
    shipped = fit_deepest(base, list(splits.values()), taxonomy, min_ingredients, drugs)
    calibration.apply(shipped.model.head, _text_direction(shipped, list(splits.values())))
    config = shipped.model.config
    config.scope_threshold = trained.model.config.scope_threshold
    config.scope_false_alarms = trained.model.config.scope_false_alarms
    config.strangeness = trained.model.config.strangeness
    config.few_shot, config.measured = trained.model.config.few_shot, measured
    return shipped


def calibrated(
    base: DrugClassifier,
    splits: Mapping[str, Embedded],
    taxonomy: Taxonomy,
    drugs: Iterable[ListedDrug] = (),
    min_ingredients: int = 2,
    seed: int = 0,
) -> tuple[DrugClassifier, Calibration]:
    """Learn the categories of the training split, and calibrate on the validation split.

    Args:
        base: without categories, it gave the embeddings.
        splits: "train", "validation", and those that will be asked.
        taxonomy: of their categories.
        drugs: whose names are told, too, but for those of the other splits.
        min_ingredients: a category of fewer goes into the one above it.
        seed: of the few-shot episodes.

    Returns:
        The classifier, with `scope_threshold`, `strangeness` and `few_shot` in its configuration,
        and its calibration.
    """
    train, held_out = splits["train"], splits["validation"]
    others = unmet(drugs, held_back(splits))
    trained = fit_deepest(base, [train], taxonomy, min_ingredients, others)
    calibration = calibrate_known(trained, train, held_out)
    categories = [path[:_EPISODE_LEVEL][-1] for path in held_out.rows["category_path"]]
    trained.model.config.few_shot = calibrate_few_shot(
        trained.model.head,
        held_out.embeddings["text"],
        categories,
        held_out.rows["ingredients"],
        seed,
        trained.embed_names(categories, taxonomy),
    )
    return trained, calibration


def held_back(splits: Mapping[str, Embedded]) -> list[list[str]]:
    """Return the ingredients of each insert that is not of the training split."""
    parts = (part for split, part in splits.items() if split != "train")
    return [names for part in parts for names in part.rows["ingredients"]]


def _text_direction(classifier: DrugClassifier, splits: list[Embedded]) -> Tensor:
    """Learn from all texts of some splits to read off an embedding how long its text is."""
    forms = [(split, form) for split in splits for form in TEXT_FORMS]
    embeddings = np.concatenate([split.embeddings[form] for split, form in forms])
    lengths = [len(text) for split, form in forms for text in split.rows[form]]
    head = classifier.model.head
    projected = head.project(torch.from_numpy(embeddings)).detach()
    return text_direction(head.text_of(projected), torch.tensor(lengths))


def calibrate_known(
    classifier: DrugClassifier,
    taught: Embedded,
    held_out: Embedded,
    best: Callable[[HeldOut], Calibration] = best_calibration,
) -> Calibration:
    """Calibrate in place on the held-out inserts of which a classifier knows some category.

    Those count, too, whose category is known at a level above alone: they will be asked as well,
    and are stranger. Where the known world ends is told by the others.

    Args:
        classifier: fitted to what was taught.
        taught: from which the length of a text is told, too.
        held_out: other drugs.
        best: as `calibrate` takes it.
    """
    direction = _text_direction(classifier, [taught])
    ids, tree, paths = classifier.category_ids, classifier.taxonomy, held_out.rows["category_path"]
    found = [next((c for c in reversed(path) if c in tree), None) for path in paths]
    placed = [category for category in found if category is not None]
    told = [n for n, category in enumerate(found) if category is not None]
    both = np.concatenate([held_out.embeddings[form][told] for form in TEXT_FORMS])
    head, config = classifier.model.head, classifier.model.config
    projected = head.project(torch.from_numpy(both)).detach()
    is_true = _true_categories(placed, ids, tree).repeat(len(TEXT_FORMS), 1)
    is_whole = [category in ids for category in placed] * len(TEXT_FORMS)
    calibration = calibrate(head, projected, is_true, direction, best)
    config.scope_false_alarms = SCOPE_FALSE_ALARMS
    config.scope_threshold = scope_threshold(
        head.familiarity(projected[is_whole]).detach(), config.scope_false_alarms
    )
    names = held_out.rows["ingredients"]
    config.strangeness = strangeness(
        classifier.probabilities(projected),
        ids,
        tree,
        placed * len(TEXT_FORMS),
        ["+".join(names[n]) for n in told] * len(TEXT_FORMS),
        classifier.kinds(projected),
    )
    return calibration


def _true_categories(placed: Sequence[str], ids: Sequence[str], tree: Taxonomy) -> Tensor:
    """Tell of each insert which categories are its own, or stand below that: as `HeldOut` has it.

    Args:
        placed: the deepest category of each that the tree knows.
        ids: of the categories.
        tree: that they stand in.
    """
    rows_of = defaultdict(list)
    for row, category_id in enumerate(ids):
        for step in tree.path(category_id):
            rows_of[step.id].append(row)
    rows_of |= {category_id: [row] for row, category_id in enumerate(ids)}
    found = torch.zeros(len(placed), len(ids), dtype=torch.bool)
    for n, category_id in enumerate(placed):
        found[n, rows_of[category_id]] = True
    return found


def _measure_all(
    classifier: DrugClassifier, test: Embedded, taxonomy: Taxonomy, seed: int
) -> dict[str, Any]:
    rows = test.rows
    true_ids = np.array(rows["category_id"])
    groups = np.array(["+".join(names) for names in rows["ingredients"]])
    is_full = np.array([kind in FULL_DOCUMENTS for kind in rows["kind"]])
    forms = {}
    for documents, chosen in (("all", np.ones(len(rows), bool)), ("full documents", is_full)):
        for form in TEXT_FORMS if chosen.any() else ():
            projected = classifier.model.head.project(
                torch.from_numpy(test.embeddings[form][chosen])
            ).detach()
            forms[f"{documents}, {'masked' if form == 'masked' else 'plain'}"] = measure(
                classifier.probabilities(projected),
                classifier.category_ids,
                classifier.taxonomy,
                true_ids[chosen].tolist(),
                groups[chosen].tolist(),
                taxonomy,
                seed,
            )
    n_ingredients = len({name for names in rows["ingredients"] for name in names})
    return {
        "forms": forms,
        "note": f"Judged on {len(rows)} inserts of {n_ingredients} ingredients that stand in no"
        " training or validation insert; names masked, or plain as printed. The checkpoint itself"
        " is trained by the same recipe on all inserts.",
    }
