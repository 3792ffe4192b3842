"""Random short readings of inserts: each time other sections, with the drug's names or without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from drugtext.embedder import InsertEmbedder
from drugtext.encoder import pad
from drugtext.inserts.insert import DrugInsert
from drugtext.windows import read_windows

_LONGEST_TEXT = 64  # tokens of a category's name


class WindowBatch(NamedTuple):
    """Windows of some inserts, padded.

    Attributes:
        input_ids, attention_mask: int64, shape (n_windows, n_tokens).
        insert_numbers: int64 in [0, n_inserts), the insert of each window, shape (n_windows,).
        n_inserts: each has a window.
    """

    input_ids: Tensor
    attention_mask: Tensor
    insert_numbers: Tensor
    n_inserts: int


class InsertViews:
    """Inserts cut into windows once, of which a few are drawn at a time.

    A reader that always saw the same sections would learn the inserts by heart.

    Args:
        forms: of the same inserts in the same order, each form one way to print them: as they are,
            with names masked.
        reader: whose tokenizer, sections and prefix these are; its windows are made smaller.
        window_tokens: of a window; training on short ones is cheaper.
    """

    def __init__(
        self,
        forms: Sequence[Sequence[DrugInsert]],
        reader: InsertEmbedder,
        *,
        window_tokens: int = 128,
    ) -> None:
        prefix = reader.model.config.prefix
        small = replace(
            reader.reading_plan.fuller(),
            window_tokens=window_tokens,
            hide_names=False,
            show_names=True,
        )
        self._reader, self._padding = reader.token_reader, reader.tokenizer.pad_token_id or 0
        self._prefix = prefix
        self._windows: list[list[_Drawable]] = [[] for _ in forms[0]]
        for inserts in forms:
            windows = read_windows(inserts, self._reader, small, prefix)
            of_insert: list[list[int]] = [[] for _ in inserts]
            for number, insert_number in enumerate(windows.insert_numbers):
                of_insert[insert_number].append(number)
            for insert_number, numbers in enumerate(of_insert):
                weights = np.array([windows.weights[n] for n in numbers])
                ids = [windows.token_ids[n] for n in numbers]
                sections = [windows.sections[n] for n in numbers]
                drawable = _Drawable(ids, weights / weights.sum(), sections)
                self._windows[insert_number].append(drawable)

    def __len__(self) -> int:
        return len(self._windows)

    def draw(
        self, rows: Sequence[int], rng: np.random.Generator, *, windows_an_insert: int = 1
    ) -> WindowBatch:
        """Draw some windows of one form, chosen at random, of each insert.

        Args:
            rows: numbers of the inserts.
            rng: of the draws.
            windows_an_insert: at most; an insert that has fewer gives all.
        """
        drawn = []
        for row in rows:
            forms = self._windows[row]
            drawn.append(forms[rng.integers(len(forms))].draw(rng, windows_an_insert))
        return self._batch(drawn)

    def draw_pairs(
        self, pairs: Sequence[tuple[int, int]], rng: np.random.Generator
    ) -> tuple[WindowBatch, WindowBatch]:
        """Draw two windows of one insert, or two of the same section of two inserts.

        Args:
            pairs: numbers of inserts, twice the same for two windows of one, which gives its only
                window twice; two that share no section give a window of any.
            rng: of the draws.
        """
        ones, others = [], []
        for a, b in pairs:
            forms = self._windows[a]
            form = int(rng.integers(len(forms)))
            one, other = forms[form], self._windows[b][form]
            if a == b:
                drawn = one.draw(rng, 2)
                ones.append(drawn[:1])
                others.append(drawn[-1:])
            else:
                shared = sorted({*one.sections} & {*other.sections})
                section = str(rng.choice(shared)) if shared else None
                ones.append(one.draw_of(section, rng))
                others.append(other.draw_of(section, rng))
        return self._batch(ones), self._batch(others)

    def first(self, rows: Sequence[int], form: int, windows_an_insert: int = 2) -> WindowBatch:
        """Return the first windows of one form: always the same, to watch a training by."""
        return self._batch([self._windows[row][form].ids[:windows_an_insert] for row in rows])

    def _batch(self, drawn: Sequence[Sequence[list[int]]]) -> WindowBatch:
        numbers = [n for n, windows in enumerate(drawn) for _ in windows]
        ids, mask = self._pad([ids for windows in drawn for ids in windows])
        return WindowBatch(ids, mask, torch.tensor(numbers), len(drawn))

    def texts(self, texts: Sequence[str]) -> WindowBatch:
        """Tokenize short texts, such as names of categories, each as one window."""
        told = [self._prefix + text for text in texts]
        found = self._reader.whole(told, _LONGEST_TEXT)
        return WindowBatch(*self._pad(found), torch.arange(len(found)), len(found))

    def _pad(self, token_ids: list[list[int]]) -> tuple[Tensor, Tensor]:
        return pad(token_ids, self._padding)


@dataclass(frozen=True)
class _Drawable:
    """The windows of an insert in one form, and how likely each is to be drawn."""

    ids: list[list[int]]
    chances: np.ndarray
    sections: list[str]

    def draw_of(self, section: str | None, rng: np.random.Generator) -> list[list[int]]:
        """Draw a window of a section; of any where it is None."""
        numbers = [n for n, name in enumerate(self.sections) if section in (None, name)]
        chances = self.chances[numbers] / self.chances[numbers].sum()
        return [self.ids[int(rng.choice(numbers, p=chances))]]

    def draw(self, rng: np.random.Generator, n: int) -> list[list[int]]:
        n = min(n, len(self.ids))
        return [self.ids[i] for i in rng.choice(len(self.ids), n, replace=False, p=self.chances)]
