"""The report in a real browser: all of it is seen, on a telephone, too."""

from __future__ import annotations

import numpy as np
import pytest
from browser import PHONE, beyond_the_sides, opened
from test_html_report import judged

from drugtext.evaluation.html_report import MAX_CATEGORIES, write_html_report
from drugtext.inserts.insert import DrugInsert
from drugtext.taxonomy import Category, Taxonomy

LEAVES = [f"{root}{n:02}" for root in "AB" for n in range(20)]
SCROLLED = "(e) => [e.scrollWidth, e.clientWidth]"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A report with the widest matrix that there is, long names and a long text."""
    roots = [Category(root, f"A ROOT WITH A LONG NAME {'UNBROKEN' * 9}") for root in "AB"]
    leaves = [Category(i, f"category of a long name {i}", i[0]) for i in LEAVES]
    rows = 0.9 * np.eye(len(LEAVES)) + 0.1 / len(LEAVES)
    answered = [(leaf, row.tolist()) for leaf, row in zip(LEAVES, rows, strict=True)]
    answered += [(LEAVES[n], rows[-n - 1].tolist()) for n in range(5)]
    insert = DrugInsert(
        name="Examplol" * 9,
        source="folder/" * 20 + "a.xml",
        sections={"indications_and_usage": "It treats pain. " * 50},
    )
    file = tmp_path_factory.mktemp("report") / "report.html"
    judgement = judged(answered, [insert] * len(answered), Taxonomy(roots + leaves), LEAVES)
    write_html_report(file, judgement, title="Some inserts, judged")
    return file


def test_all_of_it_is_seen_on_a_desk(browser, file):
    with opened(browser, file, viewport={"width": 1280, "height": 900}) as page:
        assert not beyond_the_sides(page)
        for scrolled in page.locator(".scroll").all():
            width, room = scrolled.evaluate(SCROLLED)
            assert width <= room, "not even the widest matrix is scrolled"
        assert page.locator("#matrix-2 tbody tr").count() == MAX_CATEGORIES + 1
        bars = page.locator("#reliability .bars").all()
        assert max(bar.bounding_box()["height"] for bar in bars) > 100
        right = page.locator("#matrix-1 td.right").first
        assert "(0, 114, 178" in right.evaluate("e => getComputedStyle(e).backgroundColor")


def test_it_is_read_on_a_telephone(browser, file):
    with opened(browser, file, **PHONE) as page:
        assert not beyond_the_sides(page, but=".scroll *")
        diagram = page.locator("#reliability").bounding_box()
        assert diagram["x"] >= 0 and diagram["x"] + diagram["width"] <= 390
        texts = page.locator("#reliability text:not([transform])").all()
        assert min(text.bounding_box()["height"] for text in texts) >= 9
        wide = page.locator(".scroll", has=page.locator("#matrix-2"))
        assert wide.evaluate("e => { e.scrollLeft = 200; return e.scrollLeft }") == 200
        assert page.locator("#matrix-2 tbody th").first.bounding_box()["x"] >= 0, (
            "it stays in sight"
        )
