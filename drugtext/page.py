"""What the page does: inserts in, answers as HTML; a category more; files to download.

Nothing here knows Gradio: `app` puts these functions behind buttons.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, Template

from drugtext.classifier import DrugClassifier
from drugtext.errors import CorpusError, DrugTextError
from drugtext.explanation import Explanation, Sentence
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts, read_text
from drugtext.prediction import Prediction

MOST_FILES = 50
"""That are taken at once."""
MOST_INSERTS = 1_000
"""Of all files together."""
MOST_CHARACTERS = 2_000_000
"""Of a text that is pasted; the longest inserts have a tenth of it."""
N_SHOWN, N_EXPLAINED = 20, 5
_PACKED = "drugtext-checkpoint"
TOP_K = 5


class _Answer(NamedTuple):
    """What is shown of an insert."""

    prediction: Prediction
    explanation: Explanation | None

    @property
    def sections(self) -> Iterator[tuple[str, list[tuple[int, Sentence]]]]:
        """Sections that were read, with their sentences and their places."""
        told = enumerate(self.explanation.sentences if self.explanation else ())
        for section, sentences in groupby(told, key=lambda item: item[1].section):
            yield section, list(sentences)

    def shade(self, weight: float) -> float:
        """Return how strongly a sentence is marked, from 0 to 1."""
        heaviest = self.explanation.heaviest if self.explanation else []
        return max(weight, 0.0) / heaviest[0].weight if heaviest else 0.0


@dataclass(frozen=True)
class Page:
    """What is shown, and what is kept of it for the download.

    Attributes:
        html: cards of the answers, and what went wrong.
        records: JSON objects, one an insert, as `drugtext explain --json` or `classify --json`
            print them.
    """

    html: str
    records: tuple[dict, ...]


def classify(classifier: DrugClassifier, files: Sequence[str], text: str) -> Page:
    """Classify the inserts of files, and a text that was pasted.

    Args:
        classifier: with categories.
        files: paths of what was uploaded.
        text: that was pasted; may be empty.
    """
    problems: list[str] = []
    inserts = _at_most(_inserts(files, text, problems), problems)

    def note_unread(_: DrugInsert, error: DrugTextError) -> None:
        problems.append(str(error))

    answers: list[_Answer] = []
    for insert in inserts[:N_EXPLAINED]:
        try:
            explanation = classifier.explain(insert, top_k=TOP_K)
            answers.append(_Answer(explanation.prediction, explanation))
        except DrugTextError as error:
            problems.append(str(error))
    rest = classifier.stream(inserts[N_EXPLAINED:], top_k=TOP_K, on_error=note_unread)
    answers += [_Answer(prediction, None) for prediction in rest]
    records = ((answer.explanation or answer.prediction).to_dict() for answer in answers)
    return Page(_html(answers, problems), tuple(records))


def learn(
    classifier: DrugClassifier, category: str, files: Sequence[str], *, anew: bool
) -> DrugClassifier:
    """Learn a category from files; the classifier stays as it is.

    Args:
        classifier: to begin with.
        category: its name, or its id in the taxonomy.
        files: paths of its support inserts.
        anew: know this category alone, and forget the others.

    Raises:
        DrugTextError: a file cannot be read, there is none, or the category is known already.
    """
    if not category.strip():
        raise CorpusError("the category has no name; give it one.")
    problems: list[str] = []
    inserts = _at_most(_inserts(files, "", problems), problems)
    if problems:
        raise CorpusError(" ".join(problems))
    if not inserts:
        raise CorpusError("found no insert; give one file or more of this category.")
    if anew:
        return classifier.fit(inserts, [category.strip()] * len(inserts))
    return classifier.add_category(category.strip(), inserts)


def note(text: str) -> str:
    """Return what is said of something that worked, as HTML."""
    return f'<div class="drugtext"><p class="note" role="status">{escape(text)}</p></div>'


def problem(text: str) -> str:
    """Return what is said of something that did not work, as HTML."""
    return f'<div class="drugtext"><p class="problem" role="alert">{escape(text)}</p></div>'


def write_records(page: Page, folder: Path) -> Path:
    """Write the answers as JSON lines, and return the file."""
    file = folder / "drugtext-answers.jsonl"
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in page.records)
    file.write_text("".join(lines), encoding="utf-8")
    return file


def write_checkpoint(classifier: DrugClassifier, folder: Path) -> Path:
    """Write a classifier as a zip of its folder, and return the file, which alone is left."""
    with tempfile.TemporaryDirectory() as whole:
        classifier.save_pretrained(Path(whole) / _PACKED)
        return Path(shutil.make_archive(str(folder / _PACKED), "zip", whole, _PACKED))


def _at_most(inserts: Iterator[DrugInsert], problems: list[str]) -> list[DrugInsert]:
    """Return the inserts, no more of them than a page takes; the rest is a problem."""
    taken = [*islice(inserts, MOST_INSERTS)]
    if next(inserts, None) is not None:
        problems.append(
            f"the files hold more than {MOST_INSERTS:,} inserts; the first {MOST_INSERTS:,} were"
            " taken. The command line takes any number: drugtext classify FILE."
        )
    return taken


def _inserts(files: Sequence[str], text: str, problems: list[str]) -> Iterator[DrugInsert]:
    """Yield the inserts of files and of a text; what cannot be read is added to `problems`."""
    if len(files) > MOST_FILES:
        problems.append(
            f"found {len(files)} files; {MOST_FILES} at once are taken. The command line takes any"
            " number: drugtext classify FOLDER."
        )
        return

    def note(error: DrugTextError) -> None:
        problems.append(_without_folder(str(error), files))

    for insert in read_inserts(list(files), on_error=note):
        yield replace(insert, source=_without_folder(insert.source, files))
    if len(text) > MOST_CHARACTERS:
        problems.append(
            f"the text has {len(text):,} characters; {MOST_CHARACTERS:,} are taken. Give it as a"
            " file."
        )
    elif text.strip():
        yield from read_text(text, on_error=note)


def _without_folder(message: str, files: Sequence[str]) -> str:
    """Name an uploaded file as its owner knows it, without the folder that it was put in."""
    for file in files:
        message = message.replace(file, Path(file).name)
    return message


def _html(answers: Sequence[_Answer], problems: Sequence[str]) -> str:
    return _template().render(
        answers=answers[:N_SHOWN],
        problems=problems,
        n_hidden=max(len(answers) - N_SHOWN, 0),
        n_explained=N_EXPLAINED,
    )


@cache
def _template() -> Template:
    loader = PackageLoader("drugtext", "")
    return Environment(loader=loader, autoescape=True).get_template("page.html.jinja")
