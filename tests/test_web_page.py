"""What the page does, without a browser."""

from __future__ import annotations

import json
import zipfile

import lxml.html
import pytest

import drugtext
from drugtext import DrugInsert, page
from drugtext.errors import CorpusError

PAIN = "INDICATIONS AND USAGE\nIt gives relief of pain. Take it daily.\n"
HEART = "INDICATIONS AND USAGE\nIt lowers blood pressure.\n"


@pytest.fixture(scope="module")
def few(tiny_classifier):
    inserts = [
        DrugInsert(name=name, language="en", sections={"indications_and_usage": text})
        for name, text in (("A", "relief of pain"), ("B", "lowers blood pressure"))
    ]
    return tiny_classifier.fit(inserts, ["pain", "heart"])


@pytest.fixture
def files(tmp_path):
    given = {"pain.txt": PAIN, "heart.txt": HEART, "broken.json": '{"results": [{"indications_and'}
    for name, text in given.items():
        (tmp_path / name).write_text(text)
    return {name: str(tmp_path / name) for name in given}


def shown(html: str) -> list[lxml.html.HtmlElement]:
    return lxml.html.fromstring(html).xpath("//article")


def test_each_insert_is_a_card_with_its_reasons(few, files):
    done = page.classify(few, [files["pain.txt"], files["heart.txt"]], "relief of pain")
    cards = shown(done.html)
    answers = [card.xpath("string(.//p[@class='answer'])").split()[0] for card in cards]
    assert answers == [record["category_id"] for record in done.records]
    assert len(answers) == 3
    first = cards[0].text_content()
    assert "pain.txt" in first and "Take it daily." in first and "Most like it" in first
    assert "What was read: " in first
    assert done.records[0]["source"] == "pain.txt", "its owner knows no folder of the server's"
    assert set(done.records[0]) >= {"category_id", "sentences", "nearest"}


def test_what_cannot_be_read_is_told_by_the_name_of_its_file(few, files, tmp_path):
    done = page.classify(few, [files["broken.json"], files["pain.txt"]], "")
    (problem,) = lxml.html.fromstring(done.html).xpath("//p[@role='alert']")
    assert problem.text_content().startswith("broken.json") and "damaged" in problem.text_content()
    assert str(tmp_path) not in done.html and len(shown(done.html)) == 1


def test_nothing_is_shown_that_would_run(few, tmp_path):
    evil = tmp_path / "<img src=x onerror=1>.txt"
    evil.write_text("INDICATIONS AND USAGE\n<script>alert(1)</script> relief of pain\n")
    html = page.classify(few, [str(evil)], "").html
    assert not lxml.html.fromstring(html).xpath("//script | //img")
    named = few.add_category("<b>bold</b>", [DrugInsert(sections={"description": "dry skin"})])
    html = page.classify(named, [], "dry skin").html
    assert not lxml.html.fromstring(html).xpath("//b")
    assert "<b>" not in page.problem("<b>") + page.note("<b>")


def test_more_than_is_taken_is_refused_in_plain_words(few, files):
    many = [files["pain.txt"]] * (page.MOST_FILES + 1)
    assert "found 51 files; 50 at once are taken" in page.classify(few, many, "").html
    assert "characters" in page.classify(few, [], "a" * (page.MOST_CHARACTERS + 1)).html


def test_many_are_classified_and_some_shown(few, tmp_path):
    file = tmp_path / "many.jsonl"
    file.write_text('{"text": "relief of pain"}\n' * (page.N_SHOWN + 3))
    done = page.classify(few, [str(file)], "")
    assert len(done.records) == page.N_SHOWN + 3 and len(shown(done.html)) == page.N_SHOWN
    assert "3 more were classified" in done.html
    written = page.write_records(done, tmp_path).read_text().splitlines()
    assert [json.loads(line)["category_id"] for line in written] == ["pain"] * len(done.records)


def test_no_more_inserts_than_a_page_takes(few, tmp_path):
    file = tmp_path / "many.jsonl"
    file.write_text('{"text": "relief of pain"}\n' * (page.MOST_INSERTS + 1))
    done = page.classify(few, [str(file)], "")
    assert len(done.records) == page.MOST_INSERTS and "more than 1,000 inserts" in done.html
    with pytest.raises(CorpusError, match="more than 1,000 inserts"):
        page.learn(few, "pains", [str(file)], anew=False)


def test_a_category_is_learnt_and_the_checkpoint_opens(few, files, tmp_path):
    new = page.learn(few, " skin ", [files["heart.txt"]], anew=False)
    assert new.category_ids == ["pain", "heart", "skin"] and len(few.category_ids) == 2
    assert page.learn(few, "skin", [files["heart.txt"]], anew=True).category_ids == ["skin"]
    for category, given, message in (
        (" ", [files["pain.txt"]], "has no name"),
        ("skin", [], "found no insert"),
        ("pain", [files["pain.txt"]], "is known already"),
        ("skin", [files["broken.json"]], r"broken\.json.*damaged"),
    ):
        with pytest.raises(CorpusError, match=message):
            page.learn(few, category, given, anew=False)
    packed = page.write_checkpoint(new, tmp_path)
    assert not (tmp_path / "drugtext-checkpoint").exists(), "the zip alone is left"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "unpacked")
    again = drugtext.load(tmp_path / "unpacked" / "drugtext-checkpoint")
    assert again.category_ids == new.category_ids
