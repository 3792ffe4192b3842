"""Ratios of measured rates, each far within what `scripts/bench_speed.py` reports.

They tell a lost order of magnitude from a bad day: batches that are not formed, a precision that is
slow here, a limit that is gone.
"""

from __future__ import annotations

import json

import pytest
import torch

import drugtext
from drugtext.backends import TORCH
from drugtext.evaluation.speed.limits import flops_a_token, matmul_rate, tokens_a_second
from drugtext.evaluation.speed.path import whole_path
from drugtext.evaluation.speed.peers import plain_pipeline
from drugtext.inserts.insert import DrugInsert

SENTENCE = "The tablet lowers high blood pressure in adults and in older patients, beside a diet. "


@pytest.fixture(scope="module")
def classifier():
    classifier = drugtext.load(backend=TORCH)
    assert classifier.backend  # made, so that it is not timed
    return classifier


def test_the_encoder_is_not_far_from_the_limit_of_matrix_products(classifier):
    config, backend = classifier.model.config.encoder, classifier.backend
    rate = tokens_a_second(backend, config.vocab_size, n_windows=16, n_tokens=256)
    limit = matmul_rate(getattr(torch, backend.precision))
    assert rate * flops_a_token(config, 256) / limit > 0.3  # reported: 0.54 to 0.65


def test_a_full_label_takes_a_fraction_of_what_a_plain_pipeline_takes(classifier, tmp_path):
    names = ("indications_and_usage", "mechanism_of_action", "warnings", "adverse_reactions")
    sections = dict.fromkeys(names, SENTENCE * 100)
    label = DrugInsert(name="Examplol", language="en", sections=sections)
    (tmp_path / "label.json").write_text(json.dumps(sections), encoding="utf-8")
    classifier.save_pretrained(tmp_path / "saved")
    plain = plain_pipeline([label] * 2, tmp_path / "saved", is_whole=True)
    own = whole_path(classifier, [tmp_path / "label.json"] * 4, 4)
    assert own["n"] == 4 and own["tokens_total"] > 5000
    assert own["inserts_a_second"] / plain["inserts_a_second"] > 4  # reported: more than 20
