"""map: categories and inserts on one plane."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from drugtext.commands.options import BackendName, Model, Paths, check_folders, load_classifier
from drugtext.terminal import Unread, err, with_progress, wrong_call


def draw(
    paths: Paths,
    output: Annotated[
        list[Path],
        typer.Option(help="File to write, .html to point at or .png to print; may recur."),
    ],
    model: Model = None,
    seed: Annotated[int, typer.Option(min=0, help="The same one draws the same map.")] = 0,
    backend: BackendName = "auto",
) -> None:
    """Draw all categories that a model knows, and inserts, on one plane: near ones are alike.

    The files hold names of the inserts. Needs the extra **map**.

    Example: **drugtext map inserts/ --output map.html --output map.png**
    """
    from drugtext.errors import DrugTextError
    from drugtext.inserts.read import read_inserts
    from drugtext.map import draw_map

    unread = Unread()
    with wrong_call():
        if wrong := [file for file in output if file.suffix not in (".html", ".png")]:
            raise DrugTextError(f"{wrong[0]}: a file that ends in .html or .png is needed.")
        check_folders(output)
        classifier = load_classifier(model, backend)
        inserts = []
        for insert in with_progress(read_inserts(paths, on_error=unread), "reading"):
            if error := classifier.refusal(insert):
                unread(error)
            else:
                inserts.append(insert)
        if unread.count and not inserts:
            raise typer.Exit(2)  # why is told already
        with err.status("drawing (ten seconds or more)") if err.is_terminal else nullcontext():
            drawn = draw_map(classifier, inserts, seed=seed)
            for file in output:
                (drawn.write_html if file.suffix == ".html" else drawn.write_png)(file)
                err.print(Text(f"written: {file}"))
    raise typer.Exit(unread.exit_status())
