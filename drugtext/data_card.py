"""The card of a corpus, written from what was counted, never typed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from huggingface_hub import DatasetCardData

if TYPE_CHECKING:
    from datasets import DatasetDict


def data_card(
    corpus: DatasetDict, left_out: Mapping[str, int], taxonomy_name: str, command: str
) -> str:
    """Return the README.md of a corpus: what the hub reads, then counts for people.

    Args:
        corpus: as `build_corpus` makes it.
        left_out: why inserts were left out, with counts.
        taxonomy_name: of the categories.
        command: what made the corpus.
    """
    languages = sorted({code for split in corpus.values() for code in split["language"] if code})
    data = DatasetCardData(
        pretty_name=f"Drug inserts with categories of {taxonomy_name}",
        license="other",
        license_name="terms-of-the-sources",
        language=languages or None,
        task_categories=["text-classification"],
        tags=["drugtext", "drug-insert", "package-insert"],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": s, "path": f"{s}.parquet"} for s in corpus],
            }
        ],
    )
    rows = []
    for split, part in corpus.items():
        ingredients = {name for names in part["ingredients"] for name in names}
        rows.append(
            f"| {split} | {len(part)} | {len(ingredients)} | {len(set(part['category_id']))} |"
        )
    kinds = Counter(kind or "not stated" for part in corpus.values() for kind in part["kind"])
    parts = [
        f"---\n{data.to_yaml()}\n---",
        "# Corpus of drug inserts",
        f"Categories: `{taxonomy_name}`. No ingredient stands in two splits; validation and test"
        " inserts that nearly repeat a text of another split are left out.",
        "| split | inserts | ingredients | categories |\n|---|---|---|---|\n" + "\n".join(rows),
        "## Kinds of insert",
        "\n".join(f"- {kind}: {count}" for kind, count in kinds.most_common()),
        "## Left out",
        "\n".join(f"- {why}: {count}" for why, count in sorted(left_out.items())) or "Nothing.",
        "## Columns",
        "`text` is the insert, each section below a line `## name`; `masked` is the same with"
        " ingredient and brand names replaced; `category_path` holds ids from the root down.",
        "## Terms",
        "Texts of inserts keep the terms of whoever published them, and the taxonomy has its own."
        " Find out what they allow before you share the corpus.",
        f"Made by `{command}`.",
    ]
    return "\n\n".join(parts) + "\n"
