"""join_sections: parts of one name put together."""

from __future__ import annotations

from growth import growth

from drugtext.inserts.insert import Section, join_sections


def test_parts_of_one_name_stand_together_in_reading_order():
    parts = [("b", "2"), ("a", " 1\n"), ("b", "3"), ("b", "2 "), ("c", " \n")]
    assert join_sections(Section(*part) for part in parts) == {"b": "2\n\n3", "a": "1"}
    assert list(join_sections(Section(*part) for part in parts)) == ["b", "a"]


def test_time_grows_with_the_number_of_parts_alone():
    def join(n_parts: int) -> None:
        joined = join_sections(Section("warnings", f"part {n}") for n in range(n_parts))
        assert joined["warnings"].count("\n\n") == n_parts - 1

    assert growth(join, 50_000) < 10
