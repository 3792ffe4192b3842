"""How drugtext learns, in figures: a Markdown page of all that the scripts beside it measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from drugtext.evaluation.benchmark.task import OWN
from drugtext.evaluation.figures_file import read_figures
from drugtext.evaluation.markdown import markdown_table
from drugtext.evaluation.scores import few_shot_accuracy

Figures = Mapping[str, Any]

JUDGED = ("new drug, full documents", "new drug, all", "new category, k = 1", "new category, k = 5")
"""What `scripts/ablate.py` asks."""


def write_learning_page(folder: Path) -> Path:
    """Write the page of those figures that a folder holds.

    Args:
        folder: of ablation.json, heads.json, crossover.json, starts.json, pooling.json,
            readings.json, draws.json and larger.json, or of some of them.
    """
    page = folder / "README.md"
    page.write_text(learning_page(read_figures(folder, [*_PARTS, _LARGER])), encoding="utf-8")
    return page


def learning_page(parts: Mapping[str, Figures]) -> str:
    """Write the page.

    Args:
        parts: name of a JSON file -> what it holds; any may be absent.
    """
    written = [
        "# How drugtext learns: what each part brings",
        "ATC, names masked; drugs and categories that nobody trained on. Intervals are 95 %: over"
        " drugs for new drugs, over tasks for new categories. Made on a finished run of the"
        " [benchmark](../README.md).",
    ]
    sections = {name: of_part(parts[name]) for name, of_part in _PARTS.items() if name in parts}
    if parts.keys() >= {_LARGER, "draws"} and _are_alike(parts[_LARGER], parts["draws"]):
        sections[_LARGER] = _larger(parts[_LARGER], parts["draws"])
    for name, (title, *told) in sections.items():
        written += [f"## {title}", f"```\n{parts[name]['command']}\n```", *told]
    return "\n\n".join(written) + "\n"


def _ablation(told: Figures) -> Iterator[str]:
    yield "All parts, and all but one"
    yield (
        f"ATC level {told['level']}, validation drugs and categories. Behind each accuracy: by how"
        " much all parts together are ahead of it."
    )
    rows = [
        [row["parts"], *(_with_ahead(row[what], is_first=n == 0) for what in JUDGED)]
        for n, row in enumerate(told["rows"])
    ]
    first = told["rows"][0]
    sizes = [f"{w}, n = {first[w]['n']}" for w in JUDGED[:2]]
    sizes += [f"{w}, {first[w]['n_way']} ways, {first[w]['n_tasks']} tasks" for w in JUDGED[2:]]
    yield markdown_table([["", *sizes], *rows])


def _with_ahead(one: Figures, *, is_first: bool) -> str:
    if is_first:
        return _interval(one["accuracy"])
    mean, low, high = one["all_ahead"]
    return f"{one['accuracy'][0]:.3f}; {mean:+.3f} ({low:+.3f} to {high:+.3f})"


def heads_table(told: Figures, part: str, level: int) -> str:
    """Return accuracy of each head against k, from what heads.json holds."""
    rows = [row for row in told["rows"] if (row["part"], row["level"]) == (part, level)]
    heads = [name for name, found in rows[0].items() if isinstance(found, dict)]
    written = [["head", *(f"k = {row['k']}, {row['n_way']} ways" for row in rows)]]
    for head in heads:
        means = [f"{row[head]['accuracy'][0]:.3f}{_star(row[head]['ahead'])}" for row in rows]
        written.append([head, *means])
    return markdown_table(written)


def _star(ahead: Sequence[float]) -> str:
    return "*" if ahead[1] > 0 or ahead[2] < 0 else ""


def _heads(told: Figures) -> Iterator[str]:
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


def _crossover(told: Figures) -> Iterator[str]:
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
            *(_interval(row[name]) for name in columns),
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


def _starts(told: Figures) -> Iterator[str]:
    yield "Does it help to meet the domain first?"
    yield (
        f"Adapted: {told['steps']} steps of contrast on the training part's inserts, without their"
        f" categories. Meta-trained: {told['meta_steps']} steps of episodes. The validation part"
        " decides what is kept. Each start is whitened in full by the training categories; `fit`"
        " takes less of that for new categories."
    )
    starts = ("as it comes", "adapted", "meta-trained", "adapted, then meta-trained")
    gain = "helps after meta-training"
    rows = [
        [
            row["part"],
            str(row["level"]),
            f"{row['k']} ({row['n_way']} ways)",
            *(f"{row[name][0]:.3f}" for name in starts),
            _interval(row[gain]),
        ]
        for row in told["rows"]
    ]
    yield markdown_table([["part", "level", "k", *starts, gain], *rows])
    judged = [row for row in told["rows"] if row["part"] == "validation"]
    better = sum(row[gain][1] > 0 for row in judged)
    worse = sum(row[gain][2] < 0 for row in judged)
    sure = sum(_is_ahead(row[gain], row["n_tasks"], len(judged)) for row in judged)
    yield (
        f"On validation categories it helps by more than the interval in {better} of {len(judged)}"
        f" settings, and harms in {worse}. With what is due to their number (Bonferroni) it helps"
        f" in {sure}: it is {'kept' if sure > worse else 'left out'}."
    )


def _pooling(told: Figures) -> Iterator[str]:
    yield "How the windows of an insert become one vector"
    yield (
        f"ATC level {told['level']}, validation drugs. Each window counts by the reading plan; in"
        " place of that alike; or by the plan times a factor that is learnt, of its section, or by"
        f" attention to what stands in it. Learnt in {told['steps']} steps on the training drugs,"
        " each judged by the prototypes of the others; the encoder was trained on them, too, so"
        " what is said of them may be too good. Behind each accuracy: by how much the plan is"
        " ahead."
    )
    rows = [
        [row["windows"], *(_with_ahead(row[what], is_first=n == 0) for what in JUDGED[:2])]
        for n, row in enumerate(told["rows"])
    ]
    sizes = [f"{what}, n = {told['rows'][0][what]['n']}" for what in JUDGED[:2]]
    yield markdown_table([["", *sizes], *rows])
    factors = ", ".join(f"{name} {factor:.2f}" for name, factor in told["factors"].items())
    yield f"Learnt factors of sections, that of the indications being 1: {factors}."


def _readings(told: Figures) -> Iterator[str]:
    yield "How much of each section is worth reading"
    yield (
        f"Drugs of the training and the validation split in {told['folds']} folds, each asked of"
        " what was taught the others, by the same way of reading; the encoder is not trained."
        " *Tokens*: encoded of a full document, in the mean. Behind each accuracy: by how much the"
        " default is ahead."
    )
    levels = sorted({row["level"] for row in told["rows"]})
    for names in dict.fromkeys(row["names"] for row in told["rows"]):
        rows = [row for row in told["rows"] if row["names"] == names]
        columns = [(what, level) for what in JUDGED[:2] for level in levels]
        sizes = {(what, row["level"]): row[what]["n"] for row in rows for what in JUDGED[:2]}
        written = [["", "tokens", *(f"{w}, level {n}, n = {sizes[w, n]:,}" for w, n in columns)]]
        for reads in dict.fromkeys(row["reads"] for row in rows):
            by_level = {row["level"]: row for row in rows if row["reads"] == reads}
            is_first = reads == rows[0]["reads"]
            cells = [_with_ahead(by_level[level][w], is_first=is_first) for w, level in columns]
            written.append([reads, f"{by_level[levels[0]]['tokens']:,.0f}", *cells])
        yield f"Names {names}:"
        yield markdown_table(written)


def _is_ahead(gain: Sequence[float], n_tasks: int, n_comparisons: int) -> bool:
    """Tell whether a gain, whose interval is that of `few_shot_accuracy`, is above 0.

    One comparison has its share alone of the chance to be wrong in any (Bonferroni; Dunn 1961).
    """
    mean, low, _ = gain
    at_once, alone = (t.ppf(1 - 0.025 / n, n_tasks - 1) for n in (n_comparisons, 1))
    return bool(mean - (mean - low) * at_once / alone > 0)


def draws_table(told: Figures) -> str:
    """Return mean and range over draws of what was asked in all of them; told: of draws.json."""
    shots = sorted({row["k"] for row in told["rows"]})
    written = [["", *(f"k = {k}" for k in shots)]]
    for name in (name for name in told["rows"][-1]["accuracy"] if name != OWN):
        found = [[r["accuracy"][name] for r in told["rows"] if r["k"] == k] for k in shots]
        cells = [f"{sum(v) / len(v):.3f} ({min(v):.3f} to {max(v):.3f})" for v in found]
        written.append([name, *cells])
    return markdown_table(written)


def _draws(told: Figures) -> Iterator[str]:
    yield "How much it matters which categories are held out"
    yield (
        f"ATC level {told['level']}, {told['episodes']} episodes a draw; mean over draws, and from"
        " the hardest to the easiest. Draw 0 is that of the benchmark."
    )
    yield draws_table(told)
    trained = [row for row in told["rows"] if OWN in row["accuracy"]]
    if trained:
        yield "Where drugtext's encoder was trained on the draw's own training categories:"
        names = list(trained[0]["accuracy"])
        rows = [
            [str(row["seed"]), str(row["k"]), *(f"{row['accuracy'][n]:.3f}" for n in names)]
            for row in trained
        ]
        yield markdown_table([["draw", "k", *names], *rows])


def _are_alike(told: Figures, draws: Figures) -> bool:
    """Tell whether two encoders were asked the same episodes, and how large both are."""
    is_alike = all(told[name] == draws[name] for name in ("corpus_sha256", "level", "episodes"))
    return is_alike and "n_parameters" in draws


def _larger(told: Figures, draws: Figures) -> Iterator[str]:
    """Compare an encoder with that of draws.json, by draw."""
    yield "What a larger encoder brings"
    yield (
        f"{told['encoder']}, {told['n_parameters'] / 1e6:.1f} million parameters, in place of"
        f" {draws['n_parameters'] / 1e6:.1f} million; neither is trained, and both are asked the"
        " same episodes of the same draws. Behind each mean: by how much the larger one is ahead,"
        " with an interval over the draws, which share categories."
    )
    small = {(row["seed"], row["k"]): row["accuracy"] for row in draws["rows"]}
    both = [row for row in told["rows"] if (row["seed"], row["k"]) in small]
    shots = sorted({row["k"] for row in both})
    written = [["", *(f"k = {k}" for k in shots)]]
    for name in both[0]["accuracy"]:
        cells = []
        for k in shots:
            rows = [row for row in both if row["k"] == k]
            own = np.array([row["accuracy"][name] for row in rows])
            others = np.array([small[row["seed"], k][name] for row in rows])
            mean, low, high = few_shot_accuracy(own - others)
            cells.append(f"{own.mean():.3f}; {mean:+.3f} ({low:+.3f} to {high:+.3f})")
        written.append([name, *cells])
    yield markdown_table(written)


def _interval(found: Sequence[float]) -> str:
    mean, low, high = found
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"


_PARTS: dict[str, Callable[[Figures], Iterator[str]]] = {
    "ablation": _ablation,
    "heads": _heads,
    "crossover": _crossover,
    "starts": _starts,
    "pooling": _pooling,
    "readings": _readings,
    "draws": _draws,
}
_LARGER = "larger"
"""What is compared with the draws."""
