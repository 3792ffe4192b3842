"""Whatever a file or a text holds: inserts or a reason, the same each time, and no word lost."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from fuzz_settings import repeatable
from hypothesis import given
from hypothesis import strategies as st

from drugtext.errors import DrugTextError
from drugtext.evaluation.trust.bad_inputs import (
    damaged,
    sound_inputs,
    sound_taxonomies,
    zipped,
)
from drugtext.evaluation.trust.faults import FaultCount, read_once, read_twice, try_readers
from drugtext.inserts.headings import canonical_name
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.language import detect_language
from drugtext.inserts.read import read_inserts
from drugtext.masking import MASK, mask_names, masked_insert
from drugtext.reading_plan import ReadingPlan
from drugtext.support import read_support
from drugtext.taxonomy import Taxonomy
from drugtext.tokens import TokenReader
from drugtext.windows import read_windows

DOCUMENTS, TAXONOMIES = sound_inputs(), sound_taxonomies()
SEEDS = st.integers(0, 2**32)
TEXTS = st.text(max_size=200)
WORDS = st.text("abcdefghijklmnopqrstuvwxyzäß0123456789.,:;()%-–", min_size=1, max_size=12)
LINES = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
CHINESE = st.text("用于治疗心跳过快的成人患者每日两次口服。，", min_size=3, max_size=30)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "file"


def escape(what: str, found: object) -> str:
    """What `FaultCount` would complain of; empty where an input was read or refused."""
    count = FaultCount()
    count.attempt(what, lambda: found() if callable(found) else found)
    return "".join(count.escaped)


def test_hostile_and_damaged_files_are_counted_and_none_escapes(tmp_path):
    count = try_readers(tmp_path, 250, seed=7)
    assert count.escaped == []
    assert count.tried == count.read + count.refused > 400
    assert min(count.read, count.refused) > 80


def test_what_escapes_is_counted():
    assert "KeyError" in escape("a", lambda: {}["x"])
    assert escape("a", "wrong").endswith("a: wrong")
    assert escape("a", DrugTextError("")) == "a: an error without a word"
    assert escape("a", DrugTextError("so")) == escape("a", None) == ""
    both = FaultCount(2, 1, 0, ["a"], (1.0, "a")) + FaultCount(3, 1, 2, [], (2.0, "b"))
    assert both == FaultCount(5, 2, 2, ["a"], (2.0, "b"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_sound_file_is_read(file, name):
    file.write_bytes(DOCUMENTS[name])
    assert read_once(file) is None


@given(name=st.sampled_from(sorted(DOCUMENTS)), seed=SEEDS, pack=st.booleans())
@repeatable(400)
def test_damaged_files(file, name, seed, pack):
    data = damaged(DOCUMENTS[name], Random(seed))
    file.write_bytes(zipped({name: data}) if pack else data)
    assert escape(name, lambda: read_twice(file)) == ""


@given(data=st.binary(max_size=400), start=st.sampled_from([b"", *DOCUMENTS.values()]))
@repeatable(150)
def test_any_bytes_behind_the_beginning_of_a_document(file, data, start):
    file.write_bytes(start[: len(start) // 2] + data)
    assert escape("bytes", lambda: read_twice(file)) == ""


@given(value=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["text", "sections", "openfda", "category", "categories", "name", "results",
                         "indications_and_usage", "brand_name", "error", "language", "version"])
        | st.text(max_size=5), inner, max_size=5),
    max_leaves=12,
))  # fmt: skip
@repeatable(200)
def test_any_json(file, value):
    file.write_text(json.dumps(value))
    assert escape("json", lambda: read_twice(file)) == ""
    file.write_text(json.dumps({"x": 1}) + "\n" + json.dumps(value) + "\n")
    assert escape("lines", lambda: read_twice(file)) == ""


@given(kind=st.sampled_from(sorted(TAXONOMIES)), seed=SEEDS)
@repeatable(200)
def test_damaged_taxonomies(file, kind, seed):
    file.write_bytes(damaged(TAXONOMIES[kind], Random(seed)))
    try:
        taxonomy = getattr(Taxonomy, f"from_{kind}")(file)
    except DrugTextError as error:
        assert str(file) in str(error)
    else:
        assert all(taxonomy.path(category.id)[-1] == category for category in taxonomy)


@given(name=st.sampled_from(["table.csv", "table.tsv", "lines.jsonl"]), seed=SEEDS)
@repeatable(100)
def test_damaged_support_sets(file, name, seed):
    file.write_bytes(damaged(DOCUMENTS[name], Random(seed)))
    errors: list[DrugTextError] = []
    examples = list(read_support(file, taxonomy_name="atc", on_error=errors.append))
    assert examples or errors
    assert all(category and isinstance(insert, DrugInsert) for insert, category in examples)


def words_of(texts: object) -> Counter[str]:
    return Counter(re.findall(r"\w+", " ".join(map(str, texts))))


@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from(["INDICATIONS AND USAGE", "4 CONTRAINDICATIONS", "Clinical Studies",
                             "Storage", "12.1 Mechanism of Action", "5.1 Rare Things"]),
            st.lists(LINES, max_size=4),
        ),
        min_size=1, max_size=5,
    ),
    preamble=st.lists(LINES, max_size=3),
    end=st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
@repeatable(200)
def test_no_word_of_a_headed_text_is_lost(file, parts, preamble, end):
    lines = preamble + [line for title, body in parts for line in (title, *body)]
    file.write_text(end.join(lines), encoding="utf-8", newline="")
    try:
        (insert,) = read_inserts(file)
    except DrugTextError:
        return  # no section was recognised
    found = words_of([*insert.sections, *insert.sections.values()])
    # The words of a heading that has a canonical name stand in that name, or nowhere.
    assert words_of(line for line in lines if not canonical_name(line)).keys() <= found.keys()


@given(bodies=st.lists(CHINESE, min_size=1, max_size=4, unique=True), encoding=st.sampled_from(
    ["utf-8", "utf-16", "gb18030"]))  # fmt: skip
@repeatable(60)
def test_no_character_of_a_chinese_leaflet_is_lost(file, bodies, encoding):
    titles = ["适应症", "用法用量", "禁忌", "贮藏"]
    text = "".join(f"【{title}】\n{body}\n" for title, body in zip(titles, bodies, strict=False))
    file.write_bytes(text.encode(encoding))
    try:
        (insert,) = read_inserts(file)
    except DrugTextError as error:  # three full stops may be in any encoding
        assert encoding == "gb18030" and re.search("cannot be told|binary data", str(error))
    else:
        assert [*insert.sections.values()] == bodies


@given(texts=st.lists(TEXTS, min_size=1, max_size=3), form=st.sampled_from(["own", "fda", "csv"]))
@repeatable(150)
def test_no_word_of_a_record_is_lost(file, texts, form):
    if form == "csv":
        rows = "".join('"{}"\n'.format(t.replace('"', '""')) for t in texts)
        file.write_text("text\n" + rows, encoding="utf-8", newline="")
    elif form == "own":
        file.write_text("".join(json.dumps({"sections": {"storage": t}}) + "\n" for t in texts))
    else:
        file.write_text(json.dumps([{"storage_and_handling": [t], "warnings": t} for t in texts]))
    errors: list[DrugTextError] = []
    inserts = list(read_inserts(file, on_error=errors.append))
    if "holds binary data" in str(errors):
        return
    written = [t for t in texts if t.replace("\0", " ").strip(" \r\n\t\ufeff")]
    assert len(inserts) + len(errors) >= len(written)
    if not errors:
        found = words_of([*(i.text for i in inserts), *(n for i in inserts for n in i.sections)])
        assert words_of(written).keys() <= found.keys()


@given(text=st.text(max_size=500) | CHINESE | LINES)
@repeatable(150)
def test_any_text_has_a_language_or_none(text):
    found = detect_language(text)
    assert found is None or re.fullmatch("[a-z]{2}", found)
    assert detect_language(text) == found


@given(text=TEXTS, names=st.lists(st.text(max_size=15), max_size=5), word=WORDS)
@repeatable(150)
def test_any_name_is_masked_in_any_text(text, names, word):
    masked = mask_names(text, names)
    assert mask_names(text, []) == text
    assert masked == text or MASK in masked
    if len(word) > 3 and word.isalnum():
        assert mask_names(f"Take {word} daily.", [word]) == f"Take {MASK} daily."
    insert = DrugInsert(name=word, sections={"warnings": f"{text} {word}"}, ingredients=(*names,))
    assert masked_insert(insert).name == ""


@pytest.fixture(scope="module")
def reader(tiny_classifier) -> TokenReader:
    return tiny_classifier.token_reader


@given(
    sections=st.dictionaries(
        st.sampled_from(["indications_and_usage", "description", "warnings"]) | st.text(max_size=9),
        TEXTS | LINES.map(lambda line: line * 40),
        max_size=4,
    ),
    name=st.text(max_size=10),
)
@repeatable(150)
def test_any_insert_is_cut_into_windows(reader, sections, name):
    insert, plan = DrugInsert(name=name, sections=sections), ReadingPlan(window_tokens=32)
    windows = read_windows([insert, insert], reader, plan)
    assert all(0 < len(ids) <= 32 for ids in windows.token_ids)
    assert all(weight > 0 for weight in windows.weights)
    assert windows.tokens_total[0] == sum(map(len, reader.all([*sections.values()])))
    assert 0 <= windows.tokens_read[0] <= windows.tokens_total[0]
    half = windows.insert_numbers.index(1)
    assert len(windows.stage_tokens[0]) == max(windows.stages[:half]) + 1
    assert windows.token_ids[:half] == windows.token_ids[half:], "read the same twice"
