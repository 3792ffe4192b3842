"""The map: all categories and all inserts are on it, by root, and both files show them."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys

import lxml.html
import numpy as np
import pytest

from drugtext.colours import COLOURS
from drugtext.errors import DrugTextError
from drugtext.inserts.insert import DrugInsert
from drugtext.map import InsertMap, draw_map
from drugtext.map_groups import MOST_ROOTS, groups_of, note_of
from drugtext.map_points import MappedInsert
from drugtext.plane import PCA_NAME, UMAP_NAME
from drugtext.taxonomy import Category, Taxonomy

TEXTS = {
    "C07": "beta receptor antagonist lowers blood pressure heart",
    "C03": "lowers blood pressure of patients with hypertension",
    "J01": "treats bacterial infection and fever",
    "D02": "solution for skin eczema",
}
ATC = Taxonomy(
    [
        *(Category(root, f"group {root}") for root in "CJD"),
        *(Category(code, f"name of {code}", code[0]) for code in TEXTS),
    ],
    "atc",
)
EVIL = "<script>alert(1)</script> $\\frac$ _&amp;"


def insert_of(text: str, name: str = "", source: str = "") -> DrugInsert:
    return DrugInsert(name=name, source=source, sections={"indications_and_usage": text})


@pytest.fixture(scope="module")
def classifier(tiny_classifier):
    return tiny_classifier.fit(map(insert_of, TEXTS.values()), TEXTS, taxonomy=ATC)


@pytest.fixture(scope="module")
def inserts() -> list[DrugInsert]:
    return [insert_of(text, f"Drug {n}", f"f/{n}.xml") for n, text in enumerate(TEXTS.values())] * 2


@pytest.fixture(scope="module")
def drawn(classifier, inserts) -> InsertMap:
    return draw_map(classifier, inserts)


def path_of(*ids: str) -> tuple[Category, ...]:
    parents = [None, *ids]
    return tuple(Category(i, i, parent) for i, parent in zip(ids, parents, strict=False))


def map_of(paths: list[tuple[Category, ...]], inserts: tuple[MappedInsert, ...] = ()) -> InsertMap:
    points = np.arange(2.0 * len(paths)).reshape(-1, 2)
    return InsertMap(tuple(paths), points, inserts, np.ones((len(inserts), 2)), UMAP_NAME)


def traces(file) -> list[dict]:
    """What plotly is told to draw."""
    page = file.read_text(encoding="utf-8")
    found = re.search(r'Plotly\.newPlot\(\s*"map",\s*(\[.*?\]),\s*\{"template"', page, re.DOTALL)
    return json.loads(found[1])


def test_every_category_and_every_insert_has_a_point_and_an_answer(classifier, inserts, drawn):
    assert drawn.method == UMAP_NAME
    assert [path[-1].id for path in drawn.paths] == classifier.category_ids == [*TEXTS]
    assert (drawn.category_points.shape, drawn.insert_points.shape) == ((4, 2), (8, 2))
    for told, prediction in zip(drawn.inserts, classifier.predict(inserts), strict=True):
        assert (told.name, told.source) == (prediction.name, prediction.source)
        assert told.path == prediction.path
        assert told.probability == pytest.approx(prediction.probability, abs=0.01)
        assert told.in_scope == prediction.in_scope


def test_the_same_seed_gives_the_same_map(classifier, inserts, drawn, tmp_path):
    again = draw_map(classifier, iter(inserts))
    assert (again.category_points == drawn.category_points).all()
    assert (again.insert_points == drawn.insert_points).all()
    other = draw_map(classifier, inserts, seed=1)
    assert (other.insert_points != drawn.insert_points).any()
    for n, same in enumerate((drawn, again)):
        same.write_html(tmp_path / f"{n}.html")
    assert (tmp_path / "0.html").read_bytes() == (tmp_path / "1.html").read_bytes()


def test_few_points_are_laid_out_otherwise_and_that_is_said(classifier):
    few = draw_map(classifier, [])
    assert (few.method, few.inserts, few.insert_points.shape) == (PCA_NAME, (), (0, 2))
    assert note_of(few).endswith("(principal components, for there are few).")


def test_what_cannot_be_drawn_is_refused(classifier, tiny_classifier):
    with pytest.raises(DrugTextError, match=r"has no category yet; give it some with fit\(\)"):
        draw_map(tiny_classifier, [])
    with pytest.raises(DrugTextError, match="a list of DrugInsert is needed"):
        draw_map(classifier, insert_of("pain"))
    with pytest.raises(DrugTextError, match="seed is -1"):
        draw_map(classifier, [], seed=-1)


def test_groups_are_roots_each_with_its_colour(drawn):
    groups = groups_of(drawn)
    assert [group.title for group in groups] == ["C group C", "D group D", "J group J"]
    assert [group.categories for group in groups] == [[0, 1], [3], [2]]
    answers = {n: insert.path[0].id for n, insert in enumerate(drawn.inserts)}
    for group in groups:
        assert {answers[n] for n in group.inserts} <= {group.title[0]}
    assert sum(len(group.inserts) for group in groups) == len(drawn.inserts)
    assert len({group.colour for group in groups}) == 3


def test_a_flat_taxonomy_has_one_colour():
    (group,) = groups_of(map_of([path_of("a"), path_of("b")]))
    assert (group.title, group.categories) == ("categories", [0, 1])
    assert "colour" not in note_of(map_of([path_of("a")]))


def test_more_roots_than_colours_have_other_marks_and_the_smallest_stand_together():
    roots = [f"r{n:02}" for n in range(MOST_ROOTS)]
    groups = groups_of(map_of([path_of(root, f"{root}a") for root in roots]))
    assert [group.title for group in groups] == roots
    assert len({(group.colour, group.turn) for group in groups}) == MOST_ROOTS
    assert [group.turn for group in groups] == [0] * len(COLOURS) + [1] * len(COLOURS)

    small = path_of("small", "x"), path_of("tiny", "y")
    told = MappedInsert("n", "s", small[1], 0.5, True)
    groups = groups_of(
        map_of([*small, *(path_of(r, f"{r}{n}") for r in roots for n in "ab")], (told,))
    )
    assert len(groups) == MOST_ROOTS
    assert groups[-1].title == "3 further roots"  # one of the others had to make room
    assert groups[-1].categories[:2] == [0, 1] and groups[-1].inserts == [0]


def test_the_page_has_all_marks_and_needs_nothing_from_elsewhere(drawn, tmp_path):
    file = tmp_path / "map.html"
    drawn.write_html(file)
    assert file.stat().st_size > 2_000_000
    page = lxml.html.fromstring(file.read_bytes())
    assert not page.xpath("//@src|//link|//iframe")
    assert page.findtext(".//h1") == "4 categories and 8 inserts"
    told = traces(file)
    legend = [trace["name"] for trace in told if trace.get("showlegend", True)]
    assert legend == ["C group C", "D group D", "J group J"]
    hover = [text for trace in told for text in trace["hovertext"]]
    assert len(hover) == 12
    assert "C07 name of C07<br>C group C" in hover
    first = drawn.inserts[0]
    answer = first.path[-1]
    assert (
        f"<b>Drug 0</b><br>f/0.xml<br>{answer.id} {answer.name}<br>"
        f"probability {first.probability:.2f}" in "\n".join(hover)
    )


def test_the_page_offers_to_send_nothing_away(drawn, tmp_path):
    drawn.write_html(tmp_path / "map.html")
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    config = json.loads(re.search(r'\{"responsive": .*?\}', page)[0])
    assert config["showSendToCloud"] is False
    assert "default-src 'none'" in page and "form-action 'none'" in page


def test_nothing_of_inserts_and_categories_is_taken_for_html_or_mathematics(tmp_path):
    paths = [path_of(EVIL), path_of("_b", EVIL + "2"), path_of("_b", "c")]
    told = MappedInsert(EVIL, "folder/" * 20 + "end.xml", paths[0], 0.25, False)
    evil = map_of(paths, (told,))
    evil.write_png(tmp_path / "map.png")
    evil.write_html(tmp_path / "map.html")
    text = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    marks = {trace["marker"]["symbol"]: trace for trace in traces(tmp_path / "map.html")}
    (hover,) = marks["diamond"]["hovertext"]
    name, source, answer, probability = hover.split("<br>")
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt; $\\frac$ _&amp;amp;"
    assert (name, answer) == (f"<b>{escaped}</b>", escaped)
    assert source.startswith("…") and source.endswith("/folder/end.xml") and len(source) == 48
    assert probability == "probability 0.25, far from every category"


def test_the_picture_is_a_png_with_something_on_it(drawn, tmp_path):
    drawn.write_png(tmp_path / "map.png")
    content = (tmp_path / "map.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) > 20_000
    width, height = struct.unpack(">II", content[16:24])
    assert width > 1000 and height > 1000


def test_a_map_of_many_points_without_names_is_drawn(tmp_path):
    paths = [path_of("a", f"a{n}") for n in range(60)]
    drawn = map_of(paths)
    drawn.write_html(tmp_path / "map.html")
    drawn.write_png(tmp_path / "map.png")
    (trace,) = traces(tmp_path / "map.html")
    assert trace["mode"] == "markers" and "text" not in trace


def test_a_file_that_cannot_be_written_is_named(drawn, tmp_path):
    for write in (drawn.write_html, drawn.write_png):
        with pytest.raises(DrugTextError, match="none/map: cannot be written"):
            write(tmp_path / "none" / "map")


@pytest.mark.parametrize(
    ("package", "draw"), [("plotly", "map_page.html_page"), ("matplotlib", "map_png.png_picture")]
)
def test_a_missing_package_is_named_with_what_installs_it(package, draw):
    module, function = draw.split(".")
    code = (
        f"import sys; sys.modules['{package}'] = None\n"
        "from drugtext.errors import DrugTextError\n"
        f"from drugtext.{module} import {function}\n"
        f"try: {function}(None)\n"
        "except DrugTextError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{package} is not installed (")
    assert done.stdout.strip().endswith("run: pip install 'drugtext[map]'")
