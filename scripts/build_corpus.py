"""Build a corpus: inserts and a taxonomy -> Parquet, disjoint in ingredient, with a data card.

    python scripts/build_corpus.py ../shared/data/en/inserts.jsonl.gz --output runs/corpus-atc \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv --max-depth 4 \
        --aliases ../shared/data/taxonomies/brand_ingredient.csv \
        --synonyms ../shared/data/taxonomies/drugbank_vocabulary.csv
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from drugtext.cards import data_card
from drugtext.corpus import build_corpus
from drugtext.errors import DrugTextError, ReadError
from drugtext.inserts.read import read_inserts
from drugtext.splits import ingredient_key
from drugtext.taxonomy import Taxonomy

READERS = {
    "atc": Taxonomy.from_atc,
    "epc": Taxonomy.from_epc,
    "keg": Taxonomy.from_keg,
    "csv": Taxonomy.from_csv,
}
CRUDE = "keyword_rule"  # categories guessed from a keyword: too often wrong to learn from

console = Console(stderr=True)


def read_aliases(path: Path) -> dict[str, list[str]]:
    """Read further names of ingredients from a CSV with columns `brand` and `ingredients`."""
    aliases = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for ingredient in row["ingredients"].split(";"):
                aliases[ingredient_key(ingredient)].append(row["brand"])
    return aliases


def read_synonyms(path: Path) -> dict[str, str]:
    """Read synonyms from DrugBank's vocabulary: key of a synonym -> key of the common name."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["Common name"], row["Synonyms"].split(" | ")) for row in csv.DictReader(file)]
    common = {ingredient_key(name) for name, _ in rows}
    synonyms: dict[str, str] = {}
    for name, others in rows:
        for key in map(ingredient_key, others):
            if key and key not in common:  # a common name stands for itself
                synonyms.setdefault(key, ingredient_key(name))
    return synonyms


def main(
    data: Annotated[list[Path], typer.Argument(help="Files or folders of inserts.")],
    taxonomy: Annotated[Path, typer.Option(help="The taxonomy's file.")],
    output: Annotated[Path, typer.Option(help="Folder for Parquet files and README.md.")],
    taxonomy_format: Annotated[str, typer.Option(help=" | ".join(READERS))] = "atc",
    aliases: Annotated[Path | None, typer.Option(help="CSV of brand, ingredients.")] = None,
    synonyms: Annotated[Path | None, typer.Option(help="DrugBank's vocabulary, CSV.")] = None,
    max_depth: Annotated[int | None, typer.Option(help="Deepest level of a category.")] = None,
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
) -> None:
    """Build a corpus of inserts with categories, split by ingredient."""
    unread: list[ReadError] = []
    try:
        inserts = [
            insert
            for insert in track(
                read_inserts(data, on_error=unread.append), "reading inserts", console=console
            )
            if insert.metadata.get("atc_source") != CRUDE
        ]
        tree = READERS[taxonomy_format](taxonomy)
        with console.status("masking names, splitting by ingredient, finding near-duplicates"):
            corpus, left_out = build_corpus(
                inserts,
                tree,
                aliases=read_aliases(aliases) if aliases else None,
                synonyms=read_synonyms(synonyms) if synonyms else None,
                max_depth=max_depth,
                seed=seed,
            )
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    for failure in unread:
        console.print(f"left out: {failure}")
    left_out["not readable"] = len(unread)
    output.mkdir(parents=True, exist_ok=True)
    for split, rows in corpus.items():
        rows.to_parquet(output / f"{split}.parquet")
    command = "python " + " ".join(sys.argv)
    card = data_card(corpus, left_out, tree.name, command)
    (output / "README.md").write_text(card, encoding="utf-8")
    print(card)


if __name__ == "__main__":
    typer.run(main)
