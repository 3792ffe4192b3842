"""Runs contestants through trials, one at a time, each outcome on disk before the next begins."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from drugtext.errors import CorpusError
from drugtext.evaluation.benchmark.meter import Saving, Stopwatch, peak_memory, time_limit
from drugtext.evaluation.benchmark.task import (
    Contestant,
    NotApplicableError,
    NotFinishedError,
    Setting,
    Task,
    Trial,
    check_no_leak,
)
from drugtext.fingerprint import code_sha256

FINISHED, NOT_FINISHED, FAILED = "finished", "not finished", "failed"
NOT_APPLICABLE = "not applicable"


@dataclass
class Outcome:
    """What one contestant did in one trial.

    Attributes:
        setting: of the trial.
        contestant: its name.
        trial: the trial's fingerprint.
        code: that of the contestant's code.
        status: "finished", "not finished", "failed" or "not applicable".
        reason: why it did not finish.
        answers: of each task that it finished, category ids a query, the best first.
        confidences: of the best one, a number a query; None for a task where it gives none.
        prepare_seconds: before the first task.
        fit_seconds, predict_seconds: of each task, embedding included.
        wall_seconds: that it took in all, embeddings that were there already left out.
        start_rss_mb, peak_rss_mb: of the process, before and while it was at work.
    """

    setting: Setting
    contestant: str
    trial: str = ""
    code: str = ""
    status: str = FINISHED
    reason: str = ""
    answers: list[list[list[str]]] = field(default_factory=list)
    confidences: list[list[float] | None] = field(default_factory=list)
    prepare_seconds: float = 0.0
    fit_seconds: list[float] = field(default_factory=list)
    predict_seconds: list[float] = field(default_factory=list)
    wall_seconds: float = 0.0
    start_rss_mb: float = 0.0
    peak_rss_mb: float = 0.0


class Outcomes:
    """The outcomes of a run, a line each in a file that a stopped run goes on with.

    Args:
        file: made if it is absent.
        made_of: data, versions and seed; outcomes of others are not mixed in.

    Raises:
        CorpusError: the file was begun with other data, versions or seed.
    """

    def __init__(self, file: Path, made_of: Mapping[str, Any]) -> None:
        self._file, self.done = file, dict[tuple[Setting, str], Outcome]()
        head = json.dumps(made_of, sort_keys=True)
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        if not lines:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(head + "\n", encoding="utf-8")
        elif lines[0] != head:
            raise CorpusError(
                f"{file}: was begun with other data, versions or options\n{lines[0]}\nthan"
                f" now\n{head}\nGive another output folder, or delete the file to begin anew."
            )
        for line in lines[1:]:
            try:
                fields = json.loads(line)
            except json.JSONDecodeError:  # cut off when the run was stopped: done again
                continue
            if fields["status"] != FAILED:  # tried again: what was missing may be there now
                self._keep(Outcome(**fields | {"setting": Setting(**fields["setting"])}))
        if lines:  # a line that was cut off must not swallow the next one
            kept = [head, *(json.dumps(asdict(outcome)) for outcome in self.done.values())]
            unfinished = file.with_suffix(".unfinished")
            unfinished.write_text("\n".join(kept) + "\n", encoding="utf-8")
            unfinished.replace(file)

    def _keep(self, outcome: Outcome) -> None:
        self.done[outcome.setting, outcome.contestant] = outcome

    def forget(self, is_current: Callable[[Outcome], bool]) -> None:
        """Forget the outcomes that are not current: they are done again."""
        self.done = {key: outcome for key, outcome in self.done.items() if is_current(outcome)}

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome, on disk and in memory."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
        self._keep(outcome)

    def spent(self, protocol: str, contestant: str) -> float:
        """Return the seconds that a contestant has spent on a protocol."""
        return sum(
            outcome.wall_seconds
            for (setting, name), outcome in self.done.items()
            if setting.protocol == protocol and name == contestant
        )

    def last_seconds(self, protocol: str, contestant: str) -> float:
        """Return what the last trial of a protocol that a contestant finished took, 0 if none."""
        took = [
            outcome.wall_seconds
            for (setting, name), outcome in self.done.items()
            if setting.protocol == protocol and name == contestant and outcome.status == FINISHED
        ]
        return took[-1] if took else 0.0


def run(
    trials: Sequence[Trial],
    contestants: Mapping[str, Callable[[], Contestant]],
    outcomes: Outcomes,
    *,
    minutes: Mapping[str, float],
    savings: Sequence[Saving] = (),
    begins: Callable[[str], object] = bool,
) -> None:
    """Run every contestant through every trial that has no outcome yet.

    Args:
        trials: checked for leaks before anything is learnt.
        contestants: name -> what makes one anew, for each trial.
        outcomes: those done already, and where further ones go.
        minutes: protocol -> the most that a contestant may spend on it in all.
        savings: what they saved counts in the seconds of an outcome.
        begins: called with what begins, for a progress bar.

    Raises:
        CorpusError: a trial leaks.
    """
    for trial in trials:
        check_no_leak(trial)
    fingerprints = {trial.setting: trial.fingerprint() for trial in trials}
    codes = {name: code_of(make()) for name, make in contestants.items()}
    outcomes.forget(
        lambda outcome: (
            outcome.trial == fingerprints.get(outcome.setting)
            and outcome.code == codes.get(outcome.contestant, outcome.code)
        )
    )
    for name, make in contestants.items():
        for trial in trials:
            setting = trial.setting
            begins(f"{name}: {setting.protocol}, level {setting.level}, {setting.names}")
            if (setting, name) in outcomes.done:
                continue
            allowed = minutes[setting.protocol]
            left = 60 * allowed - outcomes.spent(setting.protocol, name)
            needed = outcomes.last_seconds(setting.protocol, name)
            if left > needed:
                outcome = _attempt(trial, name, make(), left, savings)
            else:
                reason = f"its {allowed:g} minutes for this protocol were used up before"
                if left > 0:
                    reason = (
                        f"of its {allowed:g} minutes for this protocol {left:.0f} seconds are left,"
                        f" and its last setting took {needed:.0f}"
                    )
                outcome = Outcome(setting, name, status=NOT_FINISHED, reason=reason)
            outcome.trial, outcome.code = fingerprints[setting], codes[name]
            outcomes.add(outcome)


def code_of(contestant: Contestant) -> str:
    """Return a fingerprint of all code that a contestant's answers and seconds depend on."""
    return code_sha256(type(contestant).__module__, __name__)


