"""Drugs that a taxonomy lists, whether or not there is an insert of them -> names to be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from drugtext.classifier import DrugClassifier
from drugtext.splits import all_substances, ingredient_key
from drugtext.taxonomy import Taxonomy

_NO_DRUG = re.compile(r",?\s*\b(?:in )?(?:combinations?|various|others?)\b.*", re.IGNORECASE)
"""From where a name tells no substance: "famotidine, combinations", "various"."""


class ListedDrug(NamedTuple):
    """A drug by its name.

    Attributes:
        name: as it is listed.
        path: ids of its categories, from the root down.
        substances: words that name what it is of, by this name and by its common one.
    """

    name: str
    path: tuple[str, ...]
    substances: frozenset[str]


def listed_drugs(
    taxonomy: Taxonomy, synonyms: Mapping[str, str] = MappingProxyType({})
) -> list[ListedDrug]:
    """Return the drugs of a tree: what stands at its `drug_level`.

    Args:
        taxonomy: the tree.
        synonyms: ingredient key -> that of its common name, as splits are made by.
    """
    found = []
    for *above, drug in map(taxonomy.path, (category.id for category in taxonomy)):
        name = _NO_DRUG.sub("", drug.name).strip()
        if len(above) + 1 == taxonomy.drug_level and name:
            key = ingredient_key(name)
            substances = all_substances([name, synonyms.get(key, key)])
            found.append(ListedDrug(name, tuple(step.id for step in above), substances))
    return found


def unmet(drugs: Iterable[ListedDrug], asked: Iterable[Sequence[str]]) -> list[ListedDrug]:
    """Return the drugs that share no substance with what will be asked.

    Args:
        drugs: that may be told.
        asked: ingredients of each insert that is held back.
    """
    held_back = all_substances(name for names in asked for name in names)
    return [drug for drug in drugs if held_back.isdisjoint(drug.substances)]


def with_names_of(classifier: DrugClassifier, drugs: Iterable[ListedDrug]) -> DrugClassifier:
    """Tell a classifier the names of drugs, if it reads any, each of its nearest category.

    Args:
        classifier: of categories; one that is none of a drug's makes that drug nobody's.
        drugs: to be told.
    """
    known = set(classifier.category_ids)
    pairs = [
        (drug.name, category)
        for drug in drugs
        for category in [step for step in drug.path if step in known][-1:]
    ]
    if not pairs or classifier.model.name_stems is None:
        return classifier
    return classifier.with_known_names(*zip(*pairs, strict=True))
