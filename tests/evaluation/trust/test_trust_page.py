"""The page of trust and its pictures, on invented figures."""

from __future__ import annotations

import pytest

from drugtext.evaluation.trust.confidential import WITH_MEMORY
from drugtext.evaluation.trust.page import trust_page
from drugtext.evaluation.trust.pictures import write_pictures
from drugtext.evaluation.trust.scope import IN_USE, SCORES
from drugtext.evaluation.trust.targets import find, headline

INTERVAL = {"low": 0.01, "high": 0.04}


def calibration(level: int, names: str, documents: str, ece: float) -> dict:
    told = {
        "by_chance": 0.02,
        "by_chance_alike": 0.03,
        "confidence": 0.8,
        "accuracy": 0.79,
        "validation": 0.77,
        "n": 100,
    } | INTERVAL
    return told | {"level": level, "names": names, "documents": documents, "ece": ece}


def scores(auroc: float) -> dict:
    told = {"low": auroc - 0.01, "high": auroc + 0.001, "n_inside": 50, "n_outside": 20}
    return {name: told | {"auroc": auroc if name == IN_USE else 0.5} for name in SCORES}


@pytest.fixture
def figures() -> dict:
    both = [
        (d, n) for d in ("all inserts", "full documents") for n in ("masked", "plain", "listed")
    ]
    known = {
        "calibration": [
            calibration(level, n, d, 0.025 if level == 2 else 0.01)
            for d, n in both
            for level in (1, 2)
        ],
        "sets": [
            {"documents": d, "names": n, "asked": asked, "level": level, "covered": asked - 0.03}
            | {"drugs_covered": asked - 0.03, "drugs_covered_low": 0.72}
            | {
                "drugs_covered_high": 0.98,
                "low": 0.7,
                "high": 0.99,
                "mean_size": 2.5,
                "median_size": 2.0,
                "n": 100,
            }
            for d, n in both
            for asked in (0.8, 0.9)
            for level in (1, 2)
        ],
        "sure": [
            {"documents": "all inserts", "names": "plain", "asked": 0.9, "n_answered": 0, "n": 3}
            | {"mean_depth": 0.0}
        ],
        "reliability": [
            {
                "documents": d,
                "names": n,
                "bins": [{"confidence": 0.5, "accuracy": 0.4, "n_inserts": 9}],
            }
            for d, n in both
        ],
    }
    few = calibration(3, "plain", "", 0.08) | {"k": 5, "n_way": 7, "covered": 0.9}
    few |= {"covered_low": 0.85, "covered_high": 0.94}
    curve = {"curve": [0.9, 0.1], "random_curve": [0.9, 0.5], "area": 0.3, "random_area": 0.6}
    return {
        "known": known,
        "few_shot": [
            few | {"calibrated_on": "new categories"},
            few | {"calibrated_on": "known categories", "k": 1, "covered": 0.85},
        ],
        "scope": {
            "near": [
                {
                    "names": "plain",
                    "level": 3,
                    "n_inserts": 90,
                    "n_draws": 10,
                    "called_out": 0.25,
                    "scores": scores(0.8),
                }
            ],
            "near_few_shot": [{"names": "plain", "k": 5, "n_episodes": 30, "scores": scores(0.7)}],
            "far": [
                {"names": "plain", "scores": scores(0.997), "n_texts": 24, "n_refused": 4}
                | {"called_out": 0.9, "called_out_by_kind": {"recipe": 0.9}}
                | {"false_alarms": 0.06, "false_alarms_low": 0.04, "false_alarms_high": 0.08}
                | {"n_inside": 50, "refused_called_out": 0.75}
            ],
        },
        "noise": [
            {"noise": "typos", "documents": "all inserts", "accuracy": 0.7, "n": 9, "n_changed": 9}
            | {
                "n_refused": 0,
                "drop": 0.05,
                "drop_changed": 0.06,
                "drop_low": 0.01,
                "drop_high": 0.04,
            }
        ],
        "faults": [
            {"what": what, "tried": 9, "read": 2, "refused": 7, "slowest_seconds": 0.5}
            | {"escaped": escaped}
            for what, escaped in (("readers", []), ("checkpoint", ["config.json: boom"]))
        ]
        + [
            {"what": "fuzzed", "command": "fuzz", "tried": 12_345, "escaped": []}
            | {"runs": [{"target": "reader", "tried": 12_345, "minutes": 10.0, "escaped": []}]}
        ],
        "privacy": {
            **{"delta": 1e-5, "n_categories": 3, "n_drugs": 20, "n_support": 40, "n_asked": 9},
            "rows": [
                {"epsilon": epsilon, "how": how, "best_auc": 1.0, "best_found": 0.9}
                | {
                    name + end: value
                    for name, value in (("accuracy", 0.6), ("attack_auc", 0.8), ("found", 0.3))
                    for end in ("", "_low", "_high")
                }
                for epsilon, how in ((1.0, "prototypes"), (None, "prototypes"), (None, WITH_MEMORY))
            ],
        },
        "reasons": {
            **{"fractions": [0.0, 1.0], "n_inserts": 40, "n_short": 1, "n_random": 5},
            "deletion": curve | {"gain": 0.3} | INTERVAL,
            "insertion": curve | {"gain": -0.1, "low": -0.2, "high": 0.0},
        },
    }


def test_targets_are_told_met_or_missed(figures):
    rows = [line.strip("| ").split(" | ") for line in headline(figures).splitlines()[2:]]
    assert all(len(row) == 6 and row[-1] for row in rows), "the last says how"
    told = {row[0]: (row[2], row[4]) for row in rows}
    assert told["Accuracy lost under noise, level 3, all inserts"] == ("typos 0.060 (n = 9)", "")
    told = {what: row for what, row in told.items() if row[1]}
    assert [met for _, met in told.values()] == [
        *(
            *("met", "met", "met", "met"),
            *("met", "met", "met", "met"),
            *("missed", "met", "missed"),
            *("missed", "missed", "met", "met"),
            *("missed", "missed", "missed", "missed"),
            *("met", "missed"),
            *("met", "missed", "met"),
        )
    ]
    of_listed = "Calibration error, known categories, level 2, all inserts of drugs known by name"
    assert told[of_listed] == told["Calibration error, known categories, level 2, all inserts"]
    known = told["Calibration error, known categories, level 2, all inserts"][0]
    assert known == "0.025 [0.010, 0.040]; by chance alone 0.020 to 0.030"


def test_the_page_shows_every_figure_and_picture(figures):
    results = {"figures": figures, "command": "python scripts/trust_report.py runs/x"}
    page = trust_page(results, ["coverage.png"])
    assert "python scripts/trust_report.py runs/x" in page and "![coverage](coverage.png)" in page
    for name in SCORES:
        assert name in page
    assert "6.0% of 50 test inserts out of scope" in page and "recipe 90%" in page
    assert "of 24 such texts 4 were refused" in page and "it would call 75.0% of them" in page
    assert "left out it calls, names plain: level 3 25%." in page
    assert "| 12,345 | met | atheris" in page and "reader 12,345 in 10 minutes" in page
    assert "0.900 [0.850, 0.940]" in page
    assert "None" not in page and "{" not in page


def test_figures_are_found_by_what_they_hold(figures):
    assert find(figures["known"]["calibration"], level=2, names="masked")["ece"] == 0.025
    with pytest.raises(StopIteration):
        find(figures["known"]["calibration"], level=9)


def test_pictures_are_drawn(figures, tmp_path):
    names = write_pictures(figures, tmp_path)
    assert names == ["reliability.png", "coverage.png", "reasons.png", "privacy.png"]
    for name in names:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
