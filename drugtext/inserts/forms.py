"""Forms in which shops and services have their records -> those that `insert_from_record` knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from drugtext.inserts.fhir import is_fhir, record_from_fhir
from drugtext.inserts.headings import canonical_name

TEXT_FIELDS = ("text", "说明书", "說明書")
"""What a field with a whole insert may be called."""

_WRAPS = ("data", "items", "list", "records", "rows", "result", "documents")
_MOST_WRAPS = 3
_OWN_OBJECTS = ("openfda", "sections", "categories", "error", "meta")
_DEEPEST_LABEL = 4  # objects in one another
# A shop says this of a product in its own words.
_OF_SHOPS = frozenset({"description", "storage", "how_supplied", "composition", None})
_FEWEST_FIELDS = 2  # of a label; any object may have one that is called like a section
_OF_INSERTS = frozenset({"indications_and_usage", "indications", "适应症", "适应证", "功能主治"})


def plain_record(record: Mapping[str, object], source: str) -> Mapping[str, object]:
    """Return a record whose insert stands in its own fields, and a whole text under `text`.

    Args:
        record: FHIR; or one with its label in an object of its own, {"name": …, "label": {…}}; or
            with its text under another name; any other comes back as it is.
        source: the file's name, for messages.

    Raises:
        ReadError: FHIR holds several leaflets, or one that cannot be read.
    """
    if is_fhir(record):
        return record_from_fhir(record, source)
    if isinstance(record.get("text"), str) or "sections" in record:
        return record
    names = {canonical_name(key) for key in record if isinstance(key, str)}
    for name in TEXT_FIELDS[1:] if names <= {None} else ():
        if isinstance(text := record.get(name), str) and text.strip():
            return {"text": text} | {key: record[key] for key in record if key != name}
    if names <= _OF_SHOPS and (label := next(_labels_in(record, _DEEPEST_LABEL), None)):
        own = {k: v for k, v in label.items() if k not in record or canonical_name(k)}
        return {**record, **own}
    return record


def records_in(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the records that a service's answer wraps, {"code": 0, "data": {"list": […]}}.

    Returns:
        The answer itself where it is a record, or wraps none.
    """
    if answer.keys() & {*TEXT_FIELDS, "sections", "openfda"} or _has_texts(answer):
        return [answer]
    return _unwrapped(answer, _MOST_WRAPS) or [answer]


def _unwrapped(answer: dict[str, Any], depth: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for value in (answer.get(name) for name in _WRAPS):
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            found += value
        elif isinstance(value, dict) and depth:
            found += _unwrapped(value, depth - 1)
    return found


def _has_texts(record: dict[str, Any]) -> bool:
    """Tell whether fields of a record are texts of an insert, as openFDA has them in lists."""
    return any(
        canonical_name(key) or (isinstance(value, list) and value and isinstance(value[0], str))
        for key, value in record.items()
    )


def _labels_in(record: Mapping[str, object], depth: int) -> Iterator[Mapping[str, object]]:
    """Yield the objects within a record that hold the texts of a label."""
    for key, value in record.items():
        if isinstance(value, Mapping) and key not in _OWN_OBJECTS and depth:
            if _is_label(value):
                yield value
            yield from _labels_in(value, depth - 1)


def _is_label(value: Mapping[str, object]) -> bool:
    if not all(isinstance(key, str) for key in value):
        return False
    texts = [key for key, text in value.items() if isinstance(text, str) and canonical_name(key)]
    return len(texts) >= _FEWEST_FIELDS or not _OF_INSERTS.isdisjoint(texts)
