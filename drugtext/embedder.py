"""Inserts -> embeddings, as a classifier reads them: what is refused, windows, vectors, pooling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import inf

import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from drugtext.ahead import ahead
from drugtext.encoder import pool_windows
from drugtext.errors import CheckpointError, DrugTextError, LanguageError
from drugtext.inserts.batches import batches
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.language import detect_language
from drugtext.model import DrugTextModel
from drugtext.name_stems import with_names
from drugtext.reading_plan import ReadingPlan
from drugtext.tokens import TokenReader
from drugtext.window_encoder import Encode, WindowEncoder
from drugtext.windows import Windows, read_windows

HALF_CHARACTERS = re.compile(r"[\ud800-\udfff]")
"""Surrogates, which no tokenizer takes."""


class InsertEmbedder(WindowEncoder):
    """Embeds inserts with a model's encoder and the projection of its head.

    Made as a `WindowEncoder` is; the model's configuration says what is read of an insert.

    Raises:
        CheckpointError: the configuration's reading plan is not understood; the tokenizer says of
            no length that a window may have it, or has a token that the encoder does not know.
        EncoderError: there is no such backend, or it is not installed.
    """

    def __init__(
        self,
        model: DrugTextModel,
        tokenizer: PreTrainedTokenizerBase,
        backend: str | None = None,
        token_reader: TokenReader | None = None,
    ) -> None:
        super().__init__(model, tokenizer, backend, token_reader)
        try:
            told = model.config.reading_plan
            plan = ReadingPlan() if told is None else ReadingPlan.from_dict(told)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise CheckpointError(
                f"config.json: the reading plan is not understood ({type(error).__name__}:"
                f" {error}). A newer drugtext may have written it."
            ) from error
        self.reading_plan = plan

    @property
    def reading_plan(self) -> ReadingPlan:
        """What is read of an insert; its windows are no longer than the encoder allows."""
        return self._reading_plan

    @reading_plan.setter
    def reading_plan(self, plan: ReadingPlan) -> None:
        longest = min(plan.window_tokens, self.longest_window)
        if longest == inf:
            raise CheckpointError("config.json: windows are without end; window_tokens is needed.")
        self._reading_plan = replace(plan, window_tokens=int(longest))

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
        token_ids = self.token_reader.whole(told, self.reading_plan.window_tokens)
        return torch.nn.functional.normalize(self.vectors(token_ids), dim=1)

    def refusal(self, insert: DrugInsert) -> DrugTextError | None:
        """Return why an insert cannot be classified; None if it can."""
        if not isinstance(insert, DrugInsert):
            return DrugTextError(
                f"found {type(insert).__name__}; a DrugInsert is needed, as read_inserts(path)"
                " yields them."
            )
        known, texts = self.model.config.languages, insert.sections.values()
        what = insert.place or insert.name or "the insert"
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
