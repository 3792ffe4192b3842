"""The page on learning: whichever parts there are, figures as they were measured."""

from __future__ import annotations

import json

import pytest

from drugtext.evaluation.benchmark.learning_page import learning_page, write_learning_page
from drugtext.evaluation.benchmark.learnt_categories import heads_table
from drugtext.evaluation.benchmark.learnt_draws import draws_table
from drugtext.evaluation.benchmark.learnt_parts import JUDGED


def ablation_row(parts: str, ahead: list[float]) -> dict:
    one = {"accuracy": [0.7, 0.6, 0.8], "all_ahead": ahead, "n": 9, "n_way": 5, "n_tasks": 2}
    return {"parts": parts, **dict.fromkeys(JUDGED, one)}


def draw(seed: int, k: int, **accuracy: float) -> dict:
    return {"seed": seed, "k": k, "n_way": 28, "accuracy": accuracy}


def training(name: str, accuracies: list[float]) -> dict:
    one = {"level": 3, "k": 1, "n_way": 10, "accuracies": accuracies}
    return {"training": name, "asked": [{**one, "accuracy": [sum(accuracies) / 4, 0.4, 0.8]}]}


@pytest.fixture
def told() -> dict:
    row = {"part": "test", "level": 3, "k": 1, "n_way": 28, "n_tasks": 30}
    cosine = {"accuracy": [0.5, 0.4, 0.6], "ahead": [0.0, 0.0, 0.0]}
    ridge = {"accuracy": [0.55, 0.45, 0.65], "ahead": [0.05, 0.01, 0.09]}
    rows = [
        {**row, "part": part, "cosine": cosine, "ridge": ridge} for part in ("validation", "test")
    ]
    default = {"compared_with": "cosine", "n_comparisons": 50}
    starts = ("as it comes", "adapted", "meta-trained", "adapted, then meta-trained")
    gain = {"helps after meta-training": [-0.01, -0.03, 0.01]}
    few = ("prototypes", "fine-tuned", "ahead", "prototypes, whitened", "seconds")
    behind = {"ahead of whitened": [-0.02, -0.03, -0.01]}
    return {
        "ablation": {
            "command": "python scripts/ablate.py",
            "level": 3,
            "rows": [
                ablation_row("all parts", [0, 0, 0]),
                ablation_row("without the lexicon", [-0.012, -0.03, 0.004]),
            ],
        },
        "heads": {
            "command": "python scripts/compare_heads.py",
            "default": {**default, "ahead": {"ridge": [{"level": 3, "k": 1}], "euclidean": []}},
            "rows": rows,
        },
        "crossover": {
            "command": "python scripts/crossover.py",
            **{"level": 3, "n_tasks": 10, "steps": 20},
            "rows": [{"k": 5, "n_way": 28, **{n: [0.25, 0.2, 0.3] for n in few}, **behind}],
        },
        "starts": {
            "command": "python scripts/compare_starts.py",
            **{"steps": 200, "meta_steps": 100},
            "rows": [
                {**row, "part": part, **{name: [0.5, 0.4, 0.6] for name in starts}, **gain}
                for part in ("validation", "test")
            ],
        },
        "pooling": {
            "command": "python scripts/compare_pooling.py",
            **{"level": 3, "steps": 100, "factors": {"indications_and_usage": 1.0, "others": 0.5}},
            "rows": [
                {"windows": row.pop("parts"), **row}
                for row in (
                    ablation_row("the plan", [0, 0, 0]),
                    ablation_row("attention", [0.02, -0.01, 0.05]),
                )
            ],
        },
        "readings": {
            "command": "python scripts/compare_readings.py",
            "folds": 5,
            "rows": [
                {"names": names, "level": level, "reads": row.pop("parts"), "tokens": 500.4, **row}
                for names in ("masked", "plain")
                for level in (2, 3)
                for row in (
                    ablation_row("by default", [0, 0, 0]),
                    ablation_row("neither of these", [0.02, -0.01, 0.05]),
                )
            ],
        },
        "names": {
            "command": "python scripts/compare_names.py",
            "folds": 5,
            "rows": [
                {"names": "plain", "level": level, "reads": row.pop("parts"), **row}
                for level in (3, 4)
                for row in (
                    ablation_row("names of level 5, too", [0, 0, 0]),
                    ablation_row("no names", [0.02, -0.01, 0.05]),
                )
            ],
        },
        "calibrations": {
            "command": "python scripts/compare_calibrations.py",
            "folds": 5,
            "rows": [
                {
                    **{"calibrated": way, "names": names, "level": level, "n": 4873},
                    **{"ece": ece, "low": ece - 0.01, "high": ece + 0.02},
                    **{"by_chance": 0.012, "by_chance_alike": 0.019},
                    "fold": {"ece": 0.051, "by_chance_alike": 0.043, "n": 974.6},
                }
                for way, ece in (("as it is", 0.03), ("no doubts", 0.07))
                for names in ("masked", "plain")
                for level in (1, 4)
            ],
            "sets": [
                {
                    **{"documents": "all inserts", "names": "plain", "level": 2, "asked": 0.9},
                    **{"covered": 0.9021, "low": 0.88, "high": 0.92, "folds": [0.87, 0.93, 0.9]},
                    **{
                        "drugs_covered": 0.89,
                        "drugs_covered_low": 0.87,
                        "drugs_covered_high": 0.91,
                    },
                    **{"mean_size": 3.14, "median_size": 2.0, "n": 5318},
                }
            ],
        },
        "setfit": {
            "command": "python scripts/compare_setfit.py",
            **{"level": 3, "n_way": 10, "n_tasks": 3},
            "rows": [
                {
                    **{"k": 5, "drugtext": [0.9, 0.8, 1.0], "SetFit": [0.8, 0.7, 0.9]},
                    **{"ahead": [0.1, -0.05, 0.25], "drugtext, seconds": [2.04, 1.9, 2.2]},
                    "SetFit, seconds": [408.2, 380.0, 430.0],
                }
            ],
        },
        "trainings": {
            "command": "python scripts/compare_trainings.py",
            **{"steps": 100, "n_tasks": 4},
            "rows": [
                training("as it is", [0.5, 0.75, 0.5, 0.75]),
                training("LoRA of rank 4", [0.25, 0.5, 0.25, 0.5]),
                training("no episode is hard", [0.5, 0.5, 0.75, 1.0]),
                training("twice as many steps", [0.75, 1.0, 0.75, 1.0]),
            ],
        },
        "fine_tuning": {
            "command": "python scripts/compare_fine_tuning.py",
            **{"steps": 150, "meta_steps": 100, "n_drugs": 1500},
            "rows": [
                {"part": part, "level": 3, "encoder": row.pop("parts"), **row}
                for part in ("validation", "test")
                for row in (
                    ablation_row("meta-trained", [0, 0, 0]),
                    ablation_row("fine-tuned", [0.02, -0.01, 0.05]),
                )
            ],
        },
        "draws": {
            "command": "python scripts/category_draws.py",
            **{"level": 3, "episodes": 10, "corpus_sha256": "a1"},
            **{"encoder": "small", "n_parameters": 22_700_000},
            "rows": [draw(0, 1, other=0.25, drugtext=0.5), draw(1, 1, other=0.75)],
            "calibrations": [
                {
                    **{"contestant": "other", "k": 1, "ece": 0.033, "low": 0.03, "high": 0.057},
                    **{"by_chance": 0.019, "by_chance_alike": 0.022, "n": 2240},
                    "by_draw": [0.134, 0.052],
                }
            ],
        },
        "larger": {
            "command": "python scripts/category_draws.py --larger large",
            **{"level": 3, "episodes": 10, "corpus_sha256": "a1"},
            **{"encoder": "large", "n_parameters": 109_500_000},
            "rows": [draw(0, 1, other=0.5), draw(1, 1, other=0.8), draw(2, 1, other=0.9)],
            "beside": {
                **{"encoder": "small", "n_parameters": 22_700_000},
                "rows": [draw(0, 1, other=0.25), draw(1, 1, other=0.75)],
            },
        },
    }


