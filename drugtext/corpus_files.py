"""Files of inserts and tables of names -> a folder of Parquet splits with its data card."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from drugtext.corpus import build_corpus
from drugtext.csv_rows import csv_rows
from drugtext.data_card import data_card
from drugtext.errors import CorpusError, ReadError, TaxonomyError
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts
from drugtext.routes import codes_of_route
from drugtext.splits import SPLITS, ingredient_key
from drugtext.taxonomy import Taxonomy

CRUDE = "keyword_rule"
"""Source of categories guessed from a keyword: too often wrong to learn from."""
_BETWEEN = re.compile(r"[;；、|]|\s[+/]\s")  # names of one brand's ingredients
_BY_INGREDIENT = "ingredient_match"
"""Source of categories looked up by ingredient alone, whatever route the insert is about."""


def write_corpus(
    data: Sequence[Path],
    taxonomy: Taxonomy,
    output: Path,
    *,
    command: str,
    aliases: Path | None = None,
    synonyms: Path | None = None,
    corrections: Path | None = None,
    max_depth: int | None = None,
    seed: int = 0,
    track: Callable[[Iterable[DrugInsert]], Iterable[DrugInsert]] = iter,
    on_error: Callable[[ReadError], object] = bool,
) -> str:
    """Build a corpus and write it.

    Args:
        data: files or folders of inserts.
        taxonomy: the categories.
        output: folder for a Parquet file a split and README.md; made if it is absent.
        command: what the card names as its maker.
        aliases: CSV with columns `brand` and `ingredients`: further names to mask.
        synonyms: DrugBank's vocabulary, CSV with columns `Common name` and `Synonyms`.
        corrections: CSV with columns `id` and `right`: the category of an insert whose own is
            proved to be wrong; an empty one if there is none that fits.
        max_depth: deepest level of a category.
        seed: of the split.
        track: passes the inserts through, for a progress bar.
        on_error: called with each insert that cannot be read; they are counted in the card.

    Returns:
        The data card.

    Raises:
        ReadError: a path or a table cannot be read.
        CorpusError: no insert has an ingredient and one category.
    """
    unread: list[ReadError] = []

    def leave_out(error: ReadError) -> None:
        unread.append(error)
        on_error(error)

    right = read_corrections(corrections) if corrections else {}
    inserts = [
        corrected(with_code_of_route(insert), right, taxonomy.name)
        for insert in track(read_inserts(data, on_error=leave_out))
        if insert.metadata.get("atc_source") != CRUDE
    ]
    corpus, left_out = build_corpus(
        inserts,
        taxonomy,
        aliases=read_aliases(aliases) if aliases else None,
        synonyms=read_synonyms(synonyms),
        max_depth=max_depth,
        seed=seed,
    )
    left_out["not readable"] = len(unread)
    card = data_card(corpus, left_out, taxonomy.name, command)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".new-") as name:
        staged = Path(name)
        for split, rows in corpus.items():
            rows.to_parquet(staged / f"{split}.parquet")
        (staged / "README.md").write_text(card, encoding="utf-8")
        for file in staged.iterdir():  # when all are whole: splits of two corpora would leak
            file.replace(output / file.name)
    for split in set(SPLITS) - set(corpus):  # of a larger corpus that stood there
        (output / f"{split}.parquet").unlink(missing_ok=True)
    return card


def with_code_of_route(insert: DrugInsert) -> DrugInsert:
    """Mend the ATC codes of an insert that were joined by its ingredient alone.

    Args:
        insert: with `categories` "atc", and under "atc_all" all codes of its ingredients. One whose
            source says the route, or gives the codes itself, stays as it is.
    """
    codes, candidates = (insert.categories.get(name, ()) for name in ("atc", "atc_all"))
    if insert.routes or insert.metadata.get("atc_source") != _BY_INGREDIENT:
        return insert
    text = insert.sections.get("indications_and_usage") or insert.text
    fitting = codes_of_route(codes, candidates, text)
    return replace(insert, categories={**insert.categories, "atc": fitting})


def corrected(insert: DrugInsert, right: Mapping[str, str], taxonomy_name: str) -> DrugInsert:
    """Put the right category in place of one that is known to be wrong.

    Args:
        insert: told by the `id` in its metadata.
        right: id -> category; empty where none fits.
        taxonomy_name: of the categories.
    """
    category = right.get(insert.metadata.get("id") or insert.id)
    if category is None:
        return insert
    categories = {**insert.categories, taxonomy_name: (category,) if category else ()}
    return replace(insert, categories=categories)


def read_corrections(path: Path) -> dict[str, str]:
    """Read which category an insert has, from a CSV with columns `id` and `right`."""
    return dict(_columns(path, "id", "right"))


def read_aliases(path: Path) -> dict[str, list[str]]:
    """Read further names of ingredients from a CSV with columns `brand` and `ingredients`."""
    aliases = defaultdict(list)
    for brand, ingredients in _columns(path, "brand", "ingredients"):
        for key in filter(None, map(ingredient_key, _BETWEEN.split(ingredients))):
            aliases[key].append(brand)
    return aliases


def read_synonyms(path: Path | None) -> dict[str, str]:
    """Read synonyms from DrugBank's vocabulary: key of a synonym -> key of the common name.

    Without a path, nothing has another name.
    """
    if path is None:
        return {}
    rows = _columns(path, "Common name", "Synonyms")
    common = {ingredient_key(name) for name, _ in rows}
    synonyms: dict[str, str] = {}
    for name, others in rows:
        for key in map(ingredient_key, others.split(" | ")):
            if key and key not in common:  # a common name stands for itself
                synonyms.setdefault(key, ingredient_key(name))
    return synonyms


def _columns(path: Path, first: str, second: str) -> list[tuple[str, str]]:
    try:
        return [(row[first], row[second]) for row in csv_rows(path, first, second)]
    except TaxonomyError as error:
        raise CorpusError(str(error)) from error
