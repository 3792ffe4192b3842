"""Every error a user can meet, as one tree.

DrugTextError
├── ReadError         a file, or a record in it, could not be read
├── LanguageError     an insert is written in a language the encoder does not know
├── TaxonomyError     unknown id, duplicate id, missing parent, cycle
├── CorpusError       inserts and categories do not make a corpus
├── EncoderError      encoder weights are missing or not the expected ones
├── CheckpointError   a saved classifier is incomplete, damaged or of a newer format
└── TrainingError     a training cannot begin, go on, or be gone on with

Each message names what was found, what is needed and what to do.
"""

from __future__ import annotations


class DrugTextError(Exception):
    """Base of all errors that drugtext raises on bad input."""


class ReadError(DrugTextError):
    """A file, or a record in it, could not be read.

    Attributes:
        source: the file, with the record's place where there is one (`part.json[12]`).
        reason: what is wrong, without the file's name.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}" if source else reason)
        self.source = source
        self.reason = reason


class LanguageError(DrugTextError):
    """An insert is written in a language that the encoder does not know."""


class TaxonomyError(DrugTextError):
    """A taxonomy holds an unknown id, a duplicate, a missing parent or a cycle."""


class CorpusError(DrugTextError):
    """Inserts and categories do not make a corpus, a support set or an episode."""


class EncoderError(DrugTextError):
    """Encoder weights are missing, unreadable, or not the ones that were asked for."""


class CheckpointError(DrugTextError):
    """A saved classifier is incomplete, damaged, or of a newer format version."""


class TrainingError(DrugTextError):
    """A training cannot begin, go on, or be gone on with from what its folder holds."""


def first_line(error: BaseException | str) -> str:
    """Return the first line of what an error says, for a message of ours."""
    return str(error).strip().partition("\n")[0][:300]
