"""Windows of token ids -> vectors: what runs an encoder, and what it gives that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any, Self

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from drugtext.backends import Backend, backend_name, make_backend
from drugtext.encoder import WeightsState, length_sorted_batches, pad, weights_state
from drugtext.errors import CheckpointError
from drugtext.lexicon import Lexicon
from drugtext.model import DrugTextModel
from drugtext.name_stems import NameStems
from drugtext.tokens import TokenReader
from drugtext.window_cache import WindowCache

Encode = Callable[[list[list[int]]], Tensor]
"""Token ids of some windows -> their vectors, float32 on the CPU, not projected, shape (n_windows,
text_dim)."""

_PROBE = (
    "Lowers high blood pressure.",
    "It is indicated for the treatment of infections of the lung that are caused by bacteria.",
    "The tablets inhibit an enzyme of the liver; each has 12.5 mg of the active substance. " * 4,
)
"""Texts that tell how near a backend comes."""


class WindowEncoder:
    """Gives the vectors of windows, by a model's encoder and lexicon.

    Args:
        model: encoder and head.
        tokenizer: the encoder's.
        backend: what runs the encoder: one of `BACKENDS`; None for torch in the model's precision.
        token_reader: of the tokenizer, where there is one already.

    Attributes:
        token_reader: of the tokenizer.
        window_cache: keeps what the encoder gave, for those who read the same inserts again.

    Raises:
        CheckpointError: the tokenizer says of no length that a window may have it, or has tokens
            that the encoder does not know.
        EncoderError: there is no such backend, or it is not installed.
    """

    def __init__(
        self,
        model: DrugTextModel,
        tokenizer: PreTrainedTokenizerBase,
        backend: str | None = None,
        token_reader: TokenReader | None = None,
    ) -> None:
        self.model, self.tokenizer = model, tokenizer
        # One for all that share a tokenizer: its lock is theirs.
        self.token_reader = token_reader or TokenReader(tokenizer)
        self._backend_name = None if backend is None else backend_name(backend)
        # Of the encoder's weights as they were, by name: one for all that share the encoder.
        self._backends: dict[str, tuple[WeightsState, Backend]] = {}
        self.window_cache: WindowCache | None = None
        limit = tokenizer.model_max_length
        least = tokenizer.num_special_tokens_to_add() + 1
        if not isinstance(limit, int | float) or not limit >= least:
            raise CheckpointError(
                f"tokenizer_config.json: model_max_length is {limit!r}; a number of tokens, {least}"
                " or more, is needed."
            )
        n_known = getattr(model.config.encoder, "vocab_size", inf)  # some have no table of tokens
        largest = max([len(tokenizer) - 1, *tokenizer.added_tokens_decoder])
        if largest >= n_known:
            raise CheckpointError(
                f"the tokenizer has a token of number {largest:,}, and the encoder knows"
                f" {n_known:,} tokens, numbered from 0; those of one model are needed."
            )

    @property
    def longest_window(self) -> float:
        """Tokens that tokenizer and encoder allow; infinite where neither names a number."""
        return min(self.tokenizer.model_max_length, self.model.n_positions)

    @property
    def backend(self) -> Backend | None:
        """What runs the encoder: made when it is first used, and again when weights have changed.

        None for torch in the model's own precision, and where the model is not on the CPU or not
        in float32.

        Raises:
            EncoderError: the one that was asked for is not near enough to torch in float32.
        """
        first = next(self.model.encoder.parameters())
        is_plain = first.device.type == "cpu" and first.dtype == torch.float32
        if self._backend_name is None or not is_plain:
            return None
        weights = weights_state(self.model.encoder)
        made_of, backend = self._backends.get(self._backend_name, ([], None))
        if backend is None or weights != made_of:
            longest = None if self.longest_window == inf else int(self.longest_window)
            probe = self.token_reader.whole(_PROBE, longest)
            backend = make_backend(self.model.encoder, self._backend_name, probe)
            self._backends[self._backend_name] = weights, backend
        return backend

    @property
    def run_by(self) -> str:
        """What runs the encoder, for people: with its cosine where it is made already."""
        _, backend = self._backends.get(self._backend_name or "", ([], None))
        return backend.with_cosine if backend else self._backend_name or ""

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what a process makes for itself."""
        return self.__dict__ | {"_backends": {}}

    def _over(self, model: DrugTextModel) -> Self:
        """Return one of this kind over another model; what belongs to the encoder is shared."""
        other = type(self)(model, self.tokenizer, self._backend_name, self.token_reader)
        other._share_with(self)
        return other

    def share(self, other: WindowEncoder) -> None:
        """Take from another one over the same raw encoder what is equal in both.

        Equal adapters, merged by rounded sums, may give encoders that differ in the last digit: so
        the adapters are compared, and the encoder itself is taken.

        Args:
            other: keeps all that it has.
        """
        mine, others = self.model, other.model
        if mine.adapter and mine.adapter.is_same(others.adapter):
            mine.encoder, mine.adapter = others.encoder, others.adapter
        if _are_equal(mine.lexicon, others.lexicon):
            mine.lexicon = others.lexicon
        if _are_equal(mine.name_stems, others.name_stems):
            mine.name_stems = others.name_stems
        self._share_with(other)

    def _share_with(self, other: WindowEncoder) -> None:
        """Share what belongs to the encoder, where it is the same object."""
        if self.model.encoder is other.model.encoder:
            self.tokenizer, self.token_reader = other.tokenizer, other.token_reader
            self.window_cache, self._backends = other.window_cache, other._backends

    @torch.no_grad()
    def encode(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the vectors of a batch of windows.

        Args:
            input_ids: int64, on the model's device, shape (n_windows, n_tokens).
            attention_mask: 1 for a token, 0 for padding, same shape.

        Returns:
            float32, not projected, shape (n_windows, text_dim).
        """
        encode = self.backend.encode_windows if self.backend else self.model.encode_windows
        return self.model.with_lexicon(encode(input_ids, attention_mask), input_ids, attention_mask)

    @torch.no_grad()
    def vectors(self, token_ids: list[list[int]]) -> Tensor:
        """Return the vector of each window, float32 on the CPU, (n_windows, text_dim)."""
        backend, model = self.backend, self.model
        encode = backend.encode_windows if backend else model.encode_windows
        known = None
        if self.window_cache is not None:
            known = self.window_cache.vectors(
                token_ids, lambda ids: self._batched(ids, encode), str(backend or "")
            )
            if model.lexicon is None:
                return known
        vectors = torch.empty(len(token_ids), model.config.text_dim)
        for batch, ids, mask in self._padded(token_ids):
            encoded = encode(ids, mask) if known is None else known[batch].to(ids.device)
            vectors[batch] = model.with_lexicon(encoded, ids, mask).cpu()
        return vectors

    def _batched(
        self, token_ids: list[list[int]], encode: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        """Return what `encode` gives of all windows, in their order, on the CPU."""
        found = torch.empty(0)
        for batch, ids, mask in self._padded(token_ids):
            vectors = encode(ids, mask).cpu()
            if not len(found):
                found = vectors.new_empty(len(token_ids), vectors.shape[1])
            found[batch] = vectors
        return found

    def _padded(self, token_ids: list[list[int]]) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Yield windows in batches of about one length: their numbers, ids and mask."""
        padding, device = self.tokenizer.pad_token_id or 0, self.model.device
        for batch in length_sorted_batches(token_ids):
            ids, mask = pad([token_ids[n] for n in batch], padding)
            yield batch, ids.to(device), mask.to(device)


def _are_equal(one: Lexicon | NameStems | None, other: Lexicon | NameStems | None) -> bool:
    """Tell whether two channels beside the encoder are both there, and give the same vectors."""
    if one is None or other is None or one.arguments != other.arguments:
        return False
    figures = zip(one.buffers(), other.buffers(), strict=True)
    return all(own.equal(its) for own, its in figures)
