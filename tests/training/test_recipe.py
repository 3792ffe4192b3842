"""Training: what can be answered, and a measurement that no test row has touched."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict

import drugtext
from drugtext import name_stems
from drugtext.errors import CorpusError
from drugtext.evaluation.calibration import SCOPE_FALSE_ALARMS, Calibration, HeldOut
from drugtext.name_stems import name_evidence
from drugtext.prediction_sets import KNOWN
from drugtext.stem_ids import stem_ids_of
from drugtext.taxonomy import Category, Taxonomy
from drugtext.training.fitting import Embedded, fit_deepest
from drugtext.training.listed_drugs import listed_drugs
from drugtext.training.recipe import calibrate_known, calibrated, train_prototypes

DIM = 16  # of the tiny encoder
TREE = Taxonomy(
    [
        *(Category("H", "heart drugs"), Category("H1", "rate", "H"), Category("H2", "clots", "H")),
        *(Category("S", "skin drugs"), Category("S1", "dry skin", "S")),
        Category("H3", "of held-out drugs alone", "H"),
        *(Category("T", "drugs of the test alone"), Category("T1", "rare", "T")),
    ],
    "own",
)
# Category -> ingredients; the inserts of one ingredient stand in one split.
TRAIN = {"H1": "aba abe abi", "H2": "aca ace aci", "S1": "ada ade adi"}
VALIDATION = {"H1": "afa", "H2": "afe", "S1": "afi afo"}
TEST = {"H1": "aga", "H2": "age", "S1": "agi", "T1": "ago agu"}


def split(ingredients: dict[str, str], kind: str = "us_full_label") -> Dataset:
    rows = [
        {
            "name": f"{name} {n}",
            "kind": kind if n == 0 else "indications",
            "language": "en",
            "source": f"{name}{n}",
            "ingredients": [name],
            "category_id": category,
            "category_path": [step.id for step in TREE.path(category)],
            "text": f"## text\n{name} {n} for {category}",
            "masked": f"## text\nthis medicine {n} for {category}",
        }
        for category, names in ingredients.items()
        for name in names.split()
        for n in range(2)
    ]
    return Dataset.from_list(rows)


def corpus(**changed: Dataset) -> DatasetDict:
    parts = {"train": split(TRAIN), "validation": split(VALIDATION), "test": split(TEST)}
    return DatasetDict(parts | changed)


def seeded(text: str) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(text.encode())).normal(size=DIM)


def vectors(reader: object, rows: Dataset, column: str) -> np.ndarray:  # noqa: ARG001
    """Give vectors near one of the row's category; of plain texts a little nearer."""
    noise = 0.5 if column == "masked" else 0.3
    found = [
        seeded(row["category_id"]) + noise * seeded(row["source"] + column)
        for row in rows.to_list()
    ]
    return unit(np.array(found))


def unit(found: np.ndarray) -> np.ndarray:
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def absurd(ingredient: str):
    """Make an `embed` that gives other vectors for the split that this ingredient stands in."""

    def embed(reader: object, rows: Dataset, column: str) -> np.ndarray:
        sources = set(rows["source"])
        if f"{ingredient}0" not in sources:
            return vectors(reader, rows, column)
        return unit(np.stack([seeded("absurd " + source + column) for source in rows["source"]]))

    return embed


def test_four_forms_are_measured(tiny_classifier):
    trained = train_prototypes(tiny_classifier, corpus(), TREE, vectors)
    measured = trained.model.config.measured
    assert {name: form["n_inserts"] for name, form in measured["forms"].items()} == {
        "all, masked": 10,
        "all, plain": 10,
        "full documents, masked": 5,
        "full documents, plain": 5,
    }
    assert "10 inserts of 5 ingredients" in measured["note"]
    for form in measured["forms"].values():
        assert form["levels"] and 0 <= form["calibration_error"] <= 1
    assert trained.model.config.n_support == [10, 10, 12, 4]  # inserts, not their texts
    assert trained.model.config.scope_false_alarms == SCOPE_FALSE_ALARMS
    assert not tiny_classifier.category_ids and tiny_classifier.model.config.measured is None


def test_forms_without_an_insert_are_left_out(tiny_classifier):
    none_full = corpus(test=split(TEST, kind="indications"))
    trained = train_prototypes(tiny_classifier, none_full, TREE, vectors)
    assert list(trained.model.config.measured["forms"]) == ["all, masked", "all, plain"]


