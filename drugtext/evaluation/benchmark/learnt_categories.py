"""Sections of the page on learning that new categories are asked for: heads, steps, starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from scipy.stats import t

from drugtext.evaluation.benchmark.learning_cells import Figures, interval, with_ahead
from drugtext.evaluation.markdown import markdown_table
from drugtext.evaluation.scores import few_shot_accuracy


def heads_table(told: Figures, part: str, level: int) -> str:
    """Return accuracy of each head against k, from what heads.json holds."""
    rows = [row for row in told["rows"] if (row["part"], row["level"]) == (part, level)]
    names = [name for name, found in rows[0].items() if isinstance(found, dict)]
    written = [["head", *(f"k = {row['k']}, {row['n_way']} ways" for row in rows)]]
    for head in names:
        means = [f"{row[head]['accuracy'][0]:.3f}{_star(row[head]['ahead'])}" for row in rows]
        written.append([head, *means])
    return markdown_table(written)


def _star(ahead: Sequence[float]) -> str:
    return "*" if ahead[1] > 0 or ahead[2] < 0 else ""


def heads(told: Figures) -> Iterator[str]:
    """Compare the heads, told by heads.json."""
    yield "Heads over one encoder"
    default = told["default"]
    ahead = {name: where for name, where in default["ahead"].items() if where}
    yield (
        f"The default is `{default['compared_with']}`, the simplest, unless another is ahead of it"
        f" on validation categories. Of {default['n_comparisons']} comparisons there, with what is"
        f" due to their number (Bonferroni), ahead are: {_where(ahead)}. A star: another accuracy"
        " than that of the simplest by more than its own interval, nothing corrected. So read,"
        f" ahead on validation categories are: {_where(_starred(told))}."
    )
    for part in ("validation", "test"):
        for level in sorted({row["level"] for row in told["rows"]}):
            if any((row["part"], row["level"]) == (part, level) for row in told["rows"]):
                yield f"{part.capitalize()} categories, ATC level {level}:"
                yield heads_table(told, part, level)


def _starred(told: Figures) -> dict[str, list[Figures]]:
    """Return where which head is ahead on validation categories by more than its own interval."""
    found: dict[str, list[Figures]] = {}
    for row in told["rows"]:
        for name, one in row.items():
            if row["part"] == "validation" and isinstance(one, dict) and one["ahead"][1] > 0:
                found.setdefault(name, []).append(row)
    return found


def _where(ahead: Mapping[str, Sequence[Figures]]) -> str:
    told = [
        f"{name} (level {one['level']}, k = {one['k']})"
        for name, where in ahead.items()
        for one in where
    ]
    return ", ".join(told) or "none"


def crossover(told: Figures) -> Iterator[str]:
    """Compare fine-tuning with prototypes, told by crossover.json."""
    yield "From how many inserts does fine-tuning pay?"
    yield (
        f"Test categories of ATC level {told['level']}, {told['n_tasks']} tasks; the meta-trained"
        f" adapter is trained on for {told['steps']} steps with the support alone. *Ahead*: of"
        " prototypes by `fit`, both without whitening, which needs other categories. *Whitened* is"
        " by all that the training categories tell; `fit` takes less of it, which is better still."
        " How long to fine-tune was not tuned."
    )
    columns = ("prototypes", "fine-tuned", "ahead", "prototypes, whitened", "ahead of whitened")
    rows = [
        [
            f"{row['k']} ({row['n_way']} ways)",
            *(interval(row[name]) for name in columns),
            f"{row['seconds'][0]:.0f}",
        ]
        for row in told["rows"]
    ]
    yield markdown_table([["k", *columns, "seconds to fine-tune"], *rows])
    for name, of in (("ahead", "prototypes"), ("ahead of whitened", "whitened prototypes")):
        better = [f"k = {row['k']}" for row in told["rows"] if row[name][1] > 0]
        worse = [f"k = {row['k']}" for row in told["rows"] if row[name][2] < 0]
        yield (
            f"By more than the interval, fine-tuning is ahead of {of} at"
            f" {', '.join(better) or 'no k'}, and behind at {', '.join(worse) or 'none'}."
        )


def setfit(told: Figures) -> Iterator[str]:
    """Compare with SetFit that is trained to its end, told by setfit.json."""
    yield "Against SetFit, trained to its end"
    yield (
        f"Test categories of ATC level {told['level']}, {told['n_way']} of them at once,"
        f" {told['n_tasks']} tasks, the same support: SetFit by its own defaults (all pairs of the"
        " support, one epoch), from MiniLM. *Seconds*: to learn the categories of a task, its"
        " inserts embedded; drugtext's encoder was trained once beforehand."
    )
    names = ("drugtext", "SetFit", "ahead", "drugtext, seconds", "SetFit, seconds", "times as long")
    rows = [
        [
            str(row["k"]),
            *(interval(row[name]) for name in names[:3]),
            *(f"{row[name][0]:,.1f}" for name in names[3:5]),
            f"{row[names[4]][0] / row[names[3]][0]:,.0f}",
        ]
        for row in told["rows"]
    ]
    yield markdown_table([["k", *names], *rows])


def starts(told: Figures) -> Iterator[str]:
    """Compare encoders that met the domain before with others, told by starts.json."""
    yield "Does it help to meet the domain first?"
    yield (
        f"Adapted: {told['steps']} steps of contrast on the training part's inserts, without their"
        f" categories. Meta-trained: {told['meta_steps']} steps of episodes. The validation part"
        " decides what is kept. Each start is whitened in full by the training categories; `fit`"
        " takes less of that for new categories."
    )
    encoders = ("as it comes", "adapted", "meta-trained", "adapted, then meta-trained")
    gain = "helps after meta-training"
    rows = [
        [
            row["part"],
            str(row["level"]),
            f"{row['k']} ({row['n_way']} ways)",
            *(f"{row[name][0]:.3f}" for name in encoders),
            interval(row[gain]),
        ]
        for row in told["rows"]
    ]
    yield markdown_table([["part", "level", "k", *encoders, gain], *rows])
    judged = [row for row in told["rows"] if row["part"] == "validation"]
    better = sum(row[gain][1] > 0 for row in judged)
    worse = sum(row[gain][2] < 0 for row in judged)
    sure = sum(_is_ahead(row[gain], row["n_tasks"], len(judged)) for row in judged)
    yield (
        f"On validation categories it helps by more than the interval in {better} of {len(judged)}"
        f" settings, and harms in {worse}. With what is due to their number (Bonferroni) it helps"
        f" in {sure}: it is {'kept' if sure > worse else 'left out'}."
    )


def _is_ahead(gain: Sequence[float], n_tasks: int, n_comparisons: int) -> bool:
    """Tell whether a gain, whose interval is that of `few_shot_accuracy`, is above 0.

    One comparison has its share alone of the chance to be wrong in any (Bonferroni; Dunn 1961).
    """
    mean, low, _ = gain
    at_once, alone = (t.ppf(1 - 0.025 / n, n_tasks - 1) for n in (n_comparisons, 1))
    return bool(mean - (mean - low) * at_once / alone > 0)


def trainings(told: Figures) -> Iterator[str]:
    """Compare the plans of meta-training, told by trainings.json."""
    yield "How meta-training was tuned"
    first = told["rows"][0]
    yield (
        f"Validation categories, {told['n_tasks']} tasks each; an encoder that was trained by each"
        f" plan, {told['steps']} steps if nothing else is said. A plan differs in one thing from"
        " the one that is used. Behind each accuracy: by how much the one that is used is ahead."
    )
    columns = [f"level {a['level']}, k = {a['k']}, {a['n_way']} ways" for a in first["asked"]]
    written = [["", *columns]]
    written.append([first["training"], *(interval(used["accuracy"]) for used in first["asked"])])
    for row in told["rows"][1:]:
        both = zip(first["asked"], row["asked"], strict=True)
        cells = [with_ahead(own["accuracy"], _gain(used, own)) for used, own in both]
        written.append([row["training"], *cells])
    yield markdown_table(written)
    better = _told_apart(told, lambda gain: gain[2] < 0)
    worse = _told_apart(told, lambda gain: gain[1] > 0)
    n_comparisons = (len(told["rows"]) - 1) * len(columns)
    yield (
        f"Of {n_comparisons} comparisons, {round(0.05 * n_comparisons)} are told apart by chance"
        f" alone. By more than its interval, ahead of the one that is used are: {better}. Behind:"
        f" {worse}."
    )


def _gain(used: Figures, other: Figures) -> tuple[float, float, float]:
    """Return by how much the plan that is used is ahead, task by task."""
    return few_shot_accuracy(np.array(used["accuracies"]) - np.array(other["accuracies"]))


def _told_apart(told: Figures, is_so: Callable[[Sequence[float]], bool]) -> str:
    """Name the trainings, and where, whose gain is so."""
    first, *others = told["rows"]
    where = {
        row["training"]: [
            own
            for used, own in zip(first["asked"], row["asked"], strict=True)
            if is_so(_gain(used, own))
        ]
        for row in others
    }
    return _where(where)
