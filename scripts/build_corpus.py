"""Build a corpus: inserts and a taxonomy -> Parquet, disjoint in ingredient, with a data card.

    python scripts/build_corpus.py ../shared/data/en/inserts.jsonl.gz --output runs/corpus-atc \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv --max-depth 4 \
        --aliases ../shared/data/taxonomies/brand_ingredient.csv \
        --synonyms ../shared/data/taxonomies/drugbank_vocabulary.csv
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from drugtext.corpus_files import write_corpus
from drugtext.errors import DrugTextError
from drugtext.taxonomy import Taxonomy

READERS = {
    "atc": Taxonomy.from_atc,
    "epc": Taxonomy.from_epc,
    "keg": Taxonomy.from_keg,
    "csv": Taxonomy.from_csv,
}

console = Console(stderr=True, markup=False)  # names of files hold brackets


def main(
    data: Annotated[list[Path], typer.Argument(help="Files or folders of inserts.")],
    taxonomy: Annotated[Path, typer.Option(help="The taxonomy's file.")],
    output: Annotated[Path, typer.Option(help="Folder for Parquet files and README.md.")],
    taxonomy_format: Annotated[str, typer.Option(help=" | ".join(READERS))] = "atc",
    aliases: Annotated[Path | None, typer.Option(help="CSV of brand, ingredients.")] = None,
    synonyms: Annotated[Path | None, typer.Option(help="DrugBank's vocabulary, CSV.")] = None,
    corrections: Annotated[
        Path | None, typer.Option(help="CSV of id, right: categories proved to be wrong.")
    ] = None,
    max_depth: Annotated[int | None, typer.Option(help="Deepest level of a category.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the split.")] = 0,
) -> None:
    """Build a corpus of inserts with categories, split by ingredient."""
    try:
        if taxonomy_format not in READERS:
            raise typer.BadParameter(f"found {taxonomy_format!r}; {' | '.join(READERS)} are known.")
        card = write_corpus(
            data,
            READERS[taxonomy_format](taxonomy),
            output,
            command="python " + " ".join(sys.argv),
            aliases=aliases,
            synonyms=synonyms,
            corrections=corrections,
            max_depth=max_depth,
            seed=seed,
            track=lambda inserts: track(inserts, "reading inserts", console=console),
            on_error=lambda error: console.print(f"left out: {error}"),
        )
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    print(card)


if __name__ == "__main__":
    typer.run(main)
