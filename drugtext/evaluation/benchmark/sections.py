"""The report's sections: the tables of each protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from drugtext.evaluation.benchmark.protocols import SCOPES
from drugtext.evaluation.benchmark.tables import (
    NOTHING,
    Figure,
    Results,
    accuracy,
    any_of,
    counts,
    find,
    interval,
    present,
    seconds,
    show_accuracy,
    table,
    ways,
)
from drugtext.evaluation.markdown import markdown_table


def new_drug(results: Results) -> Iterator[str]:
    """Tables of accuracy by level, and of further figures."""
    for documents in SCOPES:
        for names in present(results, {"protocol": "new drug"}, "names"):
            same = {"protocol": "new drug", "documents": documents, "names": names}
            levels = present(results, same | {"taxonomy": "atc"}, "level")
            columns = [(f"ATC {n}", same | {"taxonomy": "atc", "level": n}) for n in levels]
            if present(results, same | {"taxonomy": "epc"}, "level"):
                columns.append(("EPC", same | {"taxonomy": "epc"}))
            yield f"### {documents.capitalize()}, {names}: accuracy"
            yield counts(results, columns)
            yield table(results, columns, show_accuracy, accuracy)
            for title, wanted in columns:
                yield f"Further figures, {title}; cost with embedding included:"
                yield _further(results, wanted)


_METRICS = {
    "top_3": "among the first 3",
    "macro_f1": "macro-F1",
    "by_ingredient": "by ingredient",
    "hierarchical_precision": "hierarchical precision",
    "calibration_error": "calibration error",
}
_MOST_OF_ALL = 5
"""Support inserts up to which the same categories are asked."""
_SECONDS = {
    "prepare_seconds": "prepare, s",
    "fit_seconds": "fit, s",
    "predict_seconds": "predict, s",
}


def _further(results: Results, wanted: Mapping[str, Any]) -> str:
    """Write other metrics than accuracy, and the cost, of one setting: a column each."""
    titles = [*_METRICS.values(), *_SECONDS.values(), "memory, MB"]
    rows = [["", *titles]]
    for contestant in results["contestants"]:
        if row := find(results, contestant, wanted):
            metrics = row["metrics"]
            told = [interval(metrics[name]) if name in metrics else NOTHING for name in _METRICS]
            told += [seconds(row[name]) for name in _SECONDS]
            told.append(f"{row['peak_rss_mb'] - row['start_rss_mb']:,.0f}")
            rows.append([row["contestant"], *told])
    return markdown_table(rows)


def new_category(results: Results) -> Iterator[str]:
    """A table a level, kind of document and form of names; a column a number of support inserts."""
    same = {"protocol": "new category"}
    for level in present(results, same, "level"):
        for documents in SCOPES:
            for names in present(results, same, "names"):
                wanted = same | {"level": level, "documents": documents, "names": names}
                if shots := present(results, wanted, "k"):
                    yield f"### ATC level {level}, {documents}, {names}"
                    yield few_shot_caption(results, wanted, shots)
                    yield few_shot_table(results, wanted, shots)
                    k = max(k for k in shots if k <= _MOST_OF_ALL)
                    yield f"Further figures at k = {k}; cost an episode, embedding included:"
                    yield _further(results, wanted | {"k": k})


def few_shot_caption(results: Results, wanted: Mapping[str, Any], shots: Sequence[int]) -> str:
    """Say how many categories, episodes and support inserts a table is of."""
    row = any_of(results, wanted)
    if row is None:
        return ""
    n_ways = ways(results, wanted, shots)
    fewer = [
        f" (k = {k}: the {n} that have ingredients enough)"
        for k, n in zip(shots, n_ways, strict=True)
        if n < max(n_ways)
    ]
    return (
        f"New category, ATC level {row['level']}, {row['documents']}, {row['names']}: of the"
        f" {row['n_held_out']} held-out categories all {max(n_ways)} that have ingredients enough,"
        f" at once{''.join(fewer)}; {row['n_tasks']} episodes unless stated; k support inserts a"
        " category, each of another ingredient; k = 0: the category's name alone. Up to k = 5 the"
        " same categories are asked, so that figures compare."
    )


def few_shot_table(results: Results, wanted: Mapping[str, Any], shots: Sequence[int]) -> str:
    """Write accuracy against support inserts a category."""
    columns = [(f"k = {k}", dict(wanted) | {"k": k}) for k in shots]
    return table(results, columns, show_accuracy, accuracy)


def new_regulator(results: Results) -> Iterator[str]:
    """A table a level and form of names; a column who taught and who asked."""
    same = {"protocol": "new regulator"}
    yield (
        "A published classifier fell from 82 to 68 points between two regulators' documents; its"
        " data and categories were different, so only the fall compares. US → EU: taught US labels,"
        " asked EU leaflets of other ingredients. The two sides ask about different drugs, in a"
        " different mix of categories, so a fall is not the change of style alone."
    )
    for level in present(results, same, "level"):
        for names in present(results, same, "names"):
            wanted = same | {"level": level, "names": names}
            columns = [
                (f"{a[:2]} → {b[:2]}", wanted | {"trained_on": a, "documents": b})
                for a, b in (
                    ("US labels", "US labels"),
                    ("US labels", "EU leaflets"),
                    ("EU leaflets", "EU leaflets"),
                    ("EU leaflets", "US labels"),
                )
            ]
            yield f"### ATC level {level}, {names}"
            yield counts(results, columns)
            yield table(results, columns, show_accuracy, accuracy)
            yield "Accuracy lost on the way (below 0: gained):"
            yield table(results, [columns[1], columns[3]], _show_drop, _negative_drop)


def growing(results: Results) -> Iterator[str]:
    """Accuracy and seconds at each step."""
    for names in present(results, {"protocol": "growing taxonomy"}, "names"):
        same = {"protocol": "growing taxonomy", "names": names}
        steps = present(results, same, "step")
        known = {step: any_of(results, same | {"step": step}) for step in steps}
        columns = [
            (f"{row['n_categories']} known", same | {"step": step})
            for step, row in known.items()
            if row
        ]
        yield f"### ATC level 3, all inserts, {names}: accuracy on old / new / all categories"
        yield table(results, columns, _show_growth, accuracy)
        yield "Seconds a step, embedding of what is new included:"
        yield table(results, columns, lambda row: seconds(row["fit_seconds"]))


def training_cost(results: Results) -> Iterator[str]:
    """What training costs, where it was measured beside the run."""
    if told := results.get("training"):
        yield "## What training costs"
        yield (
            f"{told['n_inserts']:,} inserts, windows of {told['window_tokens']} tokens; made by"
            f" `{told['command']}`:"
        )
        lines = ["| training | seconds a step | peak memory, MB | precision |", "|---|---|---|---|"]
        lines += [
            f"| {row['training']} | {row['seconds_a_step']:.1f} | {row['peak_rss_mb']:,.0f}"
            f" | {row['precision']} |"
            for row in told["rows"]
        ]
        yield "\n".join(lines)
        for row in told["rows"]:
            if tokens := row.get("tokens_an_hour"):
                yield f"The steps of {row['training']} read {tokens / 1e6:.1f} M tokens an hour."


def _show_drop(row: Figure) -> str:
    return interval(row["metrics"]["drop"])


def _negative_drop(row: Figure) -> float:
    return -row["metrics"]["drop"]["value"]


def _show_growth(row: Figure) -> str:
    told = [row["metrics"].get(name) for name in ("accuracy_old", "accuracy_new", "accuracy")]
    return " / ".join(f"{metric['value']:.3f}" if metric else "—" for metric in told)
