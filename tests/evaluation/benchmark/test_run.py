"""The harness: chance for who guesses, 1 for who knows, and nothing lost when it is stopped."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from invented import corpus
from sklearn.metrics import f1_score

from drugtext.errors import CorpusError
from drugtext.evaluation.benchmark.contestants.tfidf import TfidfSvm
from drugtext.evaluation.benchmark.new_category import new_category, split_categories
from drugtext.evaluation.benchmark.protocols import (
    INDICATED,
    REGULATORS,
    growing_taxonomy,
    new_drug,
    new_regulator,
)
from drugtext.evaluation.benchmark.run import Outcomes, run
from drugtext.evaluation.benchmark.score import confusion, figures
from drugtext.evaluation.benchmark.task import (
    Answers,
    Contestant,
    NotApplicableError,
    Trial,
)
from drugtext.evaluation.scores import hierarchical_scores, ingredient_accuracy

CORPUS = corpus()
MINUTES = dict.fromkeys(("new drug", "new category", "new regulator", "growing taxonomy"), 1.0)
TRIALS = [
    new_drug(CORPUS, "masked", 3),
    new_regulator(CORPUS, "plain", 2, "US labels"),
    new_category(split_categories(CORPUS, 0), "masked", 4, INDICATED, 3, n_episodes=20, seed=0),
    growing_taxonomy(CORPUS, "masked", 4, seed=0),
]


class Guesser(Contestant):
    """Answers at random."""

    description = "guesses"

    def __init__(self) -> None:
        self.rng = np.random.default_rng(1)

    def fit(self, lesson):
        self.categories = lesson.categories

    def predict(self, inserts):
        return Answers([[str(self.rng.choice(self.categories))] for _ in inserts])


class Oracle(Contestant):
    """Was given the answers."""

    description = "knows"

    def fit(self, lesson):
        self.length = len(lesson.categories[0])

    def predict(self, inserts):
        found = [
            next(
                word.removeprefix("words").upper()
                for word in insert.text.split()
                if word.startswith("words") and len(word) == 5 + self.length
            )
            for insert in inserts
        ]
        return Answers([[category] for category in found], [1.0] * len(found))


def played(tmp_path, trials=TRIALS, minutes=MINUTES, **contestants) -> Outcomes:
    outcomes = Outcomes(tmp_path / "outcomes.jsonl", {"seed": 0})
    run(trials, contestants, outcomes, minutes=minutes)
    return outcomes


def few(level: int, k_shot: int) -> Trial:
    """Forty episodes of new categories."""
    split = split_categories(CORPUS, 0)
    return new_category(split, "masked", level, INDICATED, k_shot, n_episodes=40, seed=0)


def between(chance: float, n: int) -> float:
    """How far a share of n may be from chance: three standard errors."""
    return 3 * np.sqrt(chance * (1 - chance) / n)


BY_PROTOCOL = {
    "new drug": [new_drug(CORPUS, "masked", level) for level in (1, 2, 3)],
    "new category": [few(level, k_shot) for level, k_shot in ((3, 0), (3, 5), (4, 1))],
    "new regulator": [new_regulator(CORPUS, "plain", 1, home) for home in REGULATORS],
    "growing taxonomy": [growing_taxonomy(CORPUS, "masked", level, seed=0) for level in (2, 4)],
}


@pytest.mark.parametrize("protocol", BY_PROTOCOL)
def test_guessing_scores_chance(protocol, tmp_path):
    trials = BY_PROTOCOL[protocol]
    rows = figures(trials, played(tmp_path, trials, guesser=Guesser).done, seed=0)
    assert len(rows) >= len(trials) and {row["protocol"] for row in rows} == {protocol}
    for row in rows:
        chance, metrics = 1 / row["n_categories"], row["metrics"]
        accuracy, margin = metrics["accuracy"], between(chance, row["n"])
        assert chance - margin < accuracy["value"] < chance + margin < 1
        assert 0 < accuracy["high"] - accuracy["low"] < 2 * margin
        for name in {"accuracy_old", "accuracy_new"} & metrics.keys():
            part = metrics[name]
            assert part["value"] == pytest.approx(chance, abs=between(chance, part["n"]))
        if "drop" in metrics:
            assert metrics["drop"]["low"] < 0 < metrics["drop"]["high"]
    told = {name for row in rows for name in row["metrics"]}
    assert ("drop" in told) == (protocol == "new regulator")
    assert ("accuracy_old" in told) == (protocol == "growing taxonomy")


@pytest.mark.parametrize("protocol", BY_PROTOCOL)
def test_knowing_scores_one(protocol, tmp_path):
    trials = BY_PROTOCOL[protocol]
    rows = figures(trials, played(tmp_path, trials, oracle=Oracle).done, seed=0)
    assert len(rows) >= len(trials) and {row["protocol"] for row in rows} == {protocol}
    for row in rows:
        names = ("accuracy", "macro_f1", "by_ingredient", "hierarchical_precision")
        assert [row["metrics"][name]["value"] for name in names] == [1, 1, 1, 1]
        assert row["metrics"]["accuracy"]["low"] == row["metrics"]["accuracy"]["high"] == 1
        assert row["metrics"]["calibration_error"]["value"] == 0
        assert row["n"] > 0 and row["peak_rss_mb"] > 0


def test_figures_are_those_of_the_plain_scores(tmp_path):
    trial = TRIALS[0]
    done = played(tmp_path, [trial], guesser=Guesser).done
    (metrics,) = (r["metrics"] for r in figures([trial], done, 0) if r["documents"] == "all")
    (answers,) = done[trial.setting, "guesser"].answers
    queries = trial.tasks[0].queries
    truth = [query.category for query in queries]
    answers = [given for (given,) in answers]
    right = np.array(answers) == np.array(truth)
    paths = [[[c[:n] for n in range(1, len(c) + 1)] for c in ids] for ids in (answers, truth)]
    assert 0 < right.mean() < 1
    expected = {
        "accuracy": right.mean(),
        "macro_f1": f1_score(truth, answers, average="macro"),
        "by_ingredient": ingredient_accuracy(right, [query.ingredient for query in queries]),
        "hierarchical_precision": hierarchical_scores(*paths)[0],
    }
    for name, value in expected.items():
        assert metrics[name]["value"] == pytest.approx(value, abs=1e-4), name
        assert metrics[name]["low"] < value < metrics[name]["high"], name


def test_the_same_seed_gives_the_same_numbers(tmp_path):
    def numbers(folder, seed):
        split = split_categories(corpus(), seed)
        trial = new_category(split, "masked", 4, INDICATED, 3, n_episodes=20, seed=seed)
        trials = [trial, growing_taxonomy(corpus(), "masked", 4, seed)]
        done = played(tmp_path / folder, trials, svm=TfidfSvm, guesser=Guesser).done
        rows = figures(trials, done, seed)
        return [row["metrics"] for row in rows]

    assert numbers("one", 0) == numbers("two", 0)
    assert numbers("one", 0) != numbers("three", 1)


def test_a_true_category_among_the_first_three_counts_apart(tmp_path):
    class Second(Oracle):
        def predict(self, inserts):
            right = [category for (category,) in super().predict(inserts).ranked]
            others = [next(other for other in right if other != category) for category in right]
            return Answers([list(pair) for pair in zip(others, right, strict=True)])

    (row, *_) = figures([TRIALS[0]], played(tmp_path, [TRIALS[0]], second=Second).done, 0)
    assert row["metrics"]["accuracy"]["value"] == 0
    assert row["metrics"]["top_3"]["value"] == 1


def test_an_outcome_of_other_code_is_done_again(tmp_path):
    trials = [TRIALS[0]]
    (done,) = played(tmp_path, trials, oracle=Oracle).done.values()
    outcomes = Outcomes(tmp_path / "outcomes.jsonl", {"seed": 0})
    (kept,) = outcomes.done.values()
    run(trials, {"oracle": Oracle}, outcomes, minutes=MINUTES)
    assert outcomes.done[kept.setting, "oracle"] is kept
    kept.code = "of other code"
    run(trials, {"oracle": Oracle}, outcomes, minutes=MINUTES)
    assert outcomes.done[kept.setting, "oracle"].code == done.code


def test_an_outcome_of_another_trial_is_not_taken_for_it(tmp_path):
    trial = TRIALS[0]
    played(tmp_path, [trial], recorder=Recorder)
    Recorder.calls = 0
    played(tmp_path, [trial], recorder=Recorder)
    assert Recorder.calls == 0
    task = replace(trial.tasks[0], queries=trial.tasks[0].queries[::-1])
    done = played(tmp_path, [replace(trial, tasks=[task])], recorder=Recorder).done
    assert Recorder.calls == 1 and len(done) == 1


class Recorder(Guesser):
    """Remembers that it was called."""

    calls = 0

    def fit(self, lesson):
        Recorder.calls += 1
        super().fit(lesson)


def test_a_planted_leak_stops_the_run_before_anything_is_learnt(tmp_path):
    trial = TRIALS[0]
    task = trial.tasks[0]
    lesson = replace(task.lesson, support=[*task.lesson.support, task.queries[0]])
    leaky = replace(trial, tasks=[replace(task, lesson=lesson)])
    Recorder.calls = 0
    with pytest.raises(CorpusError, match="disjoint in ingredient"):
        played(tmp_path, [*TRIALS[1:], leaky], recorder=Recorder)
    assert Recorder.calls == 0


def test_a_stopped_run_goes_on(tmp_path):
    played(tmp_path, TRIALS[:2], recorder=Recorder)
    file = tmp_path / "outcomes.jsonl"
    whole = file.read_text()
    file.write_text(whole[:-40])  # the last outcome was being written
    Recorder.calls = 0
    played(tmp_path, TRIALS[:2], recorder=Recorder)
    assert Recorder.calls == 1
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0] == {"seed": 0} and len(lines) == 3
    played(tmp_path, TRIALS[:2], recorder=Recorder)
    assert Recorder.calls == 1


def test_outcomes_of_other_data_are_refused(tmp_path):
    played(tmp_path, TRIALS[:1], guesser=Guesser)
    with pytest.raises(CorpusError, match=r"(?s)was begun with other data.*Give another output"):
        Outcomes(tmp_path / "outcomes.jsonl", {"seed": 1})


class Slow(Guesser):
    """Never comes to an end, and goes on after whatever goes wrong."""

    def fit(self, lesson):
        super().fit(lesson)
        try:
            time.sleep(60)
        except Exception:
            time.sleep(60)


class Tiring(Guesser):
    """Is quick for a few lessons."""

    lessons = 0

    def fit(self, lesson):
        super().fit(lesson)
        self.lessons += 1
        if self.lessons > 4:
            time.sleep(60)


class Broken(Guesser):
    """Fails."""

    def predict(self, inserts):  # noqa: ARG002
        raise KeyError("no such thing")


class Choosy(Guesser):
    """Does not take part."""

    def prepare(self, trial):  # noqa: ARG002
        raise NotApplicableError("not for me")


def test_what_failed_is_tried_again(tmp_path):
    assert [o.status for o in played(tmp_path, TRIALS[:1], one=Broken).done.values()] == ["failed"]
    assert [o.status for o in played(tmp_path, TRIALS[:1], one=Guesser).done.values()] == [
        "finished"
    ]


def test_who_does_not_finish_is_reported_and_the_others_go_on(tmp_path):
    minutes = dict.fromkeys(MINUTES, 0.005)
    done = played(
        tmp_path,
        [TRIALS[0], new_drug(CORPUS, "plain", 2)],
        minutes,
        slow=Slow,
        broken=Broken,
        choosy=Choosy,
        guesser=Guesser,
    ).done
    told = {(name, o.setting.level): (o.status, o.reason) for (_, name), o in done.items()}
    assert told["slow", 3] == ("not finished", "stopped after 0 seconds")
    assert told["slow", 2][0] == "not finished" and "0.005 minutes" in told["slow", 2][1]
    assert told["broken", 3] == ("failed", "KeyError: 'no such thing'")
    assert told["choosy", 3] == ("not applicable", "not for me")
    assert told["guesser", 3] == ("finished", "")
    rows = figures([TRIALS[0]], done, seed=0)
    assert {row["contestant"] for row in rows} == {"slow", "broken", "choosy", "guesser"}
    assert [row["metrics"] for row in rows if row["contestant"] == "slow"] == [{}] * 3


def test_what_would_not_end_in_the_time_that_is_left_is_not_begun(tmp_path):
    trials = [TRIALS[0], new_drug(CORPUS, "plain", 2)]
    outcomes = played(tmp_path, trials[:1], guesser=Guesser)
    (first,) = outcomes.done.values()
    first.wall_seconds = 200.0
    run(trials, {"guesser": Guesser}, outcomes, minutes=dict.fromkeys(MINUTES, 5))
    assert [outcome.status for outcome in outcomes.done.values()] == ["finished", "not finished"]
    told = outcomes.done[trials[1].setting, "guesser"].reason
    assert "100 seconds are left, and its last setting took 200" in told


class Excused(Tiring):
    """Is known to be slow."""

    least_episodes = 3


def test_some_episodes_count_if_they_are_enough(tmp_path):
    minutes = dict.fromkeys(MINUTES, 0.02)
    done = played(tmp_path, [TRIALS[2]], minutes, tiring=Tiring, excused=Excused).done
    tiring, excused = figures([TRIALS[2]], done, seed=0)
    assert (tiring["status"], tiring["metrics"]) == ("not finished", {})
    assert (excused["status"], excused["n_tasks"], excused["n_tasks_planned"]) == (
        "finished",
        4,
        20,
    )
    assert excused["metrics"] and excused["reason"].startswith("stopped after")


class Curious(Guesser):
    """Looks at all that it is shown."""

    def prepare(self, trial):
        assert not any(task.queries for task in trial.tasks) and not trial.left_out


def test_queries_are_not_shown_beforehand(tmp_path):
    done = played(tmp_path, curious=Curious).done
    assert {outcome.status for outcome in done.values()} == {"finished"}


def test_others_are_compared_with_drugtext_on_the_same_queries(tmp_path):
    done = played(tmp_path, **{"drugtext": Oracle, "guesser": Guesser}).done
    rows = figures(TRIALS, done, seed=0)
    assert Counter(row["contestant"] for row in rows) == {
        "drugtext": len(rows) // 2,
        "guesser": len(rows) // 2,
    }
    for row in rows:
        if row["contestant"] == "guesser":
            difference = row["against_drugtext"]
            assert difference["value"] == pytest.approx(
                row["metrics"]["accuracy"]["value"] - 1, abs=1e-3
            )
            assert difference["high"] < 0
        else:
            assert row["against_drugtext"] is None


class KnowsOneRegulator(Oracle):
    """Is right about US labels alone."""

    def predict(self, inserts):
        known = [insert.metadata["kind"].startswith("us_") for insert in inserts]
        found = super().predict(inserts).ranked
        return Answers([c if k else [] for c, k in zip(found, known, strict=True)])


def test_the_drop_from_one_regulator_to_the_other_is_measured(tmp_path):
    trial = TRIALS[1]
    done = played(tmp_path, [trial], oracle=Oracle, one=KnowsOneRegulator).done
    rows = {(r["contestant"], r["documents"]): r["metrics"] for r in figures([trial], done, seed=0)}
    assert rows["oracle", "EU leaflets"]["drop"] == {"value": 0, "low": 0, "high": 0}
    assert rows["one", "EU leaflets"]["drop"] == {"value": 1, "low": 1, "high": 1}
    assert "drop" not in rows["one", "US labels"]


def test_old_and_new_categories_are_judged_apart(tmp_path):
    rows = figures([TRIALS[3]], played(tmp_path, [TRIALS[3]], oracle=Oracle).done, seed=0)
    assert [row["step"] for row in rows] == [1, 2]
    assert "accuracy_old" not in rows[0]["metrics"]
    assert rows[1]["metrics"]["accuracy_old"]["value"] == 1
    assert [row["n_categories"] for row in rows] == [10, 16]


def test_confusion_is_counted_at_the_roots(tmp_path):
    trial = TRIALS[0]
    found = confusion([trial], played(tmp_path, [trial], drugtext=Oracle).done, trial.setting)
    assert found["groups"] == ["A", "B"]
    assert found["counts"] == [[24, 0], [0, 27]]
    assert confusion(TRIALS, {}, trial.setting) is None
