"""The report for people: its counts by hand, what is escaped, and what it says of odd cases."""

from __future__ import annotations

import re

import lxml.html
import numpy as np
import pytest

from drugtext.errors import DrugTextError
from drugtext.evaluation import html_report
from drugtext.evaluation.evaluate import Judgement, judge
from drugtext.evaluation.html_report import write_html_report
from drugtext.evaluation.report import measure
from drugtext.inserts.insert import DrugInsert
from drugtext.taxonomy import Category, Taxonomy

KNOWN = Taxonomy(
    [
        Category("H", "heart"),
        Category("H1", "rate", "H"),
        Category("H2", "pressure", "H"),
        Category("S", "skin"),
    ],
    "own",
)
IDS = ["H1", "H2", "S"]


def judged(
    answered: list[tuple[str, list[float]]],
    inserts: list[DrugInsert] | None = None,
    known: Taxonomy = KNOWN,
    ids: list[str] = IDS,
    unknown: tuple[Category, ...] = (),
) -> Judgement:
    """What `judge` makes of true categories and probabilities."""
    true_ids, rows = [true_id for true_id, _ in answered], [row for _, row in answered]
    probabilities, tree = np.array(rows), known.with_categories(unknown)
    inserts = inserts or [DrugInsert(name=f"Drug {n}", sections={}) for n in range(len(rows))]
    groups = [str(n) for n in range(len(rows))]
    figures = measure(probabilities, ids, known, true_ids, groups, tree)
    return Judgement(inserts, probabilities, ids, known, true_ids, tree, figures)


@pytest.fixture
def report(tmp_path):
    """A function that writes a report and returns it parsed."""

    def write(judgement: Judgement, title: str = "A report") -> lxml.html.HtmlElement:
        file = tmp_path / "report.html"
        write_html_report(file, judgement, title=title)
        return lxml.html.fromstring(file.read_text(encoding="utf-8"))

    return write


