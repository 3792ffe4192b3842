"""Pages of the project that stand outside docs/, as pages of the site.

A page of docs/ links to them as they stand in the repository (`../benchmark/README.md`), so that a
link is right there as well. On the site they stand below `project/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PROJECT = Path(__file__).parents[1]
OUTSIDE = (
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "space/README.md"),
    *(
        "benchmark/*.*",
        "benchmark/chinese/*",
        "benchmark/trust/*",
        "benchmark/speed/*",
        "benchmark/learning/*",
        "data_cards/*",
    ),
)
CARDS = "project/data_cards/index.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/, and a list of the data cards."""
    paths = sorted(path for pattern in OUTSIDE for path in PROJECT.glob(pattern))
    for path in paths:
        place = f"project/{path.relative_to(PROJECT).as_posix()}"
        files.append(File.generated(config, place, abs_src_path=str(path)))
    cards = [path.name for path in paths if path.match("data_cards/*.md")]
    text = "\n".join(["# Data cards", "", *(f"- [{name}]({name})" for name in cards)])
    files.append(File.generated(config, CARDS, content=text + "\n"))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links to what stands outside docs/, and to the folder of the cards, arrive."""
    markdown = markdown.replace("data_cards/)", "data_cards/index.md)")
    if page.file.src_uri.startswith("project/"):
        return markdown.replace("](docs/", "](../")
    return markdown.replace("](../", "](project/")
