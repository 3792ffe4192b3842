"""The scripts behind the figures of the report, on an invented run of the benchmark.

Each insert holds the words of its category and few others, so that even an encoder of random
weights, which is hardly trained, tells categories far better than chance does.
"""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from invented import ONLY_IN_TEST, RUN_ROOTS, atc_code, tree, write_run
from shell_lines import SCRIPTS, run_script
from typer.testing import CliRunner

from drugtext.evaluation.benchmark.new_category import new_category, split_categories
from drugtext.evaluation.benchmark.protocols import INDICATED
from drugtext.evaluation.benchmark.records import Corpus, load_corpus
from drugtext.evaluation.speed.peers import PIPELINE_WHOLE
from drugtext.taxonomy import Taxonomy

N_EPISODES = 2
WRITES = {
    "bench_tokens": "tokens",
    "ablate": "ablation",
    "category_draws": "draws",
    "compare_calibrations": "calibrations",
    "compare_fine_tuning": "fine_tuning",
    "compare_heads": "heads",
    "compare_names": "names",
    "compare_pooling": "pooling",
    "compare_readings": "readings",
    "compare_setfit": "setfit",
    "compare_starts": "starts",
    "compare_trainings": "trainings",
    "crossover": "crossover",
}
"""Script -> the file that it writes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("research")
    write_run(folder)
    return folder


@pytest.fixture(scope="module")
def corpus(folder) -> Corpus:
    return load_corpus(folder / "run" / "corpus-atc", Taxonomy.from_atc(folder / "atc.csv"))


@pytest.fixture(scope="module")
def ways(corpus) -> dict[tuple[str, int], int]:
    """Part and level -> its categories that have ingredients enough: all but one that is rare."""
    rare, found = atc_code(ONLY_IN_TEST), {}
    for part, records in split_categories(corpus, 0).parts.items():
        for level in (3, 4):
            ids = {record.path[level - 1] for record in records if len(record.path) >= level}
            found[part, level] = len(ids - {rare})
    return found


@pytest.fixture
def run(folder, tiny_encoder_folder):
    """Run a script on the run, and return what it wrote; what it printed must not be an error."""

    def given(script: str, *options: object) -> dict[str, Any]:
        output = folder / "learning"
        words = ["python", f"scripts/{script}.py", str(folder / "run")]
        words += ["--taxonomy", str(folder / "atc.csv"), "--output", str(output)]
        words += ["--encoder", str(tiny_encoder_folder), *map(str, options)]
        done = run_script(words)
        assert done.exit_code == 0, (done.output, done.exception)
        assert "## " in (output / "README.md").read_text(encoding="utf-8")
        return json.loads((output / f"{WRITES[script]}.json").read_text(encoding="utf-8"))

    return given


def test_crossover_compares_prototypes_with_fine_tuning(run, ways):
    told = run("crossover", "--n-tasks", N_EPISODES, "--steps", 1, "--meta-steps", 1)
    assert (told["steps"], told["n_tasks"], told["level"]) == (1, N_EPISODES, 3)
    assert [row["k"] for row in told["rows"]] == [1, 3, 5]  # no category has 11 ingredients
    for row in told["rows"]:
        assert row["n_way"] == ways["test", 3]
        for name in ("prototypes", "fine-tuned", "prototypes, whitened"):
            value, low, high = row[name]
            assert 1.5 / row["n_way"] < value <= 1 and low <= value <= high
        for name, other in (("ahead", "prototypes"), ("ahead of whitened", "prototypes, whitened")):
            ahead = row["fine-tuned"][0] - row[other][0]
            assert row[name][0] == pytest.approx(ahead, abs=1e-6)
        assert row["seconds"][0] > 0
    again = run("crossover", "--n-tasks", N_EPISODES, "--steps", 1, "--meta-steps", 1)
    assert again["rows"] == told["rows"]  # seconds, too: nothing is done twice


def test_setfit_is_trained_to_its_end_on_the_same_support(run):
    pytest.importorskip("setfit")
    asked = ("--n-tasks", N_EPISODES, "--n-way", 2, "--meta-steps", 1)
    told = run("compare_setfit", *asked)
    assert (told["n_way"], told["n_tasks"], told["level"]) == (2, N_EPISODES, 3)
    assert [row["k"] for row in told["rows"]] == [1, 3, 5]
    for row in told["rows"]:
        for name in ("drugtext", "SetFit"):
            assert 0 <= row[name][0] <= 1 and row[f"{name}, seconds"][0] > 0
        ahead = row["drugtext"][0] - row["SetFit"][0]
        assert row["ahead"][0] == pytest.approx(ahead, abs=1e-6)
    means = [sum(row[name][0] for row in told["rows"]) / 3 for name in ("drugtext", "SetFit")]
    assert min(means) > 0.5
    assert run("compare_setfit", *asked)["rows"] == told["rows"]  # seconds, too


def test_a_task_is_narrowed_to_some_of_its_categories(corpus, monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    drawn = importlib.import_module("compare_setfit").drawn
    trial = new_category(split_categories(corpus, 0), "masked", 3, INDICATED, 3, 1, 0)
    whole = trial.tasks[0]
    task = drawn(whole, 2, 0)
    kept = task.lesson.categories
    assert len(kept) == 2 and {*kept} < {*whole.lesson.categories}
    for part, of in (
        (task.lesson.support, whole.lesson.support),
        (task.queries, whole.queries),
    ):
        assert part == [example for example in of if example.category in kept]
    assert drawn(whole, 99, 0).lesson.support == whole.lesson.support
    assert drawn(whole, 2, 1).lesson.categories != kept


def test_heads_are_compared_and_the_default_follows_from_the_validation_part(run, ways, corpus):
    told = run("compare_heads", "--meta-steps", 1, "--n-episodes", N_EPISODES)
    assert told["corpus_sha256"] == corpus.sha256 and told["command"].startswith("python ")
    assert {(row["part"], row["level"], row["n_way"]) for row in told["rows"]} == {
        (*where, way) for where, way in ways.items() if where[0] != "train"
    }
    validation = [row for row in told["rows"] if row["part"] == "validation"]
    heads = [name for name, found in told["rows"][0].items() if isinstance(found, dict)]
    assert told["default"]["compared_with"] == "cosine"
    assert told["default"]["n_comparisons"] == (len(heads) - 1) * len(validation)
    assert told["default"]["ahead"].keys() == {*heads} - {"cosine"}
    assert {"ridge", "euclidean", "attention", "propagation"} < {*heads}


def test_starts_are_compared_on_categories_that_none_of_them_met(run, ways, folder):
    told = run("compare_starts", "--steps", 1, "--meta-steps", 1, "--n-episodes", N_EPISODES)
    assert {(row["part"], row["level"]) for row in told["rows"]} == {
        (part, level) for part in ("validation", "test") for level in (3, 4)
    }
    starts = ("as it comes", "adapted", "meta-trained", "adapted, then meta-trained")
    for row in told["rows"]:
        assert row["n_way"] == ways[row["part"], row["level"]] > 1
        assert row["n_tasks"] == N_EPISODES
        if row["k"] == 5:
            assert all(row[name][0] > 1.5 / row["n_way"] for name in starts)
        gain = row["adapted, then meta-trained"][0] - row["meta-trained"][0]
        assert row["helps after meta-training"][0] == pytest.approx(gain, abs=2e-4)
    assert (folder / "run" / "adapted" / "run.json").is_file()


def test_fine_tuning_to_all_categories_is_compared_on_new_drugs(run, corpus, folder):
    told = run("compare_fine_tuning", "--steps", 1, "--meta-steps", 1)
    rows = {(row["part"], row["level"], row["encoder"]): row for row in told["rows"]}
    ways = ("meta-trained", "as it comes", "fine-tuned", "meta-trained, then fine-tuned")
    assert [*rows] == [
        (part, level, way) for part in ("validation", "test") for way in ways for level in (2, 3, 4)
    ]
    for (part, level, _), row in rows.items():
        found, used = (r["new drug, all"] for r in (row, rows[part, level, "meta-trained"]))
        asked = [r for r in corpus.splits[part] if len(r.path) >= level]  # some were never taught
        assert len(asked) - 2 <= found["n"] == used["n"] <= len(asked)
        assert found["accuracy"][0] > 0.3
        ahead = used["accuracy"][0] - found["accuracy"][0]
        assert found["all_ahead"][0] == pytest.approx(ahead, abs=2e-4)
    for way in ways[2:]:
        assert (folder / "run" / way / "run.json").is_file()


def test_trainings_are_compared_and_those_that_were_measured_stay(run, ways, folder):
    asked = ("--steps", 1, "--n-episodes", N_EPISODES)
    first = run("compare_trainings", *asked, "--only", "twice as many steps")
    (told,) = (folder / "run" / "trainings" / "twice as many steps").rglob("run.json")
    assert json.loads(told.read_text(encoding="utf-8"))["plan"]["n_steps"] == 2
    file = folder / "learning" / "trainings.json"
    kept = {**first, "rows": [{**row, "kept": True} for row in first["rows"]]}
    file.write_text(json.dumps(kept), encoding="utf-8")
    told = run("compare_trainings", *asked, "--only", "level 3 alone")
    assert [row["training"] for row in told["rows"]] == [
        *("as it is", "twice as many steps", "level 3 alone"),
    ]
    assert told["rows"][:2] == kept["rows"]  # neither is measured again
    file.write_text(json.dumps({**told, "encoder_sha256": "another"}), encoding="utf-8")
    anew = run("compare_trainings", *asked, "--only", "level 3 alone")
    assert [row["training"] for row in anew["rows"]] == ["as it is", "level 3 alone"]
    for row in told["rows"]:
        assert {one["level"] for one in row["asked"]} == {3, 4}
        for one in row["asked"]:
            assert one["n_way"] == ways["validation", one["level"]]
            assert len(one["accuracies"]) == N_EPISODES
            mean = sum(one["accuracies"]) / N_EPISODES
            assert one["accuracy"][0] == pytest.approx(mean, abs=2e-4)
        assert next(o for o in row["asked"] if o["k"] == 5)["accuracy"][0] > 0.5


def test_a_training_that_there_is_not_is_refused(folder, tiny_encoder_folder):
    words = ["python", "scripts/compare_trainings.py", str(folder / "run"), "--only", "harder"]
    words += ["--taxonomy", str(folder / "atc.csv"), "--output", str(folder / "learning")]
    done = run_script([*words, "--encoder", str(tiny_encoder_folder)])
    assert done.exit_code == 2
    assert "found --only 'harder'; one of as it is, half as many steps" in done.output


def test_ways_to_weigh_windows_are_compared(run, corpus):
    told = run("compare_pooling", "--steps", 1, "--pooling-steps", 5)
    plan, *others = told["rows"]
    assert plan["windows"] == "the plan"
    assert [row["windows"] for row in others] == ["alike", "factors of sections", "attention"]
    assert plan["new drug, all"]["n"] == len(corpus.splits["validation"])
    assert plan["new drug, all"]["all_ahead"] == [0, 0, 0]
    assert plan["new drug, all"]["accuracy"][0] > 0.5
    factors = told["factors"]
    assert factors["indications_and_usage"] == 1 and set(factors) > {"description", "others"}
    assert any(factor != 1 for factor in factors.values())


def test_readings_are_compared_by_folds_that_share_no_drug(run, corpus):
    told = run("compare_readings", "--folds", 2)
    known = [*corpus.splits["train"], *corpus.splits["validation"]]
    rows = {(row["names"], row["level"], row["reads"]): row for row in told["rows"]}
    assert len(rows) == len(told["rows"]) == 2 * 3 * 7
    for (names, level, _), row in rows.items():
        default = rows[names, level, "by default"]
        # An insert whose category no drug of the other fold has cannot be answered by anyone.
        assert 0 < row["new drug, all"]["n"] == default["new drug, all"]["n"] <= len(known)
        behind = default["new drug, all"]["accuracy"][0] - row["new drug, all"]["accuracy"][0]
        assert row["new drug, all"]["all_ahead"][0] == pytest.approx(behind, abs=2e-4)
    default, both = (
        rows["plain", 2, reads] for reads in ("by default", "names shown, too, in all inserts")
    )
    assert default["new drug, all"]["accuracy"][0] > 0.3 and both["tokens"] >= default["tokens"]


def test_what_is_told_of_names_is_compared_by_folds(run, corpus):
    told = run("compare_names", "--folds", 2)
    known = [*corpus.splits["train"], *corpus.splits["validation"]]
    rows = {(row["level"], row["reads"]): row["new drug, all"] for row in told["rows"]}
    assert len(rows) == len(told["rows"]) == 4 * 4
    for (level, _), row in rows.items():
        first = rows[level, "names of level 5, too"]
        assert 0 < row["n"] == first["n"] <= len(known)
        ahead = first["accuracy"][0] - row["accuracy"][0]
        assert row["all_ahead"][0] == pytest.approx(ahead, abs=2e-4)
    assert rows[1, "no names"]["accuracy"][0] > 2 / 8  # of eight roots
    ways = ("no names", "names of the taught inserts alone", "names of level 5, too")
    none, taught, listed = (rows[4, way]["accuracy"][0] for way in ways)
    assert none < taught <= listed <= rows[4, "all names of level 5, its own too"]["accuracy"][0]


def test_ways_to_calibrate_are_compared_over_all_known_drugs(run, corpus):
    told = run("compare_calibrations", "--folds", 3)
    known = [*corpus.splits["train"], *corpus.splits["validation"]]
    rows = {(row["calibrated"], row["names"], row["level"]): row for row in told["rows"]}
    assert len(rows) == len(told["rows"]) == 3 * 3 * 4
    for (_, names, level), row in rows.items():
        as_it_is = rows["as it is", names, level]
        assert 0 < row["n"] == as_it_is["n"] <= len(known)
        assert 0 <= row["low"] <= row["high"] <= 1 and min(row["by_chance"], row["ece"]) > 0
        # A bin of all folds is the mean of theirs, where what is too bold and too timid cancels.
        assert row["fold"]["ece"] > row["ece"] - 1e-4
        assert row["fold"]["n"] * 3 == pytest.approx(row["n"])
    sets = {(row["documents"], row["names"], row["level"]): row for row in told["sets"]}
    assert len(sets) == len(told["sets"]) == 2 * 3 * 4
    for (documents, names, level), row in sets.items():
        assert row["asked"] == 0.9 and len(row["folds"]) == 3 and row["mean_size"] >= 1
        assert min(row["folds"]) - 1e-4 <= row["covered"] <= max(row["folds"]) + 1e-4
        assert row["drugs_covered_low"] <= row["drugs_covered"] <= row["drugs_covered_high"]
        every = rows["as it is", names, level]["n"]
        assert row["n"] == every if documents == "all inserts" else 0 < row["n"] < every
    without = [rows["no doubts", "plain", level]["confidence"] for level in (1, 2, 3, 4)]
    assert without != [rows["as it is", "plain", level]["confidence"] for level in (1, 2, 3, 4)]


def test_each_part_is_taken_away_once(run, corpus, ways):
    told = run("ablate", "--steps", 1, "--episodes", N_EPISODES)
    rows = {row.pop("parts"): row for row in told["rows"]}
    assert len(rows) == 14 and "all parts" in rows and "prototypes alone" in rows
    asked = corpus.splits["validation"]
    for row in rows.values():
        assert row["new drug, all"]["n"] == len(asked)
        assert row["new drug, full documents"]["n"] < len(asked)
        for k in (1, 5):
            few = row[f"new category, k = {k}"]
            assert few["n_way"] == ways["validation", 3] > 1
            assert few["n_tasks"] == N_EPISODES
    assert rows["all parts"]["new drug, all"]["accuracy"][0] > 0.5
    assert rows["all parts"]["new drug, all"] != rows["prototypes alone"]["new drug, all"]
    for what, found in rows["prototypes alone"].items():
        whole = rows["all parts"][what]
        assert whole["all_ahead"] == [0, 0, 0]
        gain = whole["accuracy"][0] - found["accuracy"][0]
        assert found["all_ahead"][0] == pytest.approx(gain, abs=2e-4)


def test_categories_are_drawn_anew(run, ways):
    told = run(
        "category_draws", "--draws", 2, "--episodes", N_EPISODES, "--trained", 1, "--steps", 1
    )
    assert [(row["seed"], row["k"]) for row in told["rows"]] == [
        (seed, k) for seed in (0, 1) for k in (1, 3, 5)
    ]
    by_k = {row["k"]: row["accuracy"] for row in told["rows"] if row["seed"] == 0}
    assert told["rows"][0]["n_way"] == ways["test", 3]
    assert by_k[5]["TF-IDF + prototypes"] > 0.9  # the words are there to be counted
    assert all(1 / 5 < accuracy <= 1 for accuracy in by_k[5].values())
    first, second = (
        [row["accuracy"] for row in told["rows"] if row["seed"] == seed] for seed in (0, 1)
    )
    assert first != second
    assert all("drugtext" in row and row["drugtext"] > 1.5 / ways["test", 3] for row in first)
    assert all("drugtext" not in row for row in second)
    calibrations = {(row["contestant"], row["k"]): row for row in told["calibrations"]}
    # Those that are asked in all draws, and give probabilities.
    assert list(calibrations) == [("drugtext, not trained", k) for k in (1, 3, 5)]
    accuracies = {row["seed"]: row["accuracy"] for row in told["rows"] if row["k"] == 1}
    row = calibrations["drugtext, not trained", 1]
    of_draws = [accuracies[seed]["drugtext, not trained"] for seed in (0, 1)]
    assert min(of_draws) <= row["accuracy"] <= max(of_draws)
    assert len(row["by_draw"]) == 2 and row["ece"] <= max(row["by_draw"]) + 1e-4


def test_the_same_encoder_is_no_larger_than_itself(run, folder, tiny_encoder_folder):
    asked = ("--draws", 2, "--episodes", N_EPISODES)
    told = run("category_draws", *asked)
    run("category_draws", *asked, "--larger", tiny_encoder_folder)
    larger = json.loads((folder / "learning" / "larger.json").read_text(encoding="utf-8"))
    assert larger["n_parameters"] == told["n_parameters"]
    assert set(larger["rows"][0]["accuracy"]) == {"frozen + prototypes", "drugtext, not trained"}
    page = (folder / "learning" / "README.md").read_text(encoding="utf-8")
    same = "+0.000 (+0.000 to +0.000)"
    line = next(
        row for row in page.splitlines() if row.startswith("| drugtext, not") and same in row
    )
    assert line.count(same) == 3


def test_training_is_measured_in_processes_of_its_own(folder, tiny_encoder_folder, monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)  # where those processes look for what they are to do
    command, output = typer.Typer(), folder / "training.json"
    command.command()(importlib.import_module("bench_training").main)
    words = [str(folder / "run" / "corpus-atc"), "--taxonomy", str(folder / "atc.csv")]
    words += ["--output", str(output), "--encoder", str(tiny_encoder_folder)]
    done = CliRunner().invoke(command, [*words, "--steps", "2", "--n-inserts", "50"])
    assert done.exit_code == 0, (done.output, done.exception)
    told = json.loads(output.read_text(encoding="utf-8"))
    kinds = ["meta-training", "fine-tuning", "domain adaptation"]
    assert [row["training"] for row in told["rows"]] == kinds
    adapted = told["rows"].pop()
    assert 48 * 2 * 3 * 3600 / adapted["seconds_a_step"] < adapted["tokens_an_hour"]  # 3 a window
    assert adapted["tokens_an_hour"] <= 1 + 48 * 2 * 128 * 3600 / adapted["seconds_a_step"]
    for row in [*told["rows"], adapted]:
        assert row["inserts"] == told["n_inserts"] == 50
        assert row["inserts_a_step"] in (64, 80, 48)
        assert row["seconds_a_step"] > 0 and row["peak_rss_mb"] > 100
        assert row["n_trainable_parameters"] > 0 and row["precision"] in ("bf16", "no")


def test_reading_less_is_judged_in_all_ways(run, corpus):
    told = run("bench_tokens", "--steps", 1)
    rows = {row.pop("reads"): row for row in told["rows"]}
    whole, once = (rows[way]["test"]["all"] for way in ("names shown and hidden", "names hidden"))
    assert whole["n"] == len(corpus.splits["test"]) and told["names"] == "plain"
    assert whole["tokens_encoded"] > 1.9 * once["tokens_encoded"]  # names stand in all of them
    assert whole["tokens_read"] == once["tokens_read"], "counted as printed"
    for what, row in rows.items():
        full = row["test"]["full documents"]
        assert 0 < full["n"] < whole["n"]
        # Names are longer here than what stands for them: hidden, less is encoded than is counted.
        is_hidden = what == "names hidden" or row.get("way") in ("section", "first", "until")
        least = 0.7 * full["tokens_read"] if is_hidden else full["tokens_read"]
        assert full["tokens_encoded"] > least >= 0, what
    n_read = {
        what: row["validation"]["all"]["tokens_read"]
        for what, row in rows.items()
        if row.get("way")
    }
    order = [
        "quick, until p > 0.3",
        "quick, until p > 0.9",
        "by default",
        "names shown and hidden",
    ]
    assert [n_read[what] for what in order] == sorted(n_read[what] for what in order)
    assert n_read["stops behind 100 tokens"] <= n_read["by default"]
    assert "validation" not in rows[PIPELINE_WHOLE]


def test_trust_is_reported_on_all_that_is_asked(folder, corpus, ways, tiny_encoder_folder):
    words = ["python", "scripts/trust_report.py", str(folder / "run"), "--quick", "--steps", "1"]
    words += ["--taxonomy", str(folder / "atc.csv"), "--report", str(folder / "trust")]
    (folder / "trust").mkdir()
    runs = [{"target": t, "minutes": 1, "tried": 70, "escaped": []} for t in ("reader", "support")]
    (folder / "trust" / "fuzz.json").write_text(json.dumps(runs), encoding="utf-8")
    done = run_script([*words, "--encoder", str(tiny_encoder_folder)])
    assert done.exit_code == 0, (done.output, done.exception)
    results = json.loads((folder / "trust" / "results.json").read_text(encoding="utf-8"))
    assert results["corpus_sha256"] == corpus.sha256
    figures, n_test = results["figures"], len(corpus.splits["test"])

    whole = [r for r in figures["known"]["calibration"] if r["documents"] == "all inserts"]
    assert {(row["names"], row["level"]) for row in whole} == {
        (names, level) for names in ("masked", "plain", "listed") for level in (1, 2, 3, 4)
    }
    all_asked = [row for row in whole if row["names"] != "listed"]
    assert {row["n"] for row in all_asked if row["level"] < 4} == {n_test}
    assert all_asked[-1]["accuracy"] > 0.5
    assert all(0 < row["n"] <= n_test for row in whole)
    for row in figures["few_shot"]:
        assert row["n_way"] == ways["test", 3] and row["n"] == 4 * row["n_way"]
        assert row["accuracy"] > 1.5 / row["n_way"]
    assert len(figures["few_shot"]) == 2 * 2 * 2  # names, k, what they are calibrated on
    assert [row["n_inserts"] for row in figures["scope"]["near"]] == [n_test] * 6
    assert {row["n_inside"] for row in figures["scope"]["far"]} == {n_test}
    assert figures["noise"][0]["n"] == 20 and figures["noise"][0]["drop"] == 0
    assert figures["privacy"]["n_categories"] == ways["test", 3]
    tried = {row["what"]: row["tried"] for row in figures["faults"]}
    assert [*tried] == ["readers", "checkpoint", "writers", "fuzzed"]
    assert tried["writers"] == 2 * (1 + 3) and tried["fuzzed"] == 2 * 70
    assert all(row["tried"] > 1 and row["escaped"] == [] for row in figures["faults"])
    assert figures["reasons"]["n_inserts"] + figures["reasons"]["n_short"] == 4

    page = (folder / "trust" / "README.md").read_text(encoding="utf-8")
    assert "AUROC" in page and not re.search(r"noise\d", page + json.dumps(results), re.IGNORECASE)
    assert (folder / "trust" / "reliability.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("script", WRITES)
def test_what_is_no_run_is_said_in_plain_words(script, folder, tmp_path):
    words = ["python", f"scripts/{script}.py", str(tmp_path), "--output", str(tmp_path / "x")]
    done = run_script([*words, "--taxonomy", str(folder / "atc.csv")])
    assert done.exit_code == 2
    assert "build_corpus.py wrote" in " ".join(done.output.split())
    assert not (tmp_path / "x").exists()


def test_the_invented_run_has_categories_to_choose_by_and_to_ask(corpus, ways):
    below = [c for c in corpus.taxonomy if len(corpus.taxonomy.path(c.id)) > 4]  # substances
    assert len(corpus.taxonomy) - len(below) == len(tree(RUN_ROOTS))
    assert ways["validation", 3] == 5 and ways["test", 3] > 10
