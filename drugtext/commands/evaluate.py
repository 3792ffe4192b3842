"""evaluate and models: how often a classifier is right."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from drugtext.commands.options import AsJson, BackendName, Cache, Model, load_classifier, readable
from drugtext.errors import DrugTextError
from drugtext.terminal import Unread, err, out, print_markdown, print_row, with_progress, wrong_call

if TYPE_CHECKING:
    from drugtext.classifier import DrugClassifier


def evaluate(
    data: Annotated[
        Path,
        typer.Argument(help="Inserts with their categories, as for learn.", show_default=False),
    ],
    model: Model = None,
    as_json: AsJson = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="HTML file to write: figures, reliability, confusions with examples. It shows the"
            " first words of inserts that were answered wrong.",
            show_default=False,
        ),
    ] = None,
    write_card: Annotated[
        bool,
        typer.Option(
            "--write-card",
            help="Write the figures into the folder of --model: its configuration and model card.",
        ),
    ] = False,
    cache: Cache = None,
    backend: BackendName = "auto",
) -> None:
    """Measure how often a classifier is right, at each level of its tree.

    Example: **drugtext evaluate held-out.jsonl --model my-classifier --report report.html**
    """
    from drugtext.evaluation.confusion import unknown_ids
    from drugtext.evaluation.evaluate import judge
    from drugtext.evaluation.html_report import write_html_report
    from drugtext.figures import measured_table
    from drugtext.own_words import CARD
    from drugtext.support import read_support

    unread = Unread()
    with wrong_call():
        folder = _own_folder(model) if write_card else None
        classifier = load_classifier(model, backend, cache)
        examples = read_support(data, taxonomy_name=classifier.taxonomy.name, on_error=unread)
        inserts, categories = readable(examples, classifier, unread)
        if unread.count and not inserts:
            raise typer.Exit(2)  # why is told already
        embeddings = classifier.embed(with_progress(inserts, "judging"))
        judgement = judge(classifier, embeddings, inserts, categories)
        figures = judgement.figures
        note = f"{len(inserts)} inserts; {unread.count} could not be read."
        name = data.resolve().name
        classifier.record(figures, dataset=name, note=note)
        if as_json:
            print(json.dumps(figures))
        else:
            print_markdown(measured_table(classifier.model.config.measured or {}))
        if unknown := unknown_ids(judgement):
            err.print(Text(f"known at no level, and not counted: {', '.join(unknown)}"))
        if report is not None:
            write_html_report(report, judgement, title=f"{name}, judged by drugtext")
            err.print(Text(f"written: {report}"))
        if folder is not None:
            classifier.save_pretrained(folder, with_known_drugs=True)  # where there are any
            err.print(Text(f"written: {folder / CARD}"))
    raise typer.Exit(unread.exit_status())


def _own_folder(model: str | None) -> Path:
    """Return the folder of a classifier that is the caller's to write to."""
    from drugtext.bundled import bundled_checkpoints

    # Path.is_file raises at a name that is too long.
    is_saved = model is not None and os.path.isfile(f"{model}/config.json")  # noqa: PTH113
    if model is None or not is_saved or model in bundled_checkpoints():
        raise DrugTextError(
            f"--write-card: {model or 'the bundled checkpoint'} is no folder of yours with a"
            " config.json; give --model the folder that learn or save_pretrained wrote."
        )
    return Path(model)


def models(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A classifier whose categories are listed: a bundled one's name, a folder, a"
            " registry, a hub id.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show the bundled checkpoints: what each knows, and how good it is on unseen ingredients.

    Of a classifier that is named, list the categories instead: id, number of support inserts, name.

    Example: **drugtext models my-classifier**
    """
    if model is not None:
        with wrong_call():
            _list_categories(load_classifier(model, "auto"))
        return
    from drugtext.bundled import bundled_checkpoints
    from drugtext.figures import measured_table

    for name, folder in bundled_checkpoints().items():
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        support = config["n_support"]
        print_markdown(
            f"**{name}**: {len(support)} categories of `{config['taxonomy_name']}`, learnt from"
            f" {sum(support)} inserts; reads {', '.join(config['languages'])};"
            f" encoder {config['encoder_name']}\n"
        )
        print_markdown(measured_table(config["measured"]))


def _list_categories(classifier: DrugClassifier) -> None:
    ids, counts = classifier.category_ids, classifier.model.config.n_support
    width = max(map(len, ids), default=0)
    for category_id, count in zip(ids, counts, strict=True):
        name = classifier.taxonomy[category_id].name
        if out.is_terminal:
            out.print(Text(f"{category_id:{width}} {count:5,}  {name}"))
        else:
            print_row([category_id, str(count), name])
