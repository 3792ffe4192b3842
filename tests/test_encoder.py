"""The encoder: weights found and checked, windows pooled into unit vectors."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import drugtext
from drugtext.encoder import (
    DEFAULT_ENCODER,
    DEFAULT_ENCODER_SHA256,
    check_weights,
    default_encoder_folder,
    encoder_folder,
    length_sorted_batches,
    load_encoder,
    load_tokenizer,
    pad,
    pool_windows,
)
from drugtext.errors import EncoderError, LanguageError


def test_default_encoder_is_the_published_one():
    folder = default_encoder_folder()
    assert (folder / "model.safetensors").is_file() and (folder / "tokenizer.json").is_file()
    assert encoder_folder(None) == encoder_folder(DEFAULT_ENCODER) == str(folder)
    assert len(DEFAULT_ENCODER_SHA256) == 64


def test_other_names_stay_as_they_are(tmp_path):
    assert encoder_folder(tmp_path) == str(tmp_path)
    assert encoder_folder("user/encoder") == "user/encoder"


def test_tampered_weights_are_refused(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"weights")
    published = hashlib.sha256(b"weights").hexdigest()
    check_weights(file, published)
    file.write_bytes(b"Weights")
    found = hashlib.sha256(b"Weights").hexdigest()
    with pytest.raises(
        EncoderError, match=f"SHA-256 is {found}, the published one is {published}; reinstall: pip"
    ):
        check_weights(file, published)


def test_missing_weights_are_refused(tmp_path):
    with pytest.raises(EncoderError, match=r"model\.safetensors: cannot be read \(No such file"):
        check_weights(tmp_path / "model.safetensors", "0" * 64)


def test_an_encoder_is_loaded_from_its_folder_without_pooler(tiny_encoder_folder):
    encoder = load_encoder(tiny_encoder_folder)
    assert encoder.pooler is None
    assert encoder.config.hidden_size == 16
    assert {weights.dtype for weights in encoder.parameters()} == {torch.float32}
    assert not encoder.training


def test_a_weight_keeps_no_more_in_memory_than_itself(tiny_encoder_folder):
    """Those that safetensors gives are views of the whole file, which stays for any one of them."""
    for weights in load_encoder(tiny_encoder_folder).parameters():
        assert weights.untyped_storage().nbytes() == weights.nbytes


def test_float16_weights_are_computed_in_float32(tiny_encoder_folder, tmp_path):
    folder = shutil.copytree(tiny_encoder_folder, tmp_path / "half")
    weights = load_file(folder / "model.safetensors")
    halves = {name: tensor.half() for name, tensor in weights.items()}
    save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "float16"}))
    encoder = load_encoder(folder)
    assert {weights.dtype for weights in encoder.parameters()} == {torch.float32}


def test_a_folder_without_weights_is_refused(tiny_encoder_folder, tmp_path):
    folder = shutil.copytree(tiny_encoder_folder, tmp_path / "bare")
    (folder / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match=r"bare' cannot be loaded \(.*Give a folder with config"):
        load_encoder(folder)


def test_pickled_weights_are_refused(tiny_encoder_folder, tmp_path):
    folder = shutil.copytree(tiny_encoder_folder, tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load_encoder(folder)


def test_damaged_weights_are_refused(tiny_encoder_folder, tmp_path):
    folder = shutil.copytree(tiny_encoder_folder, tmp_path / "damaged")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(EncoderError, match="damaged' cannot be loaded"):
        load_encoder(folder)


def test_incomplete_weights_are_refused(tiny_encoder_folder, tmp_path):
    folder = shutil.copytree(tiny_encoder_folder, tmp_path / "incomplete")
    weights = load_file(folder / "model.safetensors")
    gone = next(name for name in weights if name.endswith("query.weight"))
    del weights[gone]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=f"1 weights are missing, such as {gone}"):
        load_encoder(folder)


def test_weights_without_a_pooler_are_complete(tiny_encoder_folder, tmp_path):
    folder = shutil.copytree(tiny_encoder_folder, tmp_path / "no-pooler")
    weights = load_file(folder / "model.safetensors")
    rest = {name: tensor for name, tensor in weights.items() if not name.startswith("pooler.")}
    assert len(rest) < len(weights)
    save_file(rest, folder / "model.safetensors", metadata={"format": "pt"})
    assert load_encoder(folder).pooler is None


def test_an_unknown_name_is_refused_for_encoder_and_tokenizer(tmp_path):
    for load in (load_encoder, load_tokenizer):
        with pytest.raises(
            EncoderError, match=r"absent' cannot be loaded \(.*or a hub id where a hub"
        ):
            load(tmp_path / "absent")


def test_pool_windows_averages_directions():
    windows = torch.tensor([[3.0, 0.0], [0.0, 5.0], [0.0, -2.0]])
    pooled = pool_windows(windows, torch.ones(3), torch.tensor([0, 0, 1]), 2)
    half = 0.5**0.5
    torch.testing.assert_close(pooled, torch.tensor([[half, half], [0.0, -1.0]]))


def test_pool_windows_counts_a_window_by_its_weight():
    windows = torch.tensor([[3.0, 0.0], [0.0, 5.0]])
    pooled = pool_windows(windows, torch.tensor([0.6, 0.8]), torch.tensor([0, 0]), 1)
    torch.testing.assert_close(pooled, torch.tensor([[0.6, 0.8]]))


def test_pad_fills_up_to_the_longest():
    ids, mask = pad([[5, 6, 7], [8]], padding_id=9)
    assert ids.tolist() == [[5, 6, 7], [8, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert ids.dtype == mask.dtype == torch.int64


def test_batches_hold_every_window_once_and_as_many_tokens_as_asked():
    windows = [[1] * n for n in (3, 10, 1, 7, 10, 2)]
    batches = list(length_sorted_batches(windows, tokens_a_batch=20))
    assert batches == [[1, 4], [3, 0], [5, 2]]
    assert list(length_sorted_batches([[1] * 50, [1]], tokens_a_batch=20)) == [[0], [1]]
    assert list(length_sorted_batches([], tokens_a_batch=20)) == []
    assert list(length_sorted_batches([[], []], tokens_a_batch=20)) == [[0, 1]]


def test_a_batch_that_keeps_the_cores_busy_ends_before_much_shorter_windows():
    windows = [[1] * n for n in (512, 512, 512, 410, 409, 100, 90)]
    # Two windows of 512 are enough; 410 is four fifths of it, 409 is less
    assert list(length_sorted_batches(windows)) == [[0, 1, 2, 3], [4, 5], [6]]


def test_languages_of_an_encoder_are_told(tiny_encoder_folder, tmp_path):
    encoder = drugtext.load(tiny_encoder_folder, languages=["en", "zh"])
    pain, heart = (drugtext.DrugInsert(sections={"description": t}) for t in ("pain", "血压"))
    encoder.fit([pain, heart], ["a", "b"]).save_pretrained(tmp_path)
    few = drugtext.load(tmp_path)
    assert few.model.config.languages == ["en", "zh"]
    assert "- zh\n" in (tmp_path / "README.md").read_text(encoding="utf-8")
    german = drugtext.DrugInsert(language="de", sections={"description": "Schmerz"})
    with pytest.raises(LanguageError, match="this checkpoint knows en, zh"):
        few.predict([german])


@pytest.mark.real_data
def test_a_multilingual_encoder_embeds_chinese(real_data):
    folder = real_data / "encoders/multilingual-e5-small"
    loaded = drugtext.load(folder, prefix="query: ")
    classifier = drugtext.DrugClassifier(loaded.model, loaded.tokenizer)  # float32 on every CPU
    encoder = classifier.model.encoder
    assert encoder.pooler is None
    assert {weights.dtype for weights in encoder.parameters()} == {torch.float32}
    assert classifier.tokenizer.pad_token_id == encoder.config.pad_token_id == 1
    texts = [
        "本品用于治疗高血压和心绞痛。",
        "用于降低血压，并可预防心绞痛发作。" * 3,
        "外用乳膏，适用于湿疹和皮肤瘙痒。",
        "Tablets for the treatment of a high blood pressure.",
    ]
    inserts = [drugtext.DrugInsert(sections={"indications_and_usage": text}) for text in texts]
    together = classifier.embed(inserts)
    assert together.shape == (4, 384) and together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([classifier.embed([insert]) for insert in inserts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    alike = together @ together.T
    assert alike[0, 1] > alike[0, 2] and alike[0, 3] > alike[2, 3]
