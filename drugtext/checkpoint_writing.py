"""A classifier's folder: what is in it, and how it is written; `checkpoint` loads it.

config.json          DrugTextConfig: encoder, reading plan, taxonomy, measured figures
*.py                 code of the model, for those who have transformers and not drugtext
model.safetensors    encoder and head; or, in a checkpoint that ships with the package,
head.safetensors     head, lexicon and stems, over the encoder that `encoder_name` names
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
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn
from transformers import PreTrainedTokenizerBase

from drugtext.adapters import ADAPTER_FOLDER
from drugtext.errors import CheckpointError, EncoderError, first_line
from drugtext.known_drugs import save_names
from drugtext.model import DrugTextModel
from drugtext.model_card import SOMEWHERE, is_hub_id, model_card
from drugtext.own_words import CARD, NO_WORDS, OwnWords, own_words, read_card
from drugtext.whole_folder import replacing

HEAD = "head.safetensors"


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
        for name, tensor in beside_encoder(model).state_dict().items()
    }
    config = copy.deepcopy(model.config)
    config.saved_by_transformers = False
    vars(config).pop("auto_map", None)  # names the code beside a whole folder: here is none
    with _writing(folder) as new:
        save_file(weights, new / HEAD, metadata={"format": "pt"})
        config.to_json_file(new / "config.json")
        _save_adapter(model, new, is_halved=True)
        save_names(drug_names, new)


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
    if not os.fspath(folder):  # else it is where the program was begun
        raise CheckpointError("found the folder ''; a name is needed.")
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
            for weights in new.rglob("*.safetensors"):  # safetensors lets the owner alone read them
                shutil.copymode(new / "config.json", weights)
    except (OSError, SafetensorError) as error:  # safetensors has its own for a disk that is full
        raise CheckpointError(f"{folder}: cannot be written ({first_line(error)}).") from error


def _save_adapter(model: DrugTextModel, folder: Path, *, is_halved: bool = False) -> None:
    if model.adapter:
        name = model.config.encoder_name
        adapter = model.adapter.halved() if is_halved else model.adapter
        adapter.save(folder / ADAPTER_FOLDER, name if is_hub_id(name) else "")


def beside_encoder(model: DrugTextModel) -> nn.ModuleDict:
    """Return the parts of a model that stand beside the encoder."""
    parts = {"head": model.head, "lexicon": model.lexicon, "name_stems": model.name_stems}
    return nn.ModuleDict({name: part for name, part in parts.items() if part is not None})
