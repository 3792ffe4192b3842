"""The README is true: its examples run, and its figures are those of the bundled checkpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from examples import (
    PROJECT,
    check_call,
    code_of,
    command_of,
    lines_of,
    make_workplace,
    run_drugtext,
)

from drugtext.bundled import bundled_checkpoints
from drugtext.evaluation.benchmark.report import headline, markdown_report
from drugtext.evaluation.trust.page import headline as targets
from drugtext.evaluation.trust.page import trust_page
from drugtext.figures import measured_table

PAGE = PROJECT / "README.md"
README = PAGE.read_text(encoding="utf-8")
NEEDS_A_HUB = ("microsoft/", "cambridgeltl/")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Path:
    return make_workplace(tmp_path_factory.mktemp("readme"))


def test_python_examples_run(workplace, monkeypatch, capsys):
    monkeypatch.chdir(workplace)
    names: dict[str, object] = {}
    blocks = code_of(PAGE, "python")
    assert len(blocks) >= 3
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    assert names["p"][0].path[0].id == "C"
    assert names["x"].shape == (1, names["clf"].model.config.embedding_dim)
    assert capsys.readouterr().out.startswith("C07A")


def test_shell_examples_run(workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    ran = 0
    for call in lines_of("".join(code_of(PAGE, "sh"))):
        if not call.startswith("drugtext ") or any(hub in call for hub in NEEDS_A_HUB):
            continue
        if call.startswith(
            "drugtext app"
        ):  # serves until it is stopped; tests/test_app.py visits it
            check_call(command_of(call).words)
            continue
        done = run_drugtext(command_of(call).words)
        names_the_chinese_one = "samples --" in call
        assert done.exit_code == (1 if names_the_chinese_one else 0), (call, done.stderr)
        ran += 1
    assert ran >= 8


def test_figures_are_those_of_the_bundled_checkpoint():
    shown = re.search(r"<!-- measured: drugtext models -->\n(.*?)\n<!-- end -->", README, re.DOTALL)
    config = json.loads((bundled_checkpoints()["atc"] / "config.json").read_text())
    assert shown is not None
    assert shown[1].strip() == measured_table(config["measured"]).strip()


def test_the_benchmark_is_that_of_the_report():
    results = json.loads((PROJECT / "benchmark" / "results.json").read_text(encoding="utf-8"))
    shown = re.search(
        r"<!-- measured: (python scripts/benchmark.*?) -->\n(.*?)\n<!-- end -->", README, re.DOTALL
    )
    assert shown is not None
    assert shown[1] == results["command"]
    assert shown[2].strip() == headline(results).strip()
    report = (PROJECT / "benchmark" / "README.md").read_text(encoding="utf-8")
    plots = re.findall(r"\]\((\w+\.png)\)", report)
    assert report == markdown_report(results, plots)
    assert len(plots) == 4 and all((PROJECT / "benchmark" / plot).is_file() for plot in plots)


def test_the_trust_table_is_that_of_the_report():
    folder = PROJECT / "benchmark" / "trust"
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    shown = re.search(
        r"<!-- measured: (python scripts/trust.*?) -->\n(.*?)\n<!-- end -->", README, re.DOTALL
    )
    assert shown is not None
    assert shown[1] == results["command"]
    assert shown[2].strip() == targets(results["figures"]).strip()
    report = (folder / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"\]\((\w+\.png)\)", report)
    assert report == trust_page(results, pictures)
    assert pictures and all((folder / picture).is_file() for picture in pictures)


def test_the_draws_are_those_of_the_file():
    rows = json.loads((PROJECT / "benchmark" / "draws.json").read_text())["rows"]
    for name in rows[0]["accuracy"]:
        cells = []
        for k in (1, 3, 5):
            values = [row["accuracy"][name] for row in rows if row["k"] == k]
            cells.append(
                f"{sum(values) / len(values):.3f} ({min(values):.3f} to {max(values):.3f})"
            )
        assert f"| {name} | {' | '.join(cells)} |" in README


def test_files_that_are_named_exist():
    for name in re.findall(r"(?:samples|scripts|data_cards)/[\w.-]+", README):
        assert (PROJECT / name).exists(), name
