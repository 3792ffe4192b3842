"""Backends: each gives the categories of torch in float32; one that is far from it is refused."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from transformers.modeling_outputs import BaseModelOutput

import drugtext
from drugtext.backends import (
    INT8,
    ONNX,
    OPENVINO,
    TORCH,
    has_bfloat16,
    is_installed,
    make_backend,
    precisions,
)
from drugtext.errors import EncoderError
from drugtext.inserts.insert import DrugInsert
from drugtext.onnx_file import onnx_file
from drugtext.openvino_encoder import int8_rows, quantise_weights

TEXTS = [
    "It lowers high blood pressure: a beta receptor antagonist that slows the heart.",
    "A macrolide antibacterial for infections of the lung and the throat.",
    "Lowers glucose in adults with type 2 diabetes mellitus, together with diet and exercise.",
    "A benzodiazepine for anxiety and for sleep; it may be habit forming. " * 20,
]
INSERTS = [DrugInsert(sections={"indications_and_usage": text}) for text in TEXTS]
PROBE = [[5, 6, 7], [8, 9]]


class Far(nn.Module):
    """An encoder whose vectors are small differences of large numbers: bfloat16 loses them."""

    def __init__(self) -> None:
        super().__init__()
        noise = torch.rand(20, 4, generator=torch.Generator().manual_seed(0))
        self.table = nn.Parameter(1000 + noise)

    def forward(self, input_ids, attention_mask):
        hidden = (self.table - 1000)[input_ids] * attention_mask.unsqueeze(-1)
        return BaseModelOutput(last_hidden_state=hidden)


@pytest.fixture(scope="module")
def exact():
    classifier = drugtext.load()
    return drugtext.DrugClassifier(classifier.model, classifier.tokenizer)


@pytest.mark.parametrize("name", [TORCH, ONNX, OPENVINO])
def test_every_backend_gives_the_same_categories(name, exact):
    if not is_installed(name):
        pytest.skip(f"needs pip install 'drugtext[{name}]'")
    classifier = drugtext.load(backend=name)
    found, expected = classifier.predict(INSERTS), exact.predict(INSERTS)
    assert [p.category_id for p in found] == [p.category_id for p in expected]
    cosines = (classifier.embed(INSERTS) * exact.embed(INSERTS)).sum(axis=1)
    backend = classifier.backend
    print(
        f"{backend}: cosine to torch float32 {min(cosines):.5f}, on its probe {backend.cosine:.5f}"
    )
    assert min(cosines) >= 0.99 and backend.cosine >= 0.99
    assert exact.backend is None
    assert f"run by {backend}, cosine {backend.cosine:.4f} to torch float32" in repr(classifier)
    assert "run by" not in repr(exact)


def test_names_that_are_none_are_told():
    with pytest.raises(EncoderError, match="found backend 'tensorrt'; one of auto, torch, onnx"):
        drugtext.load(backend="tensorrt")


def test_one_that_is_far_off_is_refused_with_its_figure():
    if not has_bfloat16():
        pytest.skip("the CPU does not multiply in bfloat16: torch float32 is never far off")
    with pytest.raises(EncoderError, match=r"torch bfloat16: .* a cosine of -?0\.\d{4}"):
        make_backend(Far(), "torch", PROBE)


def test_one_that_cannot_be_made_says_so():
    if not is_installed(ONNX):
        pytest.skip(f"needs pip install 'drugtext[{ONNX}]'")
    with pytest.raises(EncoderError, match=r"onnx cannot be made of this encoder .*Take another"):
        make_backend(Far(), ONNX, PROBE)  # it has no configuration


@pytest.mark.skipif(INT8 not in precisions(OPENVINO), reason="the CPU has no products in int8")
def test_a_precision_that_is_far_off_is_passed_over_with_its_figure(tiny_classifier, caplog):
    pytest.importorskip("openvino", reason="needs pip install 'drugtext[openvino]'")
    encoder = copy.deepcopy(tiny_classifier.model.encoder)
    with torch.no_grad():  # a weight that nothing reaches, beside which all others are small
        for norm in (module for module in encoder.modules() if isinstance(module, nn.LayerNorm)):
            norm.weight[0] = norm.bias[0] = 0
        for name, module in encoder.named_modules():
            if isinstance(module, nn.Linear):
                module.weight *= 10
                if name.endswith(("query", "key", "value", "intermediate.dense")):
                    module.weight[:, 0] = 1e6
    backend = make_backend(encoder, OPENVINO, PROBE)
    assert backend.precision == precisions(OPENVINO)[1] and backend.cosine >= 0.99
    assert re.search(r"openvino int8 is passed over: .* a cosine of -?0\.\d{4}", caplog.text)


def test_weights_in_int8_by_hand():
    matrix = np.array([[1.27, -0.635, 0.0], [0.0, 0.0, 0.0], [-254.0, 1.0, 1.1]], dtype=np.float32)
    steps, scale = int8_rows(matrix)
    assert steps.tolist() == [[127, -64, 0], [0, 0, 0], [-127, 0, 1]]
    assert steps.dtype == np.int8 and scale == pytest.approx(np.array([[0.01], [0], [2]]))
    assert np.all(np.abs(steps * scale - matrix) <= scale / 2 + 1e-6)


def test_every_product_of_weights_is_quantised(tiny_classifier):
    openvino = pytest.importorskip("openvino", reason="needs pip install 'drugtext[openvino]'")
    encoder = tiny_classifier.model.encoder
    model = openvino.Core().read_model(onnx_file(encoder))
    # Query, key, value and output of the attention, two of what follows: the pooler is not run.
    assert quantise_weights(model) == 6
    assert quantise_weights(model) == 0


def test_auto_goes_on_to_one_that_is_near():
    backend = make_backend(Far(), "auto", PROBE)
    assert backend.cosine >= 0.99
    ids = torch.tensor([[3, 4]])
    expected = Far()(ids, torch.ones_like(ids)).last_hidden_state.mean(1)
    torch.testing.assert_close(backend.encode_windows(ids, torch.ones_like(ids)), expected)


def test_auto_picks_the_fastest_that_is_installed_and_says_which(tiny_classifier, caplog):
    # What scripts/bench_speed.py measures: OpenVINO first, and ONNX Runtime only without bfloat16.
    order = [OPENVINO, TORCH] if has_bfloat16() else [OPENVINO, ONNX, TORCH]
    with caplog.at_level("INFO", logger="drugtext"):
        backend = make_backend(tiny_classifier.model.encoder, "auto", PROBE)
    assert backend.name == next(filter(is_installed, order))
    assert caplog.messages == [backend.with_cosine]


def test_no_number_is_not_near():
    class Lost(Far):
        def forward(self, input_ids, attention_mask):
            hidden = super().forward(input_ids, attention_mask).last_hidden_state
            return BaseModelOutput(last_hidden_state=hidden * float("nan"))

    with pytest.raises(EncoderError, match="a cosine of nan"):
        make_backend(Lost(), "torch", PROBE)


def test_weights_that_change_are_seen(tiny_encoder_folder):
    classifier = drugtext.load(tiny_encoder_folder, backend="torch")
    before = classifier.embed(INSERTS)
    assert classifier.backend is classifier.backend  # made once
    with torch.no_grad():
        for weight in classifier.model.encoder.parameters():
            weight.mul_(1.5)
    after = classifier.embed(INSERTS)
    assert (before != after).any()
    plain = drugtext.DrugClassifier(classifier.model, classifier.tokenizer).embed(INSERTS)
    assert (after * plain).sum(axis=1).min() > 0.99


def test_classifiers_over_one_encoder_share_its_backend(tiny_encoder_folder):
    classifier = drugtext.load(tiny_encoder_folder, backend="torch")
    fitted = classifier.fit(INSERTS[:2], ["a", "b"])
    assert fitted.backend is classifier.backend is not None


def test_one_that_is_not_made_yet_is_told_by_its_name(tiny_encoder_folder):
    classifier = drugtext.load(tiny_encoder_folder, backend="torch")
    assert repr(classifier).endswith("run by torch)")


def test_at_a_terminal_the_command_tells_what_runs_the_encoder(tiny_classifier, tmp_path):
    tiny_classifier.fit(INSERTS[:2], ["a", "b"]).save_pretrained(tmp_path / "model")
    (tmp_path / "a.txt").write_text("INDICATIONS AND USAGE\nLowers blood pressure.\n")
    command = [sys.executable, "-m", "drugtext", "classify", "a.txt", "--model", "model", "--json"]
    screen, end = os.openpty()
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=end) as process:
        os.close(end)
        told, shown = process.stdout.read(), b""
        while chunk := read_or_end(screen):
            shown += chunk
    os.close(screen)
    assert process.returncode == 0 and json.loads(told)["category_id"] in "ab"
    assert re.search(rb"run by torch \w+, cosine [01]\.\d{4} to torch float32", shown), shown
    piped = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert piped.stdout == told and b"run by" not in piped.stderr


def read_or_end(file: int) -> bytes:
    """Read what a terminal shows; Linux raises where its other end is closed."""
    try:
        return os.read(file, 4096)
    except OSError:
        return b""


def test_a_file_is_written_once_and_whole(tiny_classifier, tmp_path):
    pytest.importorskip("onnxscript", reason="needs pip install 'drugtext[onnx]'")
    encoder = tiny_classifier.model.encoder
    file = onnx_file(encoder, tmp_path)
    written = file.stat().st_mtime_ns
    assert onnx_file(encoder, tmp_path) == file and file.stat().st_mtime_ns == written
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]
    assert re.fullmatch(r"[0-9a-f]{32}-[0-9a-f]{16}-2", file.parent.name)


def test_attention_is_one_operator_a_layer(tiny_classifier, tmp_path):
    """Where it is products, masks and a softmax, OpenVINO spends a third of its time on them."""
    pytest.importorskip("onnxscript", reason="needs pip install 'drugtext[onnx]'")
    onnx = pytest.importorskip("onnx", reason="needs pip install 'drugtext[onnx]'")
    encoder = tiny_classifier.model.encoder
    operators = [node.op_type for node in onnx.load(onnx_file(encoder, tmp_path)).graph.node]
    assert operators.count("Attention") == encoder.config.num_hidden_layers
    assert "Softmax" not in operators
