"""Inserts -> embeddings, as a classifier reads them: what is refused, windows, vectors, pooling."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from math import inf
from typing import Any, Self

import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from drugtext.ahead import ahead
from drugtext.backends import Backend, backend_name, make_backend
from drugtext.encoder import (
    WeightsState,
    length_sorted_batches,
    pad,
    pool_windows,
    weights_state,
)
from drugtext.errors import CheckpointError, DrugTextError, LanguageError
from drugtext.inserts.batches import batches
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.language import detect_language
from drugtext.lexicon import Lexicon
from drugtext.model import DrugTextModel
from drugtext.name_stems import NameStems, with_names
from drugtext.reading_plan import ReadingPlan
from drugtext.tokens import TokenReader
from drugtext.window_cache import WindowCache
from drugtext.windows import Windows, read_windows

HALF_CHARACTERS = re.compile(r"[\ud800-\udfff]")
"""Surrogates, which no tokenizer takes."""

Encode = Callable[[list[list[int]]], Tensor]
"""Token ids of some windows -> their vectors, float32 on the CPU, not projected, shape (n_windows,
text_dim)."""

_PROBE = (
    "Lowers high blood pressure.",
    "It is indicated for the treatment of infections of the lung that are caused by bacteria.",
    "The tablets inhibit an enzyme of the liver; each has 12.5 mg of the active substance. " * 4,
)
"""Texts that tell how near a backend comes."""


class InsertEmbedder:
    """Embeds inserts with a model's encoder and the projection of its head.

    Args:
        model: encoder and head.
        tokenizer: the encoder's.
        backend: what runs the encoder: one of `BACKENDS`; None for torch in the model's precision.
        token_reader: of the tokenizer, where there is one already.

    Attributes:
        token_reader: of the tokenizer.
        window_cache: keeps what the encoder gave, for those who read the same inserts again.

    Raises:
        CheckpointError: the configuration's reading plan is not understood.
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
        try:
            told = model.config.reading_plan
            plan = ReadingPlan() if told is None else ReadingPlan.from_dict(told)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise CheckpointError(
                f"config.json: the reading plan is not understood ({type(error).__name__}:"
                f" {error}). A newer drugtext may have written it."
            ) from error
        limit = tokenizer.model_max_length
        least = tokenizer.num_special_tokens_to_add() + 1
        if not isinstance(limit, int | float) or not limit >= least:
            raise CheckpointError(
                f"tokenizer_config.json: model_max_length is {limit!r}; a number of tokens, {least}"
                " or more, is needed."
            )
        self.reading_plan = plan

    @property
    def reading_plan(self) -> ReadingPlan:
        """What is read of an insert; its windows are no longer than the encoder allows."""
        return self._reading_plan

    @reading_plan.setter
    def reading_plan(self, plan: ReadingPlan) -> None:
        limit, n_positions = self.tokenizer.model_max_length, self.model.n_positions
        longest = min(limit, plan.window_tokens, n_positions)
        if longest == inf:
            raise CheckpointError("config.json: windows are without end; window_tokens is needed.")
        self._reading_plan = replace(plan, window_tokens=int(longest))

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
            probe = self.token_reader.whole(_PROBE, self._longest_window)
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

    def share(self, other: InsertEmbedder) -> None:
        """Take from another embedder over the same raw encoder what is equal in both.

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

    def _share_with(self, other: InsertEmbedder) -> None:
        """Share what belongs to the encoder, where it is the same object."""
        if self.model.encoder is other.model.encoder:
            self.tokenizer, self.token_reader = other.tokenizer, other.token_reader
            self.window_cache, self._backends = other.window_cache, other._backends

    @property
    def _longest_window(self) -> int:
        return self.reading_plan.window_tokens

    def embed(self, inserts: Iterable[DrugInsert]) -> NDArray:
        """Embed inserts.

        Returns:
            float32 unit vectors, shape (n_inserts, embedding_dim).

        Raises:
            LanguageError: an insert is in a language that the encoder does not know.
            DrugTextError: an insert has no text.
        """
        read = ahead((self.windows(batch), len(batch)) for batch in self._readable(inserts))
        parts = [self.pooled(windows, n_inserts) for windows, n_inserts in read]
        return torch.cat(parts or [torch.zeros(0, self.model.config.embedding_dim)]).numpy()

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embed short texts, such as names of categories, each read as one window.

        Returns:
            float32 unit vectors on the CPU, not projected, shape (n_texts, text_dim).
        """
        if not texts:
            return torch.zeros(0, self.model.config.text_dim)
        told = [self.model.config.prefix + text for text in texts]
        token_ids = self.token_reader.whole(told, self._longest_window)
        return torch.nn.functional.normalize(self.vectors(token_ids), dim=1)

    def refusal(self, insert: DrugInsert) -> DrugTextError | None:
        """Return why an insert cannot be classified; None if it can."""
        if not isinstance(insert, DrugInsert):
            return DrugTextError(
                f"found {type(insert).__name__}; a list of DrugInsert is needed,"
                " as read_inserts(path) yields them."
            )
        known, texts = self.model.config.languages, insert.sections.values()
        what = insert.source or insert.name or "the insert"
        if not any(re.search(r"\w", text) for text in texts):
            return DrugTextError(f"{what}: holds no text; one section or more is needed.")
        if any(map(HALF_CHARACTERS.search, texts)):
            return DrugTextError(f"{what}: holds half characters (surrogates); decode it as UTF-8.")
        language = insert.language
        if known and not language:
            language = detect_language(insert.beginnings)
        if language and known and language not in known:
            return LanguageError(
                f"{what}: is written in {language!r}; this checkpoint knows"
                f" {', '.join(known)}. Load one whose encoder knows the language."
            )
        return None

    def _readable(self, inserts: Iterable[DrugInsert]) -> Iterator[list[DrugInsert]]:
        """Yield inserts in batches; raise at the first that cannot be classified."""
        for batch in batches(inserts):
            for insert in batch:
                if error := self.refusal(insert):
                    raise error
            yield batch

    def windows(self, inserts: Sequence[DrugInsert], plan: ReadingPlan | None = None) -> Windows:
        """Cut what is read of inserts, each of which can be classified, into windows."""
        plan = plan or self.reading_plan
        return read_windows(inserts, self.token_reader, plan, self.model.config.prefix)

    @torch.no_grad()
    def pooled(self, windows: Windows, n_inserts: int, encode: Encode | None = None) -> Tensor:
        """Embed and project, float32 on the CPU, shape (n_inserts, embedding_dim)."""
        vectors = (encode or self.vectors)(windows.token_ids)
        weights, numbers = torch.tensor(windows.weights), torch.tensor(windows.insert_numbers)
        pooled = pool_windows(vectors, weights, numbers, n_inserts)
        return self._project(pooled, windows.stem_ids)

    def _project(self, pooled: Tensor, stem_ids: list[list[int]] | None = None) -> Tensor:
        """Put names behind texts, where they are read, and project; without names if left out."""
        model = self.model
        vectors = pooled.to(model.device)
        if model.name_stems is not None:
            told = stem_ids or [[] for _ in pooled]
            vectors = with_names(vectors, model.name_stems(told))
        return model.head.project(vectors).cpu()

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
