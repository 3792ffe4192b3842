"""Texts -> token ids, no more of them than are read, and how many tokens there are in all.

A full insert has twelve thousand tokens, of which one thousand are read. Tokenizing all of them to
say how many there are would take longer than anything else that is done to an insert.
"""

from __future__ import annotations

import re
import string
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import mul
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_CHARACTERS_A_TOKEN = 6  # of a start that is tried first; more is tokenized where it is too short
_CHARACTERS_OF_ODD_TOKENS = 64  # where words do not stand alone, and a cut may fall into one
_LONGEST_KEPT, _MOST_KEPT = 40, 2**16  # characters of a word, and words, whose count is kept
_CHARACTERS_AT_ONCE = 2**16
_WORDS_A_LINE = 2**8  # as many as make lines enough for all cores
_WORDS_AT_ONCE = 2**11  # different ones, which are tokenized together; each takes a kilobyte
_PROBE = (
    "Examplol  12.5 mg\n(tablets),\tβ-blocker;\n\nnaïve 说明书 e.g. x/y: it's 100% [sic] Examplol"
)
_ODD_PROBE = (
    "Exam\u200bplol \u200b 12.5\u00a0mg \x1c\n(tab\u00adlets)\x00,\t\u2028 β-blocker\x85it\x1cis x"
)