def test_the_shipped_classifier_knows_what_only_the_test_split_holds(tiny_classifier):
    trained = train_prototypes(tiny_classifier, corpus(), TREE, vectors)
    assert sorted(trained.category_ids) == ["H1", "H2", "S1", "T1"]
    answers = trained.probabilities(
        trained.model.head.project(torch.from_numpy(vectors(None, split(TEST), "text"))).detach()
    ).argmax(1)
    assert [trained.category_ids[n] for n in answers] == split(TEST)["category_id"]
    # The measured one did not know it.
    for level in trained.model.config.measured["forms"]["all, plain"]["levels"]:
        assert (level["n_inserts"], level["n_unknown"]) == (6, 4)
        assert level["accuracy"] == 1


def test_a_drug_that_is_known_at_a_level_above_may_stand_anywhere_below(tiny_classifier):
    told: list[HeldOut] = []

    def best(held_out: HeldOut) -> Calibration:
        told.append(held_out)
        return Calibration(8.0)

    taught, held_out = (
        Embedded(rows, {form: vectors(None, rows, form) for form in ("masked", "text")})
        for rows in (split(TRAIN), split({"H3": "afa", "H2": "afe", "T1": "afi"}))
    )
    fitted = fit_deepest(tiny_classifier, [taught], TREE, 2)
    calibrate_known(fitted, taught, held_out, fitted, best)
    assert fitted.category_ids == ["H1", "H2", "S1"]
    # Two inserts of each, masked and as printed; of a root that nobody knows nothing is told
    one_form = [[True, True, False]] * 2 + [[False, True, False]] * 2
    assert told[0].is_true.tolist() == one_form * 2
    assert told[0].evidence.shape == told[0].is_true.shape and not told[0].name_kinds.any()


def calibration(classifier) -> tuple[float, float]:
    return classifier.model.head.scale.item(), classifier.model.config.scope_threshold


def test_no_test_row_touches_the_calibration(tiny_classifier):
    plain = train_prototypes(tiny_classifier, corpus(), TREE, vectors)
    other = train_prototypes(tiny_classifier, corpus(), TREE, absurd("aga"))
    assert calibration(other) == calibration(plain)
    assert other.model.config.measured["forms"] != plain.model.config.measured["forms"]
    assert not np.allclose(
        other.model.head.prototypes.detach(), plain.model.head.prototypes.detach()
    )
    for changed in ("aba", "afa"):  # of train, of validation: these do touch it
        touched = train_prototypes(tiny_classifier, corpus(), TREE, absurd(changed))
        assert calibration(touched) != calibration(plain)


def test_no_validation_row_touches_the_measured_prototypes(tiny_classifier):
    """What is measured is fitted to the train rows alone; the others only calibrate it."""
    heads = []
    for embed in (vectors, absurd("afa")):
        splits = {
            name: Embedded(rows, {form: embed(None, rows, form) for form in ("masked", "text")})
            for name, rows in corpus().items()
            if name != "test"
        }
        trained, _ = calibrated(tiny_classifier, splits, TREE)
        heads.append(trained.model.head)
    first, second = heads
    for name in ("prototypes", "centre", "whitening", "log_prior"):
        assert (getattr(first, name) == getattr(second, name)).all()
    assert first.scale != second.scale


def test_training_twice_gives_the_same(tiny_classifier):
    first, second = (
        train_prototypes(tiny_classifier, corpus(), TREE, vectors, seed=3) for _ in range(2)
    )
    assert first.model.config.measured == second.model.config.measured
    assert calibration(first) == calibration(second)
    assert (first.model.head.prototypes == second.model.head.prototypes).all()


@pytest.mark.parametrize("missing", [["train"], ["validation"], ["validation", "test"]])
def test_a_missing_split_is_told(tiny_classifier, missing):
    parts = DatasetDict({k: v for k, v in corpus().items() if k not in missing})
    with pytest.raises(
        CorpusError, match=rf"the corpus has no split {', '.join(missing)}; give it more inserts"
    ):
        train_prototypes(tiny_classifier, parts, TREE, vectors)


def test_too_few_ingredients_are_told(tiny_classifier):
    with pytest.raises(CorpusError, match="no category has 50 ingredients; lower min_ingredients"):
        train_prototypes(tiny_classifier, corpus(), TREE, vectors, min_ingredients=50)


