"""Goals: what was to be reached beside what was, and by how much it is missed."""

from __future__ import annotations

from drugtext.evaluation.benchmark.goals import goals


def test_a_goal_is_missed_by_a_figure_or_reached(invented_results):
    for row in invented_results["figures"]:
        if row["protocol"] == "new drug" and row["level"] == 4 and row["metrics"]:
            row["metrics"]["accuracy"]["value"] = 0.71 if row["contestant"] == "drugtext" else 0.5
            row["metrics"]["top_3"] = {"value": 0.9, "low": 0.85, "high": 0.95}
    text = "\n".join(goals(invented_results))
    assert (
        "| new drug, full documents, level 3 | 0.88 | 0.800 (0.750 to 0.850) | — | 0.600 (rival)"
        " | 0.080 | — |" in text
    )
    assert "| new drug, full documents, level 4 | 0.70 | 0.710 (" in text
    assert "| 0.500 (rival) | reached | 0.900 (0.850 to 0.950) |" in text
    assert "new drug, all, level 2" not in text  # nobody was asked


def test_episodes_that_are_fewer_are_not_the_best_of_the_others(invented_results):
    for row in invented_results["figures"]:
        if row["contestant"] == "slow" and row["metrics"]:
            row["metrics"]["accuracy"]["value"] = 0.99
    text = "\n".join(goals(invented_results))
    assert "new category, level 3, k = 1 | 0.76 |" in text and "(slow)" not in text


def test_the_time_to_learn_is_set_beside_setfits(invented_results):
    invented_results["contestants"]["SetFit (bounded)"] = "trained"
    for row in invented_results["figures"]:
        if row["contestant"] == "slow":
            row["contestant"] = "SetFit (bounded)"
            row["fit_seconds"] = 250.0 if row["names"] == "masked" else 120.0
            if row["level"] == 3:
                row["against_drugtext"] = {"value": 0.02, "low": -0.01, "high": 0.05}
    text = "\n".join(goals(invented_results))
    level_3 = "level 3, with indications, {}, k = 1 | -0.020 (-0.050 to 0.010) | missed"
    assert f"{level_3.format('masked')} | 250 | 2.5 | 100 | met |" in text
    assert f"{level_3.format('plain')} | 120 | 2.5 | 48 | missed |" in text


def test_what_was_lost_between_regulators(invented_results):
    for row in invented_results["figures"]:
        if row["protocol"] == "new regulator" and row["level"] == 3:
            row["level"] = 2
    text = "\n".join(goals(invented_results))
    assert "lost were: drugtext 0.140 (0.060 to 0.220): missed" in text


def test_a_loss_that_may_be_larger_than_was_allowed_is_told_so(invented_results):
    for row in invented_results["figures"]:
        if row["protocol"] == "new regulator" and row["level"] == 3:
            row["level"] = 2
            row["metrics"] |= {"drop": {"value": 0.01, "low": -0.02, "high": 0.06}}
    text = "\n".join(goals(invented_results))
    assert "0.010 (-0.020 to 0.060): met, though the interval reaches beyond" in text
