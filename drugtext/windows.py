"""An insert's sections -> the windows of tokens that the encoder reads, and what is left unread."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

from drugtext.errors import DrugTextError, EncoderError
from drugtext.inserts.insert import DrugInsert
from drugtext.masking import mask_names, own_names
from drugtext.stem_ids import stem_ids
from drugtext.tokens import TokenReader

_FULL_WEIGHT_TOKENS = 32  # a window of fewer counts less: "Mechanism: not known." tells little
_CHARACTERS_A_TOKEN = 16  # at most, on average: how far into a section names are looked for
_QUICK_PROBABILITY = 0.9
_SHORTEST_LAST_WINDOW = 16  # tokens; a shorter rest of a section is not worth a window of its own


@dataclass(frozen=True)
class ReadingPlan:
    """Which sections are read, in what order, and how much of each.

    Indications, mechanism and description tell the category; most of a full insert is tables of
    trials, doses and adverse reactions.

    Attributes:
        section_tokens: section name -> most tokens read of it, in reading order.
        section_weights: section name -> how much a window of it counts; 1 where it is not named.
        other_tokens: most tokens read of the other sections together, in the insert's own order,
            and only where the plan's sections hold fewer than `enough_tokens`.
        enough_tokens: of the plan's own sections.
        enough_probability: reading stops behind a section when the best category is more probable
            than this; at 1 all is read.
        window_tokens: tokens that the encoder sees at once, its special tokens included.
        hide_names: read each section with the insert's own names replaced. An encoder that never
            met a drug is misled by its name; one that did is helped by it. What `name_stems` reads
            of names it reads all the same.
        show_names: read each section as printed, too.

    Raises:
        DrugTextError: a figure is below 0, a window holds no token, or names are neither shown nor
            hidden.
    """

    section_tokens: Mapping[str, int] = field(
        default_factory=lambda: {
            "indications_and_usage": 254,
            "mechanism_of_action": 254,
            "description": 254,
            "clinical_pharmacology": 254,
        }
    )
    section_weights: Mapping[str, float] = field(
        default_factory=lambda: {"description": 0.5, "clinical_pharmacology": 0.5}
    )
    other_tokens: int = 508
    enough_tokens: int = 16
    enough_probability: float = 1.0
    window_tokens: int = 256
    hide_names: bool = True
    show_names: bool = True

    def __post_init__(self) -> None:
        figures = [*self.section_tokens.values(), *self.section_weights.values()]
        figures += [self.other_tokens, self.enough_tokens, self.enough_probability]
        if min(figures) < 0 or self.window_tokens < 1:
            raise DrugTextError(
                f"found {self}; windows of 1 token or more are needed, and no figure below 0."
            )
        if not (self.hide_names or self.show_names):
            raise DrugTextError(
                f"found {self}; names are to be hidden, or shown, or once the one and once the"
                " other: hide_names or show_names must be true."
            )

    def quick(self) -> ReadingPlan:
        """Return a plan that reads less: each section once, and no further than is enough."""
        is_shown = self.show_names and not self.hide_names
        enough = min(self.enough_probability, _QUICK_PROBABILITY)
        return replace(self, show_names=is_shown, enough_probability=enough)

    def to_dict(self) -> dict[str, Any]:
        """Return what config.json holds: JSON that sorts its keys would lose a mapping's order."""
        fields = asdict(self)
        for name in ("section_tokens", "section_weights"):
            fields[name] = [list(item) for item in fields[name].items()]
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ReadingPlan:
        """Make the plan that `to_dict` wrote; TypeError or ValueError where it is none."""
        mappings = ("section_tokens", "section_weights")
        given: dict[str, Any] = {n: dict(v) if n in mappings else v for n, v in fields.items()}
        return cls(**given)


