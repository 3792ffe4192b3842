"""The README is true: all that it shows runs, and its figures are those that were measured."""

from __future__ import annotations

import json
import re
from pathlib import Path

from examples import (
    PROJECT,
    SHELVES,
    blocks_of,
    code_of,
    in_process,
    make_workplace,
    run_against,
    run_page,
)
from hub_server import Repo, running_hub
from shell_lines import CHECKED, LEFT_OUT, begins, lines_of

from drugtext.bundled import bundled_checkpoints
from drugtext.evaluation.benchmark.learning_page import learning_page
from drugtext.evaluation.benchmark.learnt_categories import heads_table
from drugtext.evaluation.benchmark.learnt_draws import draws_table
from drugtext.evaluation.benchmark.learnt_parts import calibrations_table
from drugtext.evaluation.benchmark.report import headline, markdown_report
from drugtext.evaluation.speed.page import speed_page
from drugtext.evaluation.speed.targets import headline as speed_targets
from drugtext.evaluation.trust.page import trust_page
from drugtext.evaluation.trust.subjects import LISTED
from drugtext.evaluation.trust.targets import headline as targets
from drugtext.figures import measured_table

PAGE = PROJECT / "README.md"
README = PAGE.read_text(encoding="utf-8")
ENCODERS = (
    "NeuML/pubmedbert-base-embeddings",
    "intfloat/multilingual-e5-small",
)
"""That the README takes from the hub; here they are the tiny one."""


def walk() -> None:
    """Run all that the README shows, in the current folder."""
    names = run_page(PAGE)
    assert names["x"].shape == (1, names["clf"].model.config.embedding_dim)
    assert set(names["same"].category_ids) == SHELVES
    assert names["more"].category_ids == [*names["few"].category_ids, "antibiotics"]
    assert len(names["zero"].category_ids) == 2
    assert names["encoder"].model.config.prefix == "query: "
    assert names["encoder"].model.config.lexicon is not None
    answers = Path("answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(answer)["path"][0]["id"] for answer in answers] == ["N", "C", "A"]
    assert Path("map.html").is_file()


def test_all_that_it_shows_runs(tmp_path, monkeypatch, tiny_encoder_folder):
    monkeypatch.chdir(make_workplace(tmp_path))
    raw = {file.name: file.read_bytes() for file in tiny_encoder_folder.iterdir()}
    with running_hub() as hub:
        for name in ENCODERS:
            hub.repos.setdefault(name, Repo()).commit(raw)
        run_against(hub, in_process("test_readme", "walk"))
        assert hub.repos["user/my-classifier"].is_private


def test_most_of_it_runs_and_is_not_only_checked():
    lines = [line for code in code_of(PAGE, "sh") for line in lines_of(code)]
    ran = [line for line in lines if not begins(line, (*LEFT_OUT, *CHECKED))]
    assert len(ran) >= 16 and len(code_of(PAGE, "python")) >= 8
    assert sum(block.title == "printed" for block in blocks_of(PAGE)) >= 7


def test_a_newcomers_steps_stand_in_their_order():
    steps = ("Install", "First prediction", "A category of your own", "Share it")
    headings = re.findall(r"^## (.+)$", README, flags=re.MULTILINE)
    places = [headings.index(step) for step in steps]
    assert places == sorted(places) and headings[0] == steps[0]
    assert places[-1] < headings.index("How accurate it is")


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


def measured_by(script: str) -> re.Match[str]:
    """Return the table that a script measured: its command, and what is shown."""
    pattern = rf"<!-- measured: (python scripts/{script}.*?) -->\n(.*?)\n<!-- end -->"
    shown = re.search(pattern, README, re.DOTALL)
    assert shown is not None
    return shown


def test_the_trust_table_is_that_of_the_report():
    folder = PROJECT / "benchmark" / "trust"
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    shown = measured_by("trust")
    assert shown[1] == results["command"]
    assert shown[2].strip() == targets(results["figures"]).strip()
    report = (folder / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"\]\((\w+\.png)\)", report)
    assert report == trust_page(results, pictures)
    assert pictures and all((folder / picture).is_file() for picture in pictures)


def test_the_speed_table_is_that_of_the_report():
    folder = PROJECT / "benchmark" / "speed"
    told = {file.stem: json.loads(file.read_text("utf-8")) for file in folder.glob("*.json")}
    assert set(told) == {"speed", "tokens", "scale"}
    shown = measured_by("bench_speed")
    assert shown[1] == told["speed"]["command"]
    assert shown[2].strip() == speed_targets(told["speed"], told.get("tokens")).strip()
    assert (folder / "README.md").read_text(encoding="utf-8") == speed_page(told)
    one, *_, two, many = told["scale"]["rows"]
    said = " ".join(README.split())
    n, seconds = many["n_inserts"], many["seconds"]
    assert f"A corpus of {n:,} inserts, most of them short, takes {seconds / 60:.0f} min" in said
    assert f"({n / seconds:.0f} a second)" in said
    assert f"two workers are {one['seconds'] / two['seconds']:.2f} times as fast as one" in said
    assert all((folder / f"{name}.png").is_file() for name in told)


def test_the_draws_are_those_of_the_page_on_learning():
    folder = PROJECT / "benchmark" / "learning"
    told = {file.stem: json.loads(file.read_text("utf-8")) for file in folder.glob("*.json")}
    shown = measured_by("category_draws")
    assert shown[1] == told["draws"]["command"]
    assert shown[2].strip() == draws_table(told["draws"]).strip()
    assert (folder / "README.md").read_text(encoding="utf-8") == learning_page(told)
    page = (PROJECT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    for name, table in (
        ("heads", heads_table(told["heads"], "test", 3)),
        ("calibrations", calibrations_table(told["calibrations"])),
    ):
        block = f"<!-- measured: {told[name]['command']} -->\n{table}\n<!-- end -->"
        assert block in page
    ratios = [
        f"{row['SetFit, seconds'][0] / row['drugtext, seconds'][0]:.0f}"
        for row in told["setfit"]["rows"]
    ]
    first, second, third = ratios
    times = f"it takes {first}, {second} and {third} times as long as drugtext"
    assert times in " ".join(README.split())
    assert all(row["ahead"][0] >= 0 for row in told["setfit"]["rows"])
    rows = [row for row in told["calibrations"]["sets"] if row["documents"] == "all inserts"]
    shares = sorted(row["drugs_covered"] for row in rows if row["names"] != LISTED)
    hold = f"hold the true category of {shares[0]:.3f} to {shares[-1]:.3f} of"
    assert all(hold in " ".join(text.split()) for text in (page, README))


def test_files_that_are_named_exist():
    found = re.findall(r"\b(?:samples|sample-shelves|scripts|data_cards|docs)/[\w./-]*\w", README)
    assert len(found) >= 20
    for name in found:
        assert (PROJECT / name).exists(), name


def test_the_tree_of_shelves_is_that_of_the_folder():
    (shown,) = (code for code in code_of(PAGE, "text") if code.startswith("sample-shelves/"))
    shelves = PROJECT / "sample-shelves"
    assert set(re.findall(r"\w+\.txt", shown)) == {file.name for file in shelves.rglob("*.txt")}
    folders = {path.name for path in shelves.rglob("*") if path.is_dir()}
    assert set(re.findall(r"^ +([\w-]+)/", shown, flags=re.MULTILINE)) == folders
