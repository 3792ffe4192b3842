"""What is read as a category's name."""

from __future__ import annotations

from drugtext.taxonomy import Taxonomy


def name_and_parent(taxonomy: Taxonomy, category_id: str) -> str:
    """Return a category's own name and its parent's, in small letters.

    Many names tell little by themselves ("other agents", "combinations").
    """
    path = taxonomy.path(category_id)
    return "; ".join(category.name for category in path[:-3:-1]).lower()


def category_text(taxonomy: Taxonomy, category_id: str) -> str:
    """Return what `name_and_parent` does, and the names right below, in small letters.

    A category is told by what it is made of: "antihypertensives; cardiovascular system: diuretics,
    beta blockers". Drugs that the taxonomy lists are left out: what is read of a name is to be true
    of new ones, too.
    """
    named, level_below = name_and_parent(taxonomy, category_id), len(taxonomy.path(category_id)) + 1
    below = () if level_below == taxonomy.drug_level else taxonomy.children(category_id)
    return ": ".join(filter(None, [named, ", ".join(category.name.lower() for category in below)]))
