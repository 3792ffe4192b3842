"""A classifier's folder: what is in it, how it is found, loaded and written.

config.json          DrugTextConfig: encoder, reading plan, taxonomy, measured figures
*.py                 code of the model, for those who have transformers and not drugtext
model.safetensors    encoder and head; or, in a checkpoint that ships with the package,
head.safetensors     head and lexicon alone, over the encoder that `encoder_name` names
tokenizer files      beside model.safetensors
known_drugs.json     names of the drugs it learnt from, where they were kept
adapter/             LoRA weights, where the encoder was trained on: model.safetensors has them
                     merged, head.safetensors has not
README.md            model card; what people wrote into it is kept
manifest.json        SHA-256 of all these but code and card
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, PreTrainedConfig, PreTrainedTokenizerBase

from drugtext.adapters import ADAPTER_FOLDER, Adapter
from drugtext.bundled import DEFAULT_CHECKPOINT, bundled_checkpoints
from drugtext.config import FORMAT_VERSION, DrugTextConfig
from drugtext.encoder import (
    DEFAULT_ENCODER,
    default_encoder_folder,
    encoder_folder,
    load_encoder,
    load_tokenizer,
)
from drugtext.errors import CheckpointError, DrugTextError, EncoderError
from drugtext.hub import download_checkpoint, first_line
from drugtext.known_drugs import save_names
from drugtext.lexicon import Lexicon
from drugtext.manifest import check_manifest, finish_write, replacing
from drugtext.model import DrugTextModel
from drugtext.model_card import SOMEWHERE, is_hub_id, model_card
from drugtext.own_words import CARD, NO_WORDS, OwnWords, own_words, read_card

_HEAD = "head.safetensors"
_NOT_ALWAYS = ("head.certainty", "head.groups", "head.powers")
"""Weights that an older folder has not; they are those of a new head then."""


def load_model(
    folder: Path, name: str, *, over: tuple[str, nn.Module] | None = None
) -> tuple[DrugTextModel, PreTrainedTokenizerBase]:
    """Load a classifier's model, or a plain encoder as a model without categories.

    Args:
        folder: of a checkpoint, as `checkpoint_folder` finds it.
        name: that it was asked for by; that of the encoder, if it is one.
        over: name of an encoder, and that encoder without an adapter, on which the model is to
            stand; left out, it is read.

    Returns:
        The model in evaluation mode, and its tokenizer.

    Raises:
        CheckpointError: the folder is incomplete, damaged or of a newer format.
        EncoderError: the encoder's weights cannot be found.
    """
    finish_write(folder)
    config = _read_config(folder)
    if not isinstance(config, DrugTextConfig):
        check_manifest(folder)
        return _from_encoder(str(folder), name)
    if not isinstance(config.format_version, int) or config.format_version > FORMAT_VERSION:
        raise CheckpointError(
            f"{folder}: format version {config.format_version}, this drugtext reads up to"
            f" {FORMAT_VERSION}. Upgrade it: pip install --upgrade drugtext"
        )
    if config.format_version < 2:  # of another measure than familiarity
        config.scope_threshold = None
        (config.few_shot or {}).pop("scope_threshold", None)
    if config.saved_by_transformers:
        config.measured = config.training = config.privacy = None
    else:
        check_manifest(folder)
    try:
        if over:
            return _over_encoder(folder, config, *over)
        if _is_head_alone(folder, config):
            return _from_head(folder, config)
        # its annotation knows one form of the answer alone
        found: Any = DrugTextModel.from_pretrained(
            folder, config=config, use_safetensors=True, output_loading_info=True
        )
        model, loaded = found
        missing = set(loaded["missing_keys"]) - set(_NOT_ALWAYS)
        if missing:  # transformers would fill them at random
            raise KeyError(f"no {', '.join(sorted(missing)[:3])}")
        model.adapter = _adapter(folder, config)
        return model.eval(), load_tokenizer(folder)
    except DrugTextError:
        raise
    except Exception as error:  # as in `_read_config`
        raise CheckpointError(
            f"{folder}: the weights are missing or damaged ({first_line(error)})."
            " Fetch or train it again."
        ) from error


def _read_config(folder: Path) -> PreTrainedConfig:
    """Read config.json; what would fail in the first answer, or fetch code, is refused now."""
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder}: found no config.json; a checkpoint's folder is needed.")
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        for part in (config, getattr(config, "encoder_config", None)):
            attention = getattr(part, "_attn_implementation", None)
            if "/" in str(attention):
                raise ValueError(f"the attention {attention!r} is code on a hub; none is fetched")
        if isinstance(config, DrugTextConfig) and not isinstance(config.prefix, str):
            raise TypeError(f"prefix is {config.prefix!r}; a text is needed")
        return config
    except Exception as error:  # a damaged file makes transformers raise nearly any kind
        raise CheckpointError(
            f"{folder}/config.json cannot be read ({first_line(error)})."
        ) from error


def checkpoint_folder(
    name_or_path: str | os.PathLike[str] | None,
    revision: str | None = None,
    token: str | bool | None = None,
) -> Path:
    """Return the folder of a bundled checkpoint, of a path, or of a hub id that it downloads."""
    name = os.fspath(name_or_path or DEFAULT_CHECKPOINT)
    # Path.is_dir and Path.exists raise at a name that is too long.
    is_folder, is_known = os.path.isdir(name), name in bundled_checkpoints()  # noqa: PTH112
    is_here = is_known or name == DEFAULT_ENCODER or is_folder
    if revision is not None and is_here:
        raise CheckpointError(
            f"{name!r} is on this machine and has no revision {revision!r}; leave it out, or give a"
            " hub id."
        )
    if is_known:
        return bundled_checkpoints()[name]
    if name == DEFAULT_ENCODER:
        return default_encoder_folder()
    if is_folder:
        return _current_version(Path(name))
    if name_or_path is None:
        raise CheckpointError(f"the bundled checkpoint {name!r} is missing; reinstall drugtext.")
    if os.path.exists(name):  # noqa: PTH110
        raise CheckpointError(f"{name} is a file; a checkpoint's folder or a hub id is needed.")
    try:
        return download_checkpoint(name, revision, token)
    except CheckpointError as error:
        known = ", ".join(bundled_checkpoints()) or "none"
        raise CheckpointError(
            f"{name!r} is no folder and no bundled checkpoint ({known}), and {error}"
        ) from error


def _current_version(folder: Path) -> Path:
    """Return the current version's folder, where this one is a registry's."""
    try:
        number = int((folder / "current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return folder
    return folder / "versions" / f"{number:04}"


def _from_encoder(folder: str, name: str) -> tuple[DrugTextModel, PreTrainedTokenizerBase]:
    encoder = load_encoder(folder)
    is_default = name == DEFAULT_ENCODER
    encoder_config = AutoConfig.from_pretrained(folder)
    encoder_config._name_or_path = ""  # a path of this machine
    config = DrugTextConfig(
        encoder_config=encoder_config,
        encoder_name=name,
        languages=["en"] if is_default else [],
        license="apache-2.0" if is_default else None,
    )
    return DrugTextModel.assembled(config, encoder), load_tokenizer(folder)


def _is_head_alone(folder: Path, config: DrugTextConfig) -> bool:
    return (folder / _HEAD).is_file() and not config.saved_by_transformers


def _from_head(
    folder: Path, config: DrugTextConfig
) -> tuple[DrugTextModel, PreTrainedTokenizerBase]:
    encoder_path = encoder_folder(config.encoder_name)  # checked once, its weights are large
    model = _adapted(folder, config, load_encoder(encoder_path))
    _beside_encoder(model).load_state_dict(_as_new(model) | load_file(folder / _HEAD))
    return model, load_tokenizer(encoder_path)


def _adapted(folder: Path, config: DrugTextConfig, encoder: nn.Module) -> DrugTextModel:
    """Return a model whose head and lexicon are not filled yet, over an encoder."""
    adapter = _adapter(folder, config)
    if adapter:
        encoder = adapter.merged_into(encoder)
    lexicon = Lexicon(**config.lexicon) if config.lexicon else None
    return DrugTextModel.assembled(config, encoder, adapter=adapter, lexicon=lexicon)


def _over_encoder(
    folder: Path, config: DrugTextConfig, name: str, encoder: nn.Module
) -> tuple[DrugTextModel, PreTrainedTokenizerBase]:
    """Load what stands beside the encoder: the encoder is in memory."""
    is_apart = _is_head_alone(folder, config)
    if config.encoder_name != name or not (is_apart or config.has_adapter):
        raise CheckpointError(
            f"{folder}: stands on {config.encoder_name or 'an encoder of its own'!r}, not on"
            f" {name!r} with an adapter. Load it by itself."
        )
    model = _adapted(folder, config, encoder)
    parts = _beside_encoder(model)
    if is_apart:
        weights = load_file(folder / _HEAD)
    else:
        with safe_open(folder / "model.safetensors", "pt") as file:
            there = parts.state_dict().keys() & set(file.keys())
            weights = {key: file.get_tensor(key) for key in there}
    parts.load_state_dict(_as_new(model) | weights)
    tokenizer = encoder_folder(config.encoder_name) if is_apart else folder
    return model, load_tokenizer(tokenizer)


def _as_new(model: DrugTextModel) -> dict[str, Tensor]:
    """Return what the head of an older folder has not."""
    parts = _beside_encoder(model).state_dict()
    return {name: parts[name] for name in _NOT_ALWAYS}


def _adapter(folder: Path, config: DrugTextConfig) -> Adapter | None:
    return Adapter.from_folder(folder / ADAPTER_FOLDER) if config.has_adapter else None


def _save_adapter(model: DrugTextModel, folder: Path, *, is_halved: bool = False) -> None:
    if model.adapter:
        name = model.config.encoder_name
        adapter = model.adapter.halved() if is_halved else model.adapter
        adapter.save(folder / ADAPTER_FOLDER, name if is_hub_id(name) else "")


def save_head(
    model: DrugTextModel,
    folder: str | os.PathLike[str],
    drug_names: tuple[str, ...] | None = None,
) -> None:
    """Write the folder of a checkpoint that leaves the encoder's weights where pip put them.

    Its figures are written in half precision, or a byte each: it ships with the package. Errors as
    `save_model`.
    """
    if not model.config.encoder_name:
        raise EncoderError("the model does not say which encoder it stands on; save it whole.")
    weights = {
        name: tensor.half().contiguous() if tensor.is_floating_point() else tensor.contiguous()
        for name, tensor in _beside_encoder(model).state_dict().items()
    }
    config = copy.deepcopy(model.config)
    config.saved_by_transformers = False
    vars(config).pop("auto_map", None)  # names the code beside a whole folder: here is none
    with _writing(folder) as new:
        save_file(weights, new / _HEAD, metadata={"format": "pt"})
        config.to_json_file(new / "config.json")
        _save_adapter(model, new, is_halved=True)
        save_names(drug_names, new)


def _beside_encoder(model: DrugTextModel) -> nn.ModuleDict:
    """Return the parts of a model that stand beside the encoder."""
    parts: dict[str, nn.Module] = {"head": model.head}
    return nn.ModuleDict(parts | ({"lexicon": model.lexicon} if model.lexicon else {}))


def save_model(
    model: DrugTextModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: str | os.PathLike[str],
    drug_names: tuple[str, ...] | None = None,
    *,
    words: OwnWords = NO_WORDS,
    license: str | None = None,
    place: str = SOMEWHERE,
) -> None:
    """Write a classifier's whole folder: config, weights, tokenizer, model card.

    Args:
        model: of the classifier.
        tokenizer: its encoder's.
        folder: made if it is absent. What people wrote into the card that stands there is kept.
        drug_names: to be kept.
        words: of people for the card, where that one has none.
        license: of the weights; left out, the one that the card or the model has.
        place: hub id or folder that the card's examples name.

    Raises:
        CheckpointError: the folder cannot be written.
    """
    words = own_words(read_card(Path(folder))).or_else(words)
    if license:
        words = words.without("license")
    with _writing(folder) as new:
        model.save_pretrained(new)
        config = copy.deepcopy(model.config)
        config.saved_by_transformers = False
        config.license = license or config.license or words.license
        if not is_hub_id(config.encoder_name):
            config.encoder_name = ""  # a path of this machine; the weights are in the folder
        config.to_json_file(new / "config.json")
        _save_adapter(model, new)
        save_names(drug_names, new)
        tokenizer.save_pretrained(new)
        (new / CARD).write_text(model_card(config, words, place), encoding="utf-8")


@contextmanager
def _writing(folder: str | os.PathLike[str]) -> Iterator[Path]:
    try:
        with replacing(Path(folder)) as new:
            yield new
    except (OSError, SafetensorError) as error:  # safetensors has its own for a disk that is full
        raise CheckpointError(f"{folder}: cannot be written ({first_line(error)}).") from error
