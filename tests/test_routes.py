"""The code of the route: chosen where a text names one, left alone where it does not."""

from __future__ import annotations

import pytest

from drugtext.corpus_files import with_code_of_route
from drugtext.inserts.insert import DrugInsert
from drugtext.routes import codes_of_route

HEART, EYE, NOSE, SKIN, VAGINA = "C07AB05", "S01ED02", "R01AD08", "D07AC17", "G01AA01"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Examplol ophthalmic solution lowers intraocular pressure.", (EYE,)),
        ("Examplol is indicated for the management of hypertension.", (HEART,)),
        ("Examplol tablets are indicated for hypertension, not for ophthalmic use.", (HEART,)),
        ("Examplol nasal spray is indicated for rhinitis.", (NOSE,)),
        ("Examplol ophthalmic ointment is indicated for blepharitis.", (EYE,)),
        ("Examplol cream is indicated for eczema. It is not for ophthalmic use.", (SKIN,)),
        ("Examplol vaginal cream is indicated for candidiasis.", (VAGINA,)),
        ("Examplol otic solution is indicated for an infection of the ear.", (HEART,)),
        ("Examplol eye drops and examplol nasal spray are indicated for itching.", (EYE, NOSE)),
        ("Ophthalmic diseases: severe allergic processes.", (HEART,)),
        ("x " * 300 + "ophthalmic solution", (HEART,)),
    ],
)
def test_the_route_decides(text, expected):
    assert codes_of_route([HEART], [HEART, EYE, NOSE, SKIN, VAGINA], text) == expected


def test_one_code_alone_stays():
    assert codes_of_route([HEART], [HEART], "Examplol ophthalmic solution") == (HEART,)


def insert(**fields) -> DrugInsert:
    given = {
        "sections": {"indications_and_usage": "Examplol eye drops are for glaucoma."},
        "categories": {"atc": (HEART,), "atc_all": (HEART, EYE)},
        "metadata": {"atc_source": "ingredient_match"},
    }
    return DrugInsert(**given | fields)


def test_only_what_was_joined_by_ingredient_alone_is_mended():
    assert with_code_of_route(insert()).categories["atc"] == (EYE,)
    for certain in (insert(routes=("ORAL",)), insert(metadata={"atc_source": "source_record"})):
        assert with_code_of_route(certain).categories["atc"] == (HEART,)
