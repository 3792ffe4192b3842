"""The documentation is true: what its pages show runs, page by page, as a reader would run it.

A page's blocks run in their order: Python in one namespace, shell lines in this process. The page
that speaks with the hub runs in a process of its own, against a hub in this one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import lxml.html
import pytest
import yaml
from environments import make_environment
from examples import (
    COMMANDS,
    NEW_SHELF,
    PROJECT,
    SHELVES,
    blocks_of,
    check_call,
    code_of,
    command_of,
    lines_of,
    make_workplace,
    run_drugtext,
    run_script,
)
from hub_server import Repo, hub_settings, running_hub

import drugtext
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import DrugTextError
from drugtext.support import read_support

DOCS = PROJECT / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md"))
ON_THE_HUB = "publish.md"

LEFT_OUT = {
    "python -m venv": "makes an environment; tests/test_packaging.py does",
    ". .venv/bin/activate": "likewise",
    "pip install": "needs a registry",
    "hf auth login": "asks for a token",
    "tensorboard ": "serves until it is stopped",
    "ACCELERATE_USE_CPU=true torchrun ": "several processes: tests/training does that",
    "torchrun --nnodes 2 ": "several machines",
    "DRUGTEXT_MODEL=my-classifier uvicorn ": "serves until it is stopped",
    "curl ": "asks that service; test_the_http_service_answers does",
}
"""Beginnings of lines that are not run, and why."""

CHECKED = {
    "drugtext app": "serves until it is stopped",
    "python scripts/publish.py runs/corpus": "there is no corpus; tests/test_hub.py uploads one",
    "python scripts/finetune_lora.py my-shelves --output runs/tree": "trains long",
    "python scripts/finetune_lora.py my-shelves --output runs/on": "runs in tests/scripts",
    "python scripts/build_corpus.py": "runs in tests/scripts, with inserts written for it",
    "python scripts/meta_train.py": "runs in tests/scripts, on that corpus",
    "python scripts/adapt_encoder.py": "runs in tests/scripts",
    "drugtext learn my-shelves --output my-classifier --model runs/meta": "needs that training",
    "python scripts/classify_corpus.py": "starts Ray; tests/scale runs it",
}
"""Beginnings of lines of which it is checked that their options exist, and why they are not run."""

SHORTENED = {"python scripts/finetune_lora.py": ["--steps", "2"]}
"""Beginnings of lines that are run with further arguments: training is cut short."""

ELSEWHERE = "# drugtext is not installed here"
"""First line of a Python block that runs in an environment without drugtext."""


CFF_KEYS = {
    *("abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi"),
    *("identifiers", "keywords", "license", "license-url", "message", "preferred-citation"),
    *("references", "repository", "repository-artifact", "repository-code", "title", "type"),
    *("url", "version"),
}
"""What the Citation File Format 1.2.0 allows at its top level."""


def begins(line: str, beginnings: Any) -> str | None:
    return next((beginning for beginning in beginnings if line.startswith(beginning)), None)


def shell_lines(page: str) -> list[str]:
    blocks = [block for block in blocks_of(DOCS / page) if block.language == "sh"]
    return [line for block in blocks for line in lines_of(block.code)]


def can_run(code: str) -> bool:
    return not code.startswith(ELSEWHERE) and ("fastapi" not in code or bool(find_spec("fastapi")))


def run_line(line: str) -> None:
    if begins(line, LEFT_OUT):
        return
    command = command_of(line)
    if begins(line, CHECKED):
        check_call(command.words)
        return
    if command.words[0] == "drugtext":
        done = run_drugtext(command.words)
    else:
        more = begins(line, SHORTENED)
        done = run_script(command.words + (SHORTENED[more] if more else []))
    assert done.exit_code == command.status, (line, done.output, done.exception)
    if command.output:
        Path(command.output).write_text(done.stdout, encoding="utf-8")


def run_page(page: str) -> dict[str, Any]:
    """Run a page's blocks in the current folder; return the names that its Python has made."""
    names: dict[str, Any] = {}
    for block in blocks_of(DOCS / page):
        if block.title:
            Path(block.title).write_text(block.code, encoding="utf-8")
        elif block.language == "sh":
            for line in lines_of(block.code):
                run_line(line)
        elif block.language == "python" and can_run(block.code):
            exec(compile(block.code, page, "exec"), names)
    return names


