"""What people write into a card stays when it is written anew."""

from __future__ import annotations

import pytest
from huggingface_hub import ModelCard

import drugtext
from drugtext import DrugInsert
from drugtext.config import DrugTextConfig
from drugtext.model_card import model_card
from drugtext.own_words import NO_WORDS, OwnWords, own_words

CONFIG = DrugTextConfig(
    id2label={0: "pain"},
    n_support=[1],
    taxonomy=[["pain", "Pain <!-- drugtext ends. --> killers", ""]],
    license="mit",
    languages=["en"],
)
INSERT = DrugInsert(language="en", sections={"indications_and_usage": "relief of pain"})


def test_a_card_that_nobody_edited_has_no_words_of_people():
    words = own_words(model_card(CONFIG))
    assert words == NO_WORDS._replace(metadata={}, license="mit")
    assert own_words("") == NO_WORDS._replace(metadata={})


def test_text_outside_the_marks_and_changed_fields_are_kept_again_and_again():
    card = model_card(CONFIG)
    top, text = card.split("\n---\n", 1)
    top = top.replace("license: mit", "license: isc") + "\nthumbnail: a.png"
    edited = f"{top}\n---\n\n# Mine\n\n{text}\n## More\n\nKnown to fail.\n"
    words = own_words(edited)
    assert words.above == "# Mine" and words.below == "## More\n\nKnown to fail."
    assert words.metadata == {"license": "isc", "thumbnail": "a.png"}
    once = model_card(CONFIG, words)
    assert own_words(once) == words and model_card(CONFIG, own_words(once)) == once
    found = ModelCard(once)
    assert (found.data.license, found.data.thumbnail) == ("isc", "a.png")
    assert found.content.count("# Drug insert classifier") == 1

    # What drugtext fills otherwise later on is its own; what people filled stays theirs.
    other = DrugTextConfig(**(CONFIG.to_dict() | {"languages": ["de"], "license": "apache-2.0"}))
    data = ModelCard(model_card(other, words)).data
    assert (data.language, data.license) == (["de"], "isc")
    assert ModelCard(model_card(other, words.without("license"))).data.license == "apache-2.0"


@pytest.mark.parametrize(
    "card",
    ["# Mine\n\nAll of it.", "---\n: no: [yaml\n---\n\n# Mine", "---\n- a list\n---\n# Mine"],
)
def test_a_card_that_drugtext_did_not_write_is_kept_whole(card):
    assert card in model_card(CONFIG, own_words(card))


def test_figures_are_never_typed_in():
    card = model_card(CONFIG).replace("---\n", "---\nmetrics: [f1]\nmodel-index: [x]\n", 1)
    assert own_words(card).metadata == {}


def test_a_mark_that_was_damaged_makes_all_fields_ones_own():
    card = model_card(CONFIG).replace('{"license"', '{"lice', 1)
    assert {"license", "tags", "language"} <= set(own_words(card).metadata)
    assert own_words(card).above == ""


def test_words_are_taken_from_the_one_or_the_other():
    one = OwnWords({"a": 1}, "above", "", "mit")
    other = OwnWords({"a": 2, "b": 3}, "else", "below", "isc")
    assert one.or_else(other) == OwnWords({"a": 1, "b": 3}, "above", "below", "mit")


def test_saving_over_an_edited_card_keeps_the_words_and_takes_the_license_that_is_given(
    tiny_classifier, tmp_path
):
    few = tiny_classifier.fit([INSERT], ["pain"])
    few.save_pretrained(tmp_path / "one", license="mit")
    card = tmp_path / "one" / "README.md"
    card.write_text(card.read_text() + "\nKnown to fail.\n")

    again = drugtext.load(tmp_path / "one")
    again.save_pretrained(tmp_path / "two")  # they travel with what was loaded
    few.save_pretrained(tmp_path / "one")  # and stay in the folder that they were written into
    for name in ("one", "two"):
        found = ModelCard.load(tmp_path / name / "README.md")
        assert found.text.rstrip().endswith("Known to fail.") and found.data.license == "mit"
    again.save_pretrained(tmp_path / "one", license="isc")
    assert drugtext.load(tmp_path / "one").model.config.license == "isc"

    other = again.add_category("more", [INSERT])  # words were of other categories
    other.save_pretrained(tmp_path / "three")
    found = ModelCard.load(tmp_path / "three" / "README.md")
    assert "Known to fail." not in found.text and found.data.license == "mit"
