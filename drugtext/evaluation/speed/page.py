"""The figures of speed as a Markdown page: a table of targets first, then each in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from drugtext.evaluation.figures_file import read_figures
from drugtext.evaluation.markdown import markdown_table, met, table_of
from drugtext.evaluation.speed.peers import PIPELINE_FIRST, PIPELINE_WHOLE, SENTENCES
from drugtext.evaluation.speed.pictures import draw_scale, draw_tokens, draw_ways
from drugtext.evaluation.speed.scale_section import scale_section

Figures = Mapping[str, Any]

LABELS_A_SECOND = 20
SHARE_OF_LIMIT = 0.6
FASTER_THAN_PIPELINE = 5
ADDED_SECONDS = 1
FASTER_THAN_SETFIT = 100
PEAK_MB = 1000
"""Targets, on 2 cores."""
OWN = "drugtext"
OWN_QUICK = "drugtext, quick"

_PARTS = {"speed": draw_ways, "tokens": draw_tokens, "scale": draw_scale}


def write_speed_page(folder: Path) -> Path:
    """Write the page of those figures that a folder holds, and their pictures.

    Args:
        folder: of speed.json, tokens.json and scale.json, or of some of them.
    """
    parts = read_figures(folder, _PARTS)
    for name, told in parts.items():
        _PARTS[name](told, folder / f"{name}.png")
    page = folder / "README.md"
    page.write_text(speed_page(parts), encoding="utf-8")
    return page


def speed_page(parts: Mapping[str, Figures]) -> str:
    """Write the page.

    Args:
        parts: "speed", "tokens", "scale" -> what its JSON file holds; any may be absent.
    """
    written = ["# How fast drugtext is, and what limits it"]
    if "speed" in parts:
        written += _speed(parts["speed"], parts.get("tokens"))
    if "tokens" in parts:
        written += _tokens(parts["tokens"])
    if "scale" in parts:
        written += scale_section(parts["scale"])
    return "\n\n".join(written) + "\n"


def headline(told: Figures, tokens: Figures | None = None) -> str:
    """Return the table of targets from what speed.json holds, and tokens.json if it is there."""
    return markdown_table([["on 2 cores", "target", "measured", ""], *_targets(told, tokens)])


def _targets(told: Figures, tokens: Figures | None) -> Iterator[list[str]]:
    ways = {way["what"]: way for way in told["ways"]}
    own = ways[OWN]
    rate = own["inserts_a_second"]
    what = f"Full US labels a second, files parsed ({own['backend']})"
    yield [what, f"≥ {LABELS_A_SECOND}", f"{rate:.1f}", met(rate >= LABELS_A_SECOND)]
    quick = ways[OWN_QUICK]
    rate = quick["inserts_a_second"]
    what = f"The same, read quickly ({quick['same_answer']:.0%} the same answer)"
    yield [what, f"≥ {LABELS_A_SECOND}", f"{rate:.1f}", met(rate >= LABELS_A_SECOND)]
    best = max(told["encoders"], key=lambda row: row["share_of_limit"])
    share = best["share_of_limit"]
    what = f"The encoder, of the measured rate of matrix products ({best['backend']})"
    yield [what, f"≥ {SHARE_OF_LIMIT:.0%}", f"{share:.0%}", met(share >= SHARE_OF_LIMIT)]
    ratio, accuracies = _times_as_fast(ways[PIPELINE_WHOLE]), _full_accuracies(tokens)
    is_met = ratio >= FASTER_THAN_PIPELINE
    shown, target = f"{ratio:.1f}", f"≥ {FASTER_THAN_PIPELINE}"
    if accuracies:
        better, worse = accuracies["whole plan"], accuracies[PIPELINE_WHOLE]
        shown += f"; accuracy {better:.3f} against {worse:.3f}"
        target, is_met = f"{target}, as accurate", is_met and better >= worse
    yield [f"Times as fast as a {PIPELINE_WHOLE}", target, shown, met(is_met)]
    for what in (PIPELINE_FIRST, SENTENCES):
        yield [f"Times as fast as {what}", "—", f"{_times_as_fast(ways[what]):.1f}", ""]
    learnt = told["learning"]
    added = learnt["added_seconds"]
    what = "Seconds to add a category from five inserts"
    yield [what, f"< {ADDED_SECONDS}", f"{added:.2f}", met(added < ADDED_SECONDS)]
    what = "Times as fast as teaching SetFit all eight categories anew, 20 steps"
    ratio = learnt["ratio"]
    yield [what, f"≥ {FASTER_THAN_SETFIT}", f"{ratio:.0f}", met(ratio >= FASTER_THAN_SETFIT)]
    for backend, mb in told["long_insert_mb"].items():
        what = f"Peak memory with an insert of 30 MB, {backend}, MB"
        yield [what, f"≤ {PEAK_MB:,}", f"{mb:,.0f}", met(mb <= PEAK_MB)]


def _times_as_fast(way: Figures) -> float:
    """Return how many times as fast drugtext is, on the same inserts."""
    return way["drugtext_inserts_a_second"] / way["inserts_a_second"]


def _full_accuracies(tokens: Figures | None) -> dict[str, float]:
    """Return way of reading -> accuracy of the test part's full documents, from tokens.json."""
    rows = tokens["rows"] if tokens else []
    return {row["reads"]: row["test"]["full documents"]["accuracy"][0] for row in rows}


