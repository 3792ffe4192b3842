"""The registry of categories: versions, undo, differences, and many who write at once."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

import drugtext
from drugtext import Category, DrugInsert, Taxonomy
from drugtext.errors import CheckpointError, CorpusError, DrugTextError
from drugtext.registry import Registry, content_sha256
from drugtext.version_store import Version, VersionStore


def insert(text: str) -> DrugInsert:
    return DrugInsert(name=text, language="en", sections={"indications_and_usage": text})


PAIN, HEART, SKIN = map(insert, ("relief of pain", "lowers blood pressure", "dry skin, eczema"))


@pytest.fixture
def registry(tiny_classifier, tmp_path):
    few = tiny_classifier.fit([PAIN, HEART], ["pain", "heart"])
    return Registry.create(tmp_path / "registry", few, note="the first two")


def test_each_change_is_a_version_with_its_date_note_and_supports(registry):
    added = registry.add("skin", [SKIN], note="asked for by the dermatologists")
    assert (added.number, added.parent, added.action) == (2, 1, "add")
    assert added.categories == ("skin",) and added.note == "asked for by the dermatologists"
    told = json.dumps([SKIN.name, "", "", "indications_and_usage", "dry skin, eczema"])
    assert added.supports == (hashlib.sha256(told.encode()).hexdigest(),)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", added.date)
    registry.rename("skin", "skin care")
    registry.merge(["pain", "skin care"], "others")
    registry.split("others", [PAIN, SKIN], ["pain", "skin"])
    registry.remove("heart")
    registry.extend("skin", [HEART])
    again = Registry(registry.folder)
    assert [v.action for v in again.versions()] == [
        "create", "add", "rename", "merge", "split", "remove", "extend",
    ]  # fmt: skip
    assert again.current.supports == (content_sha256(HEART),)
    assert again.load().model.config.n_support == [1, 2]
    assert again.current.number == 7 and again.load().category_ids == ["pain", "skin"]
    assert again.load(2).category_ids == ["pain", "heart", "skin"]
    assert again.versions()[1] == added


def test_names_of_drugs_are_kept_where_that_was_asked_for(tiny_classifier, tmp_path):
    few = tiny_classifier.fit([PAIN, HEART], ["pain", "heart"])

    def names_in(folder: Path) -> set[str]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {
            n for n in (PAIN.name, SKIN.name) if any(n.encode() in f.read_bytes() for f in files)
        }

    silent = Registry.create(tmp_path / "silent", few)
    silent.add("skin", [SKIN])
    assert names_in(silent.folder) == set()
    assert silent.load().nearest_drugs(silent.load().embed([SKIN])[0]) == []
    told = Registry.create(tmp_path / "told", few, with_known_drugs=True)
    told.add("skin", [SKIN])
    assert names_in(told.folder) == {PAIN.name, SKIN.name}
    assert told.load().nearest_drugs(told.load().embed([SKIN])[0])[0].name == SKIN.name


def test_a_classifier_is_not_saved_into_a_registry(registry, tiny_classifier):
    with pytest.raises(CheckpointError, match="holds a registry, which would go on"):
        tiny_classifier.fit([SKIN], ["skin"]).save_pretrained(registry.folder)
    assert registry.load().category_ids == ["pain", "heart"]


def test_a_category_is_not_learnt_twice_from_an_insert(registry):
    registry.add("skin", [SKIN])
    registry.rename("skin", "skin care")
    for category in ("skin care", "skin"):
        with pytest.raises(CorpusError, match=r"dry skin.*version 2 has learnt 'skin"):
            registry.extend(category, [HEART, SKIN])
    registry.extend("pain", [SKIN])  # the same insert of another category
    registry.extend("skin care", [HEART])
    with pytest.raises(CorpusError, match="version 5 has learnt"):
        registry.extend("skin care", [HEART])
    registry.undo()
    assert registry.extend("skin care", [HEART]).number == 6


def test_what_another_category_of_the_same_name_has_learnt_is_none_of_its_own(registry):
    registry.add("skin", [SKIN])
    registry.remove("skin")
    registry.add("skin", [HEART])
    assert registry.extend("skin", [SKIN]).number == 5


def test_what_parts_and_merged_categories_have_learnt_is_known(registry):
    registry.add("skin", [SKIN])
    registry.merge(["heart", "skin"], "both")
    with pytest.raises(CorpusError, match="version 2 has learnt 'both' from it already"):
        registry.extend("both", [SKIN])
    registry.split("both", [HEART, SKIN], ["one", "two"])
    for part in ("one", "two"):
        with pytest.raises(CorpusError, match=f"version 4 has learnt '{part}' from it already"):
            registry.extend(part, [SKIN])
    assert registry.extend("pain", [SKIN]).number == 5


def test_what_a_category_has_learnt_is_known_by_whichever_name_it_was_called(
    tiny_classifier, tmp_path
):
    tree = Taxonomy([Category("P", "Pain"), Category("H", "Heart")])
    few = tiny_classifier.fit([PAIN, HEART], ["P", "H"], taxonomy=tree)
    registry = Registry.create(tmp_path / "registry", few)
    assert registry.extend("Pain", [SKIN]).categories == ("P",)
    assert registry.merge(["Heart", "P"], "both").categories == ("H", "P", "both")
    with pytest.raises(CorpusError, match="version 2 has learnt 'both' from it already"):
        registry.extend("both", [SKIN])


def test_a_damaged_version_hides_no_other(registry):
    registry.add("skin", [SKIN])
    change = registry.folder / "versions" / "0001" / "change.json"
    change.write_text(change.read_text()[:20])
    with pytest.raises(CheckpointError, match=r"change\.json: is damaged"):
        registry.versions()
    damaged: list[CheckpointError] = []
    assert [v.number for v in registry.versions(on_error=damaged.append)] == [2]
    assert len(damaged) == 1 and registry.current_number == 2


def test_undo_does_not_point_at_a_version_that_was_deleted(registry):
    registry.add("skin", [SKIN])
    shutil.rmtree(registry.folder / "versions" / "0001")
    with pytest.raises(CheckpointError, match="there is no version 1; `drugtext"):
        registry.undo()
    assert registry.current.number == 2 and len(registry.load().category_ids) == 3


def test_a_category_is_learnt_further_where_old_versions_were_deleted(registry):
    registry.add("skin", [SKIN])
    shutil.rmtree(registry.folder / "versions" / "0001")
    with pytest.raises(CorpusError, match="version 2 has learnt 'skin' from it already"):
        registry.extend("skin", [SKIN])
    assert registry.extend("skin", [PAIN]).number == 3


def test_a_version_that_is_not_there_is_no_other(registry):
    for number in (0, 99):
        with pytest.raises(CheckpointError, match=f"there is no version {number};"):
            registry.load(number)


def test_untouched_categories_keep_their_scores_from_version_to_version(registry):
    registry.add("skin", [SKIN])
    registry.remove("pain")
    asked = registry.load(1).embed([PAIN, HEART, SKIN])

    def raw(number: int) -> list[np.ndarray]:
        import torch

        clf = registry.load(number)
        row, head = clf.category_ids.index("heart"), clf.model.head
        with torch.no_grad():
            remembered = head.memory.affinities(
                head.text_of(torch.from_numpy(asked)), len(clf.category_ids)
            )
            return [
                head.scores(torch.from_numpy(asked))[:, row].numpy(),
                remembered[:, row].numpy(),
            ]

    for number in (2, 3):
        for one, other in zip(raw(1), raw(number), strict=True):
            assert np.array_equal(one, other)


def test_a_change_is_undone_and_taken_up_again(registry):
    registry.add("skin", [SKIN])
    assert registry.undo().number == 1 and registry.load().category_ids == ["pain", "heart"]
    with pytest.raises(CheckpointError, match="nothing to undo"):
        registry.undo()
    added = registry.add("sleep", [insert("helps to sleep")])
    assert (added.number, added.parent) == (3, 1)
    assert registry.use(2).categories == ("skin",)
    assert registry.load().category_ids == ["pain", "heart", "skin"]
    with pytest.raises(CheckpointError, match="there is no version 9;"):
        registry.use(9)
    assert registry.current.number == 2


def test_a_number_is_never_given_twice(registry):
    registry.add("skin", [SKIN])
    shutil.rmtree(registry.folder / "versions" / "0001")
    assert registry.rename("skin", "dermatologicals").number == 3


def test_a_difference_lists_the_inserts_whose_answer_changes(registry):
    registry.add("skin", [SKIN])
    (changed,) = registry.diff(1, 2, [PAIN, HEART, SKIN])
    assert changed.insert == SKIN and changed.after == "skin" and changed.before != "skin"
    assert registry.diff(2, 2, [PAIN, HEART, SKIN]) == []


def test_a_difference_tells_what_comes_into_scope(tiny_classifier, tmp_path):
    few = tiny_classifier.fit([PAIN, HEART], ["pain", "heart"])
    few.model.config.scope_threshold = float(few.familiarity(few.embed([HEART]))[0]) - 0.01
    registry = Registry.create(tmp_path / "registry", few)
    registry.add("skin", [SKIN])
    (changed,) = registry.diff(1, 2, [SKIN])
    assert (changed.was_in_scope, changed.is_in_scope) == (False, True)
    second = registry.load(2)
    second.model.config.scope_threshold = 1e9
    second.save_pretrained(tmp_path / "strict")
    strict = Registry.create(tmp_path / "other", drugtext.load(tmp_path / "strict"))
    strict.rename("pain", "aches")
    assert strict.diff(1, 2, [SKIN]) == []  # neither has it in scope


def test_a_difference_lists_what_comes_into_scope_of_the_same_category(tiny_classifier, tmp_path):
    few = tiny_classifier.fit([PAIN, HEART], ["pain", "heart"])
    (answer,) = few.predict([SKIN], top_k=1)
    few.model.config.scope_threshold = float(few.familiarity(few.embed([SKIN]))[0]) + 0.01
    registry = Registry.create(tmp_path / "registry", few)
    registry.extend(answer.category_id, [SKIN])
    (changed,) = registry.diff(1, 2, [PAIN, HEART, SKIN])
    assert changed.insert == SKIN and changed.before == changed.after == answer.category_id
    assert (changed.was_in_scope, changed.is_in_scope) == (False, True)


def test_a_difference_passes_over_what_cannot_be_classified_and_names_it(registry):
    registry.add("skin", [SKIN])
    empty = DrugInsert(name="Emptol", language="en", sections={})
    refused = []
    told = registry.diff(1, 2, [empty, SKIN], on_error=lambda *both: refused.append(both))
    assert [changed.insert for changed in told] == [SKIN]
    ((insert, error),) = refused
    assert insert is empty and "holds no text" in str(error)
    with pytest.raises(DrugTextError, match="holds no text"):
        registry.diff(1, 2, [empty, SKIN])


class Noting:
    """Is saved as a classifier is, and notes which folder it was written into."""

    written = 0

    def save_pretrained(self, folder: Path, *, with_known_drugs: bool) -> None:
        folder.mkdir()
        (folder / "config.json").write_text(str(with_known_drugs))
        self.written = folder.stat().st_ino


def test_a_version_gets_its_number_when_it_is_whole(tmp_path):
    """The folder that was written is renamed: copied, a half one could be met, or left behind."""
    store, saved = VersionStore(tmp_path, 1.0), Noting()
    store.write(saved, Version(1, None, "", "create", (), ""), with_known_drugs=False)
    assert store.folder_of(1).stat().st_ino == saved.written != 0
    assert store.current() == 1 and not list((tmp_path / "versions").glob(".*"))


def test_a_change_that_is_refused_leaves_everything_as_it_was(registry):
    for change in (
        lambda: registry.add("pain", [PAIN]),
        lambda: registry.remove("nothing"),
        lambda: registry.add("x", ["no insert"]),
    ):
        with pytest.raises(CorpusError):
            change()
    assert [v.number for v in registry.versions()] == [1] and registry.current.number == 1
    assert not list((registry.folder / "versions").glob(".*"))


def test_what_is_no_registry_is_refused(registry, tiny_classifier, tmp_path):
    with pytest.raises(CheckpointError, match=r"is no registry .*Registry\.create, makes one"):
        Registry(tmp_path)
    with pytest.raises(CheckpointError, match="holds a registry already"):
        Registry.create(registry.folder, tiny_classifier.fit([PAIN], ["pain"]))
    (registry.folder / "versions" / "0001" / "change.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"change\.json: is damaged"):
        registry.versions()


def test_who_waits_too_long_for_another_writer_is_told(registry):
    soon = Registry(registry.folder, seconds_to_wait=0.1)
    with (
        FileLock(registry.folder / "lock"),
        pytest.raises(CheckpointError, match=r"has held its lock for 0\.1 seconds\. Try again"),
    ):
        soon.undo()
    assert soon.rename("pain", "aches").number == 2  # it is free now


def write(folder: Path, number: int) -> None:
    """Add categories, in a process of its own."""
    for n in range(2):
        Registry(folder).add(f"category {number} {n}", [insert(f"of kind {number} {n}")])


def test_many_who_write_and_read_at_once_lose_nothing(registry):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write, args=(registry.folder, n)) for n in range(3)]
    for writer in writers:
        writer.start()
    seen = []
    while any(writer.is_alive() for writer in writers):
        seen.append(len(registry.load().category_ids))  # a reader, meanwhile: always a whole one
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    expected = {f"category {n} {k}" for n in range(3) for k in range(2)}
    assert set(registry.load().category_ids) == {"pain", "heart"} | expected
    assert [v.number for v in registry.versions()] == list(range(1, 8))
    assert seen and seen == sorted(seen)


def test_what_teaches_the_same_has_the_same_fingerprint():
    assert content_sha256(PAIN) == content_sha256(insert("relief of pain"))
    others = [HEART, replace(PAIN, name="other"), replace(PAIN, ingredients=("ibuprofen",))]
    others += [
        replace(PAIN, brand_names=("Ibu",)),
        replace(PAIN, sections={"uses": "relief of pain"}),
    ]
    assert content_sha256(PAIN) not in map(content_sha256, others)
