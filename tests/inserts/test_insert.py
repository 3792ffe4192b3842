"""DrugInsert and join_sections: what is refused, what is told, parts of one name put together."""

from __future__ import annotations

import pytest
from growth import growth

from drugtext.errors import DrugTextError
from drugtext.inserts.insert import DrugInsert, Section, join_sections


def test_parts_of_one_name_stand_together_in_reading_order():
    parts = [("b", "2"), ("a", " 1\n"), ("b", "3"), ("b", "2 "), ("c", " \n")]
    assert join_sections(Section(*part) for part in parts) == {"b": "2\n\n3", "a": "1"}
    assert list(join_sections(Section(*part) for part in parts)) == ["b", "a"]


def test_time_grows_with_the_number_of_parts_alone():
    def join(n_parts: int) -> None:
        joined = join_sections(Section("warnings", f"part {n}") for n in range(n_parts))
        assert joined["warnings"].count("\n\n") == n_parts - 1

    assert growth(join, 50_000) < 10


def test_one_text_is_no_tuple_and_no_name_is_none():
    with pytest.raises(DrugTextError, match="ingredients is the one text 'aspirin'; a tuple"):
        DrugInsert(sections={}, ingredients="aspirin")
    with pytest.raises(DrugTextError, match="name is a NoneType; a text is needed"):
        DrugInsert(sections={}, name=None)


@pytest.mark.parametrize(
    ("given", "language"),
    [("EN", "en"), ("en-US", "en"), ("zh_Hans", "zh"), ("eng", "eng"), ("", ""), (None, None)],
)
def test_of_a_language_tag_the_language_is_kept(given, language):
    assert DrugInsert(sections={}, language=given).language == language


def test_a_language_is_a_text():
    with pytest.raises(DrugTextError, match='language is a int; a code such as "en" is needed'):
        DrugInsert(sections={}, language=5)


def test_what_is_told_holds_headings_and_names():
    one = DrugInsert(name="A", sections={"storage": "Dry."}, ingredients=("b",))
    assert one.told == ("A", "b", "", "", "storage", "Dry.")
    others = (
        DrugInsert(name="A", sections={"warnings": "Dry."}, ingredients=("b",)),
        DrugInsert(name="A", sections={"storage": "Dry."}, brand_names=("b",)),
        DrugInsert(name="B", sections={"storage": "Dry."}, ingredients=("b",)),
    )
    assert all(other.told != one.told for other in others)
