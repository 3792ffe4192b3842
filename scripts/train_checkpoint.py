"""Train a bundled checkpoint from a corpus, and write it into the package.

Its encoder gets an adapter, meta-trained in episodes, and a lexicon of the inserts' words. Both are
learnt twice by the same plan: from the training split alone, to be measured on the test split, and
from every insert there is, to be shipped.

    python scripts/train_checkpoint.py runs/corpus-atc \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv \
        --synonyms ../shared/data/taxonomies/drugbank_vocabulary.csv \
        --output drugtext/checkpoints/atc
    python scripts/train_checkpoint.py runs/corpus-epc --taxonomy-format epc \
        --taxonomy ../shared/data/taxonomies/ingredient_fda_class.csv \
        --synonyms ../shared/data/taxonomies/drugbank_vocabulary.csv \
        --output drugtext/checkpoints/epc

It is told the names of the drugs that the taxonomy lists, too; while it is measured, those of drugs
that are asked are kept from it.

Adapters and window vectors are kept in the folder "trained" beside the corpus, by fingerprint of
what they were trained on, so that a stopped run goes on where it was.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from datasets import Dataset, DatasetDict, load_dataset
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

import drugtext
from drugtext.checkpoint_writing import save_head
from drugtext.classifier import DrugClassifier
from drugtext.corpus import insert_from_row
from drugtext.corpus_files import read_synonyms
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import CorpusError, DrugTextError
from drugtext.model_card import model_card
from drugtext.own_words import CARD, own_words, read_card
from drugtext.splits import SPLITS
from drugtext.taxonomy import Taxonomy
from drugtext.training.bar import training_bar
from drugtext.training.data import LabelledInserts
from drugtext.training.encoder_recipe import train_encoder
from drugtext.training.listed_drugs import ListedDrug, listed_drugs
from drugtext.training.meta import ATC_PLAN
from drugtext.training.recipe import train_prototypes
from drugtext.training.run_file import RUN_FILE

TAXONOMIES = {"atc": Taxonomy.from_atc, "epc": Taxonomy.from_epc_ingredients}
"""What reads each, with the drugs that it lists: a checkpoint is told their names, too."""

console = Console(stderr=True, markup=False)  # names of files hold brackets


def main(
    corpus: Annotated[Path, typer.Argument(help="Folder that build_corpus.py wrote.")],
    taxonomy: Annotated[Path, typer.Option(help="The taxonomy's file.")],
    output: Annotated[Path, typer.Option(help="Folder of the checkpoint.")],
    encoder: Annotated[str, typer.Option(help="Folder or hub id.")] = DEFAULT_ENCODER,
    taxonomy_format: Annotated[str, typer.Option(help=" | ".join(TAXONOMIES))] = "atc",
    synonyms: Annotated[
        Path | None, typer.Option(help="As the corpus was built with: other names of drugs.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Of meta-training.")] = ATC_PLAN.loop.n_steps,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals.")] = 0,
) -> None:
    """Train, calibrate and measure a prototype checkpoint, then train it on every insert."""
    if taxonomy_format not in TAXONOMIES:
        raise typer.BadParameter(f"found {taxonomy_format!r}; {' or '.join(TAXONOMIES)} is needed.")
    try:
        tree = TAXONOMIES[taxonomy_format](taxonomy)
        drugs = listed_drugs(tree, read_synonyms(synonyms))
        print(train(corpus, tree, drugs, output, encoder, steps, seed))
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error


def train(
    corpus: Path,
    tree: Taxonomy,
    drugs: list[ListedDrug],
    output: Path,
    encoder: str,
    steps: int,
    seed: int,
) -> str:
    """Train a checkpoint, write its folder and return its card; arguments as `main` takes them."""
    files = {split: str(corpus / f"{split}.parquet") for split in SPLITS}
    if missing := [file for file in files.values() if not Path(file).is_file()]:
        raise CorpusError(
            f"{', '.join(missing)} not found; a folder that scripts/build_corpus.py wrote is"
            " needed."
        )
    classifier = drugtext.load(encoder)
    rows = readable(load_dataset("parquet", data_files=files), classifier)
    data = b"".join(Path(file).read_bytes() for file in files.values())
    corpus_sha256 = hashlib.sha256(data).hexdigest()

    folders = []

    def learn(splits: Sequence[str]) -> DrugClassifier:
        data = LabelledInserts.of_rows([r for split in splits for r in rows[split].to_list()], tree)
        with training_bar(console) as advance:
            plan, folder = ATC_PLAN.lasting(steps), corpus.parent / "trained"
            trained = train_encoder(classifier, data, folder, plan=plan, advance=advance)
        folders.append(trained.folder)
        return trained.classifier

    def embed(reader: DrugClassifier, part: Dataset, column: str) -> NDArray:
        inserts = (insert_from_row(row, masked=column == "masked") for row in part)
        what = f"{part.split} {column}"
        with Progress(console=console) as progress:
            return reader.embed(progress.track(inserts, total=len(part), description=what))

    trained = train_prototypes(classifier, rows, tree, embed, learn=learn, drugs=drugs, seed=seed)
    trained.model.config.training = {
        "script": "scripts/train_checkpoint.py",
        "seed": seed,
        "meta_steps": steps,
        "corpus_sha256": corpus_sha256,
        "n_inserts": sum(len(part) for part in rows.values()),
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("drugtext", "torch", "transformers", "peft")
        },
    }
    trained.model.config.license = "apache-2.0"
    save_head(trained.model, output, trained.drug_names)
    run = json.loads((folders[-1] / RUN_FILE).read_text(encoding="utf-8"))
    run |= {"command": "python " + " ".join(sys.argv), "working_directory": "."}
    run["corpus"] = {
        "sha256": corpus_sha256,
        "inserts": {split: len(part) for split, part in rows.items()},
        "card": "data_cards/",
        "seed_of_intervals_and_episodes": seed,
    }
    (output / RUN_FILE).write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    card = model_card(trained.model.config, own_words(read_card(output)))
    (output / CARD).write_text(card, encoding="utf-8")
    return card


def readable(rows: DatasetDict, classifier: DrugClassifier) -> DatasetDict:
    """Leave out the inserts that the encoder cannot read, and say how many they are."""
    kept = DatasetDict()
    for split, part in rows.items():
        numbers = [
            n
            for n, row in enumerate(part)
            if not any(
                classifier.refusal(insert_from_row(row, masked=masked)) for masked in (False, True)
            )
        ]
        if len(numbers) < len(part):
            console.print(f"{split}: left out {len(part) - len(numbers)} that cannot be read")
        kept[split] = part.select(numbers)
    return kept


if __name__ == "__main__":
    typer.run(main)