@pytest.fixture
def workplace(tmp_path, monkeypatch) -> Path:
    """The current folder of the test, with what the pages' examples read."""
    monkeypatch.chdir(make_workplace(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def support(workplace: Path) -> tuple[tuple[drugtext.DrugInsert, ...], tuple[str, ...]]:
    inserts, categories = zip(*read_support(workplace / "my-shelves"), strict=True)
    return inserts, categories


def test_each_page_says_what_one_has_at_its_end():
    assert len(PAGES) >= 8
    for page in PAGES:
        text = (DOCS / page).read_text(encoding="utf-8")
        assert re.match(r"# .+\n\n\*\*At the end you have\*\* ", text), page


def test_each_line_is_run_or_there_is_a_reason():
    lines = [line for page in PAGES for line in shell_lines(page)]
    for line in lines:
        assert begins(line, ("drugtext ", "python scripts/", *LEFT_OUT)), line
    for beginning in (*LEFT_OUT, *CHECKED, *SHORTENED):
        assert any(line.startswith(beginning) for line in lines), f"no page shows {beginning!r}"


def test_each_command_is_shown():
    calls = [command_of(line).words for page in PAGES for line in shell_lines(page)]
    shown = {words[1] for words in calls if words[0] == "drugtext"}
    assert shown == set(COMMANDS)


@pytest.mark.usefixtures("workplace")
def test_the_quick_start_runs():
    names = run_page("index.md")
    assert names["prediction"].path[0].id == "N"
    assert names["clf"].predict([names["insert"]])[0].path[0].id == "C"


def test_a_folder_is_classified(workplace):
    names = run_page("classify-a-folder.md")
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
    names = run_page("own-taxonomy.md")
    assert [step.id for step in names["prediction"].path] == ["heart", "blood-pressure"]
    assert names["more"].category_ids[-1] == "antibiotics"
    assert names["zero"].category_ids == names["names"]
    known = drugtext.load("atc-and-mine").category_ids
    assert {"C07AB", "diabetes"} <= set(known)


@pytest.mark.usefixtures("workplace")
@pytest.mark.filterwarnings("ignore:'pin_memory' argument")
def test_an_encoder_is_trained_on():
    names = run_page("fine-tune.md")
    assert names["run"]["step"] == 2
    assert names["tuned"].category_ids == sorted(set(names["categories"]))


def test_the_service_answers(workplace):
    drugtext.load().fit(*support(workplace)).save_pretrained("my-classifier")
    names = run_page("serve.md")
    assert set(names["mine"].category_ids) == set(SHELVES) - {NEW_SHELF}
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
    names = run_page("how-it-works.md")
    assert names["windows"].tokens_read == [names["prediction"].tokens_read]


def test_a_classifier_is_published_and_loaded_again(
    workplace, adapted_classifier, tiny_encoder_folder
):
    adapted_classifier.fit(*support(workplace)).save_pretrained("my-classifier")
    (block,) = (c for c in code_of(DOCS / ON_THE_HUB, "python") if c.startswith(ELSEWHERE))
    elsewhere = make_environment(workplace / "environment", {"transformers", "torch"})
    with running_hub() as hub:
        raw = {file.name: file.read_bytes() for file in tiny_encoder_folder.iterdir()}
        hub.repos.setdefault(DEFAULT_ENCODER, Repo()).commit(raw)  # the page's, but small

        def run(python: str | Path, code: str) -> str:
            settings = hub_settings(hub, workplace / "home")
            done = subprocess.run(
                [str(python), "-c", code],
                capture_output=True,
                text=True,
                env=os.environ | settings | {"PYTHONPATH": ""},
                check=False,
            )
            assert done.returncode == 0, done.stderr[-3000:]
            return done.stdout

        tests = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"
        printed = run(
            sys.executable, f"{tests}\nfrom test_docs import run_page; run_page('{ON_THE_HUB}')"
        )
        assert printed.splitlines()[0].startswith(f"{hub.address}/user/my-classifier/commit/")
        assert "True" in printed.splitlines()
        assert hub.repos["user/my-classifier"].is_private
        nothing = "import importlib.util as u; assert not u.find_spec('drugtext')\n"
        label = run(elsewhere, nothing + block)
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


def test_the_citation_is_that_of_this_version():
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"title", "message", "authors"} <= citation.keys() <= CFF_KEYS
    assert citation["version"] == drugtext.__version__
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    dates = dict(re.findall(r"^## \[?([\w.]+)\]? - (\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE))
    assert str(citation.get("date-released")) == str(dates.get(drugtext.__version__))
