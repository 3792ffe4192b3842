"""The figures of speed as a Markdown page: a table of targets first, then each in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from drugtext.evaluation.figures_file import read_figures
from drugtext.evaluation.markdown import markdown_table, table_of
from drugtext.evaluation.speed.pictures import draw_scale, draw_tokens, draw_ways
from drugtext.evaluation.speed.scale_section import scale_section
from drugtext.evaluation.speed.targets import headline, times_as_fast

Figures = Mapping[str, Any]

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
        " between them, is what an encoder could reach that did nothing else. Products in int8 are"
        " not among them: torch has none for everyone; they may go beyond this limit."
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
            "of that in its precision": lambda row: (
                f"{share:.0%}" if (share := row["share_of_limit_in_its_precision"]) else "—"
            ),
            "cosine to torch float32": lambda row: f"{row['cosine']:.4f}",
        },
    )
    for name, shares in told["operators"].items():
        yield f"What {name} spends a batch of full windows on (its profiler, share of the time):"
        yield markdown_table([["operator", "share"], *_largest(shares)])
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
                f"{times_as_fast(way):.1f}" if "drugtext_inserts_a_second" in way else "—"
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
    yield from _waiting(told["ways"][0], stages["seconds"])
    if together := told.get("together"):
        yield (
            f"{together['n_classifiers']} classifiers over one encoder classify {together['n']}"
            f" labels in {together['apart_seconds']:.1f} s one after the other, and in"
            f" {together['together_seconds']:.1f} s together (`predict_together`); one of them by"
            f" itself takes {together['alone_seconds']:.1f} s."
        )
    yield from _fresh_processes(told)


def _waiting(own: Figures, seconds: Mapping[str, float]) -> Iterator[str]:
    """Tell whether the cores wait: stages one after the other, and all of them together."""
    together, apart = own["n"] / own["inserts_a_second"], sum(seconds.values())
    passes = ", ".join(f"{rate:.1f}" for rate in own["passes"])
    yield (
        f"The {own['n']} labels take {apart:.1f} s one stage after the other, and {together:.1f} s"
        " as users have it, where a thread of its own does the first two stages while the rest"
        f" runs. The cores are then at work {own['cores_busy']:.0%} of the time. The rate of"
        f" drugtext is the median of {len(own['passes'])} passes, which were {passes}; the others"
        " were timed once."
    )
    yield markdown_table([["stage, one after the other", "share"], *_largest(_shares(seconds))])


def _fresh_processes(told: Figures) -> Iterator[str]:
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
    stages = told["memory_stages"]
    steps = [*next(iter(stages.values()))]
    yield (
        "Where the memory goes: what a fresh process holds, MB, after each step, and the most that"
        " it ever held with an insert of 30 MB, one section of which is a table of numbers:"
    )
    yield markdown_table(
        [
            ["after", *stages],
            *([step, *(f"{of[step]:,.0f}" for of in stages.values())] for step in steps),
            ["the most, 30 MB", *(f"{told['long_insert_mb'][name]:,.0f}" for name in stages)],
        ]
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
        f" {told['level']}, names {told['names']}, of full documents. By each way of reading a"
        " classifier is taught and asked; where it says *asked so*, the one that was taught by"
        " default. How much is read was chosen on validation drugs; test drugs stand beside"
        " them. A section is encoded twice where names are shown and hidden. Tokens are those"
        " of the test drugs. Accuracies in the table of targets are from here. Made by"
    )
    yield f"```\n{told['command']}\n```"
    yield "![tokens](tokens.png)"
    yield markdown_table(
        [
            ["reads", "tokens", "encoded", "accuracy, validation", "accuracy, test"],
            *(
                [_reads(r), *_counts(r), _accuracy(r, "validation"), _accuracy(r, "test")]
                for r in told["rows"]
            ),
        ]
    )


def _reads(row: Figures) -> str:
    return row["reads"] if row.get("is_fitted", True) else f"{row['reads']} (asked so)"


def _counts(row: Figures) -> list[str]:
    """Return the mean tokens of a test insert that were read, and those that were encoded."""
    one = row["test"]["full documents"]
    return [f"{one[name]:,.0f}" for name in ("tokens_read", "tokens_encoded")]


def _accuracy(row: Figures, part: str) -> str:
    if part not in row:
        return "—"
    mean, low, high = row[part]["full documents"]["accuracy"]
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"
