"""Ratios of measured rates, each far within what `scripts/bench_speed.py` reports.

They tell a lost order of magnitude from a bad day: batches that are not formed, a precision that is
slow here, a limit that is gone.
"""

from __future__ import annotations

import json

import pytest
import torch

import drugtext
from drugtext.backends import TORCH, Backend
from drugtext.bare_encoder import mean_pool
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


@pytest.fixture(scope="module")
def rates(classifier):
    """Tokens a second by precision, and operations a second of matrix products in float32.

    Other work on the machine makes a rate lower, never higher: the best of rounds that take turns
    is the nearest to what the machine can do. On one thread, as threads that wait for one that
    other work holds up lose far more in an encoder than in a large product; in float32, as what a
    CPU reaches of its units for products in bfloat16 differs much from one kind to another.
    """
    model = classifier.model
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)

    @torch.no_grad()
    def exactly(input_ids, attention_mask):
        hidden = model.encoder(input_ids=input_ids, attention_mask=attention_mask)
        return mean_pool(hidden.last_hidden_state, attention_mask)

    by_precision = {
        "float32": Backend(TORCH, "float32", exactly, 1.0),
        "as chosen": classifier.backend,
    }
    rounds = [
        {
            **{
                name: tokens_a_second(backend, model.config.encoder.vocab_size, 16, 256, 1.0)
                for name, backend in by_precision.items()
            },
            "products": matmul_rate(torch.float32, least_seconds=1.0),
        }
        for _ in range(3)
    ]
    torch.set_num_threads(n_threads)
    return {name: max(one[name] for one in rounds) for name in rounds[0]}


def test_the_encoder_is_not_far_from_the_limit_of_matrix_products(classifier, rates):
    flops = flops_a_token(classifier.model.config.encoder, 256)
    assert rates["float32"] * flops / rates["products"] > 0.4  # 0.63 to 0.68 where all is well


def test_the_precision_that_is_chosen_is_not_slower_than_float32(rates):
    assert rates["as chosen"] / rates["float32"] > 0.8  # up to 4 where the CPU has bfloat16


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
