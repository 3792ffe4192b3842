"""An HTML page for people as one file that opens in any browser, offline."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from drugtext.written_file import write_file


def write_offline_page(
    path: str | os.PathLike[str], template: str, shown: Mapping[str, Any]
) -> None:
    """Fill in a template and write the page; what is shown is escaped.

    Args:
        path: of the HTML file; one that stands there is replaced.
        template: below `drugtext/`; it extends offline_page.html.jinja.
        shown: what it shows; `title` is the page's, plain text.

    Raises:
        DrugTextError: the file cannot be written.
    """
    environment = Environment(
        loader=PackageLoader("drugtext", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    write_file(path, environment.get_template(template).render(shown))
