"""A classifier's folder, see `checkpoint_writing`: how it is found and loaded."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn
from transformers import AutoConfig, PreTrainedConfig, PreTrainedTokenizerBase

from drugtext.adapters import ADAPTER_FOLDER, Adapter
from drugtext.bundled import DEFAULT_CHECKPOINT, bundled_checkpoints
from drugtext.checkpoint_writing import HEAD, beside_encoder
from drugtext.config import FORMAT_VERSION, DrugTextConfig, other_format
from drugtext.encoder import (
    DEFAULT_ENCODER,
    default_encoder_folder,
    encoder_folder,
    load_encoder,
    load_tokenizer,
)
from drugtext.errors import CheckpointError, DrugTextError, first_line
from drugtext.hub import download_checkpoint
from drugtext.lexicon import Lexicon
from drugtext.manifest import MANIFEST, check_manifest, is_checkpoint
from drugtext.model import DrugTextModel, EncoderParts
from drugtext.name_stems import NameStems

_log = logging.getLogger(__name__)


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
    config = _read_config(folder)
    if not isinstance(config, DrugTextConfig):
        check_manifest(folder)
        return _from_encoder(str(folder), name)
    if config.format_version != FORMAT_VERSION:
        raise CheckpointError(f"{folder}: {other_format(config.format_version)}")
    if config.saved_by_transformers:
        config.measured = config.training = config.privacy = None
        if (folder / MANIFEST).exists():
            _log.warning(
                "%s: was saved by transformers, so its files are not those of manifest.json and are"
                " not checked; DrugClassifier.save_pretrained writes a new one.",
                folder,
            )
    else:
        check_manifest(folder)
    try:
        if over:
            model, tokenizer = _over_encoder(folder, config, *over)
        elif _is_head_alone(folder, config):
            model, tokenizer = _from_head(folder, config)
        else:
            model, tokenizer = _whole(folder, config)
        for name, weights in (*model.named_parameters(), *model.named_buffers()):
            if weights.numel() and not torch.stack(weights.aminmax()).isfinite().all():
                raise ValueError(f"{name} holds what is no number")
        return model, tokenizer
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
        if isinstance(config, DrugTextConfig):
            if not isinstance(config.prefix, str):
                raise TypeError(f"prefix is {config.prefix!r}; a text is needed")
            config.prefix.encode()  # half characters, which no tokenizer takes, raise
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
    name = os.fspath(DEFAULT_CHECKPOINT if name_or_path is None else name_or_path)
    # Path.is_dir and Path.exists raise at a name that is too long.
    is_folder, is_known = os.path.isdir(name), name in bundled_checkpoints()  # noqa: PTH112
    is_here = is_known or name == DEFAULT_ENCODER or is_folder
    if revision is not None and is_here:
        raise CheckpointError(
            f"{name!r} is on this machine and has no revision {revision!r}; leave it out, or give a"
            " hub id."
        )
    if is_known:
        bundled = bundled_checkpoints()[name]
        here = Path(name)
        is_own = is_folder and is_checkpoint(_current_version(here)) and not bundled.samefile(here)
        if name_or_path is not None and is_own:
            raise CheckpointError(
                f"{name!r} is a bundled checkpoint and a folder here, too; give {here.absolute()}"
                " for the folder, or rename it."
            )
        return bundled
    if name == DEFAULT_ENCODER:
        return default_encoder_folder()
    if is_folder:
        return _current_version(Path(name))
    if name_or_path is None:
        raise CheckpointError(f"the bundled checkpoint {name!r} is missing; reinstall drugtext.")
    if os.path.exists(name):  # noqa: PTH110
        raise CheckpointError(f"{name} is a file; a checkpoint's folder or a hub id is needed.")
    known = ", ".join(bundled_checkpoints()) or "none"
    unknown = f"{name!r} is no folder and no bundled checkpoint ({known}), and"
    owner, is_id, _ = name.partition("/")
    if not (owner and is_id) or os.path.exists(owner):  # noqa: PTH110 - a slip of a path goes to no hub
        raise CheckpointError(
            f"{unknown} is taken for no hub id: that is user/repo, where no file or folder here is"
            " called user."
        )
    try:
        return download_checkpoint(name, revision, token)
    except CheckpointError as error:
        raise CheckpointError(f"{unknown} {error}") from error


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
    return DrugTextModel.assembled(config, EncoderParts(encoder)), load_tokenizer(folder)


def _whole(folder: Path, config: DrugTextConfig) -> tuple[DrugTextModel, PreTrainedTokenizerBase]:
    # its annotation knows one form of the answer alone
    found: Any = DrugTextModel.from_pretrained(
        folder, config=config, use_safetensors=True, output_loading_info=True
    )
    model, loaded = found
    if missing := loaded["missing_keys"]:  # transformers would fill them at random
        raise KeyError(f"no {', '.join(sorted(missing)[:3])}")
    model.adapter = _adapter(folder, config)
    return model.eval(), load_tokenizer(folder)


def _is_head_alone(folder: Path, config: DrugTextConfig) -> bool:
    return (folder / HEAD).is_file() and not config.saved_by_transformers


def _from_head(
    folder: Path, config: DrugTextConfig
) -> tuple[DrugTextModel, PreTrainedTokenizerBase]:
    name = config.encoder_name
    if name != DEFAULT_ENCODER and not Path(name).is_dir():  # nobody asked the hub for it
        raise CheckpointError(
            f"{folder}: stands on the encoder {name!r}, which is not in it. Load that one first:"
            f" drugtext.load({os.fspath(folder)!r}, over=drugtext.load({name!r}))."
        )
    encoder_path = encoder_folder(name)  # checked once, its weights are large
    model = _adapted(folder, config, load_encoder(encoder_path))
    beside_encoder(model).load_state_dict(load_file(folder / HEAD))
    return model, load_tokenizer(encoder_path)


def _adapted(folder: Path, config: DrugTextConfig, encoder: nn.Module) -> DrugTextModel:
    """Return a model whose parts beside the encoder are not filled yet, over an encoder."""
    adapter = _adapter(folder, config)
    if adapter:
        encoder = adapter.merged_into(encoder)
    lexicon = Lexicon(**config.lexicon) if config.lexicon else None
    stems = NameStems(**config.name_stems) if config.name_stems else None
    return DrugTextModel.assembled(config, EncoderParts(encoder, adapter, lexicon, stems))


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
    parts = beside_encoder(model)
    if is_apart:
        weights = load_file(folder / HEAD)
    else:
        with safe_open(folder / "model.safetensors", "pt") as file:
            there = parts.state_dict().keys() & set(file.keys())
            weights = {key: file.get_tensor(key) for key in there}
    parts.load_state_dict(weights)
    tokenizer = encoder_folder(config.encoder_name) if is_apart else folder
    return model, load_tokenizer(tokenizer)


def _adapter(folder: Path, config: DrugTextConfig) -> Adapter | None:
    return Adapter.from_folder(folder / ADAPTER_FOLDER) if config.has_adapter else None
