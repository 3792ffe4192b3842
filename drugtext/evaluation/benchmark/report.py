"""The report of a benchmark run, in Markdown: how it was made, the tables, and what was lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from drugtext.evaluation.benchmark.goals import goals
from drugtext.evaluation.benchmark.protocols import ALL, FULL, INDICATED
from drugtext.evaluation.benchmark.run import NOT_APPLICABLE, NOT_FINISHED
from drugtext.evaluation.benchmark.sections import (
    few_shot_caption,
    few_shot_table,
    growing,
    new_category,
    new_drug,
    new_regulator,
    training_cost,
)
from drugtext.evaluation.benchmark.tables import (
    UNTRAINED,
    Figure,
    Results,
    accuracy,
    counts,
    interval,
    present,
    show_accuracy,
    table,
)
from drugtext.evaluation.benchmark.task import OWN

_HOW_TO_READ = """\
No ingredient is taught and asked: inserts that share a substance, even in a combination, stand on
one side, and texts that nearly repeat a taught one are not asked. *Masked*: ingredient and brand
names are replaced; *plain*: as printed. *Full documents*: US labels and EU leaflets. *With
indications*: also texts that hold the indications alone, mostly a sentence or two. *All*: also
texts that hold contraindications or adverse reactions alone. Every contestant is taught the same
inserts and asked the same ones. drugtext's encoder is trained beforehand on those that are taught,
in both printed forms and at all levels that they have, so it may know the parents of what is asked;
for new categories on the categories of the training part, and for a growing taxonomy on those of
the first step and all that never arrive, which no other contestant is given. It reads a category's
name together with that of the category above it, and for new categories with those right below it,
though not of drugs; the others read the name alone. Intervals are 95 %: drawn over ingredients
(bootstrap; those that share a substance are drawn together), but over episodes for the accuracy of
a new category: those say how well the mean over draws is known, not what other drugs and categories
would give. The best of a column is bold, among contestants that finished all episodes. A star marks
an accuracy whose paired difference to drugtext's, drawn over ingredients everywhere, excludes 0
with its 95 % interval; nothing is corrected for the many comparisons. *Category unknown* counts
further inserts that nobody can get right, as no taught insert has their category; they are not in
*n*.