@dataclass(frozen=True)
class Windows:
    """What is read of some inserts.

    Attributes:
        token_ids: of each window, special tokens included.
        weights: how much each window counts in its insert's embedding, above 0.
        insert_numbers: the insert that each window is of, counted from 0.
        sections: of each window, the name of the section that it is of.
        stage_tokens: of each insert, the tokens read of each section, in reading order, special
            tokens and prefix left out.
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
        names = own_names(insert) if plan.hide_names else set()
        is_twice = plan.show_names and plan.hide_names
        chosen = sections_to_read(insert.sections, plan, reader, () if plan.show_names else names)
        read = [(section.name, p) for section in chosen for p in _cut(section.token_ids, room)]
        again = _without_names(insert.sections, chosen, reader, names) if is_twice else {}
        hidden = [(name, p) for name, ids in again.items() for p in _cut(ids, room)]
        parts = (read + hidden) or [("", [])]
        windows.token_ids.extend(before + part + after for _, part in parts)
        windows.weights.extend(
            plan.section_weights.get(name, 1.0)
            * min(max(len(part), 1) / _FULL_WEIGHT_TOKENS, 1.0)
            * (1 if name in again or not again else 2)  # names hidden or not, it reads the same
            for name, part in parts
        )
        windows.insert_numbers.extend([number] * len(parts))
        windows.sections.extend(name for name, _ in parts)
        n_tokens = dict.fromkeys((name for name, _ in parts), 0)
        for name, part in read:
            n_tokens[name] += len(part)
        if not plan.show_names:
            for section in chosen:
                n_tokens[section.name] = _n_shown(insert.sections, section, n_tokens, reader)
        windows.stage_tokens.append([*n_tokens.values()])
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
    sections: Mapping[str, str],
    plan: ReadingPlan,
    reader: TokenReader,
    hidden: Collection[str] = (),
) -> list[ReadSection]:
    """Choose sections and read the tokens of each, in reading order, with some names hidden."""
    limits = {name: limit for name, limit in plan.section_tokens.items() if name in sections}
    texts = [_beginning(sections[name], limit, hidden) for name, limit in limits.items()]
    found = reader.first(texts, [*limits.values()])
    chosen = [
        ReadSection(name, limit, ids)
        for (name, limit), ids in zip(limits.items(), found, strict=True)
    ]
    left = plan.other_tokens
    if sum(map(len, found)) < plan.enough_tokens:
        for name, text in sections.items():
            if name not in limits and left > 0:
                (ids,) = reader.first([_beginning(text, left, hidden)], [left])
                chosen.append(ReadSection(name, left, ids))
                left -= len(chosen[-1].token_ids)
    return chosen


def _without_names(
    sections: Mapping[str, str],
    chosen: Sequence[ReadSection],
    reader: TokenReader,
    names: Collection[str],
) -> dict[str, list[int]]:
    """Read those sections again in which one of some names stands, with it replaced."""
    found = {}
    for name, limit, _ in chosen:
        hidden = _beginning(sections[name], limit, names)
        if hidden != sections[name][: limit * _CHARACTERS_A_TOKEN]:
            found[name] = reader.first([hidden], [limit])[0]
    return found


def _beginning(text: str, n_tokens: int, names: Collection[str]) -> str:
    """Return what the first tokens of a text are read from, with some names replaced."""
    return mask_names(text[: n_tokens * _CHARACTERS_A_TOKEN], names) if names else text


def _n_shown(
    sections: Mapping[str, str],
    section: ReadSection,
    n_hidden: Mapping[str, int],
    reader: TokenReader,
) -> int:
    """Return the tokens read of a section as printed, where `n_hidden` were read, names hidden."""
    text, n_read = sections[section.name], n_hidden[section.name]
    if n_read == len(section.token_ids) < section.limit:
        return reader.count([text])
    beginning = text[: section.limit * _CHARACTERS_A_TOKEN]
    there = reader.count([beginning])
    if there < n_read and len(beginning) < len(text):
        there = reader.count([text])
    return min(n_read, there)


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
