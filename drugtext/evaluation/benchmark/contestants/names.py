"""What the drug's name alone tells: looked up, or by the ending it shares with known names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from drugtext.evaluation.benchmark.task import (
    TOP,
    Answers,
    Contestant,
    Lesson,
    NotApplicableError,
    Trial,
)
from drugtext.inserts.insert import DrugInsert
from drugtext.splits import all_substances

_SHORTEST_ENDING = 3  # letters; "mab" tells something, two letters hardly do


class NameDictionary(Contestant):
    """A dictionary of the training inserts' names; for a new drug, that of the longest ending.

    Endings of international nonproprietary names tell the class (-pril, -sartan, -mab): WHO, The
    use of stems in the selection of INN for pharmaceutical substances.
    """

    description = "names of the training inserts looked up; a new name by its longest known ending"

    def prepare(self, trial: Trial) -> None:
        if trial.setting.names == "masked":
            raise NotApplicableError("reads names, and they are masked")

    def fit(self, lesson: Lesson) -> None:
        if not lesson.support:
            raise NotApplicableError("learns from inserts only, not from a name")
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for example in lesson.support:
            for name in _names(example.insert):
                counts[name][example.category] += 1
                for start in range(1, len(name) - _SHORTEST_ENDING + 1):
                    counts[f"-{name[start:]}"][example.category] += 1
        self._answers = {key: found.most_common(1)[0][0] for key, found in counts.items()}

    def predict(self, inserts: Sequence[DrugInsert]) -> Answers:
        return Answers([self._answer(_names(insert)) for insert in inserts])

    def _answer(self, names: Iterable[str]) -> list[str]:
        keys = [name for name in names if name in self._answers]
        endings = [
            f"-{name[start:]}"
            for name in names
            for start in range(1, len(name) - _SHORTEST_ENDING + 1)
        ]
        keys += sorted((e for e in endings if e in self._answers), key=len, reverse=True)
        return list(dict.fromkeys(self._answers[key] for key in keys))[:TOP]


def _names(insert: DrugInsert) -> list[str]:
    return sorted(all_substances(insert.ingredients))
