"""DrugInsert and Section: the one shape that every reader yields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from drugtext.errors import DrugTextError

CANONICAL_SECTIONS = (
    "boxed_warning",
    "indications_and_usage",
    "description",
    "mechanism_of_action",
    "clinical_pharmacology",
    "dosage_and_administration",
    "contraindications",
    "warnings",
    "adverse_reactions",
    "drug_interactions",
    "use_in_specific_populations",
    "overdosage",
    "how_supplied",
    "composition",
    "storage",
    "patient_information",
)
"""Section names that every reader maps its headings onto; other headings are kept as they are."""


_LONGEST_SECTION = 2**20  # characters
_LANGUAGE_TAG = re.compile("([A-Za-z]{2})(?:[-_].*)?")  # RFC 5646


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of an insert.

    Attributes:
        name: one of `CANONICAL_SECTIONS`, or the document's own heading.
        text: the text below the heading, tables and subsections included.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugInsert:
    """One package insert.

    Attributes:
        name: the product's name as the document gives it; empty where it gives none.
        sections: section name -> text, in reading order; read-only.
        language: ISO 639-1 code such as "en" or "zh"; None where it could not be told. Of a longer
            tag, "en-US", the language is kept.
        ingredients: active ingredients as the document names them.
        brand_names: trade names.
        routes: routes of administration.
        set_id: identifier shared by all versions of the document (SPL set id).
        version: version of the document.
        effective_date: ISO date, `YYYY-MM-DD`.
        categories: taxonomy name -> category ids that the source itself gives.
        metadata: whatever else the record says of itself, such as the kind of document.
        source: the file that it was read from.
        id: what the record calls itself; empty where it has no `id`.
        row: place among the records of its file, from 0; None where the file is one insert.
    """

    name: str = ""
    sections: Mapping[str, str]
    language: str | None = None
    ingredients: tuple[str, ...] = ()
    brand_names: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    set_id: str | None = None
    version: str | None = None
    effective_date: str | None = None
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    id: str = ""
    row: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.sections, Mapping):
            raise DrugTextError(
                f"sections is a {type(self.sections).__name__}; a mapping from section name to text"
                ' is needed, such as {"indications_and_usage": "..."}.'
            )
        if not isinstance(self.name, str):
            raise DrugTextError(f"name is a {type(self.name).__name__}; a text is needed.")
        if not isinstance(self.language, str | None):
            raise DrugTextError(
                f'language is a {type(self.language).__name__}; a code such as "en" is needed.'
            )
        for field_name in ("ingredients", "brand_names", "routes"):
            if isinstance(given := getattr(self, field_name), str):
                raise DrugTextError(
                    f"{field_name} is the one text {given!r}; a tuple is needed: ({given!r},)."
                )
        for name, text in self.sections.items():
            if not isinstance(name, str) or not isinstance(text, str):
                raise DrugTextError(
                    f"section {name!r} holds a {type(text).__name__}; names and texts must be str."
                )
        if self.language and (tag := _LANGUAGE_TAG.fullmatch(self.language)):
            object.__setattr__(self, "language", tag[1].lower())
        object.__setattr__(self, "sections", MappingProxyType(dict(self.sections)))

    def __reduce__(self) -> tuple[object, ...]:
        """Copy and cross process borders as plain data: a read-only mapping cannot."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return _rebuild, (fields | {"sections": dict(self.sections)},)

    @property
    def place(self) -> str:
        """Its file, and where that holds several records, which one: "shelf.csv[3]"."""
        return self.source if self.row is None else f"{self.source}[{self.row}]"

    @property
    def told(self) -> tuple[str, ...]:
        """All that an answer may depend on, for fingerprints: names, and sections with headings."""
        names = (self.name, *self.ingredients, "", *self.brand_names, "")
        return (*names, *(part for section in self.sections.items() for part in section))

    @property
    def text(self) -> str:
        """All sections, in reading order, separated by blank lines."""
        return "\n\n".join(self.sections.values())

    @property
    def beginnings(self) -> str:
        """The same, of each section as much as a real one has: what tells the language.

        Of an insert of 30 MB, `text` is a copy of all that there is.
        """
        return "\n\n".join(text[:_LONGEST_SECTION] for text in self.sections.values())


def _rebuild(fields: dict[str, object]) -> DrugInsert:
    return DrugInsert(**fields)  # type: ignore[arg-type]


def join_sections(sections: Iterable[Section]) -> dict[str, str]:
    """Put sections of one name together, in reading order.

    Args:
        sections: parts of one insert; names may recur.

    Returns:
        Section name -> text. Parts of one name are separated by a blank line; empty ones and
        exact repeats are left out.
    """
    parts: dict[str, dict[str, None]] = {}
    for section in sections:
        if text := section.text.strip():
            parts.setdefault(section.name, {})[text] = None  # keys: each once, in order
    return {name: "\n\n".join(texts) for name, texts in parts.items()}
