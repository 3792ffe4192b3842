"""The map in a real browser: it is drawn, pointed at and sorted, on a telephone, too."""

from __future__ import annotations

import numpy as np
import pytest
from browser import PHONE, SECOND, beyond_the_sides, opened

from drugtext.map import InsertMap
from drugtext.map_points import MappedInsert
from drugtext.plane import UMAP_NAME
from drugtext.taxonomy import Category

ROOTS = [Category(letter, f"GROUP OF DRUGS {letter} AND OF OTHERS WITH A LONG NAME") for letter in
         "ABCDGHJLMNPRSV"]  # fmt: skip
PATHS = [(root, Category(f"{root.id}{n}", "x", root.id)) for root in ROOTS for n in range(4)]
N_INSERTS = 3  # of the first root
UNSEEN = "body > svg, .draglayer, .draglayer *"  # Plotly's, to measure a text and to be dragged at


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A map of as many roots as ATC has."""
    points = np.random.default_rng(0).normal(size=(len(PATHS) + N_INSERTS, 2))
    inserts = (MappedInsert("Examplol", "a.xml", PATHS[0], 0.5, True),) * N_INSERTS
    file = tmp_path_factory.mktemp("map") / "map.html"
    n = len(PATHS)
    InsertMap(tuple(PATHS), points[:n], inserts, points[n:], UMAP_NAME).write_html(file)
    return file


def n_points(page) -> int:
    return page.locator(".scatterlayer .point").count()


def test_it_is_drawn_and_the_legend_hides_and_shows_a_root(browser, file):
    with opened(browser, file, viewport={"width": 1280, "height": 900}) as page:
        page.locator(".scatterlayer .point").first.wait_for()
        assert n_points(page) == len(PATHS) + N_INSERTS
        assert page.locator(".legend .traces").count() == len(ROOTS)
        first = page.locator(".legend .legendtoggle").first
        for left in (len(PATHS) - 4, len(PATHS) + N_INSERTS):
            first.click()
            page.wait_for_timeout(SECOND)  # Plotly waits for the second half of a double click
            assert n_points(page) == left


def test_what_is_pointed_at_is_told(browser, file):
    with opened(browser, file, viewport={"width": 1280, "height": 900}) as page:
        page.locator(".scatterlayer .point").last.hover(force=True)
        page.locator(".hoverlayer", has_text="Examplol").wait_for()


def test_it_is_read_on_a_telephone(browser, file):
    with opened(browser, file, **PHONE) as page:
        page.locator(".scatterlayer .point").first.wait_for()
        assert n_points(page) == len(PATHS) + N_INSERTS
        assert not beyond_the_sides(page, but=UNSEEN)
        legend, last = page.locator(".legend .bg"), page.locator(".legend .legendtext").last
        box, text = legend.bounding_box(), last.bounding_box()
        assert "V GROUP" in last.text_content()
        assert text["y"] + text["height"] <= box["y"] + box["height"] <= 844, "nothing is cut off"
        assert text["height"] >= 10
        plot = page.locator(".nsewdrag").bounding_box()
        assert plot["height"] > 200, "the legend leaves it room"
