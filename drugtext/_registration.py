"""Makes transformers know drugtext's models and pipeline, without importing transformers.

`import drugtext` must stay fast, and yet `transformers.pipeline("text-classification", folder)`
must work right after it. So the registration waits until transformers' registries are imported.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from wrapt import when_imported

_REGISTRIES = {
    "transformers.models.auto.configuration_auto": "drugtext.config",
    "transformers.models.auto.modeling_auto": "drugtext.model",
    "transformers.pipelines": "drugtext.pipeline",
}
"""transformers' module -> ours that registers itself there as its last statement."""


def register_with_transformers() -> None:
    """Have our modules imported right after the registry that each belongs to."""
    for registry in _REGISTRIES:
        when_imported(registry)(_import_ours)


def _import_ours(registry: ModuleType) -> None:
    import_module(_REGISTRIES[registry.__name__])
