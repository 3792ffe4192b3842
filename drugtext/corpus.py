"""Inserts and a taxonomy -> datasets.DatasetDict; no ingredient stands in two splits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drugtext.errors import CorpusError
from drugtext.inserts.insert import DrugInsert
from drugtext.masking import masked_insert
from drugtext.splits import (
    SPLITS,
    ingredient_groups,
    ingredient_key,
    near_duplicates,
    split_groups,
)
from drugtext.taxonomy import Taxonomy

if TYPE_CHECKING:
    from datasets import DatasetDict

US_LABELS = ("us_full_label", "us_full_label_pdf")
EU_LEAFLETS = ("eu_patient_leaflet",)
FULL_DOCUMENTS = US_LABELS + EU_LEAFLETS
"""Kinds of record that hold a whole insert, not its indications alone."""
WITH_INDICATIONS = (
    *FULL_DOCUMENTS,
    *("us_partial_label", "us_indications_only", "us_indications_digest", "eu_indication_only"),
)
"""Kinds of record that say what the drug is for; others hold what goes wrong with it alone."""

_MARKED_LINE = re.compile(r"^(\\*## )", re.MULTILINE)
_ESCAPED_LINE = re.compile(r"^\\(\\*## )", re.MULTILINE)
_ESCAPE = r"\\\1"


def common_category(
    ids: Sequence[str], taxonomy: Taxonomy, max_depth: int | None = None
) -> str | None:
    """Return the deepest category that all the given ones share; None if they share none.

    An insert with codes C07AB02 and C07AB03 is a C07AB; one with D07AD01 and S01BA17 has no single
    place in the tree. Ids that the taxonomy lacks count as no id.

    Args:
        ids: categories that the source gives for one insert.
        taxonomy: the tree they stand in.
        max_depth: how deep to go; ATC level 5 is the substance itself, so 4 is the deepest class.
    """
    paths = [[c.id for c in taxonomy.path(i)][:max_depth] for i in ids if i in taxonomy]
    shared = None
    for steps in zip(*paths, strict=False):
        if len(set(steps)) > 1:
            break
        shared = steps[0]
    return shared


def build_corpus(
    inserts: Iterable[DrugInsert],
    taxonomy: Taxonomy,
    *,
    aliases: Mapping[str, Iterable[str]] | None = None,
    synonyms: Mapping[str, str] | None = None,
    max_depth: int | None = None,
    fractions: Sequence[float] = (0.7, 0.1, 0.2),
    seed: int = 0,
) -> tuple[DatasetDict, dict[str, int]]:
    """Make a dataset of inserts with one category each, disjoint in ingredient between splits.

    Validation and test inserts that nearly repeat a text of another split are left out of them:
    they would measure memory, not reading.

    Args:
        inserts: with `ingredients`, and with `categories` under the taxonomy's name.
        taxonomy: the categories; its `name` says which of an insert's categories are meant.
        aliases: ingredient -> further names (brands) to be masked.
        synonyms: ingredient key -> the key to split by (acetylsalicylic acid -> aspirin).
        max_depth: the deepest level that a category may have, counted from 1.
        fractions: of train, validation and test.
        seed: of the split.

    Returns:
        The splits, with columns `name`, `kind`, `language`, `source`, `ingredients`, `category_id`,
        `category_path` (ids from the root down), `text` and `masked` (each section below a line
        `## name`; `insert_from_row` reads them back); and why inserts were left out, with counts.

    Raises:
        CorpusError: no insert has an ingredient and one category, or the fractions are wrong.
    """
    from datasets import Dataset, DatasetDict

    left_out: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    tied: list[list[str]] = []  # names that an insert goes by, before and after synonyms
    brands = _by_key(aliases or {})
    for insert in inserts:
        ids = [i for i in insert.categories.get(taxonomy.name, ()) if i in taxonomy]
        category_id = common_category(ids, taxonomy, max_depth)
        if not insert.ingredients:
            left_out["no ingredient known"] += 1
        elif category_id is None:
            left_out["several categories" if ids else "no category"] += 1
        else:
            rows.append(_row(insert, category_id, taxonomy, brands, synonyms or {}))
            tied.append([*rows[-1]["ingredients"], *insert.ingredients])
    if not rows:
        raise CorpusError(
            f"no insert has both an ingredient and one category of {taxonomy.name!r}"
            f" ({dict(left_out) or 'there are no inserts'});"
            " give inserts with ingredients and categories."
        )
    split_of = split_groups(ingredient_groups(tied), fractions, seed)
    parts: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for row, split in zip(rows, split_of, strict=True):
        parts[split].append(row)
    left_out.update(_drop_repeats(parts))
    datasets = {
        split: Dataset.from_dict({c: [row[c] for row in part] for c in rows[0]})
        for split, part in parts.items()
        if part
    }
    return DatasetDict(datasets), dict(left_out)


def _by_key(aliases: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    by_key: dict[str, list[str]] = {}
    for ingredient, names in aliases.items():
        by_key.setdefault(ingredient_key(ingredient), []).extend(names)
    return by_key


def _drop_repeats(parts: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    """Drop, of each split, what nearly repeats a text of the splits before it; return counts."""
    dropped = {}
    for n, split in enumerate(SPLITS[1:], start=1):
        earlier = [row for other in SPLITS[:n] for row in parts[other]]
        # Two drugs taken together may share a text whose masked forms differ, and the reverse.
        again = [
            near_duplicates([row[form] for row in parts[split]], [row[form] for row in earlier])
            for form in ("masked", "text")
        ]
        repeated = [any(either) for either in zip(*again, strict=True)]
        dropped[f"near-duplicate in {split}"] = sum(repeated)
        parts[split] = [row for row, gone in zip(parts[split], repeated, strict=True) if not gone]
    return dropped


def _row(
    insert: DrugInsert,
    category_id: str,
    taxonomy: Taxonomy,
    brands: Mapping[str, Iterable[str]],
    synonyms: Mapping[str, str],
) -> dict[str, Any]:
    own = {ingredient_key(name) for name in insert.ingredients}
    keys = {synonyms.get(key, key) for key in own}
    aliases = [brand for key in own | keys for brand in brands.get(key, ())]
    return {
        "name": insert.name,
        "kind": insert.metadata.get("kind", ""),
        "language": insert.language or "",
        "source": insert.source,
        "ingredients": sorted(keys),
        "category_id": category_id,
        "category_path": [category.id for category in taxonomy.path(category_id)],
        "text": sections_to_text(insert.sections),
        "masked": sections_to_text(masked_insert(insert, aliases).sections),
    }


def sections_to_text(sections: Mapping[str, str]) -> str:
    """Write sections into one text, each below a line `## name`.

    A line of a section that itself begins so gets a backslash in front, as in Markdown.
    """
    return "\n\n".join(
        f"## {' '.join(name.splitlines())}\n{_MARKED_LINE.sub(_ESCAPE, text)}"
        for name, text in sections.items()
    )


def insert_from_row(row: Mapping[str, Any], *, masked: bool = False) -> DrugInsert:
    """Make an insert of a row of the corpus again, of its plain or its masked text."""
    text = row["masked" if masked else "text"]
    sections = {}
    for part in re.split(r"(?:\A|\n\n)## ", text)[1:]:
        name, _, body = part.partition("\n")
        sections[name] = _ESCAPED_LINE.sub(r"\1", body)
    return DrugInsert(
        name="" if masked else row["name"],
        sections=sections,
        language=row["language"] or None,
        ingredients=() if masked else tuple(row["ingredients"]),
        metadata={"kind": row["kind"]},
        source=row["source"],
    )
