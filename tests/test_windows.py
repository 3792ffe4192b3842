"""Windows: which sections are read, how much of each, and what is counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.encoder import load_tokenizer
from drugtext.errors import DrugTextError, EncoderError
from drugtext.inserts.insert import DrugInsert
from drugtext.reading_plan import ReadingPlan
from drugtext.tokens import TokenReader
from drugtext.windows import read_windows, sections_to_read

PLAN = ReadingPlan(
    section_tokens={"indications_and_usage": 40, "description": 20},
    other_tokens=30,
    enough_tokens=5,
    window_tokens=22,
)
WORDS = ["heart", "skin", "pain", "fever", "sleep", "sugar", "cough", "acid"]
NAMES = ["indications_and_usage", "description", "warnings", "storage", "own heading"]


@pytest.fixture(scope="session")
def tokenizer(tiny_encoder_folder):
    return load_tokenizer(tiny_encoder_folder)


def insert_of(**n_words: int) -> DrugInsert:
    """An insert with so many words, one token each, in each section."""
    return DrugInsert(sections={name: " ".join(["heart"] * n) for name, n in n_words.items()})


def read(tokenizer, insert, plan=PLAN, prefix=""):
    windows = read_windows([insert], TokenReader(tokenizer), plan, prefix)
    texts = [tokenizer.convert_ids_to_tokens(ids) for ids in windows.token_ids]
    return texts, windows.tokens_read[0], windows.tokens_total[0]


def test_a_section_is_cut_into_windows_with_special_tokens(tokenizer):
    texts, n_read, n_total = read(tokenizer, insert_of(indications_and_usage=40))
    assert texts == [["[CLS]", *["heart"] * 20, "[SEP]"]] * 2
    assert (n_read, n_total) == (40, 40)


def test_no_section_is_read_beyond_its_limit(tokenizer):
    texts, n_read, n_total = read(tokenizer, insert_of(indications_and_usage=100, description=100))
    assert [len(text) for text in texts] == [22, 22, 22]
    assert (n_read, n_total) == (60, 200)


def test_a_tiny_rest_behind_a_full_window_is_left_unread(tokenizer):
    assert read(tokenizer, insert_of(indications_and_usage=35))[1:] == (20, 35)
    assert read(tokenizer, insert_of(indications_and_usage=36))[1:] == (36, 36)
    assert read(tokenizer, insert_of(indications_and_usage=7))[1:] == (7, 7)


def test_sections_are_read_in_the_order_of_the_plan(tokenizer):
    insert = DrugInsert(sections={"description": "sugar", "indications_and_usage": "pain " * 5})
    texts, _, _ = read(tokenizer, insert)
    assert texts == [["[CLS]", *["pain"] * 5, "[SEP]"], ["[CLS]", "sugar", "[SEP]"]]


def sections_read(tokenizer, plan, **n_words: int) -> list[tuple[str, int, int]]:
    found = sections_to_read(insert_of(**n_words).sections, plan, TokenReader(tokenizer))
    return [(section.name, section.limit, len(section.token_ids)) for section in found]


def test_other_sections_wait_until_the_named_ones_hold_too_little(tokenizer):
    n_words = {"warnings": 12, "indications_and_usage": 5, "storage": 50, "z": 1}
    assert sections_read(tokenizer, PLAN, **n_words) == [("indications_and_usage", 40, 5)]
    n_words["indications_and_usage"] = 4
    assert sections_read(tokenizer, PLAN, **n_words) == [
        ("indications_and_usage", 40, 4),
        ("warnings", 30, 12),
        ("storage", 18, 18),
    ]


def test_limits_of_the_plan_count_towards_enough(tokenizer):
    plan = ReadingPlan(section_tokens={"a": 3}, other_tokens=9, enough_tokens=4)
    assert sections_read(tokenizer, plan, a=50, b=1) == [("a", 3, 3), ("b", 9, 1)]


def test_an_insert_without_text_has_one_window_of_special_tokens(tokenizer):
    assert read(tokenizer, DrugInsert(sections={})) == ([["[CLS]", "[SEP]"]], 0, 0)
    assert read(tokenizer, DrugInsert(sections={"storage": ""})) == ([["[CLS]", "[SEP]"]], 0, 0)


def test_a_prefix_stands_in_every_window_and_is_not_counted(tokenizer):
    texts, n_read, n_total = read(tokenizer, insert_of(indications_and_usage=40), prefix="query: ")
    assert [text[:3] for text in texts] == [["[CLS]", "query", ":"]] * 2
    assert [len(text) for text in texts] == [22, 22]
    assert (n_read, n_total) == (36, 40)


def test_windows_of_several_inserts_are_numbered(tokenizer):
    inserts = [
        insert_of(description=3),
        DrugInsert(sections={}),
        insert_of(description=20, storage=9),
    ]
    windows = read_windows(inserts, TokenReader(tokenizer), PLAN)
    assert windows.insert_numbers == [0, 1, 2]
    assert windows.tokens_read == [3, 0, 20] and windows.tokens_total == [3, 0, 29]
    assert read_windows([], TokenReader(tokenizer), PLAN).token_ids == []


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.lists(st.sampled_from([*WORDS, "xyz9"]), max_size=80).map(" ".join),
        max_size=5,
    ),
    st.sampled_from(["", "query: "]),
)
def test_windows_never_hold_more_than_the_plan_allows(tokenizer, sections, prefix):
    windows = read_windows([DrugInsert(sections=sections)], TokenReader(tokenizer), PLAN, prefix)
    assert windows.tokens_read[0] <= windows.tokens_total[0]
    assert all(len(ids) <= PLAN.window_tokens for ids in windows.token_ids)
    assert len(windows.token_ids) == len(windows.insert_numbers) >= 1
    n_around = 4 if prefix else 2
    assert sum(len(ids) - n_around for ids in windows.token_ids) == windows.tokens_read[0]


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 60), st.integers(0, 60), st.integers(0, 60))
def test_nothing_but_the_sections_of_the_plan_is_read(tokenizer, n_first, n_second, n_other):
    sections = {
        "storage": "acid " * n_other,
        "indications_and_usage": "heart " * n_first,
        "description": "skin " * n_second,
    }
    texts, n_read, n_total = read(tokenizer, DrugInsert(sections=sections))
    assert {token for text in texts for token in text} <= {"[CLS]", "[SEP]", "heart", "skin"}
    assert n_read <= min(n_first, 40) + min(n_second, 20)
    assert n_total == n_first + n_second + n_other


def test_a_prefix_that_fills_the_window_is_refused(tokenizer):
    with pytest.raises(
        EncoderError, match=r"take 22 of the 22 tokens of a window; shorten the prefix"
    ):
        read(tokenizer, insert_of(description=3), prefix="heart " * 20)


@pytest.mark.parametrize(
    "figures",
    [
        {"window_tokens": 0},
        {"other_tokens": -1},
        {"other_weight": -0.1},
        {"enough_tokens": -1},
        {"stop_tokens": -1},
        {"stop_tokens": 0},
        {"once_tokens": -1},
        {"section_tokens": {"a": -5}},
    ],
)
def test_a_plan_with_impossible_figures_is_refused(figures):
    with pytest.raises(DrugTextError, match="windows of 1 token or more are needed"):
        ReadingPlan(**figures)


class NoWords:
    """A tokenizer that knows none."""

    def __call__(self, text, **_):
        return {"input_ids": [[] for _ in text] if isinstance(text, list) else [1, 2]}


def test_a_tokenizer_without_words_is_refused():
    with pytest.raises(EncoderError, match="the tokenizer reads no token in 'drug'"):
        read_windows([insert_of(description=3)], TokenReader(NoWords()), PLAN)


def test_a_long_section_of_the_default_encoder_is_not_cut_silently(real_tokenizer):
    insert = DrugInsert(
        sections={"indications_and_usage": "Examplol lowers the blood pressure of adults. " * 100}
    )
    windows = read_windows([insert], TokenReader(real_tokenizer), ReadingPlan())
    assert [len(ids) for ids in windows.token_ids] == [256]
    assert windows.tokens_read[0] == 254 < 900 <= windows.tokens_total[0]


def test_windows_of_the_default_encoder_are_what_its_tokenizer_makes(real_tokenizer):
    text = "Examplol is indicated for hypertension."
    insert = DrugInsert(sections={"indications_and_usage": text})
    windows = read_windows([insert], TokenReader(real_tokenizer), ReadingPlan())
    assert windows.token_ids[0] == real_tokenizer(text)["input_ids"][: len(windows.token_ids[0])]
    assert windows.token_ids[0][0] == real_tokenizer.cls_token_id
    assert windows.token_ids[0][-1] == real_tokenizer.sep_token_id


@pytest.mark.real_data
def test_windows_behind_the_prefix_of_e5_are_what_its_tokenizer_makes(real_data):
    tokenizer = load_tokenizer(real_data / "encoders/multilingual-e5-small")
    for text in ("drug for the heart and for a high blood pressure", "阿司匹林用于解热镇痛。" * 2):
        windows = read_windows(
            [DrugInsert(sections={"text": text})],
            TokenReader(tokenizer),
            ReadingPlan(),
            "query: ",
        )
        assert windows.token_ids == [tokenizer("query: " + text)["input_ids"]]


def test_a_section_with_a_name_in_it_is_read_again_with_the_name_hidden(tokenizer):
    insert = DrugInsert(
        name="Fever",
        sections={"indications_and_usage": "fever for pain", "description": "tablet"},
    )
    plan = ReadingPlan(section_tokens=PLAN.section_tokens, section_weights={}, enough_tokens=0)
    windows = read_windows([insert], TokenReader(tokenizer), plan)
    texts = [tokenizer.convert_ids_to_tokens(ids)[1:-1] for ids in windows.token_ids]
    assert texts == [
        ["fever", "for", "pain"],
        ["tablet"],
        ["this", "medicine", "for", "pain"],
    ]
    # 32 tokens count fully; the section without a name counts as both of its equal readings
    assert windows.weights == pytest.approx([3 / 32, 2 / 32, 4 / 32])
    assert windows.tokens_read == [4], "what is read twice is counted once"


def test_names_are_left_alone_where_the_plan_says_so(tokenizer):
    insert = DrugInsert(name="Fever", sections={"indications_and_usage": "fever for pain"})
    plan = ReadingPlan(hide_names=False)
    assert len(read_windows([insert], TokenReader(tokenizer), plan).token_ids) == 1
    assert len(read_windows([insert], TokenReader(tokenizer), ReadingPlan()).token_ids) == 2


def test_a_quick_plan_reads_each_section_once_with_its_names_hidden(tokenizer):
    insert = DrugInsert(
        name="Fever",
        sections={"indications_and_usage": "fever for pain", "description": "tablet"},
    )
    plan = replace(PLAN, section_weights={}).quick()
    windows = read_windows([insert], TokenReader(tokenizer), plan)
    texts = [tokenizer.convert_ids_to_tokens(ids)[1:-1] for ids in windows.token_ids]
    assert texts == [["this", "medicine", "for", "pain"], ["tablet"]]
    assert windows.weights == pytest.approx([4 / 32, 1 / 32])
    assert windows.tokens_read == windows.tokens_total == [4], "no more is read than there is"
    assert 0 < plan.enough_probability < 1 and plan.quick() == plan
    assert PLAN.stop_tokens is None and plan.stop_tokens is not None
    assert replace(PLAN, stop_tokens=9).quick().stop_tokens == 9
    shown = ReadingPlan(hide_names=False, enough_probability=0.5).quick()
    assert shown.show_names and not shown.hide_names and shown.enough_probability == 0.5
    elsewhere = DrugInsert(name="Fever", sections={"text": "fever and pain"})  # not of the plan
    (ids,) = read_windows([elsewhere], TokenReader(tokenizer), plan).token_ids
    assert tokenizer.convert_ids_to_tokens(ids)[1:-1] == ["this", "medicine", "and", "pain"]


def test_a_fuller_plan_reads_on_in_each_section_that_is_read():
    tokens = {"description": 40, "indications_and_usage": 400, "warnings": 0}
    plan = ReadingPlan(section_tokens=tokens, stop_tokens=30, other_tokens=7, hide_names=False)
    fuller = plan.fuller()
    assert [*fuller.section_tokens.items()] == [
        ("description", 254),
        ("indications_and_usage", 400),
        ("warnings", 0),
    ]
    assert fuller == replace(plan, section_tokens=fuller.section_tokens, stop_tokens=None)


def test_reading_stops_behind_the_section_with_which_the_plan_says_so(tokenizer):
    n_words = {"indications_and_usage": 12, "description": 8, "warnings": 9}
    for stop, names in ((12, 1), (13, 2), (20, 2), (21, 2), (None, 2)):
        found = sections_read(tokenizer, replace(PLAN, stop_tokens=stop), **n_words)
        assert [name for name, _, _ in found] == ["indications_and_usage", "description"][:names]
    elsewhere = {"warnings": 9, "storage": 5, "z": 30}
    found = sections_read(tokenizer, replace(PLAN, stop_tokens=14), **elsewhere)
    assert found == [("warnings", 30, 9), ("storage", 21, 5)], "others count, too"


def test_an_insert_of_enough_text_is_read_once_with_its_names_hidden(tokenizer):
    insert = DrugInsert(name="Fever", sections={"indications_and_usage": "fever for pain"})

    def texts(once: int | None) -> list[list[str]]:
        plan = replace(PLAN, once_tokens=once)
        windows = read_windows([insert], TokenReader(tokenizer), plan)
        assert windows.tokens_read == windows.tokens_total == [3]
        return [tokenizer.convert_ids_to_tokens(ids)[1:-1] for ids in windows.token_ids]

    shown, hidden = ["fever", "for", "pain"], ["this", "medicine", "for", "pain"]
    assert texts(3) == [hidden]
    assert texts(4) == texts(None) == [shown, hidden]


@pytest.mark.parametrize("once", [None, 1])
def test_a_section_without_a_token_is_not_read_where_a_name_is_hidden_in_it(tokenizer, once):
    nothing = "\u200b" * 5
    sections = {"indications_and_usage": nothing, "description": "tablet"}
    insert = DrugInsert(name=nothing, sections=sections)
    plan = replace(PLAN, once_tokens=once)
    windows = read_windows([insert], TokenReader(tokenizer), plan)
    assert windows.sections == ["description"] and windows.stage_tokens == [[1]]


def test_what_stands_behind_much_white_space_is_read(tokenizer):
    insert = DrugInsert(sections={"indications_and_usage": " " * 5000 + "heart " * 6})
    windows = read_windows([insert], TokenReader(tokenizer), PLAN)
    assert windows.tokens_read == windows.tokens_total == [6]


def test_names_are_shown_or_hidden():
    with pytest.raises(DrugTextError, match="hide_names or show_names must be true"):
        ReadingPlan(hide_names=False, show_names=False)


def test_the_weights_follow_section_and_length(tokenizer):
    plan = ReadingPlan(section_weights={"description": 0.5}, window_tokens=64)
    insert = insert_of(indications_and_usage=40, description=16)
    windows = read_windows([insert], TokenReader(tokenizer), plan)
    assert windows.weights == pytest.approx([1.0, 0.25])


def test_a_line_on_what_a_drug_is_for_outweighs_pages_on_the_rest(tokenizer):
    plan = ReadingPlan(window_tokens=34, other_tokens=64, hide_names=False)
    insert = insert_of(overdosage=64, indications_and_usage=8)
    windows = read_windows([insert], TokenReader(tokenizer), plan)
    assert windows.sections == ["indications_and_usage", "overdosage", "overdosage"]
    assert windows.weights == pytest.approx([8 / 32, 0.05, 0.05])
    named = replace(plan, section_weights={"overdosage": 0.5})
    assert read_windows([insert], TokenReader(tokenizer), named).weights[1:] == [0.5, 0.5]


def test_layout_hides_no_name_from_hiding(tokenizer):
    insert = DrugInsert(
        name="Fever", sections={"indications_and_usage": f"fever {' ' * 400} for fever"}
    )
    plan = ReadingPlan(section_tokens={"indications_and_usage": 20}, show_names=False)
    (ids,) = read_windows([insert], TokenReader(tokenizer), plan).token_ids
    texts = tokenizer.convert_ids_to_tokens(ids)[1:-1]
    assert texts == ["this", "medicine", "for", "this", "medicine"]
