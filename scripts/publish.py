"""Put a saved classifier or a corpus on the Hugging Face Hub.

    python scripts/publish.py runs/corpus-atc user/inserts-atc
    python scripts/publish.py my-classifier user/my-classifier --private --dataset user/inserts-atc

A folder with config.json is a model, which is loaded and pushed as `push_to_hub` does it, names of
known drugs included if the folder has them; one with Parquet files is a data set, uploaded as it
is. The token is that of `hf auth login`, or HF_TOKEN. What a corpus is made of may not be yours to
share: see its card.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import drugtext
from drugtext.errors import CheckpointError, DrugTextError
from drugtext.hub import make_repository, upload

console = Console(stderr=True, markup=False)  # names of files hold brackets


def main(
    folder: Annotated[Path, typer.Argument(help="Of a saved classifier, or of a corpus.")],
    repo_id: Annotated[str, typer.Argument(help="user/repo; made if there is none.")],
    private: Annotated[bool, typer.Option("--private", help="A new one, for you alone.")] = False,
    dataset: Annotated[
        list[str] | None,
        typer.Option(help="Hub id of what a model was trained on, for its card; may recur."),
    ] = None,
) -> None:
    """Upload a folder as one commit, and print the commit's address."""
    try:
        is_model, is_dataset = (folder / "config.json").is_file(), any(folder.glob("*.parquet"))
        if not is_model and not is_dataset:
            raise CheckpointError(
                f"{folder}: found neither config.json nor Parquet files; the folder of a saved"
                " classifier, or of a corpus, is needed."
            )
        if is_model:
            classifier = drugtext.load(folder)
            if dataset:
                classifier.words = classifier.words.with_field("datasets", dataset)
            address = classifier.push_to_hub(
                repo_id, private=private or None, with_known_drugs=True
            )
        else:
            repo_id = make_repository(repo_id, private=private or None, is_dataset=True)
            address = upload(folder, repo_id, is_dataset=True)
        print(address)
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error


if __name__ == "__main__":
    typer.run(main)
