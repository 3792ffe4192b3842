"""drug-insert-classification: the classifier's path as a transformers pipeline."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from transformers import AutoModelForSequenceClassification, Pipeline
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.utils import ModelOutput

from drugtext.backends import AUTO
from drugtext.classifier import DrugClassifier
from drugtext.errors import DrugTextError
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts
from drugtext.inserts.record import insert_from_record
from drugtext.model import DrugTextModel

TASK = "drug-insert-classification"

_FILE_NAME = re.compile(r"\S+\.(xml|json|jsonl|zip|gz|txt|html?|csv)", re.IGNORECASE)


class DrugInsertPipeline(Pipeline):
    """Classifies inserts, files and texts of any length.

    An input is a `DrugInsert`, a path, or the text of an insert. The answer to each is the JSON
    object of `Prediction.to_dict`; a file of several inserts is answered with a list of them.
    """

    _load_tokenizer = True  # type: ignore[assignment]  # transformers annotates its default alone

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Classify one input, a list, a dataset or a generator.

        Args:
            inputs: a `DrugInsert`, a path, a text, or many of them.
            args: as for every transformers pipeline.
            kwargs: `top_k`, how many alternatives to give. `batch_size` is accepted and not needed:
                the windows of an input are batched by length in any case.
        """
        kwargs.pop("batch_size", None)
        return super().__call__(inputs, *args, **kwargs)

    def _sanitize_parameters(self, top_k: int | None = None, **_: Any) -> tuple[dict, dict, dict]:
        return {}, ({} if top_k is None else {"top_k": top_k}), {}

    @cached_property
    def _classifier(self) -> DrugClassifier:
        return DrugClassifier(cast(DrugTextModel, self.model), cast(Any, self.tokenizer), AUTO)

    def preprocess(self, input_: Any, **_: Any) -> dict[str, Any]:
        inserts = list(_inserts(input_))
        several = not isinstance(input_, DrugInsert) and len(inserts) > 1
        return {"inserts": inserts, "several": several}

    def _forward(self, input_tensors: Any, top_k: Any = 3, **_: Any) -> ModelOutput:
        predictions = self._classifier.predict(input_tensors["inserts"], top_k=top_k)
        return ModelOutput(predictions=predictions, several=input_tensors["several"])

    def postprocess(self, model_outputs: ModelOutput, **_: Any) -> Any:
        answers = [prediction.to_dict() for prediction in model_outputs["predictions"]]
        return answers if model_outputs["several"] else answers[0]


def _inserts(inputs: DrugInsert | str | os.PathLike[str]) -> Iterator[DrugInsert]:
    if isinstance(inputs, DrugInsert):
        yield inputs
    elif isinstance(inputs, os.PathLike) or (isinstance(inputs, str) and _is_path(inputs)):
        yield from read_inserts(inputs)
    elif isinstance(inputs, str) and _FILE_NAME.fullmatch(inputs):
        raise DrugTextError(f"{inputs}: there is no such file; check the path, or give the text.")
    elif isinstance(inputs, str):
        yield insert_from_record({"text": inputs}, "")
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
