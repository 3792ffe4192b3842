"""The card of a classifier, written from what was counted and measured, never typed in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from drugtext._version import __version__
from drugtext.config import DrugTextConfig
from drugtext.figures import measured_table, privacy_text, reliability_table

_USE = """\
```python
import drugtext

classifier = drugtext.load("this folder or repository")
for prediction in classifier.predict(drugtext.read_inserts("insert.xml")):
    print(prediction.category_id, prediction.category_name, prediction.probability)
```

`drugtext classify insert.xml --model FOLDER` does the same from the shell, and so does
`transformers.pipeline("drug-insert-classification", model=...)` with drugtext imported. A plain
`text-classification` pipeline reads one window of text."""

_FOR = """\
For sorting package inserts, drug labels and leaflets into the categories above: catalogues,
shelves, formularies, the routing of documents to people who know. Not for advice to patients, not
for prescribing or dispensing, and no statement of a regulator. Where something depends on an
answer, someone who knows the drug should look at it."""

_DATASET = "drug-inserts"
_CITE = f"""\
```bibtex
@software{{drugtext,
  title = {{drugtext: drug categories from package inserts}},
  author = {{The drugtext authors}},
  version = {{{__version__}}},
  year = {{2026}}
}}
```"""


def is_hub_id(name: str) -> bool:
    """Tell a hub id ("user/repo") from a path."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None and not Path(name).exists()


def model_card(config: DrugTextConfig, license_id: str | None = None) -> str:
    """Return the text of README.md: what the hub reads, then what people read.

    Args:
        config: of the classifier.
        license_id: of its weights; whoever trained them knows it.
    """
    results = [*_results(config)]
    data = ModelCardData(
        license=license_id,
        language=list(config.languages) or None,
        library_name="transformers",
        pipeline_tag="text-classification",
        base_model=config.encoder_name if is_hub_id(config.encoder_name) else None,
        tags=["drugtext", "drug-insert", "package-insert", "few-shot"],
        datasets=[_DATASET] if results else None,
        metrics=["accuracy"] if results else None,
        model_name="drugtext" + (f" {config.taxonomy_name}" if config.taxonomy_name else ""),
        eval_results=results or None,
    )
    n_categories, n_support = len(config.n_support), sum(config.n_support)
    parts = [
        f"---\n{data.to_yaml()}\n---",
        "# Drug insert classifier",
        f"Reads a drug package insert and assigns one of {n_categories} categories"
        + (f" of the taxonomy `{config.taxonomy_name}`" if config.taxonomy_name else "")
        + f", learnt from {'about ' if config.privacy else ''}{n_support}"
        + (" drugs." if config.privacy else " inserts."),
        _USE,
        "## Accuracy",
        measured_table(config.measured) if config.measured else "Not measured.",
        reliability_table(config.measured or {"forms": {}}),
        "## How it was made",
        _making(config),
        *(["## Privacy", privacy_text(config.privacy)] if config.privacy else []),
        "## Categories",
        _categories(config),
        "## What it is for, and what not",
        _FOR,
        "## Limits",
        _limits(config),
        "## How to cite",
        _CITE,
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _results(config: DrugTextConfig) -> Iterator[EvalResult]:
    """Yield the accuracy of each form of text and level, as the hub's model-index has it."""
    for form, figures in (config.measured or {}).get("forms", {}).items():
        for level in figures["levels"]:
            yield EvalResult(
                task_type="text-classification",
                dataset_type=_DATASET,
                dataset_name="drug inserts of ingredients not trained on",
                dataset_config=form,
                dataset_split=f"level {level['level']}",
                metric_type="accuracy",
                metric_name="accuracy",
                metric_value=level["accuracy"],
            )


def _making(config: DrugTextConfig) -> str:
    lines = [
        f"- Encoder: {config.encoder_name or 'its weights are in the folder'}"
        + (", with a LoRA adapter (in `adapter/`)" if config.has_adapter else "")
        + "; embeddings are means over the tokens of a window, and over the windows of an insert."
    ]
    if config.lexicon:
        lines.append(
            f"- Lexicon: vectors of {config.lexicon['n_tokens']} word pieces, by latent semantic"
            f" analysis, {config.lexicon['dim']} dimensions beside the encoder's."
        )
    of = "the mean over its drugs" if sum(config.n_support) else "the embedding of its name"
    lines.append(
        f"- Head: one prototype a category, {of} (Snell et al. 2017, arXiv:1703.05175)"
        + (f", and beside them {config.n_known} remembered inserts" if config.n_known else "")
        + "; scores are scaled to probabilities."
    )
    if config.training:
        told = ", ".join(
            f"{name} {value}"
            for name, value in config.training.items()
            if isinstance(value, str | int)
        )
        versions = config.training.get("versions") or {}
        lines.append(
            f"- Training: {told}"
            + (f"; with {', '.join(f'{n} {v}' for n, v in versions.items())}" if versions else "")
            + "."
        )
    return "\n".join(lines)


def _categories(config: DrugTextConfig) -> str:
    """Say how many categories stand below each root; all of them where they are few."""
    names = {category_id: name for category_id, name, _ in config.taxonomy}
    parents = {category_id: parent for category_id, _, parent in config.taxonomy}
    answers = list((config.id2label or {}).values())

    def root_of(category_id: str) -> str:
        while parents.get(category_id):
            category_id = parents[category_id]
        return category_id

    def told(category_id: str) -> str:
        name = names.get(category_id, category_id)
        return f"`{category_id}`" if name == category_id else f"`{category_id}` {name}"

    if len(answers) <= 30:
        return "\n".join(f"- {told(str(answer))}" for answer in answers) or "None yet."
    counts = Counter(root_of(str(answer)) for answer in answers)
    if len(counts) > 30:
        return f"{len(answers)} categories; `config.json` lists them."
    lines = [f"- {told(root)}: {count}" for root, count in sorted(counts.items())]
    return "\n".join([*lines, "", "All of them, with names and parents, are in `config.json`."])


def _limits(config: DrugTextConfig) -> str:
    languages = ", ".join(config.languages) or "not stated"
    lines = [
        f"- Languages: {languages}. An insert in another language is refused where they are"
        " stated.",
        '- It tells what the text tells: groups such as "other", and drugs that rightly stand in'
        " several categories, are beyond it.",
        "- Probabilities and `in_scope` are as good as the calibration error above says; where"
        " nothing was measured, nobody knows.",
        "- What is read of an insert is in `reading_plan`; `tokens_read` and `tokens_total` of each"
        " answer say how much that was.",
    ]
    return "\n".join(lines)
