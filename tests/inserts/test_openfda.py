"""read_json and read_json_lines: layouts, damage, bounds."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drugtext.errors import DrugTextError, ReadError
from drugtext.inserts import openfda
from drugtext.inserts.headings import canonical_name
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.openfda import read_json, read_json_lines

SAMPLE = Path(__file__).parents[2] / "samples" / "sugarnorm-openfda.json"


def names(found) -> list[str]:
    """Name of each insert; place and reason of each error."""
    return [str(one) if isinstance(one, ReadError) else one.name for one in found]


def read(data: bytes) -> list[str]:
    return names(read_json(io.BytesIO(data), "part.json"))


def read_lines(data: bytes) -> list[str]:
    return names(read_json_lines(io.BytesIO(data), "part.jsonl"))


def refusal(data: bytes) -> tuple[list[str], str]:
    """Give what is read of damaged JSON, and the reason why no more is."""
    found: list[DrugInsert | ReadError] = []
    with pytest.raises(ReadError) as caught:
        found.extend(_each(read_json(io.BytesIO(data), "part.json"), found))
    assert caught.value.source == "part.json"
    return names(found), caught.value.reason


def _each(generator, found):
    for one in generator:
        found.append(one)
    return []


@pytest.fixture(scope="module")
def two(made_up_record) -> tuple[dict, dict]:
    return made_up_record("Examplol"), made_up_record("Samplin")


class TestLayouts:
    def test_response_with_what_it_says_of_itself_before_or_behind(self, two):
        assert read(json.dumps({"meta": {"x": [1, {}]}, "results": two}).encode()) == [
            "Examplol",
            "Samplin",
        ]
        assert read(json.dumps({"results": two, "meta": {}}).encode()) == ["Examplol", "Samplin"]

    def test_array(self, two):
        assert read(json.dumps(two).encode()) == ["Examplol", "Samplin"]

    @pytest.mark.parametrize("indent", [None, 2])
    def test_single_record(self, two, indent):
        assert read(json.dumps(two[0], indent=indent).encode()) == ["Examplol"]

    def test_records_one_after_the_other(self, two):
        assert read("\n".join(json.dumps(r, indent=1) for r in two).encode()) == [
            "Examplol",
            "Samplin",
        ]

    def test_responses_one_after_the_other(self, two):
        assert read("".join(json.dumps({"results": [r]}) for r in two).encode()) == [
            "Examplol",
            "Samplin",
        ]

    def test_lines(self, two):
        assert read_lines("\r\n\n".join(map(json.dumps, two)).encode()) == ["Examplol", "Samplin"]

    def test_the_last_of_two_equal_fields_counts(self):
        (insert,) = read_json(io.BytesIO(b'{"text": "Calms.", "text": "For pain."}'), "part.json")
        assert insert.text == "For pain."


class TestBadRecords:
    def test_each_is_named_by_its_place_and_the_others_are_read(self, two):
        assert read(json.dumps([two[0], 5, None, "text", [], {}, two[1]]).encode()) == [
            "Examplol",
            "part.json[1]: found a number where a record {…} is needed.",
            "part.json[2]: found null where a record {…} is needed.",
            "part.json[3]: found a text where a record {…} is needed.",
            "part.json[4]: found a list where a record {…} is needed.",
            "part.json[5]: no section was recognised in the record (its fields: none); a field such"
            ' as "indications_and_usage", or "text", is needed.',
            "Samplin",
        ]

    def test_damaged_line_costs_itself_alone(self, two):
        first, last = (json.dumps(record).encode() for record in two)
        found = read_lines(b"\n".join([first, b"", b'{"text": "Cal', b"NaN", b"[" * 10**5, last]))
        assert found[0] == "Examplol"
        assert found[1].startswith("part.jsonl[1]: line 3 is not JSON (Unterminated string")
        assert found[2] == "part.jsonl[2]: found a number where a record {…} is needed."
        assert found[3].startswith("part.jsonl[3]: line 5 is not JSON (maximum recursion depth")
        assert found[4] == "Samplin"

    def test_line_that_is_not_utf8(self, two):
        line = '{"text": "高血压"}'.encode("gb18030")
        found = read_lines(line + b"\n" + json.dumps(two[0]).encode())
        assert "line 1 is not JSON ('utf-8' codec can't decode" in found[0]
        assert found[1:] == ["Examplol"]

    def test_line_that_is_too_long(self, two, monkeypatch):
        monkeypatch.setattr(openfda, "MAX_INSERT_BYTES", 2**20)
        first, last = (json.dumps(record).encode() for record in two)
        assert read_lines(first + b"\n" + b"x" * 3 * 2**20 + b"\n" + last) == [
            "Examplol",
            "part.jsonl[1]: line 2 is over 1 MB, and no insert is that long. Leave it out.",
            "Samplin",
        ]

    def test_error_of_the_api(self):
        assert read(b'{"error": {"code": "NOT_FOUND", "message": "No matches found!"}}') == [
            "part.json[0]: openFDA answered with an error, not with inserts: No matches found!"
        ]


class TestDamage:
    def test_cut_off_behind_a_record(self, two):
        data = json.dumps({"results": two}).encode()
        assert refusal(data[:-40]) == (
            ["Examplol"],
            "the JSON is damaged, cut off or not UTF-8 behind record 1 (parse error: premature"
            " EOF). Fetch or save it again.",
        )

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"[" * 100_000, "behind record 0 (parse error: premature EOF)"),
            (b'{"a":' * 90_000, "behind record 0 (parse error: premature EOF)"),
            (
                b'[{"version": ' + b"9" * 10_000 + b"}]",
                "behind record 0 (parse error: integer over",
            ),
            (b'[{"version": 1e999999}]', "(parse error: numeric (floating point) overflow)"),
            (b'[{"version": NaN}]', "behind record 0 (lexical error: invalid char in json text.)"),
            (
                '{"text": "高血压"}'.encode("gb18030"),
                "(lexical error: invalid bytes in UTF8 string.)",
            ),
            (b'{"text": "Calms."} text', "behind record 1 (lexical error"),
            (b'{"meta": {}, "results": []}', "the JSON holds no record; a drug record such as"),
            (b"[]", "the JSON holds no record; a drug record such as"),
        ],
    )
    def test_reasons(self, data, reason):
        assert reason in refusal(data)[1]

    def test_deep_nesting_that_is_closed(self):
        data = b'{"results": [' + b"[" * 50_000 + b"]" * 50_000 + b', {"text": "Calms."}]}'
        assert read(data) == ["part.json[0]: found a list where a record {…} is needed.", ""]

    def test_every_cut_is_an_error_or_nothing_lost(self, two):
        data = json.dumps({"meta": {"a": [1.5, None]}, "results": two}).encode()
        for end in range(1, len(data) - 1):
            found, reason = refusal(data[:end])
            assert found == ["Examplol", "Samplin"][: len(found)]
            assert "behind record" in reason

    @given(data=st.data())
    def test_any_change_gives_inserts_or_an_error(self, two, data):
        sound = json.dumps({"meta": {"a": [1.5]}, "results": two}).encode()
        place = data.draw(st.integers(0, len(sound) - 1))
        noise = data.draw(st.binary(max_size=4))
        changed = sound[:place] + noise + sound[place + data.draw(st.integers(0, 20)) :]
        for reader in (read_json, read_json_lines):
            try:
                for one in reader(io.BytesIO(changed), "part.json"):
                    assert isinstance(one, DrugInsert | ReadError)
            except DrugTextError:
                pass


class TestBounds:
    def test_record_too_large(self, two, monkeypatch):
        monkeypatch.setattr(openfda, "MAX_INSERT_BYTES", 2**20)
        data = json.dumps([two[0], {"text": "a" * 2**21}]).encode()
        assert refusal(data) == (
            ["Examplol"],
            "a record is larger than 1 MB; no insert comes near that. Split the file into one"
            " record an insert.",
        )

    def test_record_of_too_many_values(self):
        data = b'[{"text": "Calms."}, {"a": [' + b"[]," * 300_000 + b"[]]}]"
        found, reason = refusal(data)
        assert len(found) == 1
        assert reason.startswith("a record holds more than 200,000 values; no insert comes near")

    def test_file_may_be_longer_than_any_record(self, monkeypatch):
        monkeypatch.setattr(openfda, "MAX_INSERT_BYTES", 2**18)
        data = json.dumps({"results": [{"text": "Calms. " * 2000}] * 40}).encode()
        assert len(data) > 2**19
        assert len(read(data)) == 40

    def test_section_of_ten_megabytes(self):
        (insert,) = read_json(
            io.BytesIO(json.dumps([{"warnings": ["Take care. " * 950_000]}]).encode()), "part.json"
        )
        assert len(insert.sections["warnings"]) == 11 * 950_000 - 1


def begins_with_a_heading(text: str) -> bool:
    """A heading printed in front of a text is left out: it repeats the section's name."""
    words = text.split()
    return any(canonical_name(" ".join(words[:n])) for n in range(1, len(words) + 1))


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda text: not begins_with_a_heading(text)
)


