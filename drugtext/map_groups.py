"""What is alike on a map: colours and marks by the root of the taxonomy, and what is told of it."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from drugtext.colours import COLOURS
from drugtext.errors import DrugTextError
from drugtext.map_points import MapPoints
from drugtext.plane import PCA_NAME
from drugtext.taxonomy import Category

MOST_NAMED = 40
"""Marks of a kind that have room for their names beside them."""
MOST_ROOTS = 2 * len(COLOURS)
"""Roots that are told apart: each colour has two marks."""

_LONGEST = 48  # characters of a name that are shown


class Group(NamedTuple):
    """The categories below one root, and the inserts that are answered with one of them.

    Attributes:
        title: in the legend.
        colour: of all its marks.
        turn: 0 or 1: which mark, for each colour is used twice.
        categories: numbers of its categories.
        inserts: numbers of its inserts.
    """

    title: str
    colour: str
    turn: int
    categories: list[int]
    inserts: list[int]


def groups_of(drawn: MapPoints) -> list[Group]:
    """Sort categories and inserts by root, in the order of the roots' ids.

    A flat taxonomy is one group. Of more roots than can be told apart, the smallest are one group.
    """
    sizes = Counter(path[0].id for path in drawn.paths)
    roots = {path[0].id: path[0] for path in drawn.paths}
    is_flat = _is_flat(drawn)
    n_alone = 0 if is_flat else MOST_ROOTS if len(roots) <= MOST_ROOTS else MOST_ROOTS - 1
    titles = {i: short(told(roots[i])) for i in sorted(i for i, _ in sizes.most_common(n_alone))}
    rest = "categories" if is_flat else f"{len(roots) - len(titles)} further roots"
    members: dict[str, tuple[list[int], list[int]]] = {i: ([], []) for i in [*titles, ""]}
    for kind, paths in enumerate((drawn.paths, [insert.path for insert in drawn.inserts])):
        for n, path in enumerate(paths):
            members[path[0].id if path[0].id in titles else ""][kind].append(n)
    groups: list[Group] = []
    for root, (categories, inserts) in members.items():
        if categories:
            turn, n = divmod(len(groups), len(COLOURS))
            title = titles.get(root, rest)
            groups.append(Group(title, COLOURS[n], turn, categories, inserts))
    return groups


def _is_flat(drawn: MapPoints) -> bool:
    return all(len(path) == 1 for path in drawn.paths)


def title_of(drawn: MapPoints) -> str:
    """Return how much there is to see."""
    n_categories, n_inserts = len(drawn.paths), len(drawn.inserts)
    return (
        f"{n_categories:,} {'category' if n_categories == 1 else 'categories'} and"
        f" {n_inserts:,} insert{'' if n_inserts == 1 else 's'}"
    )


def note_of(drawn: MapPoints) -> str:
    """Return how the map is to be read."""
    how = f"{drawn.method}, for there are few" if drawn.method == PCA_NAME else drawn.method
    colour = "" if _is_flat(drawn) else ", in the colour of their answer"
    return (
        f"Small marks: categories. Large ones: inserts{colour}. Near ones are alike; long distances"
        f" mean little ({how})."
    )


def told(category: Category) -> str:
    """Return id and name of a category, once where they are the same."""
    return category.id if category.name == category.id else f"{category.id} {category.name}"


def short(text: str) -> str:
    """Return the beginning of a text, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def short_end(text: str) -> str:
    """Return the end of a text, such as a path, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else "…" + text[1 - _LONGEST :]


def not_installed(package: str, error: ImportError) -> DrugTextError:
    """Return the error that says how a package of the map is installed."""
    return DrugTextError(f"{package} is not installed ({error}); run: pip install 'drugtext[map]'")
