"""The command line: arguments, tables and exit codes; the work is done by the Python functions."""

from __future__ import annotations

import io
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.markdown import Markdown
from rich.text import Text

from drugtext._version import __version__
from drugtext.terminal import Unread, err, out, print_prediction, with_progress, wrong_call

if TYPE_CHECKING:
    from drugtext.classifier import DrugClassifier
    from drugtext.inserts.insert import DrugInsert

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Read drug package inserts and say which drug category each belongs to.",
    epilog="Exit status: 0, all inserts were read; 1, some could not be, and each is named on"
    " standard error; 2, the call itself is wrong.",
)

Paths = Annotated[
    list[str],
    typer.Argument(
        help="Files, folders, archives, or - for standard input. SPL XML, openFDA JSON, HTML, text"
        " and CSV are told apart by content.",
        show_default=False,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="A bundled checkpoint's name, a folder, or a Hugging Face Hub id.  [default: atc]",
        show_default=False,
    ),
]
BackendName = Annotated[
    str,
    typer.Option(
        "--backend",
        help="What runs the encoder on a CPU: torch | onnx | openvino, or auto for the fastest that"
        " is installed.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


@app.command()
def classify(
    paths: Paths,
    model: Model = None,
    top_k: Annotated[int, typer.Option(min=1, help="How many alternatives to give.")] = 3,
    as_json: AsJson = False,
    backend: BackendName = "auto",
) -> None:
    """Say which category each insert belongs to, in order.

    One line an insert: file, name, category id, probability, category name. **(?)** behind the name
    marks an insert that is far from every category.

    Example: **drugtext classify insert.xml leaflets/ --json**
    """
    from drugtext.inserts.read import read_inserts

    unread = Unread()
    with wrong_call():
        predictions = _load(model, backend).stream(
            read_inserts(paths, on_error=unread),
            top_k=top_k,
            on_error=lambda _, error: unread(error),
        )
        for prediction in with_progress(predictions, "classifying"):
            if as_json:
                print(json.dumps(prediction.to_dict(), ensure_ascii=False))
            else:
                print_prediction(prediction)
    raise typer.Exit(unread.exit_status())


@app.command()
def learn(
    support: Annotated[
        Path,
        typer.Argument(
            help="A folder with one folder of inserts a category, or a .jsonl or .csv file with"
            " text and category.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option(help="Folder for the new classifier.")],
    model: Model = None,
    add: Annotated[
        bool, typer.Option("--add", help="Keep the model's categories and add these.")
    ] = False,
    backend: BackendName = "auto",
) -> None:
    """Learn categories from a few inserts each, and save a classifier that knows them.

    Example: **drugtext learn my-shelves/ --output my-classifier**
    """
    from drugtext.support import read_support

    unread = Unread()
    with wrong_call():
        classifier = _load(model, backend)
        examples = read_support(support, on_error=unread)
        inserts, categories = _readable(examples, classifier, unread)
        if add and inserts:
            for category in dict.fromkeys(categories):
                chosen = [i for i, c in zip(inserts, categories, strict=True) if c == category]
                classifier = classifier.add_category(category, with_progress(chosen, category))
        else:
            classifier = classifier.fit(with_progress(inserts, "learning"), categories)
        classifier.save_pretrained(output)
    for category, count in Counter(categories).items():
        err.print(Text(f"  {category}: {count} insert{'s' * (count > 1)}"))
    err.print(f"learnt {len(set(categories))} categories from {len(inserts)} inserts: {output}")
    raise typer.Exit(unread.exit_status())


@app.command()
def evaluate(
    data: Annotated[
        Path,
        typer.Argument(help="Inserts with their categories, as for learn.", show_default=False),
    ],
    model: Model = None,
    as_json: AsJson = False,
    backend: BackendName = "auto",
) -> None:
    """Measure how often a classifier is right, at each level of its tree.

    Example: **drugtext evaluate held-out.jsonl --model my-classifier**
    """
    from drugtext.evaluation.evaluate import evaluate_embeddings
    from drugtext.figures import measured_table
    from drugtext.support import read_support

    unread = Unread()
    with wrong_call():
        classifier = _load(model, backend)
        examples = read_support(data, taxonomy_name=classifier.taxonomy.name, on_error=unread)
        inserts, categories = _readable(examples, classifier, unread)
        embeddings = classifier.embed(with_progress(inserts, "judging"))
        figures = evaluate_embeddings(classifier, embeddings, inserts, categories)
    if as_json:
        print(json.dumps(figures))
    else:
        note = f"{len(inserts)} inserts; {unread.count} could not be read."
        out.print(Markdown(measured_table({"forms": {"given, as given": figures}, "note": note})))
    raise typer.Exit(unread.exit_status())


@app.command()
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


@app.command()
def read(paths: Paths, as_json: AsJson = False) -> None:
    """Show how inserts are read: names, language, and sections with their lengths.

    Example: **drugtext read insert.xml**
    """
    from drugtext.inserts.read import read_inserts

    unread = Unread()
    for insert in with_progress(read_inserts(paths, on_error=unread), "reading"):
        if as_json:
            record = {
                "source": insert.source,
                "name": insert.name,
                "language": insert.language,
                "ingredients": list(insert.ingredients),
                "sections": dict(insert.sections),
            }
            print(json.dumps(record, ensure_ascii=False))
            continue
        out.print(Text(f"{insert.name or '(no name)'}  {insert.source}", style="bold"))
        told = {
            "language": insert.language,
            "ingredients": ", ".join(insert.ingredients),
            "effective": insert.effective_date,
        }
        out.print(
            Text("  " + "; ".join(f"{what} {value}" for what, value in told.items() if value))
        )
        for name, text in insert.sections.items():
            start = " ".join(text[:200].split())
            out.print(
                Text(f"  {name:30} {len(text):7,}  {start}"), no_wrap=True, overflow="ellipsis"
            )
    raise typer.Exit(unread.exit_status())


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"drugtext {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def _load(model: str | None, backend: str) -> DrugClassifier:
    with err.status("loading the model") if err.is_terminal else nullcontext():
        from transformers.utils import logging

        logging.disable_progress_bar()
        from drugtext.classifier import load

        return load(model, backend=backend)


def _readable(
    examples: Iterable[tuple[DrugInsert, str]], classifier: DrugClassifier, unread: Unread
) -> tuple[list[DrugInsert], list[str]]:
    """Return the inserts that the classifier can read, with their categories; name the others."""
    inserts, categories = [], []
    for insert, category in with_progress(examples, "reading"):
        if error := classifier.refusal(insert):
            unread(error)
        else:
            inserts.append(insert)
            categories.append(category)
    return inserts, categories


def main() -> NoReturn:
    """Run the command line and end the process."""
    status = 0
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals without Chinese
    try:
        app()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # `drugtext … | head` closed the pipe: nobody reads on
        status = 0
    # Taking torch down in good order takes longer than classifying an insert; nothing is open.
    os._exit(status)


if __name__ == "__main__":
    main()
