"""The web page: `page`'s functions behind buttons, made with Gradio."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drugtext import page
from drugtext.classifier import DrugClassifier
from drugtext.errors import DrugTextError
from drugtext.terminal import err

if TYPE_CHECKING:
    from gradio import Blocks

HOST, PORT = "127.0.0.1", 7860
_UPLOAD = {
    "file_count": "multiple",
    "file_types": [".xml", ".json", ".jsonl", ".zip", ".gz", ".txt", ".html", ".htm", ".csv"],
    "height": 140,
}
_LONGEST_NAME = 200
_LARGEST_FILE = "32mb"
_FEW = 12  # categories that are named
_KEPT_SECONDS = 3600  # of what was uploaded, and of a visitor's own categories
_FONTS = ["system-ui", "Segoe UI", "Roboto", "sans-serif"]  # of the machine: none is fetched
_ANSWERS = "answers"
_SHOW_ANSWERS = f"""() => {{
  const answers = document.getElementById("{_ANSWERS}");
  if (answers.getBoundingClientRect().top > innerHeight / 2)  // below the button, on a telephone
    answers.scrollIntoView({{behavior: "smooth"}});
}}"""
_ABOUT = (
    "Reads drug package inserts and says which category each belongs to. Nothing that you give it"
    " leaves the machine that it runs on. It sorts documents; it gives no medical advice.\n\n"
    "SPL XML, openFDA JSON, HTML, headed text, CSV, and archives of them."
)


def make_page(classifier: DrugClassifier) -> Blocks:
    """Return the page over a classifier.

    Every visitor begins with it; categories that one of them makes are his alone, and are gone
    with his visit.

    Args:
        classifier: with categories.

    Raises:
        DrugTextError: Gradio is not installed.
    """
    gr = _gradio()
    with _blocks_that_fetch_nothing(gr)(
        title="drugtext", analytics_enabled=False, delete_cache=(_KEPT_SECONDS, _KEPT_SECONDS)
    ) as blocks:
        own = gr.State(None, time_to_live=_KEPT_SECONDS)  # his classifier; None for the common one
        gr.Markdown(f"# drugtext\n{_ABOUT}")
        known = gr.HTML(_known(classifier))
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                classify_tab, learn_tab = _classify_tab(gr), _learn_tab(gr)
            with gr.Column(scale=3, min_width=300):
                result = gr.HTML(page.classify(classifier, [], "").html, elem_id=_ANSWERS)
        _connect(gr, classifier, own, known, result, classify_tab, learn_tab)
    return blocks.queue(default_concurrency_limit=1, max_size=50)


def _blocks_that_fetch_nothing(gr: Any) -> type[Blocks]:
    """Return Gradio's page, but one that refuses addresses of files.

    Gradio's own fetches an address that a caller of its API gives in the place of a file.
    """
    from gradio_client import utils

    def refuse_address(file: dict[str, Any]) -> None:
        if utils.is_http_url_like(file["path"]):
            raise gr.Error("an address was given; nothing is fetched here: upload the file itself.")

    class OwnBlocks(gr.Blocks):
        async def preprocess_data(self, fn: Any, inputs: list[Any], *rest: Any, **more: Any) -> Any:
            utils.traverse(inputs, refuse_address, utils.is_file_obj_with_meta)
            return await super().preprocess_data(fn, inputs, *rest, **more)

    return OwnBlocks


def _classify_tab(gr: Any) -> dict[str, Any]:
    """Make the inputs and buttons of the first tab."""
    with gr.Tab("Classify"):
        return {
            "files": gr.File(label="Files of inserts", **_UPLOAD),
            "text": gr.Textbox(
                label="or the text of one",
                placeholder="INDICATIONS AND USAGE\n…",
                lines=6,
                max_lines=16,
                max_length=page.MOST_CHARACTERS,
            ),
            "button": gr.Button("Classify", variant="primary"),
            "answers": gr.DownloadButton("Download the answers", interactive=False),
        }


def _learn_tab(gr: Any) -> dict[str, Any]:
    """Make the inputs and buttons of the second tab."""
    with gr.Tab("New category"):
        parts = {
            "category": gr.Textbox(
                label="Its name, or its code in the taxonomy", max_length=_LONGEST_NAME
            ),
            "support": gr.File(label="A few inserts of this category", **_UPLOAD),
            "anew": gr.Checkbox(label="Forget the categories that are known now", value=False),
            "button": gr.Button("Learn it", variant="primary"),
            "told": gr.HTML(),
        }
        with gr.Row():
            parts["pack"] = gr.Button("Pack checkpoint")
            parts["checkpoint"] = gr.DownloadButton("Download it", interactive=False)
        return parts


def _connect(
    gr: Any,
    classifier: DrugClassifier,
    own: Any,
    known: Any,
    result: Any,
    classify_tab: dict[str, Any],
    learn_tab: dict[str, Any],
) -> None:
    """Put `page`'s functions behind the buttons."""

    def on_classify(given: Sequence[str] | None, told: str, mine: DrugClassifier | None) -> Any:
        done = page.classify(mine or classifier, given or [], told or "")
        file = str(page.write_records(done, _fresh_folder())) if done.records else None
        ready = gr.DownloadButton(value=file, interactive=file is not None)
        return done.html, ready, mine  # given back, his classifier is kept for another while

    def on_learn(
        name: str, given: Sequence[str] | None, is_anew: bool, mine: DrugClassifier | None
    ) -> Any:
        try:
            new = page.learn(mine or classifier, name or "", given or [], anew=is_anew)
        except DrugTextError as error:
            return mine, page.problem(str(error)), _known(mine or classifier), gr.skip()
        said = f"Learnt {name.strip()!r}. Classify an insert to use it."
        outdated = gr.DownloadButton(value=None, interactive=False)  # packed before
        return new, page.note(said), _known(new), outdated

    def on_pack(mine: DrugClassifier | None) -> Any:
        if mine is None:
            said = page.problem("There is no category of yours yet: learn one first.")
            return gr.DownloadButton(value=None, interactive=False), said
        file = page.write_checkpoint(mine, _fresh_folder())
        ready = gr.DownloadButton(value=str(file), interactive=True)
        return ready, page.note("Packed: unzip it, and drugtext.load opens the folder.")

    asked = [classify_tab["files"], classify_tab["text"], own]
    told = [result, classify_tab["answers"], own]
    done = classify_tab["button"].click(on_classify, asked, told, api_name="classify")
    done.then(None, js=_SHOW_ANSWERS, api_name=False)
    asked = [learn_tab["category"], learn_tab["support"], learn_tab["anew"], own]
    told = [own, learn_tab["told"], known, learn_tab["checkpoint"]]
    learn_tab["button"].click(on_learn, asked, told, api_name=False)
    told = [learn_tab["checkpoint"], learn_tab["told"]]
    learn_tab["pack"].click(on_pack, [own], told, api_name=False)


