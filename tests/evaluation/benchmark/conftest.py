"""Invented results of a run, in the form of results.json."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest


def metric(value: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def figure(protocol: str, contestant: str, value: float | None, **told: Any) -> dict[str, Any]:
    """A row; without a value one that did not finish."""
    row = {
        "protocol": protocol,
        "taxonomy": "atc",
        "level": 3,
        "names": "masked",
        "documents": "full documents",
        "trained_on": None,
        "k": None,
        "step": None,
        "contestant": contestant,
        "status": "not finished" if value is None else "finished",
        "reason": "stopped after 60 seconds" if value is None else "",
        "seed": 0,
        "n": 100,
        "n_unknown": 7,
        "n_categories": 20,
        "n_tasks": 1,
        "metrics": {},
        "against_drugtext": None,
        "prepare_seconds": 0.0,
        "fit_seconds": None,
        "predict_seconds": None,
        "wall_seconds": 3.0,
        "start_rss_mb": 1000.0,
        "peak_rss_mb": 1234.5,
        "n_held_out": None,
        "n_tasks_planned": 1,
    }
    if value is not None:
        accuracy = metric(value, round(value - 0.05, 4), round(value + 0.05, 4))
        row |= {"metrics": {"accuracy": accuracy}, "fit_seconds": 2.5, "predict_seconds": 0.25}
    return row | told


@pytest.fixture
def invented_results() -> dict[str, Any]:
    """Three contestants in every protocol: one ahead for certain, one that did not finish."""
    ahead = {"against_drugtext": metric(0.1, 0.02, 0.18)}
    slightly = {"against_drugtext": metric(0.01, -0.02, 0.04)}
    behind = {"against_drugtext": metric(-0.2, -0.3, -0.1)}
    figures = []
    for level, names in ((3, "masked"), (3, "plain"), (4, "masked")):
        same: dict[str, Any] = {"level": level, "names": names}
        figures += [
            figure("new drug", "drugtext", 0.8, **same),
            figure("new drug", "rival", 0.9 if level == 4 else 0.6, **same)
            | (ahead if level == 4 else behind),
            figure("new drug", "slow", None, **same),
        ]
        for k, documents in product((0, 1, 5), ("full documents", "with indications")):
            few = same | {"k": k, "documents": documents, "n_tasks": 40, "n_tasks_planned": 40}
            few |= {"n_categories": 12, "n_held_out": 30}
            figures += [
                figure("new category", "drugtext", 0.3 + k / 10, **few),
                figure("new category", "rival", 0.31 + k / 10, **few) | slightly,
                figure("new category", "slow", 0.2 if k == 1 else None, **few | {"n_tasks": 3}),
            ]
        for taught in ("US labels", "EU leaflets"):
            for asked in ("US labels", "EU leaflets"):
                between = same | {"trained_on": taught, "documents": asked}
                row = figure("new regulator", "drugtext", 0.82, **between)
                if taught != asked:
                    row = figure("new regulator", "drugtext", 0.68, **between)
                    row["metrics"]["drop"] = metric(0.14, 0.06, 0.22)
                figures.append(row)
    for step in (1, 2, 3):
        grown: dict[str, Any] = {"step": step, "n_categories": 10 * step, "documents": "all"}
        row = figure("growing taxonomy", "drugtext", 0.9 - step / 10, **grown)
        row["metrics"]["accuracy_new"] = metric(0.55)
        if step > 1:
            row["metrics"]["accuracy_old"] = metric(0.66)
        figures.append(row)
    return {
        "command": "python scripts/benchmark.py data --report here",
        "quick": False,
        "seed": 0,
        "wall_seconds": 3600.0,
        "versions": {"drugtext": "1.2.3"},
        "machine": {"processor": "abacus", "cores": 2, "memory_gb": 24.0},
        "data": {
            "atc": {
                "sha256": "0123456789abcdef" * 4,
                "splits": {"train": {"inserts": 11, "ingredients": 5, "categories": 3}},
            }
        },
        "contestants": {"drugtext": "this one", "rival": "that one", "slow": "takes its time"},
        "code": "fedcba9876543210" * 4,
        "figures": figures,
        "confusion": {
            "names": "masked",
            "documents": "all",
            "groups": ["A", "B"],
            "counts": [[9, 1], [0, 0]],
        },
    }