def test_the_page_holds_all_parts(told, tmp_path):
    for name, figures in told.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(figures))
    page = write_learning_page(tmp_path).read_text(encoding="utf-8")
    assert page == learning_page(told)
    assert page.count("## ") == len(told) and page.count("```\npython scripts/") == len(told)
    assert "| without the lexicon | 0.700; -0.012 (-0.030 to +0.004) |" in page
    assert "| all parts | 0.700 (0.600 to 0.800) |" in page
    assert "| attention | 0.700; +0.020 (-0.010 to +0.050) |" in page
    assert "| fine-tuned | 0.700; +0.020 (-0.010 to +0.050) |" in page
    assert "that of the indications being 1: indications_and_usage 1.00, others 0.50." in page
    assert "Of 50 comparisons" in page and "ahead are: ridge (level 3, k = 1)." in page
    assert "| 5 (28 ways) | 0.250 (0.200 to 0.300) |" in page
    assert (
        "| test | 3 | 1 (28 ways) | 0.500 | 0.500 | 0.500 | 0.500 | -0.010 (-0.030 to 0.010) |"
        in page
    )
    assert "| 0 | 1 | 0.250 | 0.500 |" in page
    errors = "0.030 (0.020 to 0.050) | 0.070 (0.060 to 0.090)"
    assert f"| level 4, plain | {errors} | 0.012 to 0.019 | 4,873 |" in page
    of_drugs = "0.890 (0.870 to 0.910) | 0.902 | 0.870 | 0.930 | 3.1 |"
    assert f"| level 2, all inserts, plain | {of_drugs}" in page
    ahead = "0.100 (-0.050 to 0.250) | 2.0 | 408.2 | 200 |"
    assert f"| 5 | 0.900 (0.800 to 1.000) | 0.800 (0.700 to 0.900) | {ahead}" in page
    assert "Names plain:" in page and "| neither of these | 500 | 0.700; +0.020 (" in page


