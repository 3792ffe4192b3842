"""The card of a classifier, written from what was counted and measured, never typed in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult
from huggingface_hub.repocard_data import eval_results_to_model_index

from drugtext._version import __version__
from drugtext.config import DrugTextConfig
from drugtext.figures import measured_table, privacy_text, reliability_table
from drugtext.own_words import NO_WORDS, OwnWords, card_with

SOMEWHERE = "this folder or repository"

_FOR = """\
For sorting package inserts, drug labels and leaflets into the categories above: catalogues,
shelves, formularies, the routing of documents to people who know. Not for advice to patients, not
for prescribing or dispensing, and no statement of a regulator. Where something depends on an
answer, someone who knows the drug should look at it."""

_DATASET = "drug-inserts"
_UNSEEN = "drug inserts of ingredients not trained on"
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


def model_card(
    config: DrugTextConfig,
    words: OwnWords = NO_WORDS,
    place: str = SOMEWHERE,
) -> str:
    """Return the text of README.md: what the hub reads, then what people read.

    Args:
        config: of the classifier.
        words: of people, to be kept.
        place: hub id or folder that the examples name.
    """
    figures: dict[str, Any] = {}
    if results := [*_results(config)]:
        name = "drugtext" + (f" {config.taxonomy_name}" if config.taxonomy_name else "")
        figures["metrics"] = ["accuracy"]
        figures["model-index"] = eval_results_to_model_index(name, results)
    n_categories, n_support = len(config.n_support), sum(config.n_support)
    parts = [
        "# Drug insert classifier",
        f"Reads a drug package insert and assigns one of {n_categories} categories"
        + (f" of the taxonomy `{config.taxonomy_name}`" if config.taxonomy_name else "")
        + f", learnt from {'about ' if config.privacy else ''}{n_support}"
        + (" drugs." if config.privacy else " inserts."),
        *_use(config, place),
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
    return card_with(words, "\n\n".join(filter(None, parts)), _fields(config), figures)


def _fields(config: DrugTextConfig) -> dict[str, Any]:
    """Return the fields that the hub reads, but for figures."""
    found = {
        "license": config.license,
        "language": list(config.languages),
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "base_model": config.encoder_name if is_hub_id(config.encoder_name) else None,
        "tags": ["drugtext", "drug-insert", "package-insert", "few-shot"],
    }
    return {name: value for name, value in found.items() if value}


def _use(config: DrugTextConfig, place: str) -> Iterator[str]:
    yield f"""\
```python
import drugtext

classifier = drugtext.load("{place}")  # revision="…" pins a commit
for prediction in classifier.predict(drugtext.read_inserts("insert.xml")):
    print(prediction.category_id, prediction.category_name, prediction.probability)
```

It needs the Python package drugtext; this was written by version {__version__}. `drugtext classify
insert.xml --model "{place}"` does the same from the shell."""
    if getattr(config, "auto_map", None):  # names the code beside a whole folder
        yield f"""\
`transformers.pipeline("drug-insert-classification", model="{place}")` does the same where drugtext
is imported."""
        yield "## Without drugtext"
        yield f"""\
The code travels with the weights. Read it, name the commit that you have read, and

```python
import transformers

pipe = transformers.pipeline(
    "text-classification",
    model="{place}",
    revision="main",  # better: that commit
    trust_remote_code=True,
)
print(pipe("Lowers high blood pressure.", truncation=True))
```

reads one window of plain text: no sections, and no word on what is in scope."""
        if config.prefix:
            yield f"The encoder was trained with `{config.prefix}` in front: put it there yourself."
    if config.has_adapter and is_hub_id(config.encoder_name):
        yield "## The adapter alone"
        yield f"""\
```python
import peft
import transformers

raw = transformers.AutoModel.from_pretrained("{config.encoder_name}")
encoder = peft.PeftModel.from_pretrained(raw, "{place}", subfolder="adapter")
```

It belongs on the raw encoder, never on `model.safetensors`, which has it merged in already."""


def _results(config: DrugTextConfig) -> Iterator[EvalResult]:
    """Yield the accuracy of each form of text and level, as the hub's model-index has it."""
    measured = config.measured or {}
    for form, figures in measured.get("forms", {}).items():
        for level in figures["levels"]:
            yield EvalResult(
                task_type="text-classification",
                dataset_type=_DATASET,
                dataset_name=measured.get("dataset", _UNSEEN),
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
    if config.name_stems:
        lines.append(
            f"- Names: {config.name_stems['n_stems']} pieces of ingredients' names (-olol, -pril),"
            " hashed, beside the text. An insert that goes by no name is read by its text alone,"
            " and so is what a `text-classification` pipeline is given."
        )
    of = "the mean over its drugs" if sum(config.n_support) else "the embedding of its name"
    lines.append(
        f"- Head: one prototype a category, {of} (Snell et al. 2017, arXiv:1703.05175)"
        + (f", and beside them {config.n_known} remembered inserts" if config.n_known else "")
        + (f" and {config.n_named} remembered names" if config.n_named else "")
        + "; scores are scaled to probabilities."
    )
    if config.training:
        told = ", ".join(
            f"{name} {value}"
            for name, value in sorted(config.training.items())
            if isinstance(value, str | int)
        )
        versions = sorted((config.training.get("versions") or {}).items())
        by = f"; with {', '.join(f'{n} {v}' for n, v in versions)}" if versions else ""
        lines.append(f"- Training: {told}{by}.")
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


def _of_scope(config: DrugTextConfig) -> str:
    if config.scope_threshold is None:
        return (
            "- `in_scope` is true of any text, a recipe, too: nobody measured what is out of scope"
            " of these categories."
        )
    told = "- `in_scope` misses drugs whose category is a neighbour of a known one."
    if config.scope_false_alarms is not None:
        told += (
            f" Its threshold was set to call {config.scope_false_alarms:.0%} of held-out inserts of"
            " known categories out of scope."
        )
    return told


def _limits(config: DrugTextConfig) -> str:
    languages = ", ".join(config.languages) or "not stated"
    lines = [
        f"- Languages: {languages}. An insert in another language is refused where they are"
        " stated.",
        '- It tells what the text tells: groups such as "other", and drugs that rightly stand in'
        " several categories, are beyond it.",
        "- Probabilities are as good as the calibration error above says; where nothing was"
        " measured, nobody knows.",
        _of_scope(config),
        "- What is read of an insert is in `reading_plan`; `tokens_read` and `tokens_total` of each"
        " answer say how much that was.",
    ]
    return "\n".join(lines)