def test_validation_without_a_known_category_is_told(tiny_classifier):
    parts = corpus(validation=split({"T1": "afu"}))
    with pytest.raises(CorpusError, match="no held-out insert of a category"):
        train_prototypes(tiny_classifier, parts, TREE, vectors)


SUBSTANCES = Taxonomy(
    [
        *TREE,
        *(Category(f"H1{n}", name, "H1") for n, name in enumerate(("aba", "afa", "aga", "zolol"))),
        *(Category(f"T1{n}", name, "T1") for n, name in enumerate(("tolol", "ago sodium"))),
    ],
    "own",
    drug_level=3,
)


@pytest.fixture(scope="module")
def reader(tiny_classifier):
    """Of a tree whose end names drugs, it reads the names."""
    told = ["aba", "abb", "afa", "aff", "aga", "agg", "ago", "zolol", "tolol", "nolol"]
    return tiny_classifier.with_name_stems(
        drugtext.DrugInsert(ingredients=(name,), sections={}) for name in told
    )


def with_names(bare, rows: Dataset, column: str) -> np.ndarray:
    """Give the vectors of texts without names: only the tree tells any."""
    none = np.zeros((len(rows), bare.model.config.name_dim), np.float32)
    return np.concatenate([vectors(bare, rows, column), none], axis=1)


def knows(classifier, name: str, category: str) -> bool:
    """Tell whether a classifier remembers this name of this category."""
    head = classifier.model.head
    vector = classifier.model.name_stems([stem_ids_of([name])])
    told = name_evidence(head.named, vector, len(classifier.category_ids))[0]
    row = classifier.category_ids.index(category)
    return bool((head.named.rows == row)[head.named.cosines(vector)[0] > 0.999].any() and told[row])


def test_listed_drugs_are_told_but_for_those_that_will_be_asked(reader):
    splits = {
        name: Embedded(rows, {form: with_names(reader, rows, form) for form in ("masked", "text")})
        for name, rows in corpus().items()
    }
    trained, _ = calibrated(reader, splits, TREE, listed_drugs(SUBSTANCES))
    assert "T1" not in trained.category_ids and trained.model.config.n_named == 2
    assert knows(trained, "aba", "H1") and knows(trained, "zolol", "H1")
    assert not knows(trained, "afa", "H1") and not knows(trained, "aga", "H1")


def test_held_out_drugs_are_known_by_name_to_the_calibration_and_test_drugs_are_not(reader):
    def named(bare, rows: Dataset, column: str) -> np.ndarray:
        texts = vectors(bare, rows, column)
        told = rows["ingredients"] if column == "text" else [[]] * len(rows)
        stems = bare.model.name_stems([stem_ids_of(names) for names in told])
        return name_stems.with_names(torch.from_numpy(texts), stems).numpy()

    splits = {
        name: Embedded(rows, {form: named(reader, rows, form) for form in ("masked", "text")})
        for name, rows in corpus().items()
    }
    more = Category("H19", "aff", "H1"), Category("H29", "agg", "H2")  # of nobody's insert
    told = {}
    for taught, tree in {
        "nothing": SUBSTANCES.of(TREE),
        "validation": SUBSTANCES.of([*TREE, Category("H11", "afa", "H1"), *more]),
        "both": SUBSTANCES.of(
            [*TREE, Category("H11", "afa", "H1"), Category("H12", "aga", "H1"), *more]
        ),
    }.items():
        trained, found = calibrated(reader, splits, TREE, listed_drugs(tree))
        told[taught] = found, trained.model.config.strangeness
    kinds = {kind for kind in told["validation"][1] if kind.endswith(KNOWN)}
    assert kinds and not kinds & told["nothing"][1].keys()
    assert told["both"] == told["validation"]


def test_the_shipped_classifier_knows_all_listed_drugs(reader):
    drugs = listed_drugs(SUBSTANCES)
    shipped = train_prototypes(reader, corpus(), TREE, with_names, drugs=drugs)
    told = {"H1": ("aba", "afa", "aga", "zolol"), "T1": ("tolol", "ago")}
    assert all(knows(shipped, name, c) for c, names in told.items() for name in names)
    assert shipped.model.config.n_named == 6
    assert shipped.model.config.measured["forms"]
