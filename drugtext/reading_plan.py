"""How an insert is read: which sections, in what order, and how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from drugtext.errors import DrugTextError

_QUICK_PROBABILITY = 0.9
_QUICK_TOKENS = 400
_LEARNT_TOKENS = 254


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
        other_weight: of a window of these, that of a whole one being 1: what a drug does for a
            patient, said in a line, is not to be drowned by pages on storage and overdosage.
        enough_tokens: of the plan's own sections.
        stop_tokens: reading stops behind the section with which so many are read, 1 or more; None
            reads all.
        once_tokens: where names are both hidden and shown, an insert of which so many are read is
            read once, names hidden; None reads all twice.
        enough_probability: reading stops behind a section when the best category is more probable
            than this; at 1 all is read.
        window_tokens: tokens that the encoder sees at once, its special tokens included.
        hide_names: read each section with the insert's own names replaced. An encoder that never
            met a drug is misled by its name; one that did is helped by it. What `name_stems` reads
            of names it reads all the same.
        show_names: read each section as printed, too: all of an insert that has fewer tokens
            than `once_tokens`.

    Raises:
        DrugTextError: a figure is below 0, a window or a stop is of no token, or names are neither
            shown nor hidden.
    """

    section_tokens: Mapping[str, int] = field(
        default_factory=lambda: {
            "indications_and_usage": 254,
            "mechanism_of_action": 254,
            "description": 128,
            "clinical_pharmacology": 128,
        }
    )
    section_weights: Mapping[str, float] = field(
        default_factory=lambda: {"description": 0.5, "clinical_pharmacology": 0.5}
    )
    other_tokens: int = 508
    other_weight: float = 0.05
    enough_tokens: int = 16
    stop_tokens: int | None = None
    once_tokens: int | None = 256
    enough_probability: float = 1.0
    window_tokens: int = 256
    hide_names: bool = True
    show_names: bool = True

    def __post_init__(self) -> None:
        figures = [*self.section_tokens.values(), *self.section_weights.values()]
        figures += [self.other_tokens, self.other_weight]
        figures += [self.enough_tokens, self.enough_probability]
        figures += [n for n in (self.stop_tokens, self.once_tokens) if n is not None]
        if min(figures) < 0 or self.window_tokens < 1 or self.stop_tokens == 0:
            raise DrugTextError(
                f"found {self}; windows of 1 token or more are needed, a stop behind 1 or more, and"
                " no figure below 0."
            )
        if not (self.hide_names or self.show_names):
            raise DrugTextError(
                f"found {self}; names are to be hidden, or shown, or once the one and once the"
                " other: hide_names or show_names must be true."
            )

    def weight_of(self, section: str) -> float:
        """Return the weight of a whole window of a section."""
        by_default = 1.0 if section in self.section_tokens else self.other_weight
        return self.section_weights.get(section, by_default)

    def stops_at(self, n_tokens: int) -> bool:
        """Tell whether no further section is read of an insert of which so many tokens are read."""
        return self.stop_tokens is not None and n_tokens >= self.stop_tokens

    def fuller(self) -> ReadingPlan:
        """Return a plan that reads on in each section: what an encoder or a lexicon learns from."""
        most = {k: n and max(n, _LEARNT_TOKENS) for k, n in self.section_tokens.items()}
        return replace(self, section_tokens=most, stop_tokens=None)

    def quick(self) -> ReadingPlan:
        """Return a plan that reads less: each section once, and no further than is enough."""
        return replace(
            self,
            show_names=self.show_names and not self.hide_names,
            stop_tokens=min(self.stop_tokens or _QUICK_TOKENS, _QUICK_TOKENS),
            enough_probability=min(self.enough_probability, _QUICK_PROBABILITY),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what config.json holds: JSON that sorts its keys would lose a mapping's order."""
        fields = asdict(self)
        for name in ("section_tokens", "section_weights"):
            fields[name] = [list(item) for item in fields[name].items()]
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ReadingPlan:
        """Make the plan that `to_dict` wrote; TypeError or ValueError where it is none.

        One without `once_tokens` was written before plans had it, and reads all twice as it did.
        """
        mappings = ("section_tokens", "section_weights")
        given: dict[str, Any] = {n: dict(v) if n in mappings else v for n, v in fields.items()}
        return cls(**{"once_tokens": None, **given})
