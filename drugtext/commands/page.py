"""app: the web page."""

from __future__ import annotations

from typing import Annotated

import typer

from drugtext.commands.options import BackendName, Model, load_classifier
from drugtext.terminal import wrong_call


def page(
    model: Model = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7860,
    open_browser: Annotated[bool, typer.Option("--open", help="Open a browser at it.")] = False,
    backend: BackendName = "auto",
) -> None:
    """Serve a web page: drop inserts and see what they are and why; make a category of your own.

    It works offline, sends nothing out, and is reached from this machine alone unless **--host**
    says otherwise. Needs the extra **app**.

    Example: **drugtext app --open**
    """
    with wrong_call():
        from drugtext.app import serve

        classifier = load_classifier(model, backend)
        serve(classifier, host=host, port=port, open_browser=open_browser)
