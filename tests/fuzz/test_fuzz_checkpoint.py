"""A checkpoint that was damaged or tampered with: refused with a reason, or it answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

import pytest
from fuzz_settings import repeatable
from hypothesis import given
from hypothesis import strategies as st
from transformers.utils import logging

import drugtext
from drugtext import DrugInsert
from drugtext.errors import CheckpointError, DrugTextError, EncoderError
from drugtext.evaluation.trust.bad_inputs import damaged
from drugtext.evaluation.trust.checkpoint_faults import ask, seal, try_checkpoint

INSERT = DrugInsert(name="x", language="en", sections={"indications_and_usage": "relief of pain"})
CONFIG_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
SIZES = ("hidden_size", "intermediate_size", "vocab_size", "max_position_embeddings", "n_known")


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """Without a progress bar for each of a thousand loads."""
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    yield
    logging.set_verbosity(level)
    if shown:
        logging.enable_progress_bar()


@pytest.fixture(scope="module")
def saved(adapted_classifier, tmp_path_factory) -> Path:
    """The folder of a classifier with everything that one may have."""
    words = ["pain", "fever", "heart", "skin", "cough", "sleep", "lung", "vein"]
    told = [f"{a} and {b} of {c}" for a in words for b in words for c in words[:2]]
    inserts = [DrugInsert(language="en", sections={"indications_and_usage": t}) for t in told]
    base = adapted_classifier.with_lexicon(inserts, dim=4)
    drugs = ["ketoprofen", "metoprolol", "ibuprofen", "atenolol"]
    base = base.with_name_stems([DrugInsert(ingredients=(d,), sections={}) for d in drugs])
    folder = tmp_path_factory.mktemp("fuzz") / "saved"
    base.fit(inserts[:8], list("abcdabcd")).save_pretrained(folder, with_known_drugs=True)
    return folder


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("copy") / "saved"


def fresh(saved: Path, copy: Path) -> Path:
    shutil.rmtree(copy, ignore_errors=True)
    return shutil.copytree(saved, copy)


def test_damage_of_every_kind_is_counted_and_none_escapes(saved, tmp_path):
    count = try_checkpoint(saved, tmp_path, seed=3, n=150)
    assert count.escaped == []
    assert count.tried == count.read + count.refused == 150
    assert count.refused > count.read > 10


def test_every_file_that_is_read_is_in_the_manifest(saved):
    listed = json.loads((saved / "manifest.json").read_text())["sha256"]
    there = {path.relative_to(saved).as_posix() for path in saved.rglob("*") if path.is_file()}
    assert {n for n in there if not n.endswith((".py", ".md"))} == {*listed, "manifest.json"}


@given(data=st.data(), seed=st.integers(0, 2**32))
@repeatable(120)
def test_damage_that_the_manifest_tells_is_never_loaded(saved, copy, data, seed):
    listed = json.loads((saved / "manifest.json").read_text())["sha256"]
    name = data.draw(st.sampled_from(sorted(listed)))
    whole = (saved / name).read_bytes()
    if (bad := damaged(whole, Random(seed))) == whole:
        return
    (fresh(saved, copy) / name).write_bytes(bad)
    with pytest.raises((CheckpointError, EncoderError)) as refused:
        drugtext.load(copy)
    assert str(refused.value).strip() and "\n" not in str(refused.value)


@given(data=st.data(), seed=st.integers(0, 2**32))
@repeatable(100)
def test_damage_that_nothing_tells_is_refused_or_answers(saved, copy, data, seed):
    names = [
        p.relative_to(saved) for p in saved.rglob("*") if p.suffix in (".json", ".safetensors")
    ]
    name = data.draw(st.sampled_from(sorted(names)))
    if name.name == "manifest.json":
        return
    fresh(saved, copy)
    (copy / name).write_bytes(damaged((saved / name).read_bytes(), Random(seed)))
    seal(copy)
    try:
        loaded = drugtext.load(copy)
        ask(loaded)
    except DrugTextError as error:
        assert str(error).strip()
    else:
        assert sorted(loaded.category_ids)


@given(data=st.data(), value=CONFIG_VALUES)
@repeatable(100)
def test_any_value_of_any_field_is_refused_or_answers(saved, copy, data, value):
    config = json.loads((saved / "config.json").read_text())
    name = data.draw(st.sampled_from(sorted(config)))
    part = config
    if name == "encoder_config" and data.draw(st.booleans()):
        part = config["encoder_config"]
        name = data.draw(st.sampled_from(sorted(set(part) - {*SIZES})))
    elif name in SIZES:
        return  # as much memory would be asked for
    fresh(saved, copy)
    part[name] = value
    (copy / "config.json").write_text(json.dumps(config))
    seal(copy)
    try:
        ask(drugtext.load(copy))
    except DrugTextError as error:
        assert str(error).strip()


@given(text=st.text(max_size=60) | st.dictionaries(st.text(max_size=9), st.text(max_size=9)).map(
    lambda sums: json.dumps({"sha256": sums})))  # fmt: skip
@repeatable(80)
def test_any_manifest_is_refused(saved, copy, text):
    (fresh(saved, copy) / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError):
        drugtext.load(copy)


def test_what_was_not_damaged_answers_the_same_each_time(saved, copy):
    first, second = drugtext.load(saved), drugtext.load(fresh(saved, copy))
    assert first.predict([INSERT]) == second.predict([INSERT])