def words(element: lxml.html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def rows(page: lxml.html.HtmlElement, table: str) -> list[list[str]]:
    """The cells of a table's body, row titles included."""
    found = page.xpath(f"//table[@id='{table}']/tbody/tr")
    return [[words(cell) for cell in row.xpath("th|td")] for row in found]


def test_counts_by_hand(report):
    answered = [
        ("H1", [0.9, 0.1, 0.0]),
        ("H1", [0.3, 0.7, 0.0]),
        ("H1", [0.1, 0.9, 0.0]),
        ("H2", [0.2, 0.1, 0.7]),
        ("S", [0.0, 0.3, 0.7]),
        ("Z", [0.0, 0.3, 0.7]),
    ]
    page = report(judged(answered, unknown=(Category("Z", "new"),)), "Five & one")
    assert page.findtext(".//title") == words(page.find(".//h1")) == "Five & one"
    assert "6 inserts, answered by a classifier of 3 categories of the taxonomy own" in words(page)

    levels = rows(page, "levels")
    assert [row[:2] for row in levels] == [["1", "5"], ["2", "4"]]
    assert levels[0][3].startswith("0.800 (") and levels[1][3].startswith("0.250 (")
    assert [row[6:8] for row in levels] == [["1", "0.667"], ["0", "0.250"]]
    # H of 1.0 is right three times; S of 0.7 once of two. Of 0.9 one of two is right, of 0.7 one of
    # three, S among them, which ends above the second level.
    assert levels[0][8].startswith("0.080 (") and levels[1][8].startswith("0.380 (")

    assert rows(page, "matrix-1") == [["H heart", "3", "1"], ["S skin", "", "1"]]
    assert rows(page, "matrix-2") == [
        ["H1 rate", "1", "2", ""],
        ["H2 pressure", "", "", "1"],
        ["S skin", "", "", ""],
    ]
    assert "S: of a level above" in words(page)
    assert "Left out: 1 insert whose category the classifier does not know" in words(page)

    titles = [words(title) for title in page.xpath("//section[@class='confusion']/h3")]
    assert titles == ["H1 rate → H2 pressure: 2 inserts", "H2 pressure → S skin: 1 insert"]
    examples = [words(e) for e in page.xpath("(//section[@class='confusion'])[1]//li")]
    assert [example[:6] for example in examples] == ["Drug 2", "Drug 1"]
    assert "probability 0.90; the true category has 0.10 H heart › H2 pressure" in examples[0]

    assert rows(page, "categories") == [
        ["H1 rate", "3", "2", "0.333", "H2 pressure"],
        ["H2 pressure", "1", "1", "0.000", "S skin"],
        ["S skin", "1", "0", "1.000", ""],
    ]
    assert "Not counted: 1 insert whose category is known at no level, such as Z." in words(page)


def test_the_reliability_diagram_has_a_bar_and_a_count_for_each_bin_with_inserts(report):
    answered = [("H1", [0.95, 0.05, 0.0]), ("H2", [0.95, 0.05, 0.0]), ("S", [0.3, 0.5, 0.2])]
    page = report(judged(answered))
    counts = [t.text for t in page.xpath("//*[@id='reliability']//*[@class='count']")]
    assert counts == ["1", "2"]
    told = [t.text for t in page.xpath("//*[@id='reliability']//title")]
    assert told[1].endswith("2 inserts, mean probability 0.950, accuracy 0.500")
    heights = [
        float(bar.get("height")) for bar in page.xpath("//*[@id='reliability']/*[@class='bars']")
    ]
    assert heights == [0, 125]
    # (2 * |0.5 - 0.95| + |0 - 0.5|) / 3
    assert "calibration error: 0.467, over 3 inserts" in words(page)


def test_examples_show_file_path_and_the_first_words_of_the_indications(report):
    text = "Treats  pain.\n" + "word " * 100
    inserts = [
        DrugInsert(
            name="Examplol",
            source="folder/a.xml",
            sections={"description": "A tablet.", "indications_and_usage": text},
        ),
        DrugInsert(sections={"other": " ", "description": "A cream."}),
        DrugInsert(sections={}),
        DrugInsert(name="Not shown", sections={}),
    ]
    wrong = [("S", [0.9 - n / 10, 0.0, 0.1 + n / 10]) for n in range(4)]
    page = report(judged(wrong, inserts))
    first, second, third = page.xpath("//section//li")
    assert words(first).startswith("Examplol folder/a.xml answered")
    quoted = first.findtext(".//q")
    assert quoted.startswith("Treats pain. word") and quoted.endswith("…") and len(quoted) == 200
    assert words(second).startswith("(no name) answered")
    assert words(second).endswith("description: A cream.")
    assert third.find(".//q") is None
    assert "Not shown" not in words(page)


def test_nothing_of_inserts_and_categories_is_taken_for_html(report):
    evil = "<script>alert('1')</script>\" onload=\"x"
    known = Taxonomy([Category(evil, evil + " & name"), Category("S", "skin")], evil)
    inserts = [
        DrugInsert(name=evil, source=evil, sections={"indications_and_usage": evil, evil: evil})
    ]
    page = report(judged([(evil, [0.1, 0.9])], inserts, known, [evil, "S"]), evil)
    assert not page.xpath("//script") and not page.xpath("//@onload")
    assert words(page).count("<script>alert('1')</script>") >= 8
    assert page.xpath("//th[@title]")[0].get("title") == f"{evil} {evil} & name"


def test_nothing_is_fetched_and_nothing_runs(report, tmp_path):
    page = report(judged([("S", [0.9, 0.0, 0.1])]))
    assert not page.xpath("//script|//link|//img|//iframe|//@src|//@href")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|url\(|@import", text)
    assert "default-src 'none'" in text and "prefers-color-scheme: dark" in text


def test_many_categories_are_capped_and_that_is_said(report):
    leaves = [f"{root}{n:02}" for root in "AB" for n in range(20)]
    known = Taxonomy(
        [Category("A", "a"), Category("B", "b"), *(Category(i, i, i[0]) for i in leaves)]
    )
    eye = np.eye(40)
    answered = [(leaf, eye[n].tolist()) for n, leaf in enumerate(leaves)]
    answered += [("B18", eye[39].tolist()), ("B19", eye[38].tolist())]
    page = report(judged(answered, known=known, ids=leaves))
    drawn = rows(page, "matrix-2")
    assert len(drawn) == html_report.MAX_CATEGORIES + 1
    assert {"B18", "B19"} <= {row[0] for row in drawn}
    assert (drawn[-1][0], drawn[-1][-1]) == ("15 others", "15")
    assert "Of 40 categories the 25 with most errors stand alone; the other 15" in words(page)


def test_the_level_with_most_categories_that_fits_is_drawn(report):
    ids = [f"A{n}{m}" for n in range(3) for m in range(9)]
    nodes = [Category("A", "a"), *(Category(f"A{n}", "b", "A") for n in range(3))]
    known = Taxonomy([*nodes, *(Category(i, i, i[:2]) for i in ids)])
    answered = [(i, row.tolist()) for i, row in zip(ids, np.eye(27), strict=True)]
    page = report(judged(answered, known=known, ids=ids))
    assert [t.get("id") for t in page.xpath("//table[@class='matrix']")] == ["matrix-1", "matrix-2"]
    assert "Not drawn: level 3." in words(page)


def test_confusions_that_are_not_shown_are_counted(report):
    ids = [f"c{n:02}" for n in range(30)]
    known = Taxonomy(Category(i, i) for i in ids)
    answered = [(ids[n], np.roll(row, 1).tolist()) for n, row in enumerate(np.eye(30))]
    page = report(judged(answered, known=known, ids=ids))
    assert len(page.xpath("//section")) == html_report.MAX_CONFUSIONS
    assert "The 20 most frequent of 30 are shown; 10 inserts are in the others." in words(page)


def test_levels_without_a_known_category_are_named(report):
    unknown = (Category("H9", "other", "H"), Category("H99", "deep", "H9"))
    page = report(judged([("H99", [0.9, 0.1, 0.0])], unknown=unknown))
    assert "No true category of level 2, 3 is known to the classifier." in words(page)
    assert "Not measured: no insert's true category is one that" in words(page)
    assert "None: all answers are right" in words(page)


def test_probabilities_that_are_all_the_same(report):
    page = report(judged([("H1", [1 / 3] * 3), ("S", [1 / 3] * 3)]))
    assert rows(page, "levels")[0][1] == "2"
    assert [words(t) for t in page.xpath("//section/h3")] == ["S skin → H heart: 1 insert"]


def test_a_flat_taxonomy_and_a_single_category(tiny_classifier, report):
    inserts = [DrugInsert(name="x", sections={"indications_and_usage": "pain"})]
    one = tiny_classifier.fit(inserts, ["my shelf"])
    page = report(judge(one, one.embed(inserts), inserts, ["my shelf"]))
    assert "1 insert, answered by a classifier of 1 category. " in words(page)
    assert rows(page, "matrix-1") == [["my shelf", "1"]]
    assert rows(page, "categories") == [["my shelf", "1", "0", "1.000", ""]]


def test_a_report_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(DrugTextError, match=r"none/r.html: cannot be written"):
        write_html_report(tmp_path / "none" / "r.html", judged([("S", [0, 0, 1])]), title="")
