"""Model and data cards, written from what was counted and measured, never typed in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import DatasetCardData, ModelCardData

from drugtext.config import DrugTextConfig
from drugtext.figures import measured_table

if TYPE_CHECKING:
    from datasets import DatasetDict


def is_hub_id(name: str) -> bool:
    """Tell a hub id ("user/repo") from a path."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None and not Path(name).exists()


def model_card(config: DrugTextConfig, license_id: str | None = None) -> str:
    """Return the text of README.md: what the hub reads, then what people read.

    Args:
        config: of the classifier.
        license_id: of its weights; whoever trained them knows it.
    """
    data = ModelCardData(
        license=license_id,
        language=list(config.languages) or None,
        library_name="transformers",
        pipeline_tag="text-classification",
        base_model=config.encoder_name if is_hub_id(config.encoder_name) else None,
        tags=["drugtext", "drug-insert", "package-insert", "few-shot"],
    )
    n_categories, n_support = len(config.n_support), sum(config.n_support)
    parts = [
        f"---\n{data.to_yaml()}\n---",
        "# Drug insert classifier",
        f"Reads a drug package insert and assigns one of {n_categories} categories"
        + (f" of the taxonomy `{config.taxonomy_name}`" if config.taxonomy_name else "")
        + f", learnt from {n_support} inserts.",
        "```python\nimport drugtext\n\n"
        'classifier = drugtext.load("this folder or repository")\n'
        'for prediction in classifier.predict(drugtext.read_inserts("insert.xml")):\n'
        "    print(prediction.category_id, prediction.category_name, prediction.probability)\n```",
        "## Accuracy",
        measured_table(config.measured) if config.measured else "Not measured.",
        "## Use and limits",
        "It sorts inserts; it gives no medical advice, and its answers are no statement of a"
        " regulator. Languages: " + (", ".join(config.languages) or "not stated") + ".",
    ]
    return "\n\n".join(parts) + "\n"


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
        f"Made by `{command}`.",
    ]
    return "\n\n".join(parts) + "\n"
