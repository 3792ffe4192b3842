"""Train the bundled ATC checkpoint from a corpus, and write it into the package.

    python scripts/train_checkpoint.py runs/corpus-atc \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv --output drugtext/checkpoints/atc

Embeddings are kept in the corpus folder, so that a stopped run goes on where it was.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from datasets import Dataset, load_dataset
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

import drugtext
from drugtext.cards import model_card
from drugtext.checkpoint import save_head
from drugtext.classifier import DrugClassifier
from drugtext.corpus import insert_from_row
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.splits import SPLITS
from drugtext.taxonomy import Taxonomy
from drugtext.training.prototypes import train_prototypes

PART = 256  # inserts embedded between two writes to disk
console = Console(stderr=True)


def embed_column(
    classifier: DrugClassifier, rows: Dataset, column: str, folder: Path, progress: Progress
) -> NDArray:
    """Embed a column of the corpus, part by part; parts already on disk are read."""
    plan = repr(classifier.reading_plan)
    parts = []
    task = progress.add_task(f"{rows.split} {column}", total=len(rows))
    for start in range(0, len(rows), PART):
        part = [rows[n] for n in range(start, min(start + PART, len(rows)))]
        key = hashlib.sha256((plan + "".join(row[column] for row in part)).encode()).hexdigest()
        file = folder / f"{key[:24]}.npy"
        if not file.exists():
            inserts = [insert_from_row(row, masked=column == "masked") for row in part]
            unfinished = file.with_suffix(".part.npy")
            np.save(unfinished, classifier.embed(inserts), allow_pickle=False)
            unfinished.rename(file)
        parts.append(np.load(file, allow_pickle=False))
        progress.advance(task, len(part))
    return np.concatenate(parts)


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
    embeddings = corpus / "embeddings"
    embeddings.mkdir(exist_ok=True)
    with Progress(console=console) as progress:
        trained = train_prototypes(
            classifier,
            rows,
            Taxonomy.from_atc(taxonomy),
            lambda part, column: embed_column(classifier, part, column, embeddings, progress),
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
    (output / "README.md").write_text(model_card(trained.model.config), encoding="utf-8")
    print(model_card(trained.model.config))


if __name__ == "__main__":
    typer.run(main)
