"""evaluate and models: how often a classifier is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.text import Text

from drugtext.commands.options import AsJson, BackendName, Cache, Model, load_classifier, readable
from drugtext.terminal import Unread, err, out, with_progress, wrong_call


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
    cache: Cache = None,
    backend: BackendName = "auto",
) -> None:
    """Measure how often a classifier is right, at each level of its tree.

    Example: **drugtext evaluate held-out.jsonl --model my-classifier --report report.html**
    """
    from drugtext.evaluation.evaluate import judge
    from drugtext.evaluation.html_report import write_html_report
    from drugtext.figures import measured_table
    from drugtext.support import read_support

    unread = Unread()
    with wrong_call():
        classifier = load_classifier(model, backend, cache)
        examples = read_support(data, taxonomy_name=classifier.taxonomy.name, on_error=unread)
        inserts, categories = readable(examples, classifier, unread)
        embeddings = classifier.embed(with_progress(inserts, "judging"))
        judgement = judge(classifier, embeddings, inserts, categories)
        figures = judgement.figures
        if as_json:
            print(json.dumps(figures))
        else:
            note = f"{len(inserts)} inserts; {unread.count} could not be read."
            told = {"forms": {"given, as given": figures}, "note": note}
            out.print(Markdown(measured_table(told)))
        if report is not None:
            write_html_report(report, judgement, title=f"{data.name}, judged by drugtext")
            err.print(Text(f"written: {report}"))
    raise typer.Exit(unread.exit_status())


def models() -> None:
    """Show the bundled checkpoints: what each knows, and how good it is on unseen ingredients."""
    from drugtext.bundled import bundled_checkpoints
    from drugtext.figures import measured_table

    for name, folder in bundled_checkpoints().items():
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        support = config["n_support"]
        out.print(
            Markdown(
                f"**{name}**: {len(support)} categories of `{config['taxonomy_name']}`, learnt from"
                f" {sum(support)} inserts; reads {', '.join(config['languages'])};"
                f" encoder {config['encoder_name']}"
            )
        )
        out.print(Markdown(measured_table(config["measured"])))
