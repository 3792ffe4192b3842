"""Measured figures as a Markdown table; plain text work, so that showing them imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def measured_table(measured: Mapping[str, Any]) -> str:
    """Write figures as a Markdown table, one row a text form and level.

    Args:
        measured: `forms`, "kind of inserts, kind of names" -> what `measure` returns; and `note`,
            printed below the table.
    """
    lines = [
        "| inserts | names | level | n | accuracy (95 % interval) | by ingredient | top 3"
        " | category unknown | accuracy over all | calibration error (95 % interval) |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for form, figures in measured["forms"].items():
        documents, _, names = form.partition(", ")
        lines += [
            f"| {documents} | {names} | {level['level']} | {level['n_inserts']}"
            f" | {level['accuracy']:.3f} ({level['low']:.3f} to {level['high']:.3f})"
            f" | {level['by_ingredient']:.3f} | {level['top_3']:.3f}"
            f" | {level['n_unknown']} | {_over_all(level):.3f} | {_calibration_of(level)} |"
            for level in figures["levels"]
        ]
    errors = [
        f"{form} {figures['calibration_error']:.2f}"
        for form, figures in measured["forms"].items()
        if figures["calibration_error"] is not None
    ]
    calibration = (
        f"Expected calibration error of the answers: {'; '.join(errors)}." if errors else ""
    )
    levels = [level for figures in measured["forms"].values() for level in figures["levels"]]
    if any("calibration_error" in level for level in levels):
        calibration += (
            " That of a level is of its most probable category, over more inserts than *n*: a"
            " category that ends above stands for itself, and an insert whose category cannot be"
            " answered counts for the one above. Its interval leans upward, as chance alone does."
        )
    explained = (
        "*n* inserts have a category that the classifier knows; those of *category unknown* have"
        " none, and *accuracy over all* counts them as wrong."
    )
    below = [part for part in (explained, calibration.strip(), measured["note"]) if part]
    return "\n\n".join(["\n".join(lines), *below])


def reliability_table(measured: Mapping[str, Any]) -> str:
    """Write the reliability diagram of the first kind of inserts as a table with bars.

    Args:
        measured: as `measured_table` takes it.

    Returns:
        Nothing where no answer was judged.
    """
    for form, figures in measured["forms"].items():
        if bins := figures.get("reliability"):
            lines = [
                f"How often answers of about one probability are right ({form}):",
                "",
                "| probability | right | | inserts |",
                "|---|---|---|---|",
                *(
                    f"| {confidence:.2f} | {accuracy:.2f} | {'█' * round(20 * accuracy)} | {n} |"
                    for confidence, accuracy, n in bins
                ),
            ]
            return "\n".join(lines)
    return ""


def privacy_text(privacy: Mapping[str, Any]) -> str:
    """Write what a checkpoint promises of its support set.

    Args:
        privacy: as `private.PrivateHead.statement` has it.
    """
    return (
        f"The support set is protected by differential privacy: epsilon {privacy['epsilon']:g},"
        f" delta {privacy['delta']:g}, for {privacy['unit']} ({privacy['mechanism']}; noise of"
        f" standard deviation {privacy['sigma']:.3g} at a sensitivity of"
        f" {privacy['sensitivity']:.3g}). The categories, their names and the encoder are public;"
        " numbers of drugs are noisy. Each further release from the same support set adds to what"
        " is told."
    )


def _over_all(level: Mapping[str, Any]) -> float:
    return level["accuracy"] * level["n_inserts"] / (level["n_inserts"] + level["n_unknown"])


def _calibration_of(level: Mapping[str, Any]) -> str:
    if "calibration_error" not in level:  # measured by an older drugtext
        return "—"
    error, low, high = (level[f"calibration_{name}"] for name in ("error", "low", "high"))
    return f"{error:.3f} ({low:.3f} to {high:.3f})"
