"""The page of speed: targets met and missed, and whichever parts there are."""

from __future__ import annotations

import json

import pytest

from drugtext.evaluation.speed.page import speed_page, write_speed_page
from drugtext.evaluation.speed.path import STAGES
from drugtext.evaluation.speed.peers import PIPELINE_FIRST, PIPELINE_WHOLE, SENTENCES
from drugtext.evaluation.speed.targets import OWN, OWN_QUICK, headline


@pytest.fixture
def speed() -> dict:
    return {
        "command": "python scripts/bench_speed.py",
        "machine": {"processor": "Exampl", "cores": 2},
        "limit_gflops": {"float32": 100.0, "bfloat16": 200.0},
        "own_shapes_gflops": {"float32": 90.0, "bfloat16": 150.0},
        "encoders": [
            {
                "backend": f"torch {precision}",
                "tokens_a_second": 1000.0,
                "cosine": 1.0,
                "share_of_limit": share,
                "share_of_limit_in_its_precision": share,
            }
            for precision, share in (("float32", 0.2), ("bfloat16", 0.61))
        ],
        "operators": {
            "torch": {"aten::mm": 0.7, "aten::gelu": 0.295, "aten::add": 0.005},
            "openvino": {"FullyConnected": 0.6, "Softmax": 0.4},
        },
        "ways": [
            {"what": OWN, "backend": "torch bfloat16", "n": 9, "inserts_a_second": 19.9}
            | {"tokens_read": 300.0, "tokens_total": 9000.0}
            | {"passes": [19.0, 19.9, 21.0], "cores_busy": 0.95},
            {"what": OWN_QUICK, "n": 9, "inserts_a_second": 20.1, "same_answer": 0.97},
            *(
                {"what": what, "n": 3, "inserts_a_second": rate, "drugtext_inserts_a_second": 22.0}
                for what, rate in ((PIPELINE_WHOLE, 2.0), (PIPELINE_FIRST, 5.0), (SENTENCES, 44.0))
            ),
        ],
        "stages": {
            "seconds": dict(zip(STAGES, (1.0, 1.0, 7.0, 1.0), strict=True)),
            "padding": 1.05,
            "tokens": 1234,
            "flops": 72e9,
            "share_of_limit": 0.5,
        },
        "learning": {"added_seconds": 0.5, "setfit_seconds": 60.0, "ratio": 120.0},
        "together": {
            **{"n_classifiers": 2, "n": 100, "alone_seconds": 5.0},
            **{"apart_seconds": 9.9, "together_seconds": 5.1},
        },
        "first_answers": [
            {"what": what, "seconds": seconds, "peak_mb": mb}
            for what, seconds, mb in (("drugtext, torch", 2.0, 500.0), ("another", 3.0, 1500.0))
        ],
        "long_insert_mb": {"torch": 1010.0},
        "memory_stages": {"torch": {"Python": 10.0, "torch is imported": 230.0}},
    }


def test_targets_are_met_or_missed_by_their_figures(speed):
    lines = [line.strip("| ").split(" | ") for line in headline(speed).splitlines()[2:]]
    told = {line[0]: line[1:] for line in lines}
    assert told["Full US labels a second, files parsed (torch bfloat16)"][1:] == [
        "19.9",
        "missed: 99.5% of it",
    ]
    assert told["The same, read quickly (97% the same answer)"] == ["≥ 20", "20.1", "met"]
    share = told["The encoder, of the measured rate of matrix products (torch bfloat16)"]
    assert share == ["≥ 60%", "61%", "met"]
    assert told[f"Times as fast as a {PIPELINE_WHOLE}"] == ["≥ 5", "11.0", "met"]
    assert told[f"Times as fast as {SENTENCES}"] == ["—", "0.5"]
    assert told["Peak memory with an insert of 30 MB, torch, MB"][2] == "missed: 101.0% of it"