def _speed(told: Figures, tokens: Figures | None) -> Iterator[str]:
    machine, stages = told["machine"], told["stages"]
    yield f"{machine['processor']}, {machine['cores']} cores. Made by"
    yield f"```\n{told['command']}\n```"
    yield headline(told, tokens)
    yield "![speed](speed.png)"
    yield "## The encoder and the machine's limit"
    yield (
        "The limit is the rate of one large product of square matrices, in the precision that is"
        " fastest here. The encoder's own products are smaller; their rate alone, with nothing"
        " between them, is what an encoder could reach that did nothing else."
    )
    yield markdown_table(
        [
            ["precision", "large products, GFLOP/s", "products of the encoder's shapes, GFLOP/s"],
            *(
                [name, f"{rate:,.0f}", f"{told['own_shapes_gflops'][name]:,.0f}"]
                for name, rate in told["limit_gflops"].items()
            ),
        ]
    )
    yield table_of(
        told["encoders"],
        {
            "encoder run by": lambda row: row["backend"],
            "tokens a second": lambda row: f"{row['tokens_a_second']:,.0f}",
            "of the limit": lambda row: f"{row['share_of_limit']:.0%}",
            "of that in its precision": lambda row: f"{row['share_of_limit_in_its_precision']:.0%}",
            "cosine to torch float32": lambda row: f"{row['cosine']:.4f}",
        },
    )
    yield "What torch spends a batch of full windows on (profiler, share of the CPU's time):"
    yield markdown_table([["operator", "share"], *_largest(told["operators"])])
    yield "## From files to answers"
    yield (
        f"{told['ways'][0]['n']} full US labels; the slow ones were given the first of them."
        " drugtext parses the files, too. "
        f"Of {stages['tokens']:,} tokens encoded, padding took {stages['padding'] - 1:.0%} more;"
        f" in this work the encoder reached {stages['share_of_limit']:.0%} of the limit."
    )
    cost = stages["flops"] / 1e9 / told["ways"][0]["n"]
    most = max(told["limit_gflops"].values()) / cost
    yield (
        f"What limits it: read whole, a label costs the encoder {cost:.1f} GFLOP. At the limit, and"
        f" with nothing else to do, that is {most:.1f} labels a second here; more takes less"
        " reading, or more cores."
    )
    yield table_of(
        told["ways"],
        {
            "": lambda way: way["what"],
            "n": lambda way: str(way["n"]),
            "inserts a second": lambda way: f"{way['inserts_a_second']:.1f}",
            "drugtext is as fast times": lambda way: (
                f"{_times_as_fast(way):.1f}" if "drugtext_inserts_a_second" in way else "—"
            ),
            "tokens a second": lambda way: (
                f"{way['tokens_a_second']:,.0f}" if "tokens_a_second" in way else "—"
            ),
            "tokens read": lambda way: (
                f"{way['tokens_read']:,.0f}" if "tokens_read" in way else "—"
            ),
            "of tokens": lambda way: (
                f"{way['tokens_total']:,.0f}" if "tokens_total" in way else "—"
            ),
        },
    )
    yield "One stage after the other; a thread of its own does the first two while the rest runs:"
    yield markdown_table([["stage", "share"], *_largest(_shares(stages["seconds"]))])
    yield (
        "From a fresh process to its first answer, of one full label, what is kept on disk being"
        " there already (an encoder that OpenVINO or ONNX Runtime runs is exported once); the"
        " pipeline imports drugtext, too:"
    )
    first = told["first_answers"][0]
    yield table_of(
        told["first_answers"],
        {
            "": lambda row: row["what"],
            "seconds": lambda row: f"{row['seconds']:.1f}",
            "times as long as the first": lambda row: f"{row['seconds'] / first['seconds']:.1f}",
            "peak memory, MB": lambda row: f"{row['peak_mb']:,.0f}",
            "times as much": lambda row: f"{row['peak_mb'] / first['peak_mb']:.1f}",
        },
    )
    small = {row["what"]: row["peak_mb"] for row in told["first_answers"]}
    yield (
        "An insert of 30 MB, one section of which is a table of numbers, takes more by "
        + ", ".join(
            f"{mb - small[f'drugtext, {name}']:.0f} MB ({name})"
            for name, mb in told["long_insert_mb"].items()
        )
        + ": the rest is Python, torch, transformers and the encoder."
    )


def _shares(seconds: Mapping[str, float]) -> dict[str, float]:
    return {name: one / sum(seconds.values()) for name, one in seconds.items()}


def _largest(shares: Mapping[str, float], least: float = 0.01) -> list[list[str]]:
    kept = {name: share for name, share in shares.items() if share >= least}
    return [[name, f"{share:.0%}"] for name, share in kept.items()]


def _tokens(told: Figures) -> Iterator[str]:
    yield "## What decides: sections and tokens"
    yield (
        "Accuracy of known categories at ATC level"
        f" {told['level']}, names {told['names']}, of full documents. The whole plan is what is"
        " read by default; on validation drugs no row is ahead of it by its interval. Test drugs"
        " stand beside them. A section is encoded twice where names are shown and hidden. Tokens"
        " are those of the test drugs. Made by"
    )
    yield f"```\n{told['command']}\n```"
    yield "![tokens](tokens.png)"
    yield markdown_table(
        [
            ["reads", "tokens", "encoded", "accuracy, validation", "accuracy, test"],
            *(
                [r["reads"], *_counts(r), _accuracy(r, "validation"), _accuracy(r, "test")]
                for r in told["rows"]
            ),
        ]
    )


def _counts(row: Figures) -> list[str]:
    """Return the mean tokens of a test insert that were read, and those that were encoded."""
    one = row["test"]["full documents"]
    return [f"{one[name]:,.0f}" for name in ("tokens_read", "tokens_encoded")]


def _accuracy(row: Figures, part: str) -> str:
    if part not in row:
        return "—"
    mean, low, high = row[part]["full documents"]["accuracy"]
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"
