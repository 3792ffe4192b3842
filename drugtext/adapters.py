"""LoRA adapters over an encoder: put on, merged, taken out again, and written.

peft does the work; the configuration is `peft.LoraConfig` as it is.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from drugtext.errors import CheckpointError, first_line

if TYPE_CHECKING:  # peft is imported where it is used: it takes a second
    from peft import LoraConfig, PeftModel

ADAPTER_FOLDER = "adapter"
"""Below a checkpoint's folder; never its root, where it would be put on a second time."""

_WEIGHTS = "adapter_model.safetensors"  # peft's own name
_OF_NO_EFFECT = dict.fromkeys(
    ["base_model_name_or_path", "inference_mode", "init_lora_weights", "peft_version"]
)
"""Fields of a configuration that do not say what the weights do once they are there."""


@dataclass(frozen=True)
class Adapter:
    """LoRA weights, apart from the encoder that they are for.

    Attributes:
        config: of the adapter.
        weights: by peft's names, without the adapter's own name.
    """

    config: LoraConfig
    weights: Mapping[str, Tensor]

    @classmethod
    def of(cls, encoder: PeftModel) -> Adapter:
        """Take a copy of the adapter that is active on an encoder."""
        from peft import get_peft_model_state_dict

        weights = get_peft_model_state_dict(encoder)
        kept = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}
        config = encoder.peft_config[encoder.active_adapter]
        return cls(cast(Any, copy.deepcopy(config)), kept)

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str]) -> Adapter:
        """Read what `save`, or peft, wrote.

        Raises:
            CheckpointError: a file is missing or damaged, or it is no LoRA adapter.
        """
        from peft import LoraConfig

        try:
            if not (Path(folder) / "adapter_config.json").is_file():  # else a hub is asked
                raise FileNotFoundError("found no adapter_config.json")
            config = LoraConfig.from_pretrained(os.fspath(folder))
            weights = load_file(Path(folder) / _WEIGHTS)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise CheckpointError(_unusable(folder, error)) from error
        if not isinstance(config, LoraConfig):
            raise CheckpointError(_unusable(folder, f"it is {config.peft_type}, LoRA is needed"))
        return cls(config, weights)

    def save(self, folder: str | os.PathLike[str], encoder_name: str) -> None:
        """Write a folder that `peft.PeftModel.from_pretrained(raw_encoder, folder)` opens.

        Args:
            folder: of the configuration and the weights.
            encoder_name: hub id of the raw encoder; peft would write a path of this machine.
        """
        config = copy.deepcopy(self.config)
        config.base_model_name_or_path, config.inference_mode = encoder_name, True
        for name in ("target_modules", "exclude_modules"):  # peft's sets would come in any order
            found = getattr(config, name)
            setattr(config, name, sorted(found) if isinstance(found, set) else found)
        Path(folder).mkdir(parents=True, exist_ok=True)
        config.save_pretrained(os.fspath(folder))
        weights = {name: tensor.contiguous() for name, tensor in self.weights.items()}
        save_file(weights, Path(folder) / _WEIGHTS, metadata={"format": "pt"})

    def halved(self) -> Adapter:
        """Return it in half precision, half the size."""
        return Adapter(self.config, {name: weight.half() for name, weight in self.weights.items()})

    def is_same(self, other: Adapter | None) -> bool:
        """Tell whether another adapter changes an encoder exactly as this one does."""
        if other is None or self.weights.keys() != other.weights.keys():
            return False
        ours, others = ({**vars(a.config), **_OF_NO_EFFECT} for a in (self, other))
        return ours == others and all(
            weight.float().equal(other.weights[name].float())
            for name, weight in self.weights.items()
        )

    def put_on(self, encoder: nn.Module, *, is_trainable: bool = False) -> PeftModel:
        """Return a copy of an encoder with this adapter on it.

        Raises:
            CheckpointError: the adapter was made for another encoder.
        """
        from peft import set_peft_model_state_dict

        config = copy.deepcopy(self.config)
        config.inference_mode = not is_trainable
        adapted = with_new_adapter(encoder, config)
        try:
            found: Any = set_peft_model_state_dict(adapted, dict(self.weights))
        except RuntimeError as error:  # shapes
            raise CheckpointError(_unusable("the adapter", error)) from error
        missing = [name for name in found.missing_keys if "lora_" in name]
        if missing or found.unexpected_keys:
            what = (missing or found.unexpected_keys)[0]
            raise CheckpointError(_unusable("the adapter", f"{what} does not fit"))
        return adapted if is_trainable else adapted.eval()

    def merged_into(self, encoder: nn.Module) -> nn.Module:
        """Return an encoder with this adapter's weights added to those of another.

        Weights that the adapter leaves alone (half of them are the table of word pieces) are the
        other's own: whoever trains them on must copy them first.
        """
        return _sharing(merged(self.put_on(encoder)), encoder)

    def taken_out_of(self, encoder: nn.Module) -> nn.Module:
        """Return an encoder that this adapter was merged into, as it was before.

        What the adapter left alone is shared, as by `merged_into`.
        """
        from peft.tuners.lora import LoraLayer

        adapted = self.put_on(encoder)
        with torch.no_grad():
            for layer in adapted.modules():
                if isinstance(layer, LoraLayer):
                    added = cast(Any, layer).get_delta_weight(adapted.active_adapter)
                    cast(Any, layer.get_base_layer()).weight -= added
        return _sharing(cast(Any, adapted).unload(), encoder)


def _sharing(encoder: nn.Module, other: nn.Module) -> nn.Module:
    """Put another encoder's weights in place of those that are equal to them."""
    others = dict(other.named_parameters())
    for name, weight in list(encoder.named_parameters()):
        if name in others and weight.equal(others[name]):
            place, _, own_name = name.rpartition(".")
            setattr(encoder.get_submodule(place), own_name, others[name])
    return encoder


def _unusable(what: object, why: Exception | str) -> str:
    reason = first_line(why)
    return f"{what}: cannot be put on the encoder ({reason}). Fetch or train it again."


def default_lora(**changes: Any) -> LoraConfig:
    """Return the configuration that the bundled checkpoint was trained with.

    Args:
        changes: arguments of `peft.LoraConfig` to be given otherwise.

    Source:
        Hu et al. 2021, arXiv:2106.09685; scaled by the root of the rank: Kalajdzievski 2023,
        arXiv:2312.03732.
    """
    from peft import LoraConfig

    # Embeddings are means over tokens: a pooler would get no gradient.
    ours = {"r": 16, "lora_alpha": 16, "lora_dropout": 0.0, "use_rslora": True}
    where = {"target_modules": "all-linear", "exclude_modules": ["pooler.dense"]}
    return LoraConfig(**(ours | where | changes))


def with_new_adapter(encoder: nn.Module, config: LoraConfig) -> PeftModel:
    """Return a copy of an encoder with a new adapter, which alone is trained.

    Args:
        encoder: stays as it is.
        config: of the adapter, which changes nothing before it is trained.
    """
    from peft import get_peft_model

    with warnings.catch_warnings():  # that the pooler is gone already, and of the encoder's folder
        warnings.simplefilter("ignore")
        return get_peft_model(copy.deepcopy(encoder), config)


def merged(encoder: PeftModel) -> nn.Module:
    """Return a plain encoder with the adapter's weights added to its own, in evaluation mode."""
    plain = cast(Any, copy.deepcopy(encoder)).merge_and_unload()
    return cast(nn.Module, plain.eval())