Seconds are those of one process on this machine, with what embedding costs without its cache, and
*prepare* with the training of drugtext's encoder, which several trials share; the time limits
apply to everything except training and embedding.
Memory is what the process held above what it held when the contestant began; what others had freed
can be used again without showing, and the encoder's own is not in it, as embeddings come from the
cache. Settings of contestants (C, words read, shares of ancestors, the lexicon's weight) were
chosen on the validation inserts of the new-drug split, and how the encoder is trained (steps,
learning rate, weight of the proxies) on a third of the training and validation categories of new
category. Some of these drugs are asked again under the other question."""

PLOTS = {
    "accuracy_by_k.png": "Accuracy against support inserts a category",
    "cost.png": "Cost against accuracy",
    "growing.png": "Accuracy and seconds as the taxonomy grows",
    "confusion.png": "Confusion between ATC groups, drugtext",
}
"""File name -> what it shows."""


def markdown_report(results: Results, plots: Sequence[str] = ()) -> str:
    """Write the whole report.

    Args:
        results: what results.json holds.
        plots: names of the image files beside it, of those in `PLOTS`.
    """
    parts = [
        "# Benchmark",
        *_how_it_was_made(results),
        "## How to read it",
        _HOW_TO_READ,
        "## Goals",
        *goals(results),
        "## New drug: all categories known, the ingredients unseen",
        *new_drug(results),
        *_plot(plots, "cost.png"),
        *_plot(plots, "confusion.png"),
        "## New category: the categories unseen, a few inserts of each",
        *new_category(results),
        *_plot(plots, "accuracy_by_k.png"),
        "## New regulator: taught by one, asked by the other",
        *new_regulator(results),
        "## Growing taxonomy: categories arrive ten at a time",
        "*drugtext* adds each by itself, and what it says of the others stays the same to the last"
        " bit. All others learn everything anew after each step, *drugtext, whole tree* as well:"
        " embeddings are kept, so that takes about a second.",
        *growing(results),
        *_plot(plots, "growing.png"),
        *training_cost(results),
        "## What did not finish, or not wholly",
        "\n".join(_unfinished(results)),
        "## Where drugtext loses",
        "\n".join(f"- {sentence}" for sentence in losses(results)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(results: Results) -> str:
    """Write what the README shows: two tables, and where drugtext loses."""
    drug = {"protocol": "new drug", "taxonomy": "atc", "level": 3}
    columns = [
        (f"{documents}, {names}", drug | {"documents": documents, "names": names})
        for documents in (FULL, ALL)
        for names in ("masked", "plain")
    ]
    few = {"protocol": "new category", "level": 3, "documents": INDICATED, "names": "masked"}
    shots = present(results, few, "k")
    parts = [f"New drug, ATC level 3. {counts(results, columns)}"]
    parts.append(table(results, columns, show_accuracy, accuracy))
    if shots:
        parts += [few_shot_caption(results, few, shots), few_shot_table(results, few, shots)]
    parts.append("Where drugtext loses, in all settings of the report:")
    parts.append("\n".join(f"- {sentence}" for sentence in losses(results)))
    return "\n\n".join(parts)


def losses(results: Results) -> list[str]:
    """Say where another contestant is more accurate than drugtext.

    Returns:
        A sentence for each setting in which the interval of the difference excludes 0; then one for
        each contestant that is ahead elsewhere by less than that.
    """
    clear, slight = [], defaultdict(list)
    for row in results["figures"]:
        difference = row["against_drugtext"]
        is_own = row["contestant"].startswith(OWN) and row["contestant"] != UNTRAINED
        if is_own or difference is None or difference["value"] <= 0:
            continue
        if difference["low"] is not None and difference["low"] > 0:
            clear.append(
                f"**{row['contestant']}** is ahead by {interval(difference)}: {_setting(row)}"
                f" ({accuracy(row):.3f})."
            )
        else:
            slight[row["contestant"]].append((difference["value"], row))
    for name, ahead in slight.items():
        most, row = max(ahead, key=lambda pair: pair[0])
        how_many = f"{len(ahead)} setting{'s' if len(ahead) > 1 else ''}"
        clear.append(
            f"{name} is ahead by less than the interval in {how_many}; the most is {most:.3f}:"
            f" {_setting(row)}."
        )
    return clear or ["Nowhere in this run."]


def _setting(row: Figure) -> str:
    is_flat = row["taxonomy"] == "epc"
    told = [row["protocol"], "EPC" if is_flat else f"ATC level {row['level']}"]
    if row["trained_on"]:
        told.append(f"taught {row['trained_on']}, asked {row['documents']}")
    else:
        told.append(row["documents"])
    told.append(row["names"])
    told += [f"k = {row['k']}"] if row["k"] is not None else []
    told += [f"{row['n_categories']} categories known"] if row["step"] else []
    return ", ".join(told)


def _how_it_was_made(results: Results) -> Iterator[str]:
    machine = results["machine"]
    yield f"Made by{' (the quick run)' if results['quick'] else ''}:"
    yield f"```sh\n{results['command']}\n```"
    seconds = results.get("elapsed_seconds", results["wall_seconds"])
    yield (
        f"{seconds / 60:.0f} minutes on {machine['cores']} cores"
        f" ({machine['processor']}, {machine['memory_gb']} GB); seed {results['seed']}."
        f" {', '.join(f'{name} {version}' for name, version in results['versions'].items())}."
        " Every number stands in [results.json](results.json), with its seed, n, interval, seconds"
        " and peak memory."
    )
    if results.get("note"):
        yield results["note"]
    lines = ["| corpus | split | inserts | ingredients | categories |", "|---|---|---|---|---|"]
    for name, data in results["data"].items():
        lines += [
            f"| {name} | {split} | {c['inserts']} | {c['ingredients']} | {c['categories']} |"
            for split, c in data["splits"].items()
        ]
    yield "\n".join(lines)
    if results["quick"]:
        yield (
            "The quick run makes its corpora of one insert in three, and takes a few categories of"
            " these, and one insert an ingredient."
        )
    prints = [f"{name} `{data['sha256'][:16]}`" for name, data in results["data"].items()]
    prints.append(f"code `{results['code'][:16]}`")
    yield f"SHA-256 of the corpora and of the code begins with: {', '.join(prints)}."
    yield "\n".join(f"- **{name}**: {what}" for name, what in results["contestants"].items())


def _plot(plots: Iterable[str], name: str) -> list[str]:
    return [f"![{PLOTS[name]}]({name})"] if name in plots else []


def _unfinished(results: Results) -> Iterator[str]:
    grouped: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in results["figures"]:
        if row["reason"] and row["status"] != NOT_APPLICABLE:
            setting = _setting(row)
            done = "did not finish" if row["status"] == NOT_FINISHED else row["status"]
            done = f"finished {row['n_tasks']} episodes" if row["metrics"] else done
            found = grouped[row["contestant"], done, row["reason"]]
            if setting not in found:
                found.append(setting)
    for (name, status, reason), settings in grouped.items():
        n_more = len(settings) - 2
        rest = f" and {n_more} more setting{'s' * (n_more > 1)}" if n_more > 0 else ""
        yield f"- **{name}** {status} ({reason}): {'; '.join(settings[:2])}{rest}."
    if not grouped:
        yield "Everything finished."
