"""drugtext itself, by its public path: fit and probabilities of a DrugClassifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from drugtext.classifier import DrugClassifier
from drugtext.evaluation.benchmark.readers import FewShotBases, Reader
from drugtext.evaluation.benchmark.task import (
    Answers,
    Contestant,
    Example,
    Lesson,
    NotApplicableError,
    Trial,
    best_first,
)
from drugtext.evaluation.calibration import (
    HeldOut,
    best_calibration,
    text_direction,
    true_categories,
)
from drugtext.inserts.insert import DrugInsert
from drugtext.prediction import node_probabilities
from drugtext.taxonomy import deepest_known


class DrugText(Contestant):
    """The classifier that `drugtext.load(encoder).fit(inserts, categories)` makes, calibrated.

    Args:
        read: gives the encoder that was trained for a trial.
        bases: what new categories are learnt beside; to be shared by those that read the same.

    Attributes:
        classifier: fitted to the last lesson.
    """

    description = (
        "fitted to the categories asked: MiniLM with an adapter meta-trained on the training"
        " inserts, at all their levels and in both printed forms, and a lexicon of their words"
        " (growing taxonomy: of the first step, and of categories that never arrive); sections"
        " read with names hidden, and shown, too, where there is little text, whitened"
        " prototypes, those of known categories sharing with their ancestors, drugs counting"
        " once, the category's name as one drug; names alone where k = 0; where names are"
        " plain, pieces of the ingredients' names, of a field of their own. Its scale is set"
        " on the validation inserts; for new categories it has adapter, lexicon and whitening from"
        " the other categories, for a growing taxonomy adapter and lexicon, which the frozen"
        " contestants make no use of"
    )

    def __init__(self, read: Callable[[Trial], Reader], bases: FewShotBases | None = None) -> None:
        self._read, self._bases = read, bases or FewShotBases()
        self._validation: Sequence[Example] = ()

    def prepare(self, trial: Trial) -> None:
        """Learn projection and calibration, of the background where there is one."""
        self._validation = trial.validation
        reader = self._read(trial)
        self._bare, self._embed = reader
        self._base = self._bare
        if trial.background:
            self._base = self._bases(trial, reader)

    def fit(self, lesson: Lesson) -> None:
        if not lesson.support:
            fit_names = self._base.fit_names
            self.classifier = fit_names(lesson.categories, taxonomy=lesson.taxonomy)
            return
        self._support = self._project(self._base, [e.insert for e in lesson.support])
        self._learn(lesson)

    def _learn(self, lesson: Lesson) -> None:
        self.classifier = self._base.fit_embeddings(
            self._support,
            [self._taught(example) for example in lesson.support],
            taxonomy=lesson.taxonomy,
            ingredients=[example.substances for example in lesson.support],
        )
        if self._base is self._bare and self._validation:
            self._calibrate(lesson)

    def _taught(self, example: Example) -> str:
        """Return the category that an example is taught as."""
        return example.category

    def _calibrate(self, lesson: Lesson) -> None:
        """Calibrate on the validation inserts, as the bundled checkpoint is."""
        head, tree = self.classifier.model.head, self.classifier.taxonomy
        placed = [(e.insert, c) for e in self._validation if (c := deepest_known(e.path, tree))]
        projected = torch.as_tensor(
            self._project(self.classifier, [insert for insert, _ in placed])
        )
        is_true = true_categories([c for _, c in placed], self.classifier.category_ids, tree)
        taught = [example.insert for example in lesson.support]
        support = torch.from_numpy(self._project(self.classifier, taught))
        lengths = torch.tensor([len(insert.text) for insert in taught])
        direction = text_direction(head.text_of(support), lengths)
        told = HeldOut.of(head, projected, is_true, direction)
        best_calibration(told).apply(head, direction)

    def extend(self, lesson: Lesson, new: Sequence[Example]) -> None:
        """Add the new categories one by one; the others stay as they are."""
        for category in dict.fromkeys(example.category for example in new):
            examples = [example for example in new if example.category == category]
            self.classifier = self.classifier.add_embeddings(
                category,
                self._project(self.classifier, [example.insert for example in examples]),
                taxonomy=lesson.taxonomy,
                ingredients=[example.substances for example in examples],
            )

    def predict(self, inserts: Sequence[DrugInsert]) -> Answers:
        probabilities = self.classifier.probabilities(self._project(self.classifier, inserts))
        ranked = best_first(probabilities, self.classifier.category_ids)
        return Answers(ranked, probabilities.max(1).tolist())

    def _project(self, classifier: DrugClassifier, inserts: Sequence[DrugInsert]) -> NDArray:
        """Embed as `classifier.embed` does, from embeddings that its bare encoder gave."""
        with torch.no_grad():
            return classifier.model.head.project(torch.as_tensor(self._embed(inserts))).numpy()


class Untrained(DrugText):
    """The encoder as it comes: what training adds is seen beside it."""

    description = "the same over MiniLM as it comes, without adapter, lexicon and pieces of names"


class DrugTextTree(DrugText):
    """Taught the deepest categories that are known, as the bundled checkpoint is; answers above."""

    description = (
        "the same, fitted to the deepest categories known; the level asked is read off the tree"
    )

    def _taught(self, example: Example) -> str:
        return example.path[-1]

    def fit(self, lesson: Lesson) -> None:
        if all(example.path[-1] == example.category for example in lesson.support):
            raise NotApplicableError("nothing deeper is known than what is asked: as drugtext")
        self._asked = lesson.categories
        super().fit(lesson)

    def extend(self, lesson: Lesson, new: Sequence[Example]) -> None:
        """Learn all anew: a category that arrives may have several below it."""
        arrived = self._project(self._base, [example.insert for example in new])
        self._support = np.concatenate([self._support, arrived])
        self._asked = lesson.categories
        self._learn(lesson)

    def predict(self, inserts: Sequence[DrugInsert]) -> Answers:
        fitted = self.classifier
        probabilities = fitted.probabilities(self._project(fitted, inserts))
        nodes = node_probabilities(probabilities, fitted.category_ids, fitted.taxonomy)
        asked = np.stack([nodes[category] for category in self._asked], axis=1)
        return Answers(best_first(asked, self._asked), asked.max(1).tolist())
