"""The documentation is true: what its pages show runs, page by page, as a reader would run it.

A page's blocks run in their order: Python in one namespace, shell lines in this process. The page
that speaks with the hub runs in a process of its own, against a hub in this one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import lxml.html
import pytest
import yaml
from environments import make_environment
from examples import (
    ELSEWHERE,
    PROJECT,
    SHELVES,
    code_of,
    in_process,
    make_workplace,
    run_against,
    run_page,
)
from hub_server import Repo, running_hub
from huggingface_hub import hf_hub_download

import drugtext
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.support import read_support

DOCS = PROJECT / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md"))
ON_THE_HUB = "publish.md"
THE_CARD = "The card:"

CFF_KEYS = {
    *("abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi"),
    *("identifiers", "keywords", "license", "license-url", "message", "preferred-citation"),
    *("references", "repository", "repository-artifact", "repository-code", "title", "type"),
    *("url", "version"),
}
"""What the Citation File Format 1.2.0 allows at its top level."""


@pytest.fixture
def workplace(tmp_path, monkeypatch) -> Path:
    """The current folder of the test, with what the pages' examples read."""
    monkeypatch.chdir(make_workplace(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def support(workplace: Path) -> tuple[tuple[drugtext.DrugInsert, ...], tuple[str, ...]]:
    inserts, categories = zip(*read_support(workplace / "sample-shelves" / "support"), strict=True)
    return inserts, categories


def test_each_page_says_what_one_has_at_its_end():
    assert len(PAGES) >= 8
    for page in PAGES:
        text = (DOCS / page).read_text(encoding="utf-8")
        assert re.match(r"# .+\n\n\*\*At the end you have\*\* ", text), page


@pytest.mark.usefixtures("workplace")
def test_the_quick_start_runs():
    names = run_page(DOCS / "index.md")
    assert names["prediction"].path[0].id == "N"
    assert names["clf"].predict([names["insert"]])[0].path[0].id == "C"


def test_a_folder_is_classified(workplace):
    names = run_page(DOCS / "classify-a-folder.md")
    assert (len(names["predictions"]), len(names["unread"]), len(names["refused"])) == (3, 0, 1)
    assert "mingkang-zh.txt: is written in 'zh'" in names["refused"][0]
    assert len((workplace / "answers.jsonl").read_text().splitlines()) == 3
    assert len((workplace / "answers.csv").read_text().splitlines()) == 4
    (shown,) = code_of(DOCS / "classify-a-folder.md", "json")
    answer = names["predictions"][0].to_dict()  # what is sure was asked for later on the page
    told, sure = json.loads(shown), answer.pop("sure")
    assert told.keys() == answer.keys() and sure["probability"] >= 0.8
    for part in ("path", "alternatives"):
        assert told[part][0].keys() == answer[part][0].keys()


@pytest.mark.usefixtures("workplace")
def test_a_taxonomy_of_ones_own_is_learnt():
    names = run_page(DOCS / "own-taxonomy.md")
    assert [step.id for step in names["prediction"].path] == ["heart", "blood-pressure"]
    assert names["more"].category_ids[-1] == "antibiotics"
    assert names["zero"].category_ids == names["names"]
    known = drugtext.load("atc-and-mine").category_ids
    assert {"C07AB", "diabetes"} <= set(known)


@pytest.mark.usefixtures("workplace")
def test_confidential_inserts_are_learnt_with_noise():
    names = run_page(DOCS / "confidential.md")
    assert set(names["private"].category_ids) == SHELVES
    assert drugtext.load("my-private-classifier").model.config.privacy["epsilon"] == 8


@pytest.mark.usefixtures("workplace")
@pytest.mark.filterwarnings("ignore:'pin_memory' argument")
def test_an_encoder_is_trained_on():
    names = run_page(DOCS / "fine-tune.md")
    assert names["run"]["step"] == 2
    assert names["tuned"].category_ids == sorted(set(names["categories"]))


def test_the_service_answers(workplace):
    drugtext.load().fit(*support(workplace)).save_pretrained("my-classifier")
    names = run_page(DOCS / "serve.md")
    assert set(names["mine"].category_ids) == SHELVES
    pytest.importorskip("fastapi")
    client = names["client"]
    document = (workplace / "samples" / "sugarnorm-openfda.json").read_bytes()
    (answer,) = client.post("/document", content=document).json()
    assert answer["path"][0]["id"] == "A" and answer["source"] == ""
    chinese = (workplace / "samples" / "mingkang-zh.txt").read_bytes()
    for refused in (chinese, b"", b"%PDF-1.7"):
        assert client.post("/document", content=refused).status_code == 422
    assert client.post("/inserts", json=[{"sections": {}}]).status_code == 422


@pytest.mark.usefixtures("workplace")
def test_the_way_of_the_data_is_walked():
    names = run_page(DOCS / "how-it-works.md")
    assert names["windows"].tokens_read == [names["prediction"].tokens_read]


def publish() -> None:
    """Publish as the page does, then do what the card on the hub shows."""
    run_page(DOCS / ON_THE_HUB)
    card = hf_hub_download("user/my-classifier", "README.md")
    shutil.copy("samples/metoral-spl.xml", "insert.xml")
    print(THE_CARD)
    run_page(Path(card))


def test_a_classifier_is_published_and_loaded_again(
    workplace, adapted_classifier, tiny_encoder_folder
):
    adapted_classifier.fit(*support(workplace)).save_pretrained("my-classifier")
    (block,) = (c for c in code_of(DOCS / ON_THE_HUB, "python") if c.startswith(ELSEWHERE))
    elsewhere = make_environment(workplace / "environment", {"transformers", "torch"})
    with running_hub() as hub:
        raw = {file.name: file.read_bytes() for file in tiny_encoder_folder.iterdir()}
        hub.repos.setdefault(DEFAULT_ENCODER, Repo()).commit(raw)  # the page's, but small
        printed = run_against(hub, in_process("test_docs", "publish")).splitlines()
        assert printed[0].startswith(f"{hub.address}/user/my-classifier/commit/")
        assert "True" in printed
        assert printed[printed.index(THE_CARD) + 1].split()[0] in SHELVES
        assert hub.repos["user/my-classifier"].is_private
        nothing = "import importlib.util as u; assert not u.find_spec('drugtext')\n"
        label = run_against(hub, nothing + block, python=elsewhere)
        assert any(repr(shelf) in label for shelf in SHELVES), label


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The documentation, built as `make docs` builds it."""
    for package in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def pages_of(site: Path) -> Iterator[tuple[Path, Any]]:
    for page in sorted(site.rglob("*.html")):
        yield page, lxml.html.parse(page).getroot()


def test_the_site_fetches_nothing_from_elsewhere(site):
    fetched = "//script/@src | //link[not(@rel='canonical')]/@href | //img/@src | //iframe/@src"
    for page, tree in pages_of(site):
        for address in tree.xpath(fetched):
            assert not re.match(r"(https?:)?//", address), (page, address)
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", sheet.read_text()), sheet


def test_links_of_the_site_lead_somewhere(site):
    for page, tree in pages_of(site):
        if page.name == "404.html":  # for a server's root
            continue
        for address in tree.xpath("//a/@href"):
            path, _, anchor = address.partition("#")
            if re.match(r"\w+:", address) or anchor.startswith("__"):
                continue
            target = (page.parent / path).resolve() if path else page
            assert target.is_file(), (page, address)
            if anchor and target.suffix == ".html":
                assert lxml.html.parse(target).xpath("//*[@id=$id]", id=unquote(anchor)), address


def test_all_public_names_are_documented(site):
    tree = lxml.html.parse(site / "api.html").getroot()
    ids = set(tree.xpath("//*/@id"))
    for name in set(drugtext.__all__) - {"__version__"}:
        assert {f"drugtext.{name}", f"drugtext.errors.{name}"} & ids, name
    subclasses = DrugTextError.__subclasses__()
    errors = [e.__name__ for e in subclasses if e.__module__ == DrugTextError.__module__]
    assert {f"drugtext.errors.{name}" for name in errors} <= ids
    assert {"drugtext.DrugClassifier.fit", "drugtext.DrugClassifier.embed"} <= ids


def release_dates(changelog: str) -> dict[str, str]:
    """Return version -> date of a changelog, whose other sections are called Unreleased."""
    headings = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert headings
    dates = {}
    for heading in headings:
        found = re.fullmatch(r"\[?(\d[\w.]*)\]? - (\d{4}-\d\d-\d\d)", heading)
        assert found or heading.strip("[]") == "Unreleased", f"no version and date: {heading}"
        if found:
            dates[found[1]] = found[2]
    return dates


def check_date(citation: dict[str, Any], changelog: str) -> None:
    """Check that a citation has the date of its version, and none while it has no release."""
    released = release_dates(changelog).get(citation["version"])
    found = citation.get("date-released")
    assert (str(found) if found else None) == released


def test_the_citation_is_that_of_this_version():
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"title", "message", "authors"} <= citation.keys() <= CFF_KEYS
    assert citation["version"] == drugtext.__version__
    check_date(citation, (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"))


def test_a_wrong_date_of_the_citation_is_found():
    changelog = "# Changelog\n\n## Unreleased\n\n## [1.2.0] - 2026-05-04\n\n## 1.1.0 - 2026-01-02\n"
    assert release_dates(changelog) == {"1.2.0": "2026-05-04", "1.1.0": "2026-01-02"}
    check_date({"version": "1.2.0", "date-released": "2026-05-04"}, changelog)
    check_date({"version": "1.3.0"}, changelog)
    wrong = (
        ({"version": "1.2.0"}, changelog),
        ({"version": "1.2.0", "date-released": "2026-05-05"}, changelog),
        ({"version": "1.3.0", "date-released": "2026-05-05"}, changelog),
        ({"version": "1.2.0"}, changelog.replace(" - 2026-05-04", " (May 2026)")),
        ({"version": "1.2.0"}, "# Changelog"),
    )
    for citation, text in wrong:
        with pytest.raises(AssertionError):
            check_date(citation, text)