def test_the_page_says_what_follows_from_the_figures(told):
    page = learning_page(told)
    assert "ahead on validation categories are: ridge (level 3, k = 1)." in page
    assert "fine-tuning is ahead of prototypes at k = 5, and behind at none." in page
    assert "fine-tuning is ahead of whitened prototypes at no k, and behind at k = 5." in page
    assert "helps by more than the interval in 0 of 1 settings, and harms in 0." in page
    assert "(Bonferroni) it helps in 0: it is left out." in page


def test_of_many_comparisons_more_is_asked(told):
    (row,) = (row for row in told["starts"]["rows"] if row["part"] == "validation")
    row["helps after meta-training"] = [0.03, 0.006, 0.054]  # t(29) = 2.56, p = 0.016
    one, ten = ({**told["starts"], "rows": [row] * n} for n in (1, 10))
    assert "it helps in 1: it is kept." in learning_page({"starts": one})
    assert "it helps in 0: it is left out." in learning_page({"starts": ten})


def test_a_page_of_one_part_says_nothing_of_the_others(told):
    page = learning_page({"heads": told["heads"]})
    assert "one encoder" in page and "fine-tuning" not in page and "held out" not in page


def test_a_star_marks_what_the_interval_tells_apart(told):
    table = heads_table(told["heads"], "test", 3)
    assert table.splitlines()[2:] == ["| cosine | 0.500 |", "| ridge | 0.550* |"]


def test_draws_are_averaged_for_those_that_were_asked_in_all(told):
    lines = draws_table(told["draws"]).splitlines()
    assert lines[2:] == ["| other | 0.500 (0.250 to 0.750) |"]
    told["draws"]["rows"][1]["accuracy"]["drugtext"] = 0.75
    lines = draws_table(told["draws"]).splitlines()
    assert lines[3:] == ["| drugtext | 0.625 (0.500 to 0.750) |"]


def test_probabilities_are_judged_over_all_draws_and_by_draw(told):
    figures = "0.033 (0.030 to 0.057) | 0.019 to 0.022 | 0.052 to 0.134 | 2,240"
    assert f"| other, k = 1 | {figures} |" in learning_page(told)
    del told["draws"]["calibrations"]
    assert "2,240" not in learning_page(told)


def test_a_larger_encoder_is_compared_draw_by_draw(told):
    page = learning_page(told)
    assert "large, 109.5 million parameters, in place of 22.7 million" in page
    # Ahead by 0.25 and 0.05: 0.15 ± t(1) · 0.1414 / √2, t(1) = 12.706
    assert "| other | 0.650; +0.150 (-1.121 to +1.421) |" in page


def test_a_training_is_compared_task_by_task(told):
    page = learning_page({"trainings": told["trainings"]})
    assert "| as it is | 0.625 (0.400 to 0.800) |" in page
    assert "| LoRA of rank 4 | 0.375; +0.250 (+0.250 to +0.250) |" in page
    assert "| no episode is hard | 0.688; -0.062 (-0.443 to +0.318) |" in page
    assert "Of 3 comparisons" in page
    assert "ahead of the one that is used are: twice as many steps (level 3, k = 1)." in page
    assert "Behind: LoRA of rank 4 (level 3, k = 1)." in page
