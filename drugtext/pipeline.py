"""drug-insert-classification: the classifier's path as a transformers pipeline."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from transformers import AutoModelForSequenceClassification
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.pipelines.base import ChunkPipeline

from drugtext.backends import AUTO
from drugtext.classifier import DrugClassifier
from drugtext.encoder import pad
from drugtext.errors import DrugTextError
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts, read_text
from drugtext.model import DrugTextModel
from drugtext.prediction import Wanted
from drugtext.windows import Windows

TASK = "drug-insert-classification"

_FILE_NAME = re.compile(r"[^\n]{1,255}\.(xml|json|jsonl|zip|gz|txt|html?|csv)", re.IGNORECASE)


class _Reading(NamedTuple):
    """What an input holds: its inserts, their windows, and whether it is a file of several."""

    inserts: list[DrugInsert]
    windows: Windows
    is_several: bool


class DrugInsertPipeline(ChunkPipeline):
    """Classifies inserts, files and texts of any length.

    An input is a `DrugInsert`, a path, or the text of an insert. The answer to each is the JSON
    object of `Prediction.to_dict`; a file of several inserts is answered with a list of them. A
    chunk is a window, so `batch_size` windows go through the encoder at once, of one input or of
    several.
    """

    _load_tokenizer = True  # type: ignore[assignment]  # transformers annotates its default alone

    def _sanitize_parameters(self, **given: Any) -> tuple[dict, dict, dict]:
        asked = {field.name for field in fields(Wanted)}
        if unknown := sorted({*given} - asked):
            raise TypeError(
                f"found the argument {unknown[0]!r}; one of {', '.join(sorted(asked))} is needed."
            )
        return {}, {}, {name: given[name] for name in asked if given.get(name) is not None}

    @cached_property
    def _classifier(self) -> DrugClassifier:
        return DrugClassifier(cast(DrugTextModel, self.model), cast(Any, self.tokenizer), AUTO)

    # transformers' annotations are those of a pipeline without chunks
    def preprocess(self, input_: Any, **_: Any) -> Iterator[dict]:  # type: ignore[override]
        inserts = list(_inserts(input_))
        if not inserts:
            raise DrugTextError(f"{input_}: holds no insert; one or more is needed.")
        for insert in inserts:
            if error := self._classifier.refusal(insert):
                raise error
        windows = self._classifier.windows(inserts)
        reading = _Reading(inserts, windows, len(inserts) > 1)
        for n, ids in enumerate(windows.token_ids, start=1):
            input_ids, attention_mask = pad([ids], 0)
            yield {
                "input_ids": input_ids,
                "attention_mask": attention_mask,
                "reading": [reading],
                "is_last": n == len(windows.token_ids),
            }

    def _forward(self, input_tensors: Any, **_: Any) -> dict:  # type: ignore[override]
        ids, mask = input_tensors.pop("input_ids"), input_tensors.pop("attention_mask")
        return {"vectors": self._classifier.encode(ids, mask), **input_tensors}

    def postprocess(self, model_outputs: Any, **wanted: Any) -> Any:
        ((inserts, windows, is_several),) = model_outputs[0]["reading"]
        vectors = {
            tuple(ids): output["vectors"][0]
            for ids, output in zip(windows.token_ids, model_outputs, strict=True)
        }
        predictions = self._classifier.answers(
            inserts,
            windows,
            Wanted(**wanted),
            lambda token_ids: torch.stack([vectors[tuple(ids)] for ids in token_ids]),
        )
        answers = [prediction.to_dict() for prediction in predictions]
        return answers if is_several else answers[0]


def _inserts(inputs: DrugInsert | str | os.PathLike[str]) -> Iterator[DrugInsert]:
    if isinstance(inputs, DrugInsert):
        yield inputs
    elif isinstance(inputs, os.PathLike) or (isinstance(inputs, str) and _is_path(inputs)):
        yield from read_inserts(inputs)
    elif isinstance(inputs, str) and _FILE_NAME.fullmatch(inputs):
        raise DrugTextError(f"{inputs}: there is no such file; check the path, or give the text.")
    elif isinstance(inputs, str):
        yield from read_text(inputs)
    else:
        raise DrugTextError(
            f"found {type(inputs).__name__}; a DrugInsert, a path or a text is needed."
        )


def _is_path(text: str) -> bool:
    try:
        return "\n" not in text and Path(text).exists()
    except (OSError, ValueError):  # a text is longer than any path, or holds what no path may
        return False


PIPELINE_REGISTRY.register_pipeline(
    TASK,
    pipeline_class=DrugInsertPipeline,
    pt_model=AutoModelForSequenceClassification,
    type="text",
)