def test_a_page_of_one_part_says_nothing_of_the_others(speed):
    page = speed_page({"speed": speed})
    assert "aten::gelu | 30% |" in page and "aten::add" not in page
    assert "| FullyConnected | 60% |" in page
    assert "| encode | 70% |" in page
    # 9 labels, 19.9 a second
    assert "labels in 9.9 s one after the other, and in 5.1 s together" in page
    assert "take 10.0 s one stage after the other, and 0.5 s" in page
    assert "at work 95% of the time" in page and "3 passes, which were 19.0, 19.9," in page
    assert "| torch is imported | 230 |" in page and "| the most, 30 MB | 1,010 |" in page
    # 72 GFLOP for 9 labels; 200 GFLOP/s
    assert "costs the encoder 8.0 GFLOP" in page and "that is 25.0 labels a second" in page
    assert "| another | 3.0 | 1.5 | 1,500 | 3.0 |" in page
    assert "What decides" not in page and "Many inserts" not in page


def test_a_million_inserts_by_hand():
    rows = [
        {"n_inserts": n, "workers": w, "quick": True, "seconds": s, "peak_mb": mb}
        for n, w, s, mb in (
            (11_000, 1, 220.0, 700.0),
            (1000, 2, 20.0, 900.0),
            (11_000, 2, 120.0, 1000.0),
            (101_000, 2, 1020.0, 1020.0),
        )
    ]
    page = speed_page({"scale": {"command": "x", "rows": rows}})
    # 10,000 inserts more take 100 s more: 10 ms each, as do 90,000, and 10 s to start.
    assert "Each insert more took 10.0 ms from 1,000 to 11,000, and 10.0 ms from there to" in page
    assert "peak memory was 1.02 times that of 11,000." in page
    assert "2 workers: 10 s to start and 10.0 ms an insert" in page
    assert "10 s + 1,000,000 × 10.0 ms = 2.8 hours; 64 such workers" in page
    # 10 s + 312.5 s, on 32 times as many
    assert "10 s + 1,000,000 × 10.0 ms × 2 / 64 = 5 minutes" in page
    assert "11,000 inserts, 2 workers instead of 1: 1.83 times as fast" in page
    whole = {**rows[-1], "quick": False, "seconds": 5000.0}
    both = speed_page({"scale": {"command": "x", "rows": [*rows, whole]}})
    assert "| whole | 5,000 |" in both and "2 workers: 10 s to start and 10.0 ms an insert" in both


def test_the_page_is_written_of_what_the_folder_holds(speed, tmp_path):
    row = {"n": 4, "accuracy": [0.5, 0.4, 0.6], "tokens_read": 321.0}
    row["tokens_encoded"] = 654.0
    parts = {part: {"full documents": row} for part in ("validation", "test")}
    tokens = {
        "command": "python scripts/bench_tokens.py",
        "level": 3,
        "names": "masked",
        "rows": [
            {"reads": "by default", "way": "default", "is_fitted": True, **parts},
            {"reads": "quick, until p > 0.9", "way": "until", "is_fitted": False, **parts},
            {"reads": PIPELINE_FIRST, "test": parts["test"]},
            {"reads": PIPELINE_WHOLE, "test": {"full documents": {**row, "accuracy": [0.6, 0, 1]}}},
        ],
    }
    for name, told in (("speed", speed), ("tokens", tokens)):
        (tmp_path / f"{name}.json").write_text(json.dumps(told))
    page = write_speed_page(tmp_path).read_text(encoding="utf-8")
    assert page == speed_page({"speed": speed, "tokens": tokens})
    assert "| 20.1; accuracy 0.500 against 0.500 | met |" in page
    assert "| ≥ 5, as accurate | 11.0; accuracy 0.500 against 0.600 | missed |" in page
    assert f"| {PIPELINE_FIRST} | 321 | 654 | — | 0.500 (0.400 to 0.600) |" in page
    assert "| quick, until p > 0.9 (asked so) | 321 | 654 | 0.500 (0.400 to 0.600) | 0.500" in page
    assert {f.name for f in tmp_path.glob("*.png")} == {"speed.png", "tokens.png"}
