"""DrugTextConfig: what a checkpoint says of itself, beside the weights.

This file travels with a checkpoint, see `model`.
"""

from __future__ import annotations

from typing import ClassVar

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

FORMAT_VERSION = 6
"""Of a saved classifier; a folder with another one is refused."""
MOST_LEVELS = 1000
"""Of a tree of categories: a head of more would fill the memory."""


@strict
class DrugTextConfig(PreTrainedConfig):
    """Configuration of a `DrugTextModel`.

    `id2label` maps a row of the head onto a category id; names and parents are in `taxonomy`.

    Attributes:
        encoder_config: configuration of the encoder.
        encoder_name: hub id or folder that the encoder's weights came from.
        prefix: put in front of every window ("query: " for e5).
        lexicon: arguments of the `lexicon.Lexicon` beside the encoder; None for none.
        name_stems: arguments of the `name_stems.NameStems` beside both; None for none.
        has_adapter: whether the encoder has an adapter, in the folder `adapter`.
        languages: ISO 639-1 codes that the checkpoint can read; empty means that nobody said.
        reading_plan: as `ReadingPlan.to_dict` gives it; the default plan if None. One without
            `once_tokens` reads all twice.
        taxonomy_name: name of the taxonomy.
        taxonomy: rows of id, name and parent id ("" for a root), ancestors included.
        drug_level: of the taxonomy.
        scope_threshold: an insert whose `PrototypeHead.familiarity` is below it is out of scope;
            None lets all pass.
        scope_false_alarms: share of held-out inserts of known categories that it, or that of
            `few_shot`, was set to call out of scope; None where nobody said.
        strangeness: level of the tree -> how strange the true category of held-out inserts looked,
            of all and of those of each kind, see `prediction_sets.KINDS`; None where nobody
            measured.
        few_shot: for categories learnt from a few inserts each, as episodes on held-out ingredients
            gave them: `softening` of the whitening, `scale`, the power of the number of drugs that
            it grows by, `growth`, `scope_threshold` and `strangeness` (of all levels alike); None
            where nobody measured.
        n_support: support inserts of each category, in the order of the head's rows.
        n_known: texts of support inserts that the head remembers.
        n_named: names of drugs that it remembers, of those and of others that it was told.
        n_levels: of the tree that the categories stand in; 1 without categories.
        measured: figures on unseen ingredients, as the training script wrote them.
        training: how it was trained: script, seed, data fingerprint, versions.
        privacy: epsilon, delta and what they are of, as `private.PrivateHead.statement` has them;
            None where nothing is promised.
        license: of the weights, by the hub's name for it; None where nobody said.
        saved_by_transformers: whether transformers' own save wrote the folder, which is config,
            weights and code alone: what else of drugtext lies there is of an earlier classifier,
            and figures may be of earlier weights.
        format_version: of the folder.
    """

    model_type = "drugtext"
    sub_configs_defaults: ClassVar[dict[str, SubConfigSpec]] = {
        "encoder_config": SubConfigSpec(config_class=AutoConfig, model_type="bert")
    }

    encoder_config: PreTrainedConfig | dict | None = None
    encoder_name: str = ""
    prefix: str = ""
    lexicon: dict | None = None
    name_stems: dict | None = None
    has_adapter: bool = False
    languages: list[str] | tuple[str, ...] = ()
    reading_plan: dict | None = None
    taxonomy_name: str = ""
    taxonomy: list | tuple = ()
    drug_level: int | None = None
    scope_threshold: float | None = None
    scope_false_alarms: float | None = None
    strangeness: dict | None = None
    few_shot: dict | None = None
    n_support: list | tuple = ()
    n_known: int = 0
    n_named: int = 0
    n_levels: int = 1
    measured: dict | None = None
    training: dict | None = None
    privacy: dict | None = None
    license: str | None = None
    saved_by_transformers: bool = False
    format_version: int = FORMAT_VERSION

    @property
    def encoder(self) -> PreTrainedConfig:
        """Configuration of the encoder; `ValueError` where there is none."""
        if not isinstance(self.encoder_config, PreTrainedConfig):
            raise ValueError("the configuration has no encoder_config; give it one.")
        return self.encoder_config

    @property
    def embedding_dim(self) -> int:
        """Number of dimensions of an insert's embedding: its text's and its names'."""
        return self.text_dim + self.name_dim

    @property
    def text_dim(self) -> int:
        """Number of dimensions of what its text says: the encoder's and the lexicon's."""
        return int(self.encoder.hidden_size) + (self.lexicon or {}).get("dim", 0)

    @property
    def name_dim(self) -> int:
        """Number of dimensions of what its names say."""
        return (self.name_stems or {}).get("dim", 0)


def other_format(found: object) -> str:
    """Say what to do about a folder whose format version is not `FORMAT_VERSION`."""
    is_older = isinstance(found, int) and found < FORMAT_VERSION
    return f"found format version {found}, this drugtext reads {FORMAT_VERSION}. " + (
        "Learn its categories again: probabilities of an older one would not mean the same."
        if is_older
        else "Install a newer drugtext."
    )


DrugTextConfig.register_for_auto_class()
AutoConfig.register(DrugTextConfig.model_type, DrugTextConfig)
