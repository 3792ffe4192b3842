"""A part of a corpus -> a row of answers for each of its records, none left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from drugtext.errors import CorpusError, DrugTextError
from drugtext.inserts.record import insert_from_record
from drugtext.inserts.sections import clean
from drugtext.scale.parts import Part, PartReader

if TYPE_CHECKING:
    from drugtext.classifier import DrugClassifier
    from drugtext.inserts.insert import DrugInsert

_STEP = [("id", pa.string()), ("name", pa.string()), ("probability", pa.float64())]
_ALTERNATIVE = [
    ("category_id", pa.string()),
    ("category_name", pa.string()),
    ("probability", pa.float64()),
]
ANSWER = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("row", pa.int64()),
        ("name", pa.string()),
        *_ALTERNATIVE,
        ("path", pa.list_(pa.struct(_STEP))),
        ("alternatives", pa.list_(pa.struct(_ALTERNATIVE))),
        ("in_scope", pa.bool_()),
        ("tokens_read", pa.int64()),
        ("tokens_total", pa.int64()),
        ("error", pa.string()),
    ]
)
"""Columns of the output: the insert's id; file and row that it came from; the answer, or in `error`
why there is none."""


def answer_rows(
    classifier: DrugClassifier,
    part: Part,
    reader: PartReader,
    top_k: int = 3,
    id_column: str = "id",
) -> Iterator[dict[str, Any]]:
    """Classify the records of a part, and say of each that cannot be classified why.

    Args:
        classifier: with categories.
        part: of a corpus.
        reader: of its parts.
        top_k: how many alternatives to give.
        id_column: what tells a record; its row does where there is none, as `[row]`.

    Yields:
        A row an insert, in order, with the columns of `ANSWER`.
    """
    answers: list[dict[str, Any]] = []
    inserts: list[tuple[int, DrugInsert]] = []
    for place, (row, record) in enumerate(reader.read(part)):
        told: dict[str, Any] = {"id": f"[{row}]", "source": part.file, "row": row}
        answers.append(told)
        if isinstance(record, CorpusError):
            told["error"] = str(record)
            continue
        if record.get(id_column) is not None:
            told["id"] = clean(str(record[id_column]))
        try:
            inserts.append((place, insert_from_record(record, part.file)))
        except DrugTextError as error:
            told["error"] = str(error)
    places = {id(insert): place for place, insert in inserts}

    def note(insert: DrugInsert, error: DrugTextError) -> None:
        answers[places[id(insert)]] |= {"name": insert.name, "error": str(error)}

    stream = classifier.stream((insert for _, insert in inserts), top_k=top_k, on_error=note)
    predictions = list(stream)
    answered = (place for place, _ in inserts if "error" not in answers[place])
    for place, prediction in zip(answered, predictions, strict=True):
        answers[place] = prediction.to_dict() | answers[place]
    yield from answers
