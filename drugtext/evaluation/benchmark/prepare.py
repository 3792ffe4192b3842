"""What a run stands on: the corpora built of the data folder, built once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any

from drugtext.corpus_files import write_corpus
from drugtext.errors import CorpusError, ReadError
from drugtext.evaluation.benchmark.records import Corpus, load_corpus
from drugtext.fingerprint import code_sha256
from drugtext.taxonomy import Taxonomy

_TABLES = {
    "atc": "atc_en_zh.csv",
    "epc": "ingredient_fda_class.csv",
    "aliases": "brand_ingredient.csv",
    "synonyms": "drugbank_vocabulary.csv",
}
_DEEPEST = 4  # ATC level 5 is the substance itself


def prepare_corpora(
    data: Path,
    output: Path,
    seed: int,
    *,
    corrections: Path,
    command: str,
    begins: Callable[[str], AbstractContextManager[object]],
    on_error: Callable[[ReadError], object],
    one_in: int = 1,
) -> dict[str, Corpus]:
    """Build the ATC and the EPC corpus, or load those built before of the same data.

    Args:
        data: folder with `en/` and `taxonomies/`.
        output: of a folder a corpus.
        seed: of the splits.
        corrections: CSV of inserts whose ATC code is proved to be wrong; see `write_corpus`.
        command: what their cards name as their maker.
        begins: called with what begins; what it returns is open while it lasts.
        on_error: called with each insert that cannot be read.
        one_in: so many inserts one is taken, for a small run; 1 for all.

    Raises:
        CorpusError: a file of the data folder, or the corrections, cannot be read.
    """
    inserts = data / "en" / "inserts.jsonl.gz"
    tables = {name: data / "taxonomies" / file for name, file in _TABLES.items()}
    made_of = {
        "files": {file.name: _sha256(file) for file in (inserts, corrections, *tables.values())},
        "code": code_sha256(write_corpus.__module__),
        "seed": seed,
        "one_in": one_in,
    }
    taxonomies = {
        "atc": Taxonomy.from_atc(tables["atc"]),
        "epc": Taxonomy.from_epc(tables["epc"]),
    }
    corpora = {}
    for name, taxonomy in taxonomies.items():
        folder = output / f"corpus-{name}"
        if _stamp(folder) != made_of:
            with begins(f"building the {name} corpus (about a minute)"):
                write_corpus(
                    [inserts],
                    taxonomy,
                    folder,
                    command=command,
                    aliases=tables["aliases"],
                    synonyms=tables["synonyms"],
                    corrections=corrections if name == "atc" else None,
                    max_depth=_DEEPEST,
                    seed=seed,
                    track=lambda inserts: islice(inserts, 0, None, one_in),
                    on_error=on_error,
                )
            (folder / "made_of.json").write_text(json.dumps(made_of, indent=1), encoding="utf-8")
        corpora[name] = load_corpus(folder, taxonomy)
    return corpora


def _stamp(folder: Path) -> Any:
    """Return what a corpus was made of; None for one that was not finished."""
    try:
        return json.loads((folder / "made_of.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise CorpusError(
            f"{file}: cannot be read ({error.strerror}); a data folder with en/inserts.jsonl.gz and"
            f" taxonomies/ ({', '.join(_TABLES.values())}) is needed."
        ) from error
