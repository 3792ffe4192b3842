"""Train a prototype checkpoint: measure the recipe on unseen ingredients, then use every insert."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from typing import Any, NamedTuple

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
    scope_threshold,
    text_direction,
    true_categories,
)
from drugtext.evaluation.few_shot_calibration import calibrate_few_shot
from drugtext.evaluation.report import measure
from drugtext.prediction_sets import strangeness, strangeness_of_kinds
from drugtext.scorer import KNOWN_NAME
from drugtext.splits import SPLITS
from drugtext.taxonomy import Taxonomy, deepest_known
from drugtext.training.fitting import MIN_INGREDIENTS, TEXT_FORMS, Embedded, fit_deepest
from drugtext.training.listed_drugs import ListedDrug, unmet, with_names_of

_EPISODE_LEVEL = 3  # of the tree: few deeper categories have enough held-out ingredients


def train_prototypes(
    classifier: DrugClassifier,
    corpus: DatasetDict,
    taxonomy: Taxonomy,
    embed: Callable[[DrugClassifier, Dataset, str], NDArray],
    *,
    learn: Callable[[Sequence[str]], DrugClassifier] | None = None,
    drugs: Sequence[ListedDrug] = (),
    min_ingredients: int = MIN_INGREDIENTS,
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
    min_ingredients: int = MIN_INGREDIENTS,
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
    drugs = tuple(drugs)
    others = unmet(drugs, held_back(splits))
    trained = fit_deepest(base, [train], taxonomy, min_ingredients, others)
    listed = with_names_of(trained, unmet(drugs, held_back(splits, SPLITS[:2])))
    calibration = calibrate_known(trained, train, held_out, listed)
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


def held_back(splits: Mapping[str, Embedded], told: Sequence[str] = SPLITS[:1]) -> list[list[str]]:
    """Return the ingredients of each insert that is not of a split that may be told."""
    parts = (part for split, part in splits.items() if split not in told)
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
    listed: DrugClassifier,
    best: Callable[[HeldOut], Calibration] = best_calibration,
) -> Calibration:
    """Calibrate in place on the held-out inserts of which a classifier knows some category.

    Those count, too, of which it knows a category above their own alone: they will be asked as
    well, and are stranger. The threshold of what is in scope is told by the others.

    Args:
        classifier: fitted to what was taught.
        taught: from which the length of a text is told, too.
        held_out: other drugs.
        listed: the same classifier, told the names of held-out drugs, too. By what it says of them
            drugs are calibrated that are known by name; they count as new ones, too.
        best: finds what makes evidence probabilities.
    """
    direction, asked = _text_direction(classifier, [taught]), _placed(classifier, held_out)
    head, ids, tree = classifier.model.head, classifier.category_ids, classifier.taxonomy
    known = asked.at(listed.model.head.name_kinds(asked.projected) == KNOWN_NAME)
    told, of_known = (
        HeldOut.of(one.model.head, some.projected, true_categories(some.ids, ids, tree), direction)
        for one, some in ((classifier, asked), (listed, known))
    )
    calibration = best(told.together_with(of_known))
    for one in (classifier, listed):
        calibration.apply(one.model.head, direction)
    config, is_own = classifier.model.config, [category in ids for category in asked.ids]
    config.scope_false_alarms = SCOPE_FALSE_ALARMS
    config.scope_threshold = scope_threshold(
        head.familiarity(asked.projected[is_own]).detach(), config.scope_false_alarms
    )
    probabilities = classifier.probabilities(asked.projected)
    config.strangeness = {**strangeness(probabilities, ids, tree, asked.ids, asked.drugs)}
    for one, some in ((classifier, asked), (listed, known)):
        config.strangeness |= strangeness_of_kinds(
            one.probabilities(some.projected),
            *(ids, tree, some.ids, some.drugs),
            one.kinds(some.projected),
        )
    return calibration


class _Placed(NamedTuple):
    """Inserts of which some category is known, in both forms of their texts.

    Attributes:
        projected: shape (n, embedding_dim).
        ids: the deepest known category of each.
        drugs: the ingredients of each.
    """

    projected: Tensor
    ids: list[str]
    drugs: list[str]

    def at(self, chosen: Tensor) -> _Placed:
        """Return some of them; chosen is bool, shape (n,)."""
        ids, drugs = ([*compress(told, chosen.tolist())] for told in (self.ids, self.drugs))
        return _Placed(self.projected[chosen], ids, drugs)


def _placed(classifier: DrugClassifier, inserts: Embedded) -> _Placed:
    """Project inserts as a classifier does, and place them in its tree."""
    paths, names = inserts.rows["category_path"], inserts.rows["ingredients"]
    found = [deepest_known(path, classifier.taxonomy) for path in paths]
    told = [n for n, category in enumerate(found) if category is not None]
    both = np.concatenate([inserts.embeddings[form][told] for form in TEXT_FORMS])
    return _Placed(
        classifier.model.head.project(torch.from_numpy(both)).detach(),
        [category for category in found if category is not None] * len(TEXT_FORMS),
        ["+".join(names[n]) for n in told] * len(TEXT_FORMS),
    )


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