@given(st.dictionaries(st.sampled_from(["warnings", "overdosage", "storage"]), words, min_size=1))
def test_sections_of_own_records_come_back_as_they_were(sections):
    (found,) = read_json(io.BytesIO(json.dumps({"sections": sections}).encode()), "part.json")
    stripped = {name: text.strip() for name, text in sections.items() if text.strip()}
    if isinstance(found, ReadError):
        assert stripped == {}
    else:
        assert found.sections == stripped


def test_sample():
    (insert,) = read_json(io.BytesIO(SAMPLE.read_bytes()), SAMPLE.name)
    assert (insert.name, insert.ingredients) == ("Sugarnorm", ("METFORMIN HYDROCHLORIDE",))
    assert insert.effective_date == "2026-01-12"
    assert insert.categories == {}
    assert insert.sections["mechanism_of_action"].startswith("Metformin makes the liver release")
    assert insert.sections["clinical_pharmacology"].startswith("12.3 Pharmacokinetics About half")
    for words in ("Metformin makes the liver", "many pregnancies", "half-life in plasma"):
        assert insert.text.count(words) == 1


def test_an_insert_stays_whole_when_the_next_is_read():
    record = {
        "sections": {"warnings": "Not for children."},
        "openfda": {"generic_name": ["examplol"], "route": ["ORAL"]},
        "categories": {"own": ["A"]},
        "metadata": {"kind": "label"},
    }
    stream = io.BytesIO(json.dumps([record, record]).encode())
    first, second = read_json(stream, "part.json")
    assert first.sections == second.sections == {"warnings": "Not for children."}
    assert first.ingredients == ("examplol",) and first.routes
    assert first.categories == second.categories and first.metadata == second.metadata


@pytest.mark.parametrize(
    "wrap", ['{"code": 0, "data": %s}', '{"data": {"list": %s}}', '{"items": %s}']
)
def test_answers_of_other_services_are_unwrapped(wrap):
    records = json.dumps([{"text": "For pain."}, {"text": "For fever."}])
    found = list(read_json(io.BytesIO((wrap % records).encode()), "part.json"))
    assert [insert.sections["text"] for insert in found] == ["For pain.", "For fever."]


def test_a_record_with_lists_of_its_own_is_one():
    text = "For pain."
    for record in ({"text": text}, {"说明书": text}, {"sections": {"text": text}}):
        told = json.dumps(record | {"items": [{"text": "a pack"}]})
        (insert,) = read_json(io.BytesIO(told.encode()), "part.json")
        assert insert.sections == {"text": "For pain."}
