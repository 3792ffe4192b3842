"""The bundled checkpoints and an own taxonomy over one real encoder, which is there once."""

from __future__ import annotations

import pytest
import torch
from shell_lines import PROJECT

import drugtext
from drugtext import DrugClassifier
from drugtext.adapters import Adapter, default_lora, with_new_adapter

SHELVES = {
    "levetira-eu-leaflet.txt": "fits",
    "metoral-spl.xml": "pulse",
    "sugarnorm-openfda.json": "sugar",
}
NEAR = 0.01
"""Adapters are taken out and put on again."""


def in_full_precision(classifier: DrugClassifier) -> DrugClassifier:
    """Return it run by torch in float32: what bfloat16 rounds of a random adapter is more."""
    return DrugClassifier(classifier.model, classifier.tokenizer)


def assert_alike(one, other, inserts) -> None:
    assert one.category_ids == other.category_ids
    answers = [classifier.predict(inserts) for classifier in (one, other)]
    for mine, alone in zip(*answers, strict=True):
        assert (mine.category_id, mine.in_scope) == (alone.category_id, alone.in_scope)
        assert mine.probability == pytest.approx(alone.probability, abs=NEAR)
    assert one.embed(inserts) == pytest.approx(other.embed(inserts), abs=NEAR)


def test_three_taxonomies_over_one_encoder_answer_as_each_does_alone(tmp_path):
    files = [PROJECT / "samples" / name for name in SHELVES]
    inserts = list(drugtext.read_inserts(files))
    atc = drugtext.load("atc")
    alone = atc.predict(inserts)
    torch.manual_seed(0)
    lora = default_lora(r=4, init_lora_weights=False)  # random, as if it had been trained
    adapter = Adapter.of(with_new_adapter(atc.raw_encoder, lora))
    fitted = atc.with_adapter(adapter).fit(inserts, SHELVES.values())
    fitted.save_pretrained(tmp_path)

    epc = drugtext.load("epc", over=atc)
    own = drugtext.load(tmp_path, over=epc)
    assert_alike(epc, drugtext.load("epc"), inserts)
    assert_alike(in_full_precision(own), in_full_precision(fitted), inserts)
    assert [p.category_id for p in own.predict(inserts)] == list(SHELVES.values())
    mine, theirs = (c.model.head.text_of(torch.from_numpy(c.embed(inserts))) for c in (own, epc))
    assert (mine - theirs).abs().max() > 5 * NEAR  # by another adapter
    assert atc.predict(inserts) == alone, "those put over it leave it as it was"
    tables = [c.model.encoder.embeddings.word_embeddings.weight for c in (atc, epc, own)]
    assert tables[0] is tables[1] is tables[2]
