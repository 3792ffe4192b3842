"""The page of reasons: all that it has to say, what is escaped, and that it needs nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import lxml.html
import pytest

from drugtext.errors import DrugTextError
from drugtext.explanation import Explanation, Sentence
from drugtext.explanation_page import N_AGAINST, N_FOR, write_explanation_page
from drugtext.known_drugs import KnownDrug
from drugtext.prediction import Alternative, Prediction
from drugtext.taxonomy import Category

PREDICTION = Prediction(
    source="folder/a.xml",
    name="Examplol",
    category_id="H1",
    category_name="rate",
    probability=0.8,
    alternatives=(Alternative("H1", "rate", 0.8), Alternative("S", "skin", 0.15)),
    path=(Category("H", "heart"), Category("H1", "rate", "H")),
    path_probabilities=(0.85, 0.8),
    in_scope=True,
    tokens_read=40,
    tokens_total=1200,
)
SENTENCES = (
    Sentence("indications_and_usage", "It slows the heart.", 2.0, 0.35),
    Sentence("indications_and_usage", "Take it daily.", 0.0, 0.8),
    Sentence("mechanism_of_action", "It blocks receptors.", 1.0, 0.6),
    Sentence("mechanism_of_action", "The skin may itch.", -0.5, 0.87),
    Sentence("mechanism_of_action", "It is white.", 0.01, 0.8),
)
DRUGS = (KnownDrug("bisoprolol", "H1", 0.91),)
EXPLANATION = Explanation(PREDICTION, SENTENCES, (0, 2), "S", DRUGS)


@pytest.fixture
def page(tmp_path):
    """A function that writes a page and returns it parsed."""

    def write(*explanations: Explanation) -> lxml.html.HtmlElement:
        file = tmp_path / "why.html"
        write_explanation_page(file, explanations)
        return lxml.html.fromstring(file.read_text(encoding="utf-8"))

    return write


def words(element: lxml.html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def of_class(page: lxml.html.HtmlElement, name: str) -> list[lxml.html.HtmlElement]:
    return page.xpath(f"//*[contains(concat(' ', @class, ' '), ' {name} ')]")


def test_the_answer_its_path_and_the_alternatives(page):
    written = page(EXPLANATION)
    assert words(written.find(".//h1")) == "Why Examplol got H1 rate"
    (article,) = written.xpath("//article")
    assert words(article.find("h2")) == "Examplol" and "folder/a.xml" in words(article)
    assert words(of_class(written, "answer")[0]) == "H1 rate 80%"
    steps = [words(step) for step in written.xpath("//*[@class='path']/li")]
    assert steps == ["H heart 85%", "H1 rate 80%"]
    bars = [words(bar) for bar in written.xpath("//*[@class='bars']/li")]
    assert bars == ["H1 rate 80%", "S skin 15%", "all others 5%"]
    widths = written.xpath("//*[@class='bars']//*[@style]/@style")
    assert widths == ["width: 80.0%", "width: 15.0%", "width: 5.0%"]
    assert "40 of 1,200 tokens, 5 sentences" in words(written)


def test_each_sentence_stands_in_its_section_tinted_by_its_weight(page):
    written = page(EXPLANATION)
    shown = written.xpath("//details//*[@title]")
    assert [words(s).lstrip("12345abc") for s in shown] == [s.text for s in SENTENCES]
    assert [h.text for h in written.xpath("//details/h4")] == [
        "indications and usage",
        "mechanism of action",
    ]
    assert [s.tag for s in shown] == ["mark", "span", "mark", "mark", "mark"]
    sides = [set(s.get("class").split()) & {"for", "against"} for s in shown]
    assert sides == [{"for"}, set(), {"for"}, {"against"}, {"for"}]
    shares = [s.get("style").removeprefix("--share: ") for s in shown]
    assert shares == ["1.00", "0.00", "0.50", "0.25", "0.01"]  # for and against on one scale
    assert shown[0].get("title") == "weight +2.00; without this sentence the answer has 35%"
    assert shown[3].get("title").startswith("weight −0.50;")
    legend = words(of_class(written, "legend")[0])
    for told in ("spoke for the answer", "spoke against it", "the answer is another one"):
        assert told in legend


def test_a_weight_that_hardly_counts_gives_no_tint(page):
    faint = [Sentence("description", f"Sentence {n}.", 1.0, 0.5) for n in range(N_FOR)]
    faint.append(Sentence("description", "Faint.", 0.03, 0.8))
    last = page(replace(EXPLANATION, sentences=tuple(faint), needed=())).xpath("//details//p/*")[-1]
    assert (last.tag, words(last)) == ("span", "Faint.")


def test_the_heaviest_are_listed_with_their_weights_and_lead_to_the_text(page):
    written = page(EXPLANATION)
    spoke_for, spoke_against = of_class(written, "spoken")
    assert [words(li) for li in spoke_for.xpath("li")] == [
        "1 It slows the heart. indications and usage · weight +2.00; without this sentence the"
        " answer has 35%",
        "2 It blocks receptors. mechanism of action · weight +1.00; without this sentence the"
        " answer has 60%",
        "3 It is white. mechanism of action · weight +0.01; without this sentence the answer has"
        " 80%",
    ]
    assert [words(li)[:20] for li in spoke_against.xpath("li")] == ["a The skin may itch."]
    for link in written.xpath("//a"):
        (target,) = written.xpath("//*[@id=$id]", id=link.get("href").removeprefix("#"))
        assert words(target).startswith(words(link))


def test_lists_are_short_however_many_sentences_there_are(page):
    many = [Sentence("description", "word " * 300, w, 0.5) for w in range(-30, 31)]
    written = page(replace(EXPLANATION, sentences=tuple(many), needed=()))
    spoke_for, spoke_against = of_class(written, "spoken")
    assert len(spoke_for) == N_FOR and len(spoke_against) == N_AGAINST
    assert len(words(spoke_for)) < 2500
    assert len(written.xpath("//details//*[@title]")) == 61


def test_what_would_change_the_answer(page):
    written = page(EXPLANATION)
    assert "Without the 2 sentences underlined in the text it would be S skin." in words(written)
    needed = of_class(written.xpath("//details")[0], "needed")
    underlined = [words(s)[1:] for s in needed if s.get("id")]
    assert underlined == ["It slows the heart.", "It blocks receptors."]
    one = page(replace(EXPLANATION, needed=(0,), otherwise="X9"))
    assert "Without the sentence underlined in the text it would be X9." in words(one)
    none = page(replace(EXPLANATION, needed=(), otherwise=None))
    assert "while one sentence is left, the answer stays" in words(none)


def test_the_nearest_drugs_or_that_they_were_not_kept(page):
    assert "bisoprolol in H1, cosine 0.91" in words(page(EXPLANATION))
    assert "keeps no names of drugs" in words(page(replace(EXPLANATION, nearest=())))


def test_several_inserts_are_listed_first(page):
    nameless = replace(PREDICTION, name="", source="", in_scope=False, path=(Category("H1", "r"),))
    flat = replace(EXPLANATION, prediction=replace(nameless, path_probabilities=(0.8,)))
    written = page(EXPLANATION, flat)
    links = written.xpath("//nav//a")
    assert [words(link) for link in links] == ["Examplol", "Insert without a name"]
    assert links[1].get("href") == "#insert-2"
    first, second = written.xpath("//article")
    assert "Place in the tree" in words(first) and "Place in the tree" not in words(second)
    assert "may belong to none" in words(second) and "may belong to none" not in words(first)
    ids = written.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_odd_cases(page):
    assert "No insert could be explained." in words(page())
    silent = tuple(sentence._replace(weight=0.0) for sentence in SENTENCES)
    written = page(replace(EXPLANATION, sentences=silent, needed=(), otherwise=None))
    assert "No sentence by itself" in words(written) and not written.xpath("//details//mark")
    unsure = replace(PREDICTION, probability=0.999, alternatives=PREDICTION.alternatives[:1])
    assert ">99%" in words(page(replace(EXPLANATION, prediction=unsure)))


def test_nothing_of_inserts_and_categories_is_taken_for_html(page):
    evil = "<script>alert('1')</script>\" onload=\"x"
    prediction = replace(
        PREDICTION,
        source=evil,
        name=evil,
        category_id=evil,
        alternatives=(Alternative(evil, evil + " & name", 0.8),),
        path=(Category(evil, evil), Category("H1", evil, evil)),
    )
    hostile = Explanation(
        prediction, (Sentence(evil, evil, 1.0, 0.5),), (0,), evil, (KnownDrug(evil, evil, 0.5),)
    )
    written = page(hostile, hostile)
    assert not written.xpath("//script") and not written.xpath("//@onload")
    assert words(written).count("<script>alert('1')</script>") >= 20


def test_nothing_is_fetched_and_nothing_runs(page, tmp_path):
    written = page(EXPLANATION)
    assert not written.xpath("//script|//link|//img|//iframe|//@src")
    assert all(address.startswith("#") for address in written.xpath("//@href"))
    text = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|url\(|@import", text)
    assert "default-src 'none'" in text and "prefers-color-scheme: dark" in text


def test_a_page_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(DrugTextError, match=r"none/why.html: cannot be written"):
        write_explanation_page(tmp_path / "none" / "why.html", [EXPLANATION])