_SPACES = " \n\t\r"
_SPACE = re.compile(f"[{_SPACES}]")
_MARKS = string.punctuation.encode()
_MARK_TO_SPACE = bytes.maketrans(_MARKS, b" " * len(_MARKS))
# White space that a tokenizer may not split at, and characters that it may take out of a word.
_ODD = re.compile(r"[^\S \n\t\r]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def blocks_of(text: str, block: int = _CHARACTERS_AT_ONCE) -> Iterator[str]:
    """Yield a text in blocks of whole words.

    All words of a text of 30 MB at once would take ten times its memory.

    Args:
        text: to be cut in front of a space, a tab or a line break.
        block: characters of each, and as many more as its last word has.
    """
    start = 0
    while start < len(text):
        end = start + block
        space = _SPACE.search(text, end) if end < len(text) else None
        end = space.start() if space else len(text)
        yield text[start:end]
        start = end


def words_of(text: str) -> list[str]:
    """Split at spaces, tabs and line breaks; other white space stays in its word."""
    # The faster one splits at all white space, of which there is no other.
    return [word for word in _SPACE.split(text) if word] if _is_odd(text) else text.split()


def without_marks(text: str) -> tuple[str, int]:
    """Return a text with spaces in place of the punctuation marks of ASCII, and how many it had."""
    told = text.encode("utf-8", "surrogatepass")
    n_marks = len(told) - len(told.translate(None, _MARKS))
    return told.translate(_MARK_TO_SPACE).decode("utf-8", "surrogatepass"), n_marks


def _is_odd(text: str) -> bool:
    """Tell whether a text holds what `_ODD` finds; mostly the first test, far faster, tells it."""
    plain = text.replace("\n", " ").replace("\t", " ").replace("\r", " ")
    return not plain.isprintable() and bool(_ODD.search(text))


def _reads_as_bert(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Tell whether a tokenizer is known to make a token of each mark, whatever stands around it.

    No probe could tell: a tokenizer may join marks that stand in a row, or mark and accent.
    """
    inner = getattr(tokenizer, "backend_tokenizer", None)
    if inner is None:
        return False
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    is_plain = isinstance(inner.normalizer, BertNormalizer) and isinstance(inner.model, WordPiece)
    added = tokenizer.added_tokens_decoder.values()  # a normalized one may be in any case in a text
    return (
        is_plain
        and isinstance(inner.pre_tokenizer, BertPreTokenizer)
        and not any(token.normalized for token in added)
    )


class TokenReader:
    """Tokenizes texts, for one thread at a time.

    Most tokenizers read each word by itself, so that those of a text are counted one by one, each
    different word once; where they are BERT's, each punctuation mark is a token, and words are what
    stands between those. One that does not is asked for all tokens of the whole text.

    Args:
        tokenizer: the encoder's.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._lock = threading.Lock()  # how a text is cut is a state of fast tokenizers
        self._known: dict[str, int] = {}
        self._met: set[str] = set()
        self._words_stand_alone = self._reads_words_alone(_PROBE)
        self._odd_words_stand_alone = self._reads_words_alone(_PROBE + _ODD_PROBE)
        self._marks_stand_alone = self._words_stand_alone and _reads_as_bert(tokenizer)
        # "[SEP]" is one token where a tokenizer calls it so, and three marks and words else.
        self._own = [*tokenizer.get_added_vocab()] if self._marks_stand_alone else []

    def __reduce__(self) -> tuple[Any, ...]:
        return TokenReader, (self._tokenizer,)

    def _reads_words_alone(self, text: str) -> bool:
        return [token for ids in self.all(words_of(text)) for token in ids] == self.all([text])[0]

    def all(self, texts: Sequence[str]) -> list[list[int]]:
        """Return all tokens of each text, without special tokens."""
        return self._read(texts, add_special_tokens=False)

    def whole(self, texts: Sequence[str], longest: int | None = None) -> list[list[int]]:
        """Return the tokens of each text with special tokens, no more than the longest allows."""
        return self._read(texts, truncation=longest is not None, max_length=longest)

    def _read(self, texts: Sequence[str], **options: Any) -> list[list[int]]:
        if not texts:
            return []
        # `verbose=False`: texts longer than the encoder's limit are cut into windows later.
        with self._lock:
            found = self._tokenizer(
                list(texts), return_attention_mask=False, verbose=False, **options
            )
        return found["input_ids"]

    def first(self, texts: Sequence[str], limits: Sequence[int]) -> list[list[int]]:
        """Return the first tokens of each text, as many as its limit allows."""
        starts = [self._start(text, limit) for text, limit in zip(texts, limits, strict=True)]
        found = self.all(starts)
        cut_short = [
            n
            for n, ids in enumerate(found)
            if len(ids) < limits[n] and len(starts[n]) < len(texts[n])
        ]
        for n, ids in zip(cut_short, self.all([texts[n] for n in cut_short]), strict=True):
            found[n] = ids
        return [ids[:limit] for ids, limit in zip(found, limits, strict=True)]

    def end_of(self, text: str, n_tokens: int) -> int:
        """Return how many characters of a text its first tokens take."""
        for start in (self._start(text, n_tokens), text):
            with self._lock:
                found = self._tokenizer(
                    start, add_special_tokens=False, return_offsets_mapping=True, verbose=False
                )["offset_mapping"]
            if n_tokens < len(found):
                return found[n_tokens - 1][1] if n_tokens else 0
            if len(found) == n_tokens and len(start) < len(text):
                return len(start)  # the rest begins with another token
        return len(text)

    def count(self, texts: Iterable[str]) -> int:
        """Return how many tokens the texts have together."""
        total, words = 0, Counter[str]()
        for text in texts:
            if not self._reads_alone(text):
                total += len(self.all([text])[0])
                continue
            marks_are_tokens = self._marks_stand_alone and not any(w in text for w in self._own)
            for block in blocks_of(text):
                bare, n_marks = without_marks(block) if marks_are_tokens else (block, 0)
                total += n_marks
                words.update(words_of(bare))
                if len(words) > _WORDS_AT_ONCE:
                    total += self._count_words(words)
                    words.clear()
        return total + self._count_words(words)

    def _count_words(self, words: Mapping[str, int]) -> int:
        """Return how many tokens words have, each as often as it occurs."""
        lengths = [*map(self._known.get, words, repeat(0))]
        total = sum(map(mul, words.values(), lengths))
        missing = [word for word, n in zip(words, lengths, strict=True) if not n]
        for start in range(0, len(missing), _WORDS_AT_ONCE):
            some = missing[start : start + _WORDS_AT_ONCE]
            # Most new words are numbers that never recur: those are counted by the line.
            rare = [word for word in some if words[word] == 1 and word not in self._met]
            lines = (rare[n : n + _WORDS_A_LINE] for n in range(0, len(rare), _WORDS_A_LINE))
            total += sum(map(len, self.all([" ".join(line) for line in lines])))
            if len(self._met) > _MOST_KEPT:
                self._met.clear()
            self._met.update(word for word in rare if len(word) <= _LONGEST_KEPT)
            others = [*set(some).difference(rare)]
            found = dict(zip(others, map(len, self.all(others)), strict=True))
            total += sum(words[word] * n for word, n in found.items())
            if len(self._known) > _MOST_KEPT:
                self._known.clear()
            self._known.update((w, n) for w, n in found.items() if len(w) <= _LONGEST_KEPT)
        return total

    def _start(self, text: str, limit: int) -> str:
        """Return whole words that hold about as many tokens, or the whole text."""
        n_characters = limit * _CHARACTERS_A_TOKEN
        if len(text) <= n_characters:
            return text
        if not self._reads_alone(text[:n_characters]):
            return text[: limit * _CHARACTERS_OF_ODD_TOKENS]
        end = max(text.rfind(space, 0, n_characters) for space in _SPACES)
        return text[:end] if end > 0 else text

    def _reads_alone(self, text: str) -> bool:
        """Tell whether the words of a text may be tokenized one by one."""
        return self._odd_words_stand_alone or (self._words_stand_alone and not _is_odd(text))
