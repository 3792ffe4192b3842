"""A tiny tree, and inserts of its categories that a tiny encoder can tell apart."""

from __future__ import annotations

import drugtext
from drugtext.taxonomy import Category, Taxonomy
from drugtext.training.data import LabelledInserts

TREE = Taxonomy(
    [
        *(Category("A", "heart"), Category("B", "infection"), Category("C", "skin")),
        *(Category("A1", "pressure", "A"), Category("A2", "pain", "A")),
        *(Category("B1", "bacteria", "B"), Category("B2", "fever", "B")),
    ],
    "own",
)
SAYS = {
    "A1": "lowers blood pressure hypertension",
    "A2": "heart pain relief",
    "B1": "bacterial infection bacteria",
    "B2": "fever cough infection",
    "C": "skin eczema",
}


def data(n_ingredients: int = 4) -> LabelledInserts:
    """One insert of each of so many ingredients a category."""
    drugs = [
        (category, f"{category.lower()}drug{n}") for category in SAYS for n in range(n_ingredients)
    ]
    inserts = [
        drugtext.DrugInsert(
            name=name,
            ingredients=(name,),
            language="en",
            sections={
                "indications_and_usage": f"{name} is used for {SAYS[category]}",
                "description": f"{name} tablets {SAYS[category]} {n} mg",
            },
        )
        for n, (category, name) in enumerate(drugs)
    ]
    return LabelledInserts.of_inserts(inserts, [category for category, _ in drugs], TREE)
