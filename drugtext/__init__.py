"""drugtext reads a drug package insert and says which drug category it belongs to.

The public names, in the order data flows. Each is imported when it is first used, so that
`import drugtext` takes milliseconds and reading inserts needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from drugtext._registration import register_with_transformers
from drugtext._version import __version__

if TYPE_CHECKING:
    from drugtext.classifier import DrugClassifier, load
    from drugtext.config import DrugTextConfig
    from drugtext.corpus import build_corpus
    from drugtext.errors import DrugTextError
    from drugtext.explanation import Explanation
    from drugtext.inserts.insert import DrugInsert, Section
    from drugtext.inserts.read import read_inserts
    from drugtext.model import DrugTextModel
    from drugtext.prediction import Prediction
    from drugtext.support import read_support
    from drugtext.taxonomy import Category, Taxonomy
    from drugtext.together import predict_together

_PLACES = {
    "DrugInsert": "drugtext.inserts.insert",
    "Section": "drugtext.inserts.insert",
    "read_inserts": "drugtext.inserts.read",
    "Category": "drugtext.taxonomy",
    "Taxonomy": "drugtext.taxonomy",
    "build_corpus": "drugtext.corpus",
    "DrugTextConfig": "drugtext.config",
    "DrugTextModel": "drugtext.model",
    "Prediction": "drugtext.prediction",
    "Explanation": "drugtext.explanation",
    "read_support": "drugtext.support",
    "DrugClassifier": "drugtext.classifier",
    "load": "drugtext.classifier",
    "predict_together": "drugtext.together",
    "DrugTextError": "drugtext.errors",
}

__all__ = [
    "Category",
    "DrugClassifier",
    "DrugInsert",
    "DrugTextConfig",
    "DrugTextError",
    "DrugTextModel",
    "Explanation",
    "Prediction",
    "Section",
    "Taxonomy",
    "__version__",
    "build_corpus",
    "load",
    "predict_together",
    "read_inserts",
    "read_support",
]

register_with_transformers()


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'drugtext' has no attribute {name!r}")
    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
