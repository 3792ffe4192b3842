"""The bundled checkpoint on real inserts: inserts of well-known drugs, and openFDA's bulk parts."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest

import drugtext
from drugtext import DrugClassifier, Prediction, read_inserts

pytestmark = pytest.mark.real_data

# File -> the ATC group at level 2; of several, either.
GROUPS = {
    "metoprolol": "C07",
    "warfarin": "B01",
    "atorvastatin": "C10",
    "lisinopril": "C09",
    "amlodipine": "C08",
    "metformin": "A10",
    "semaglutide": "A10 A08",  # the code is A10BJ, the label one for obesity
    "levothyroxine": "H03",
    "azithromycin": "J01",
    "amoxicillin": "J01",
    "escitalopram": "N06",
    "adalimumab": "L04",
    "apixaban": "B01",
    "omeprazole": "A02",
    "prednisone": "H02",
    "gabapentin": "N02 N03",
}


@pytest.fixture(scope="module")
def classifier() -> DrugClassifier:
    return drugtext.load()


@pytest.fixture(scope="module")
def answers(classifier, real_data) -> dict[str, Prediction]:
    files = sorted((real_data / "spl").glob("*.xml"))
    inserts = [insert for file in files for insert in read_inserts(file)]
    predictions = classifier.predict(inserts)
    return {file.stem: p for file, p in zip(files, predictions, strict=True)}


def check(prediction: Prediction) -> None:
    ids = [step.id for step in prediction.path]
    assert ids[-1] == prediction.category_id
    assert all(below.startswith(above) for above, below in pairwise(ids))
    assert 0 < prediction.probability <= 1
    assert 0 < prediction.tokens_read <= prediction.tokens_total


def test_every_insert_is_answered(answers):
    assert len(answers) == 23
    for prediction in answers.values():
        check(prediction)


@pytest.mark.parametrize("name", GROUPS)
def test_labels_of_well_known_drugs(answers, name):
    path = answers[name].path
    print(name, [step.id for step in path], f"{answers[name].probability:.2f}")
    assert len(path) >= 2 and path[1].id in GROUPS[name].split()


def test_bulk_parts_of_openfda_are_read_and_classified(classifier, real_data):
    files = sorted((real_data / "openfda").glob("*.zip"))
    assert len(files) == 3
    errors = []
    inserts = list(read_inserts(files, on_error=errors.append))
    assert (len(inserts), errors) == (834, [])
    predictions = list(islice(classifier.stream(inserts), 20))
    assert [p.name for p in predictions] == [i.name for i in inserts[:20]]
    for prediction in predictions:
        check(prediction)
