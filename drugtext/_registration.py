"""Makes transformers know drugtext's models and pipeline, without importing transformers.

`import drugtext` must stay fast, and yet `transformers.pipeline("text-classification", folder)` must
work right after it. So the registration waits until transformers' own registries are imported.
"""

from __future__ import annotations

from importlib import import_module

from wrapt import when_imported

_REGISTRIES = {
    "transformers.models.auto.configuration_auto": "drugtext.config",
    "transformers.models.auto.modeling_auto": "drugtext.model",
    "transformers.pipelines": "drugtext.pipeline",
}
"""transformers' module -> ours that registers itself there as its last statement."""


def register_with_transformers() -> None:
    """Have our modules imported right after the registry that each belongs to."""
    for registry, module in _REGISTRIES.items():
        when_imported(registry)(lambda _, module=module: import_module(module))
