"""An insert's sections -> the windows of tokens that the encoder reads, and what is left unread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from drugtext.errors import EncoderError
from drugtext.inserts.insert import DrugInsert
from drugtext.masking import mask_names, own_names
from drugtext.reading_plan import ReadingPlan
from drugtext.stem_ids import stem_ids
from drugtext.tokens import TokenReader

_FULL_WEIGHT_TOKENS = 32  # a window of fewer counts less: "Mechanism: not known." tells little
_CHARACTERS_A_TOKEN = 16  # at most, on average: how far into a section names are looked for
_SHORTEST_LAST_WINDOW = 16  # tokens; a shorter rest of a section is not worth a window of its own


@dataclass(frozen=True)
class Windows:
    """What is read of some inserts.

    Attributes:
        token_ids: of each window, special tokens included.
        weights: how much each window counts in its insert's embedding, above 0.
        insert_numbers: the insert that each window is of, counted from 0.
        sections: of each window, the name of the section that it is of.
        stage_tokens: of each insert, the tokens read of each section as printed, in reading order,
            special tokens and prefix left out. Where names are hidden, which are mostly longer
            than what stands for them, some more of the text is in the windows.
        tokens_total: of each insert.
        stem_ids: of each insert, pieces of its names, as `stem_ids.stem_ids` gives them; the whole
            list may be left out, and then none goes by a name.
    """

    token_ids: list[list[int]]
    weights: list[float]
    insert_numbers: list[int]
    sections: list[str]
    stage_tokens: list[list[int]]
    tokens_total: list[int]
    stem_ids: list[list[int]] = field(default_factory=list)

    @property
    def stages(self) -> list[int]:
        """Of each window the place of its section in the order in which its insert is read."""
        places: dict[tuple[int, str], int] = {}
        counts = [0] * len(self.stage_tokens)
        for number, section in zip(self.insert_numbers, self.sections, strict=True):
            if (number, section) not in places:
                places[number, section] = counts[number]
                counts[number] += 1
        return [places[key] for key in zip(self.insert_numbers, self.sections, strict=True)]

    @property
    def tokens_read(self) -> list[int]:
        """Tokens read of each insert, special tokens and prefix left out."""
        return [sum(tokens) for tokens in self.stage_tokens]


def read_windows(
    inserts: Sequence[DrugInsert],
    reader: TokenReader,
    plan: ReadingPlan,
    prefix: str = "",
) -> Windows:
    """Cut the sections that the plan names into windows.

    Args:
        inserts: any number of them; one without text gives one window of special tokens alone.
        reader: of the encoder's tokenizer.
        plan: which sections, in what order, how much of each.
        prefix: put in front of every window, as some encoders were trained ("query: ").

    Returns:
        The windows of all inserts, in order.

    Raises:
        EncoderError: prefix and special tokens fill a window, or the tokenizer knows no words.
    """
    before, after = _around(prefix, reader)
    room = plan.window_tokens - len(before) - len(after)
    if room < 1:
        raise EncoderError(
            f"the prefix {prefix!r} and the special tokens take {len(before) + len(after)} of the"
            f" {plan.window_tokens} tokens of a window; shorten the prefix or widen the windows."
        )
    windows = Windows([], [], [], [], [], [])
    for number, insert in enumerate(inserts):
        chosen = sections_to_read(insert.sections, plan, reader)
        n_tokens = [sum(map(len, _cut(section.token_ids, room))) for section in chosen]
        parts = [
            (name, share, part)
            for name, share, token_ids in _readings(insert, chosen, plan, reader)
            for part in _cut(token_ids, room)
        ] or [("", 1, [])]
        windows.token_ids.extend(before + part + after for _, _, part in parts)
        windows.weights.extend(
            plan.weight_of(name) * min(max(len(part), 1) / _FULL_WEIGHT_TOKENS, 1.0) * share
            for name, share, part in parts
        )
        windows.insert_numbers.extend([number] * len(parts))
        windows.sections.extend(name for name, _, _ in parts)
        windows.stage_tokens.append(n_tokens or [0])
        windows.tokens_total.append(reader.count(insert.sections.values()))
        windows.stem_ids.append(stem_ids(insert))
    return windows


class ReadSection(NamedTuple):
    """A section that is read.

    Attributes:
        name: of the section.
        limit: most tokens that may be read of it.
        token_ids: of its beginning, no more than the limit.
    """

    name: str
    limit: int
    token_ids: list[int]


def sections_to_read(
    sections: Mapping[str, str], plan: ReadingPlan, reader: TokenReader
) -> list[ReadSection]:
    """Choose sections and read the tokens of each as printed, in reading order.

    One that has no token is none of them.
    """
    limits = {name: limit for name, limit in plan.section_tokens.items() if name in sections}
    found = reader.first([sections[name] for name in limits], [*limits.values()])
    chosen = [
        ReadSection(name, limit, ids)
        for (name, limit), ids in zip(limits.items(), found, strict=True)
    ]
    left = plan.other_tokens
    if sum(map(len, found)) < plan.enough_tokens:
        for name, text in sections.items():
            if name not in limits and left > 0:
                (ids,) = reader.first([text], [left])
                chosen.append(ReadSection(name, left, ids))
                left -= len(chosen[-1].token_ids)
    before = accumulate((len(section.token_ids) for section in chosen), initial=0)
    return [
        section
        for section, n in zip(chosen, before, strict=False)
        if section.token_ids and not plan.stops_at(n)
    ]


def is_read_twice(chosen: Sequence[ReadSection], plan: ReadingPlan) -> bool:
    """Tell whether these sections are read as printed and with names hidden, too."""
    n_tokens = sum(len(section.token_ids) for section in chosen)
    is_much = plan.once_tokens is not None and n_tokens >= plan.once_tokens
    return plan.show_names and plan.hide_names and not is_much


def _readings(
    insert: DrugInsert, chosen: Sequence[ReadSection], plan: ReadingPlan, reader: TokenReader
) -> Iterator[tuple[str, int, list[int]]]:
    """Yield name, share and tokens of each reading of each section, those with names shown first.

    Where an insert is read twice, a section that reads the same with and without names is read
    once, and counts as both.
    """
    hidden = _without_names(insert, chosen, reader) if plan.hide_names else {}
    if not is_read_twice(chosen, plan):
        for name, _, token_ids in chosen:
            yield name, 1, hidden.get(name, token_ids)
        return
    for name, _, token_ids in chosen:
        yield name, 2 if hidden and name not in hidden else 1, token_ids
    for name, token_ids in hidden.items():
        yield name, 1, token_ids


def _without_names(
    insert: DrugInsert, chosen: Sequence[ReadSection], reader: TokenReader
) -> dict[str, list[int]]:
    """Read those sections again in which a name of the insert stands, with it replaced."""
    names = own_names(insert)
    hidden, limits = {}, []
    for name, limit, _ in chosen:
        start = insert.sections[name][: limit * _CHARACTERS_A_TOKEN * 4]
        shown = " ".join(start.split())[: limit * _CHARACTERS_A_TOKEN]  # layout is no token
        if names and (masked := mask_names(shown, names)) != shown:
            hidden[name] = masked
            limits.append(limit)
    return dict(zip(hidden, reader.first([*hidden.values()], limits), strict=True))


def _around(prefix: str, reader: TokenReader) -> tuple[list[int], list[int]]:
    """Return the token ids in front of and behind the text of every window."""
    word, alone = reader.all(["drug", prefix])
    # Where a word behind a space is another token than alone, the prefix is read by itself.
    for lead, own in ((prefix, []), ("", alone)):
        (whole,) = reader.whole([lead + "drug"])
        for start in range(len(whole) - len(word), -1, -1):
            if word and whole[start : start + len(word)] == word:
                return whole[:start] + own, whole[start + len(word) :]
    raise EncoderError(
        "the tokenizer reads no token in 'drug', or another one each time;"
        " use the tokenizer that belongs to the encoder."
    )


def _cut(token_ids: list[int], room: int) -> list[list[int]]:
    """Cut into windows of at most `room` tokens; a tiny rest behind a full one is left unread."""
    parts = [token_ids[start : start + room] for start in range(0, len(token_ids), room)]
    if len(parts) > 1 and len(parts[-1]) < _SHORTEST_LAST_WINDOW:
        parts.pop()
    return parts
