"""What contestants read of an insert, or of a category that has nothing but its name."""

from __future__ import annotations

from drugtext.evaluation.benchmark.task import Lesson
from drugtext.inserts.insert import DrugInsert
from drugtext.reading_plan import ReadingPlan

WORDS_A_SECTION = 1000
"""Chosen for TF-IDF + SVM on validation inserts, over 200, 400 and whole documents."""
AS_PEERS_READ = ReadingPlan(
    section_tokens=dict.fromkeys(ReadingPlan().section_tokens, 254), hide_names=False
)
"""How encoders that other tools use read an insert: all that tells the category, as printed."""


def text_to_read(insert: DrugInsert, words: int = WORDS_A_SECTION) -> str:
    """Return the sections that tell the category, or all where these hold next to nothing.

    Args:
        insert: to be read.
        words: read of each section.
    """
    texts = [
        insert.sections[name] for name in AS_PEERS_READ.section_tokens if name in insert.sections
    ]
    text = "\n".join(" ".join(text.split()[:words]) for text in texts)
    if len(text.split()) >= AS_PEERS_READ.enough_tokens:
        return text
    return " ".join(insert.text.split()[: 2 * words])


def name_inserts(lesson: Lesson) -> list[DrugInsert]:
    """Return an insert for each category that says nothing but its name."""
    return [
        DrugInsert(language="en", sections={"indications_and_usage": name})
        for name in lesson.category_names
    ]