def _attempt(
    trial: Trial,
    name: str,
    contestant: Contestant,
    seconds: float,
    savings: Sequence[Saving],
) -> Outcome:
    outcome, begun = Outcome(trial.setting, name), time.perf_counter()
    with peak_memory() as peak:
        try:
            with time_limit(seconds):
                _examine(trial, contestant, outcome, Stopwatch(savings))
        except NotApplicableError as reason:
            outcome.status, outcome.reason = NOT_APPLICABLE, str(reason)
        except NotFinishedError as reason:
            episodes = len(outcome.answers) if trial.setting.k is not None else 0
            enough = episodes >= contestant.least_episodes
            outcome.status, outcome.reason = FINISHED if enough else NOT_FINISHED, str(reason)
        except Exception as error:  # whatever it is, the others go on, and it is reported
            outcome.status, outcome.reason = FAILED, f"{type(error).__name__}: {error}"
    outcome.wall_seconds = time.perf_counter() - begun
    outcome.start_rss_mb, outcome.peak_rss_mb = peak.start_mb, peak.rss_mb
    return outcome


def _examine(trial: Trial, contestant: Contestant, outcome: Outcome, stopwatch: Stopwatch) -> None:
    """Let a contestant prepare, learn and answer; what it did so far stands in the outcome."""
    contestant.prepare(trial_without_queries(trial))
    outcome.prepare_seconds = stopwatch.lap()
    taught = 0
    for number, task in enumerate(trial.tasks[: contestant.max_tasks if not trial.grows else None]):
        lesson = task.lesson
        if trial.grows and number:
            contestant.extend(lesson, lesson.support[taught:])
        else:
            contestant.fit(lesson)
        taught = len(lesson.support)
        fit_seconds = stopwatch.lap()
        answers = contestant.predict([query.insert for query in task.queries])
        outcome.fit_seconds.append(fit_seconds)
        outcome.predict_seconds.append(stopwatch.lap())
        outcome.answers.append(answers.ranked)
        outcome.confidences.append(answers.confidences)


def trial_without_queries(trial: Trial) -> Trial:
    """Return what a contestant may see of a trial before it is asked."""
    tasks = [Task(task.lesson, (), task.n_new) for task in trial.tasks[:1]]
    return replace(trial, tasks=tasks, left_out=())