def serve(
    classifier: DrugClassifier, *, host: str = HOST, port: int = PORT, open_browser: bool = False
) -> None:
    """Serve the page until the process is stopped.

    Args:
        classifier: with categories.
        host: address to listen on; only this machine can reach the default one.
        port: to listen on.
        open_browser: whether to open a browser at it.

    Raises:
        DrugTextError: Gradio is not installed, or the port is taken.
    """
    blocks = make_page(classifier)
    try:
        blocks.launch(
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            prevent_thread_lock=True,
            **launch_options(),
        )
    except OSError as error:  # its own words name settings of Gradio that do not count here
        raise DrugTextError(
            f"{host}:{port}: cannot listen there: the port is taken, or the address is none of this"
            " machine's; give another --port or --host."
        ) from error
    err.print(f"drugtext at {blocks.local_url} (Ctrl+C ends it)", markup=False)
    blocks.block_thread()


def launch_options() -> dict[str, Any]:
    """Return how the page is launched, wherever it is: its looks, its limits, nothing sent out."""
    gr = _gradio()
    theme = gr.themes.Default(primary_hue="teal", font=_FONTS, font_mono=["ui-monospace"])
    return {
        "css": (Path(__file__).parent / "page.css").read_text(encoding="utf-8"),
        "theme": theme.set(  # the hue's own shade is too light to be read
            button_primary_background_fill="*primary_700",
            button_primary_background_fill_hover="*primary_800",
            color_accent="*primary_600",
        ),
        "max_file_size": _LARGEST_FILE,
        "share": False,
        "run_history": False,  # it keeps what was given, and offers to send it to the Hub
        "ssr_mode": False,
        "quiet": True,
        "footer_links": [],
    }


def _known(classifier: DrugClassifier) -> str:
    """Say what it knows, as HTML."""
    ids, taxonomy = classifier.category_ids, classifier.taxonomy.name
    of = f" of the taxonomy {taxonomy}" if taxonomy else ""
    told = f": {', '.join(ids)}" if len(ids) <= _FEW else ""
    return page.note(
        f"It knows {len(ids)} {'category' if len(ids) == 1 else 'categories'}{of}{told}."
    )


def _fresh_folder() -> Path:
    """Return a new folder that Gradio may serve from; it deletes what is served after a while."""
    parent = os.environ.get("GRADIO_TEMP_DIR") or str(Path(tempfile.gettempdir()) / "gradio")
    Path(parent).mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=parent))


def _gradio() -> Any:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when it is imported
    try:
        import gradio
    except ImportError as error:
        raise DrugTextError("the page needs Gradio; run: pip install 'drugtext[app]'") from error
    return gradio
