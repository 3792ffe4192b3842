"""SetFit (Tunstall et al. 2022, arXiv:2209.11055), by the library, from the same encoder."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from typing import Any

from drugtext.encoder import default_encoder_folder
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.contestants.reading import text_to_read
from drugtext.evaluation.benchmark.task import (
    Answers,
    Contestant,
    Lesson,
    NotApplicableError,
    NotFinishedError,
    best_first,
)
from drugtext.inserts.insert import DrugInsert

MOST_PAIRS = 1000
"""A training on more pairs than this is not begun by default: 63 steps of 16."""
MOST_INSERTS = 1000
"""Nor is one on more inserts, however few its steps: it took longer than its minutes."""
_BOUNDED_STEPS = 20
_BATCH = 16  # pairs a step, by SetFit's own defaults
_READS = "the first 256 tokens, as MiniLM's own settings say"


class SetFit(Contestant):
    """SetFit with its own defaults.

    Args:
        seed: of its training.
        most_pairs: a training on more pairs than this is not begun.
    """

    description = (
        "SetFit from MiniLM with its own defaults (all pairs of the support, one epoch; not begun"
        f" above {MOST_PAIRS:,} pairs); it reads {_READS}; 3 episodes"
    )
    max_tasks = 3
    least_episodes = 3

    def __init__(self, seed: int = 0, most_pairs: int = MOST_PAIRS) -> None:
        self._seed, self._most_pairs = seed, most_pairs

    def _arguments(self, lesson: Lesson) -> dict[str, Any]:
        """Return what differs from the default arguments; refuse what would not end."""
        sizes = Counter(example.category for example in lesson.support).values()
        n = sum(sizes)
        positive = sum(size * (size + 1) // 2 for size in sizes)
        pairs = 2 * max(positive, n * (n + 1) // 2 - positive)
        if pairs > self._most_pairs:
            raise NotFinishedError(
                f"its defaults train on {pairs:,} pairs of {n} inserts;"
                f" more than {self._most_pairs:,} are not begun"
            )
        return {}

    def fit(self, lesson: Lesson) -> None:
        if not lesson.support:
            raise NotApplicableError("learns from inserts only, not from a name")
        arguments = self._arguments(lesson)
        setfit, dataset, printers = _libraries()
        self._categories = list(lesson.categories)
        rows = {
            "text": [text_to_read(example.insert) for example in lesson.support],
            "label": [self._categories.index(example.category) for example in lesson.support],
        }
        self._model = setfit.SetFitModel.from_pretrained(str(default_encoder_folder()))
        with tempfile.TemporaryDirectory() as folder:
            trainer = setfit.Trainer(
                self._model,
                setfit.TrainingArguments(
                    output_dir=folder,
                    seed=self._seed,
                    report_to="none",
                    save_strategy="no",
                    logging_strategy="no",
                    show_progress_bar=False,
                    **arguments,
                ),
                train_dataset=dataset.from_dict(rows),
            )
            for printer in printers:
                trainer.remove_callback(printer)
            trainer.train()

    def predict(self, inserts: Sequence[DrugInsert]) -> Answers:
        texts = [text_to_read(insert) for insert in inserts]
        found = self._model.predict_proba(texts, as_numpy=True, show_progress_bar=False)
        categories = [self._categories[n] for n in self._model.model_head.classes_]
        return Answers(best_first(found, categories), found.max(1).tolist())


class BoundedSetFit(SetFit):
    """SetFit with few pairs: it is trained on what fits into the time that there is."""

    description = (
        "SetFit from MiniLM with num_iterations bounded: as many (1 at least) as fit into"
        f" {_BOUNDED_STEPS} steps of {_BATCH} pairs; it reads {_READS}; 3 episodes"
    )

    def _arguments(self, lesson: Lesson) -> dict[str, Any]:
        n = len(lesson.support)
        if n > MOST_INSERTS:
            raise NotFinishedError(
                f"behind its steps it embeds all {n:,} inserts for its head; more than"
                f" {MOST_INSERTS:,} are not begun"
            )
        most, an_iteration = _BOUNDED_STEPS * _BATCH, 2 * n
        if an_iteration > most:
            return {"num_iterations": 1, "max_steps": _BOUNDED_STEPS}
        return {"num_iterations": most // an_iteration}


def _libraries() -> tuple[Any, Any, tuple[Any, ...]]:
    """Return SetFit, the Dataset class, and what would print a bar for each training."""
    try:
        import setfit
        from datasets import Dataset
        from transformers import PrinterCallback, ProgressCallback
    except ImportError as error:
        raise DrugTextError(
            f"SetFit is not installed ({error}); run: pip install 'drugtext[bench]'"
        ) from error
    setfit.logging.set_verbosity_error()
    return setfit, Dataset, (ProgressCallback, PrinterCallback)
