"""The report: each number in its cell, losses said plainly, nothing unfinished left out."""

from __future__ import annotations

from drugtext.evaluation.benchmark.report import headline, losses, markdown_report
from drugtext.evaluation.benchmark.tables import seconds


def section(text: str, title: str) -> str:
    """What stands below a heading, down to the next of its depth."""
    _, _, rest = text.partition(title)
    assert rest, title
    return rest.partition("\n## ")[0]


def test_it_can_be_repeated(invented_results):
    text = markdown_report(invented_results)
    assert "```sh\npython scripts/benchmark.py data --report here\n```" in text
    assert "60 minutes on 2 cores (abacus, 24.0 GB); seed 0. drugtext 1.2.3." in text
    assert "| atc | train | 11 | 5 | 3 |" in text
    assert "atc `0123456789abcdef`, code `fedcba9876543210`" in text
    assert "- **slow**: takes its time" in text


def test_the_best_is_bold_and_certain_differences_have_a_star(invented_results):
    drug = section(markdown_report(invented_results), "## New drug")
    assert "| drugtext | **0.800 (0.750 to 0.850)** | 0.800 (0.750 to 0.850) |" in drug
    assert "| rival | 0.600 (0.550 to 0.650)* | **0.900 (0.850 to 0.950)*** |" in drug
    assert "n = 100, 20 categories (category unknown: 7)" in drug
    assert "| slow |" not in drug


def test_few_shot_tables_say_ways_and_episodes(invented_results):
    text = section(markdown_report(invented_results), "### ATC level 4, full documents, masked")
    assert "of the 30 held-out categories all 12 that have ingredients enough, at once" in text
    assert "| | k = 0 | k = 1 | k = 5 |" in text
    assert "| slow | — | 0.200 (0.150 to 0.250), 3 episodes | — |" in text
    assert "| rival | **0.310 (0.260 to 0.360)** |" in text


def test_a_mean_over_fewer_episodes_is_never_the_best(invented_results):
    for row in invented_results["figures"]:
        if row["contestant"] == "slow" and row["metrics"]:
            row["metrics"]["accuracy"]["value"] = 0.99
    text = section(markdown_report(invented_results), "### ATC level 4, full documents, masked")
    assert "| slow | — | 0.990 (0.150 to 0.250), 3 episodes | — |" in text


def test_a_smaller_pool_is_said(invented_results):
    for row in invented_results["figures"]:
        if row["k"] == 5:
            row["n_categories"] = 8
    text = section(markdown_report(invented_results), "### ATC level 4, full documents, masked")
    assert "at once (k = 5: the 8 that have ingredients enough); 40 episodes unless" in text


def test_regulators_are_set_side_by_side(invented_results):
    text = section(markdown_report(invented_results), "## New regulator")
    assert "| | US → US | US → EU | EU → EU | EU → US |" in text
    assert (
        "| drugtext | **0.820 (0.770 to 0.870)** | **0.680 (0.630 to 0.730)**"
        " | **0.820 (0.770 to 0.870)** | **0.680 (0.630 to 0.730)** |" in text
    )
    assert "| drugtext | **0.140 (0.060 to 0.220)** | **0.140 (0.060 to 0.220)** |" in text


def test_growth_is_told_for_old_and_new(invented_results):
    text = section(markdown_report(invented_results), "## Growing taxonomy")
    assert "| | 10 known | 20 known | 30 known |" in text
    assert "| **— / 0.550 / 0.800** | **0.660 / 0.550 / 0.700** |" in text
    assert "| drugtext | 2.5 | 2.5 | 2.5 |" in text


def test_who_did_not_finish_is_listed(invented_results):
    text = section(markdown_report(invented_results), "## What did not finish, or not wholly")
    assert "**slow** did not finish (stopped after 60 seconds): new drug, ATC level 3" in text
    assert "and 13 more settings" in text
    for row in invented_results["figures"]:
        row |= {"status": "finished", "reason": ""}
    assert "Everything finished." in markdown_report(invented_results)


def test_losses_are_said(invented_results):
    clear, slight = losses(invented_results)
    assert clear == (
        "**rival** is ahead by 0.100 (0.020 to 0.180): new drug, ATC level 4, full documents,"
        " masked (0.900)."
    )
    assert slight.startswith("rival is ahead by less than the interval in 18 settings; the most is")
    assert clear in markdown_report(invented_results)
    assert losses(invented_results | {"figures": []}) == ["Nowhere in this run."]


def test_training_that_does_not_help_is_a_loss(invented_results):
    for row in invented_results["figures"]:
        if row["contestant"] == "rival":
            row["contestant"] = "drugtext, not trained"
    assert losses(invented_results)[0].startswith("**drugtext, not trained** is ahead by 0.100")
    for row in invented_results["figures"]:
        if row["contestant"] != "slow":
            row["contestant"] = "drugtext, whole tree"
    assert losses(invented_results) == ["Nowhere in this run."]


def test_what_training_costs_stands_in_it_where_it_was_measured(invented_results):
    assert "What training costs" not in markdown_report(invented_results)
    row = {"training": "meta-training", "seconds_a_step": 3.27, "peak_rss_mb": 3675.8}
    told = {"n_inserts": 1000, "window_tokens": 128, "command": "python scripts/x.py"}
    invented_results["training"] = told | {"rows": [row | {"precision": "bf16"}]}
    text = section(markdown_report(invented_results), "## What training costs")
    assert "1,000 inserts, windows of 128 tokens; made by `python scripts/x.py`" in text
    assert "| meta-training | 3.3 | 3,676 | bf16 |" in text


def test_the_headline_is_two_tables_and_what_was_lost(invented_results):
    text = headline(invented_results)
    assert text.count("\n|---|") == 2
    assert "| drugtext | **0.800 (0.750 to 0.850)** | **0.800 (0.750 to 0.850)** | — | — |" in text
    assert "| | k = 0 | k = 1 | k = 5 |" in text
    lost = text.partition("Where drugtext loses")[2]
    assert all(sentence in lost for sentence in losses(invented_results))


def test_pictures_are_shown_where_there_are_some(invented_results):
    assert "](cost.png)" in markdown_report(invented_results, ["cost.png"])
    assert ".png)" not in markdown_report(invented_results)


def test_durations_are_told_with_two_digits():
    assert [seconds(value) for value in (None, 0.123, 2.51, 1234.5)] == [
        "—",
        "0.12",
        "2.5",
        "1,234",
    ]
