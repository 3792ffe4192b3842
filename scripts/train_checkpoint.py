"""Train the bundled ATC checkpoint from a corpus, and write it into the package.

    python scripts/train_checkpoint.py runs/corpus-atc \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv --output drugtext/checkpoints/atc

Window vectors are kept beside the corpus folder, so that a stopped run goes on where it was.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path
from typing import Annotated

import typer
from datasets import Dataset, load_dataset
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

import drugtext
from drugtext.cards import model_card
from drugtext.checkpoint import save_head
from drugtext.corpus import insert_from_row
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.splits import SPLITS
from drugtext.taxonomy import Taxonomy
from drugtext.training.prototypes import train_prototypes
from drugtext.window_cache import WindowCache

console = Console(stderr=True)


def main(
    corpus: Annotated[Path, typer.Argument(help="Folder that build_corpus.py wrote.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of the checkpoint.")],
    encoder: Annotated[str, typer.Option(help="Folder or hub id.")] = DEFAULT_ENCODER,
    seed: Annotated[int, typer.Option(help="Of the bootstrap intervals.")] = 0,
) -> None:
    """Train, calibrate and measure a prototype checkpoint, then train it on every insert."""
    files = {split: str(corpus / f"{split}.parquet") for split in SPLITS}
    rows = load_dataset("parquet", data_files=files)
    classifier = drugtext.load(encoder)
    classifier.window_cache = WindowCache(classifier.model.encoder, corpus.parent / "windows")
    with Progress(console=console) as progress:

        def embed(part: Dataset, column: str) -> NDArray:
            inserts = (insert_from_row(row, masked=column == "masked") for row in part)
            what = f"{part.split} {column}"
            return classifier.embed(progress.track(inserts, total=len(part), description=what))

        trained = train_prototypes(
            classifier,
            rows,
            Taxonomy.from_atc(taxonomy),
            embed,
            seed=seed,
        )
    data = b"".join(Path(file).read_bytes() for file in files.values())
    trained.model.config.training = {
        "script": "scripts/train_checkpoint.py",
        "seed": seed,
        "corpus_sha256": hashlib.sha256(data).hexdigest(),
        "n_inserts": sum(len(part) for part in rows.values()),
        "versions": {
            name: importlib.metadata.version(name) for name in ("drugtext", "torch", "transformers")
        },
    }
    save_head(trained.model, output)
    card = model_card(trained.model.config, "apache-2.0")
    (output / "README.md").write_text(card, encoding="utf-8")
    print(card)


if __name__ == "__main__":
    typer.run(main)
