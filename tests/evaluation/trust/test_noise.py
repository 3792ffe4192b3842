"""Noise: small cases by hand, rates, what is kept, and that no insert ends up empty."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from difflib import SequenceMatcher

import pytest

from drugtext.evaluation.trust.noise import (
    NOISES,
    UNHEADED,
    first_half,
    second_half,
    with_ocr_errors,
    with_typos,
    without_headings,
    without_indications,
)
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.record import insert_from_record

OF_CHARACTERS = ("ocr, 2 %", "ocr, 5 %", "typos, 2 %", "upper case", "lower case")
SENTENCE = "Examplol lowers the blood pressure of adults whose heart is otherwise well."
INSERT = DrugInsert(
    name="Examplol 5 mg",
    sections={
        "indications_and_usage": " ".join([SENTENCE] * 5),
        "warnings": "Do not stop it suddenly.\n\nTell your doctor.",
        "Other": "Keep it dry, at 15 to 25 °C.",
    },
    language="en",
    ingredients=("examplol",),
    brand_names=("Examplol",),
    routes=("oral",),
    set_id="a-1",
    version="3",
    effective_date="2024-05-06",
    categories={"atc": ("C07AB",)},
    metadata={"kind": "HUMAN PRESCRIPTION DRUG LABEL"},
    source="examplol.json",
)


class Scripted(random.Random):
    """Rolls and picks what it is told; then nothing more goes wrong, and the first is picked."""

    rolls: Iterable[float] = ()
    picks: Iterable[int] = ()

    def random(self) -> float:
        return next(self.rolls, 0.99)

    def choice(self, seq):
        return seq[next(self.picks, 0)]


def scripted(rolls: Iterable[float], picks: Iterable[int] = ()) -> Scripted:
    rng = Scripted()
    rng.rolls, rng.picks = iter(rolls), iter(picks)
    return rng


def of_text(text: str) -> DrugInsert:
    return DrugInsert(sections={"description": text})


def cut(*texts: str) -> list[dict[str, str]]:
    """Both halves of an insert with these texts in sections "0", "1" and so on."""
    insert = DrugInsert(sections={str(n): text for n, text in enumerate(texts)})
    return [dict(half(insert, random.Random(0)).sections) for half in (first_half, second_half)]


@pytest.mark.parametrize(
    ("text", "rolls", "picks", "expected"),
    [
        ("corn", [0.9, 0.9, 0.0], [], "com"),  # rn is one error
        ("5 ml", [0.9, 0.9, 0.0], [], "5 m1"),
        ("O 5", [0.0, 0.9], [], "0 5"),
        ("here", [0.9, 0.0, 0.9], [], "hcre"),
        ("to be", [0.9, 0.0, 0.0], [0], "tobe"),
        ("to be", [0.9, 0.0, 0.0], [1], "to  be"),
        ("blood", [0.9, 0.9, 0.0, 0.0], [], "blo-\nod"),
        ("blood", [0.0], [], "hlood"),  # no hyphen behind a first letter
        ("a*", [0.9, 0.0], [], "a"),  # looks like nothing else
        ("未成年", [0.0], [], "末成年"),
        ("成年高血压病", [0.9, 0.0, 0.0], [], "成血压病"),  # Chinese is not hyphenated
    ],
)
def test_ocr_errors_by_hand(text, rolls, picks, expected):
    found = with_ocr_errors(of_text(text), scripted(rolls, picks), rate=0.5)
    assert found == of_text(expected)


@pytest.mark.parametrize(
    ("text", "picks", "expected"),
    [
        ("dose", [0, 0], "dse"),
        ("dose", [0, 1], "doose"),
        ("dose", [0, 2], "dsoe"),
        ("dose", [2, 3], "dise"),  # 0, 9, i, k, l and p touch o
        ("DOSE", [2, 3], "DISE"),
        ("no", [0, 2], "n0"),  # nothing to swap with behind the last letter
        ("off", [0, 2], "ocf"),  # nor with the same letter: c, d, g, r, t and v touch f
        ("血压", [0], "血"),
        ("血压", [1], "血压压"),
    ],
)
def test_typos_by_hand(text, picks, expected):
    found = with_typos(of_text(text), scripted([0.9, 0.0], picks), rate=0.5)
    assert found == of_text(expected)


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.05, 0.3])
@pytest.mark.parametrize("noise", [with_ocr_errors, with_typos])
def test_the_rate_is_of_the_characters_outside_white_space(noise, rate):
    # Between line breaks each character errs by itself: a line that differs is one error.
    text = "\n\t\n".join("7" * 100_000)
    lines = noise(of_text(text), random.Random(1), rate).sections["description"].split("\n\t\n")
    assert len(lines) == 100_000
    assert sum(line != "7" for line in lines) / 100_000 == pytest.approx(rate, rel=0.07)


@pytest.mark.parametrize("rate", [0.02, 0.05])
def test_the_rate_holds_in_prose(rate):
    rng, n_errors = random.Random(2), 0
    for _ in range(300):
        found = with_ocr_errors(of_text(SENTENCE), rng, rate).sections["description"]
        steps = SequenceMatcher(None, SENTENCE, found, autojunk=False).get_opcodes()
        n_errors += sum(step[0] != "equal" for step in steps)
    n_characters = 300 * len("".join(SENTENCE.split()))
    assert n_errors / n_characters == pytest.approx(rate, rel=0.15)


def test_cases_by_hand():
    insert = of_text("Do not stop Examplol, 5 µg.")
    upper, lower = (NOISES[n](insert, random.Random(0)) for n in ("upper case", "lower case"))
    assert lower == of_text("do not stop examplol, 5 µg.")
    assert upper == of_text("DO NOT STOP EXAMPLOL, 5 ΜG.")
    assert upper.text.casefold() == insert.text.casefold()


@pytest.mark.parametrize(
    ("texts", "first", "second"),
    [
        (["abcd"], {"0": "ab"}, {"0": "cd"}),
        (["abc"], {"0": "ab"}, {"0": "c"}),
        (["ab", "cdef"], {"0": "ab", "1": "c"}, {"1": "def"}),
        (["abcd", "e", "fgh"], {"0": "abcd"}, {"1": "e", "2": "fgh"}),
        (["abc", " ", "def"], {"0": "abc"}, {"2": "def"}),  # no section of white space alone
        (["a"], {"0": "a"}, {"0": "a"}),  # its second half would be empty
    ],
)
def test_halves_by_hand(texts, first, second):
    assert cut(*texts) == [first, second]


def test_halves_hold_all_characters_once():
    halves = [NOISES[name](INSERT, random.Random(0)) for name in ("first half", "second half")]
    joined = ["".join("".join(half.sections.values()) for half in halves)]
    assert joined == ["".join(INSERT.sections.values())]


def test_indications_are_left_out_where_other_text_is_left():
    rng = random.Random(0)
    kept = without_indications(INSERT, rng)
    assert list(kept.sections) == ["warnings", "Other"]
    only = DrugInsert(sections={"indications_and_usage": "For adults.", "warnings": " "})
    assert without_indications(only, rng) == only
    assert without_indications(kept, rng) == kept


def test_no_headings_is_what_a_text_without_headings_is_read_into():
    text = "It lowers the blood pressure."
    assert insert_from_record({"text": text}, "").sections == {UNHEADED: text}
    found = without_headings(INSERT, random.Random(0))
    assert found.sections == {UNHEADED: INSERT.text}


def test_shuffled_sections_are_the_same_sections_in_all_orders():
    shuffled = [NOISES["shuffled sections"](INSERT, random.Random(n)) for n in range(60)]
    assert all(insert.sections == INSERT.sections for insert in shuffled)
    assert len({tuple(insert.sections) for insert in shuffled}) == 6


def test_the_noises_and_their_order():
    assert list(NOISES) == [
        *OF_CHARACTERS,
        *("shuffled sections", "no headings", "indications missing", "first half", "second half"),
    ]


@pytest.mark.parametrize("name", NOISES)
def test_the_same_generator_gives_the_same_insert(name):
    one, same, other = (NOISES[name](INSERT, random.Random(seed)) for seed in (4, 4, 5))
    assert list(one.sections.items()) == list(same.sections.items())
    draws = list(one.sections.items()) != list(other.sections.items())
    assert draws == name.startswith(("ocr", "typos", "shuffled"))


@pytest.mark.parametrize("name", NOISES)
def test_all_but_the_sections_is_kept_and_the_insert_is_left_alone(name):
    before = list(INSERT.sections.items())
    found = NOISES[name](INSERT, random.Random(4))
    assert list(found.sections.items()) != before
    assert list(INSERT.sections.items()) == before
    assert replace(found, sections=INSERT.sections) == INSERT


@pytest.mark.parametrize("name", NOISES)
def test_noise_of_characters_keeps_sections_and_noise_of_inserts_keeps_characters(name):
    found = NOISES[name](INSERT, random.Random(4))
    if name in OF_CHARACTERS:
        assert list(found.sections) == list(INSERT.sections)
    else:
        assert not Counter("".join(found.text.split())) - Counter("".join(INSERT.text.split()))


@pytest.mark.parametrize("text", ["a", "*", "7 ", "压", " \n-"])
@pytest.mark.parametrize("name", NOISES)
def test_no_text_ends_up_empty(name, text):
    only, beside = of_text(text), DrugInsert(sections={"indications_and_usage": text, "b": "\n"})
    for seed in range(200):
        assert NOISES[name](only, random.Random(seed)).text.strip()
        assert NOISES[name](beside, random.Random(seed)).text.strip()


@pytest.mark.parametrize("noise", [with_ocr_errors, with_typos])
@pytest.mark.parametrize("text", ["a", "*", "压", "***"])
def test_no_text_ends_up_empty_where_all_errs(noise, text):
    assert all(noise(of_text(text), random.Random(n), 1.0).text.strip() for n in range(50))


@pytest.mark.parametrize("sections", [{}, {"description": ""}, {"a": " ", "b": "\n"}])
@pytest.mark.parametrize("name", NOISES)
def test_an_insert_without_text_stays_as_it_is(name, sections):
    insert = DrugInsert(name="Examplol", sections=sections)
    assert NOISES[name](insert, random.Random(0)) == insert
