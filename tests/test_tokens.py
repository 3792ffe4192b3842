"""Tokens: the first of a text, and how many it has, as if all of it had been tokenized."""

from __future__ import annotations

import copy
import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers

from drugtext.tokens import TokenReader, blocks_of, without_marks, words_of

WORDS = [
    "heart",
    "12.5",
    "mg/ml",
    "β-blocker",
    "naïve",
    "(see",
    "说明书",
    "e.g.,",
    "x" * 120,
    "it's",
    "[SEP]",
    ")[SEP],",
    "—[MASK].",
    "x.\u0301y",
]
SPACES = [" ", "  ", "\n", "\t", "\u00a0", "\u2028", "\x1c", "\u200b", "\x00"]
TEXTS = st.one_of(
    st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(SPACES)), max_size=60).map("".join),
    st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join),
    st.text(max_size=80),
)


class Counting:
    """A tokenizer that notes how many characters it was given."""

    def __init__(self, tokenizer) -> None:
        self.tokenizer, self.n_characters = tokenizer, 0

    def __call__(self, texts, **options):
        self.n_characters += sum(map(len, texts))
        return self.tokenizer(texts, **options)


class Sentences:
    """A tokenizer whose tokens are whole sentences: no word stands by itself."""

    def __call__(self, texts, **_):
        return {"input_ids": [[len(part) for part in text.split(".")] for text in texts]}


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(0, 12))
@example("heart\x1cheart", 5)
@example("heart \u200b heart", 5)
def test_it_reads_and_counts_as_if_all_were_tokenized(real_tokenizer, text, limit):
    reader = TokenReader(real_tokenizer)
    whole = real_tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    assert reader.count([text]) == len(whole)
    assert reader.count([text, text]) == 2 * len(whole)
    assert reader.first([text], [limit]) == [whole[:limit]]


def test_no_more_is_tokenized_than_is_read(real_tokenizer):
    counting = Counting(real_tokenizer)
    reader = TokenReader(counting)
    text = "the heart beats " * 5000
    counting.n_characters = 0
    assert len(reader.first([text], [100])[0]) == 100
    assert counting.n_characters <= 600
    assert reader.count([text]) == 15000
    assert reader.count([text] * 2) == 30000
    assert counting.n_characters <= 600 + len("theheartbeats")


def test_long_words_are_read_on_until_the_limit_is_full(real_tokenizer):
    text = " ".join(["x" * 120] * 40)  # one token each, of many characters
    assert len(TokenReader(real_tokenizer).first([text], [30])[0]) == 30


def test_where_words_do_not_stand_alone_all_is_tokenized():
    reader = TokenReader(Sentences())
    text = "one two. three four. " * 100
    assert reader.count([text]) == 201
    assert reader.first([text], [2]) == [[7, 11]]


def test_of_a_long_text_some_words_are_tokenized_at_a_time(real_tokenizer):
    class Largest:
        most = 0

        def __call__(self, texts, **options):
            self.most = max(self.most, sum(map(len, texts)))
            return real_tokenizer(texts, **options)

    largest = Largest()
    reader = TokenReader(largest)
    rows = [f"{n * 7919} mg\u00a0{n / 7:.6f}" for n in range(200_000)]
    text, some = "\n".join(rows), rows[::1000]
    assert len(text) > 4_000_000 and reader.count([text]) > 5 * len(rows)
    assert largest.most < len(text) / 2
    assert reader.count(["\n".join(some)]) == sum(map(len, reader.all(some)))


def test_a_word_counts_alike_at_first_sight_and_later(real_tokenizer):
    reader = TokenReader(real_tokenizer)
    texts = ["12.5 mg of Examplol, naïve", "12.5 mg of Examplol", "Examplol Examplol 7919"]
    counts = [[reader.count([text]) for text in texts] for _ in range(3)]
    assert counts == [[len(ids) for ids in reader.all(texts)]] * 3


def test_nothing_has_no_tokens(real_tokenizer):
    reader = TokenReader(real_tokenizer)
    assert reader.all([]) == [] and reader.first([], []) == []
    assert reader.count([]) == reader.count(["", " "]) == 0


def test_special_tokens_stand_around_the_whole_and_the_longest_is_kept_to(real_tokenizer):
    reader = TokenReader(real_tokenizer)
    (ids,) = reader.whole(["the heart beats"])
    assert ids == real_tokenizer("the heart beats")["input_ids"] and len(ids) == 5
    assert [len(cut) for cut in reader.whole(["heart " * 90, "heart"], 8)] == [8, 3]
    assert len(reader.all(["heart " * 90])[0]) == 90  # nothing stays cut


def test_threads_do_not_cut_each_others_texts(real_tokenizer):
    reader, text = TokenReader(real_tokenizer), "heart " * 300
    with ThreadPoolExecutor(4) as threads:
        cut = [threads.submit(reader.whole, [text], 16) for _ in range(40)]
        whole = [threads.submit(reader.all, [text]) for _ in range(40)]
        assert {len(found.result()[0]) for found in cut} == {16}
        assert {len(found.result()[0]) for found in whole} == {300}


def test_it_goes_to_another_process(real_tokenizer):
    again = pickle.loads(pickle.dumps(TokenReader(real_tokenizer)))
    assert again.count(["the heart"]) == 2


def test_a_word_in_brackets_may_be_a_token_of_its_own(real_tokenizer):
    reader = TokenReader(real_tokenizer)
    assert reader.count(["[SEP]", "[sep]", "[MASK]-[x]"]) == 1 + 3 + 1 + 4


JOINED = "Name: ______ Date ....... --- done, p =\u0338 q"


@pytest.mark.parametrize("text", [JOINED, "cox-2 inhibitor, Cox-2 (cox-2)", "e.g. 12.5 mg/ml ..."])
@pytest.mark.parametrize("kind", ["joins marks", "composes", "knows a word with a mark"])
def test_a_tokenizer_that_reads_marks_otherwise_is_asked(real_tokenizer, kind, text):
    tokenizer = copy.deepcopy(real_tokenizer)
    inner = tokenizer.backend_tokenizer
    if kind == "joins marks":
        inner.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous")]
        )
        inner.model = models.WordPiece(
            {**inner.get_vocab(), "...": 40_000, "---": 40_001, "______": 40_002}, unk_token="[UNK]"
        )
    elif kind == "composes":
        inner.normalizer = normalizers.NFC()
    else:
        tokenizer.add_tokens(["COX-2"])
    whole = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert TokenReader(tokenizer).count([text]) == len(whole)


def test_marks_of_ascii_are_told_apart_from_the_words():
    assert without_marks("a.b (β—c)\n§'d'") == ("a b  β—c \n§ d ", 5)
    assert without_marks("\ud800,") == ("\ud800 ", 1)


BLANK_TEXTS = st.text(alphabet="ab \n\t\u00a0\x1c", max_size=60)


@given(BLANK_TEXTS, st.integers(1, 9))
def test_blocks_are_the_whole_text_cut_between_words(text, block):
    found = [*blocks_of(text, block)]
    assert "".join(found) == text
    assert [word for part in found for word in words_of(part)] == words_of(text)


@given(BLANK_TEXTS)
def test_words_stand_between_spaces_tabs_and_line_breaks(text):
    assert words_of(text) == [word for word in re.split("[ \n\t\r]", text) if word]


def test_a_word_that_is_longer_than_a_block_is_whole():
    assert [*blocks_of("ab " + "c" * 50 + " d", 4)] == ["ab " + "c" * 50, " d"]
