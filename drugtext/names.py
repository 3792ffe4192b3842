"""What is read as a category's name."""

from __future__ import annotations

from drugtext.taxonomy import Taxonomy


def category_text(taxonomy: Taxonomy, category_id: str) -> str:
    """Return a category's own name and its parent's, in small letters.

    Many names tell little by themselves ("other agents", "combinations").
    """
    path = taxonomy.path(category_id)
    return "; ".join(category.name.lower() for category in path[:-3:-1])
