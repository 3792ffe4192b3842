"""Adapters: put on, merged and taken out again, written and read, refused."""

from __future__ import annotations

import pytest
import torch
from peft import PeftModel
from torch import Tensor, nn

import drugtext
from drugtext.adapters import Adapter, default_lora, merged, with_new_adapter
from drugtext.checkpoint_writing import save_head
from drugtext.errors import CheckpointError

IDS = torch.tensor([[5, 9, 12, 7]])


def hidden(encoder: nn.Module) -> Tensor:
    with torch.no_grad():
        return encoder.eval()(input_ids=IDS).last_hidden_state


@pytest.fixture
def encoder(tiny_classifier):
    return tiny_classifier.model.encoder


@pytest.fixture
def adapted(encoder):
    """An encoder whose adapter was trained, so to speak."""
    adapted = with_new_adapter(encoder, default_lora(r=4))
    torch.manual_seed(0)
    for name, weights in adapted.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(weights, std=0.3)
    return adapted


def test_a_new_adapter_changes_nothing_and_is_alone_trained(encoder):
    adapted = with_new_adapter(encoder, default_lora(r=4))
    assert torch.equal(hidden(adapted), hidden(encoder))
    trained = [name for name, weights in adapted.named_parameters() if weights.requires_grad]
    assert trained and all("lora_" in name for name in trained)
    assert not hasattr(encoder, "peft_config")  # the encoder itself stays as it is


def test_merging_gives_the_same_and_taking_out_gives_the_raw_encoder(encoder, adapted):
    adapter = Adapter.of(adapted)
    assert not torch.allclose(hidden(adapted), hidden(encoder), atol=0.01)
    whole = adapter.merged_into(encoder)
    for other in (merged(adapted), whole, adapter.put_on(encoder)):
        torch.testing.assert_close(hidden(other), hidden(adapted), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        hidden(adapter.taken_out_of(whole)), hidden(encoder), atol=1e-5, rtol=0
    )


def test_a_folder_is_read_again_by_us_and_by_peft(encoder, adapted, tmp_path):
    Adapter.of(adapted).save(tmp_path, "some/encoder")
    again = Adapter.from_folder(tmp_path)
    assert again.config.base_model_name_or_path == "some/encoder"
    torch.testing.assert_close(hidden(again.put_on(encoder)), hidden(adapted))
    raw = with_new_adapter(encoder, default_lora()).unload()
    torch.testing.assert_close(hidden(PeftModel.from_pretrained(raw, tmp_path)), hidden(adapted))


def test_an_adapter_goes_on_being_trained(encoder, adapted):
    again = Adapter.of(adapted).put_on(encoder, is_trainable=True)
    assert any(weights.requires_grad for weights in again.parameters())


def test_a_missing_file_and_another_encoder_are_refused(encoder, adapted, tmp_path):
    with pytest.raises(CheckpointError, match=r"cannot be put on the encoder .* train it again"):
        Adapter.from_folder(tmp_path)
    adapter = Adapter.of(adapted)
    weights = dict(list(adapter.weights.items())[2:])
    with pytest.raises(CheckpointError, match="does not fit"):
        Adapter(adapter.config, weights).put_on(encoder)


def test_a_classifier_carries_its_adapter_into_its_folder(tiny_classifier, adapted, tmp_path):
    base = tiny_classifier.with_adapter(Adapter.of(adapted))
    insert = drugtext.DrugInsert(sections={"description": "treats pain"}, language="en")
    fitted = base.fit([insert], ["pain"])
    fitted.save_pretrained(tmp_path)
    again = drugtext.load(tmp_path)
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
    assert again.embed([insert]) == pytest.approx(fitted.embed([insert]), abs=1e-6)
    raw = tiny_classifier.model.encoder
    torch.testing.assert_close(hidden(again.raw_encoder), hidden(raw), atol=1e-5, rtol=0)


def test_checkpoints_of_several_taxonomies_stand_over_one_encoder(tiny_classifier, tmp_path):
    torch.manual_seed(6)
    texts = ["treats pain", "lowers blood pressure", "eczema of the skin"]
    inserts = [drugtext.DrugInsert(sections={"description": text}) for text in texts]
    raw = tiny_classifier.model.encoder
    for taxonomy in ("atc", "shelves"):
        adapter = Adapter.of(with_new_adapter(raw, default_lora(init_lora_weights=False)))
        names = [f"{taxonomy} {n}" for n in range(3)]
        save_head(
            tiny_classifier.with_adapter(adapter).fit(inserts, names).model, tmp_path / taxonomy
        )
    atc = drugtext.load(tmp_path / "atc")
    shelves = drugtext.load(tmp_path / "shelves", over=atc)
    again = drugtext.load(tmp_path / "atc", over=shelves)
    for found, name in ((atc, "atc"), (shelves, "shelves"), (again, "atc")):
        expected = drugtext.load(tmp_path / name)
        assert found.embed(inserts) == pytest.approx(expected.embed(inserts), abs=1e-5)
        answers = [[p.category_id for p in c.predict(inserts)] for c in (found, expected)]
        assert answers[0] == answers[1] == [f"{name} {n}" for n in range(3)]
    tables = [c.model.encoder.embeddings.word_embeddings.weight for c in (atc, shelves, again)]
    assert tables[0] is tables[1] is tables[2]  # shared, not read again


def bytes_of(classifiers) -> int:
    """Bytes of the encoders' weights, shared ones once, and of what runs the encoders."""
    encoders = {id(c.model.encoder): c.model.encoder for c in classifiers}.values()
    weights = {w.data_ptr(): w.nbytes for encoder in encoders for w in encoder.parameters()}
    whole = sum(w.nbytes for w in classifiers[0].model.encoder.parameters())
    return sum(weights.values()) + whole * len({id(c.backend) for c in classifiers})


def test_ten_classifiers_with_one_adapter_hold_one_encoder(adapted_classifier, tmp_path):
    inserts = [drugtext.DrugInsert(sections={"description": text}) for text in ("pain", "skin")]
    read = [drugtext.DrugInsert(sections={"description": "beta of pain and skin"})] * 300
    first = adapted_classifier.with_lexicon(read)
    for n in range(10):
        save_head(first.fit(inserts, [f"{n} a", f"{n} b"]).model, tmp_path / str(n))
    one = drugtext.load(tmp_path / "0")
    others = [drugtext.load(tmp_path / str(n), over=one) for n in range(1, 10)]
    one.predict(inserts)  # what runs the encoder is made now
    for n, other in enumerate(others, start=1):
        assert other.model.encoder is one.model.encoder and other.model.lexicon is one.model.lexicon
        assert other.backend is one.backend is not None
        alone = drugtext.load(tmp_path / str(n))
        assert other.embed(inserts) == pytest.approx(alone.embed(inserts), abs=1e-6)
        assert [p.category_id for p in other.predict(inserts)] == [f"{n} a", f"{n} b"]
    assert bytes_of([one, *others]) == bytes_of([one])


def test_of_other_adapters_the_word_table_is_shared_and_no_more(tiny_classifier, tmp_path):
    torch.manual_seed(6)
    raw = tiny_classifier.model.encoder
    insert = drugtext.DrugInsert(sections={"description": "treats pain"})
    for n in range(3):
        adapter = Adapter.of(with_new_adapter(raw, default_lora(init_lora_weights=False)))
        fitted = tiny_classifier.with_adapter(adapter).fit([insert], ["pain"])
        save_head(fitted.model, tmp_path / str(n))
    one = drugtext.load(tmp_path / "0")
    others = [drugtext.load(tmp_path / str(n), over=one) for n in (1, 2)]
    linear = sum(layer.weight.nbytes for layer in raw.modules() if isinstance(layer, nn.Linear))
    whole = sum(weight.nbytes for weight in raw.parameters())
    # Of each, the linear layers, and a copy in the precision that it runs in.
    assert bytes_of([one, *others]) - bytes_of([one]) == 2 * (linear + whole)


def test_adapters_are_compared_by_what_they_do(adapted, encoder, tmp_path):
    adapter = Adapter.of(adapted)
    adapter.save(tmp_path, "some/encoder")
    assert adapter.is_same(Adapter.from_folder(tmp_path))
    assert not adapter.is_same(None)
    halved = adapter.halved()
    assert not adapter.is_same(halved) and halved.is_same(adapter.halved())
    assert halved.is_same(
        Adapter(adapter.config, {n: w.float() for n, w in halved.weights.items()})
    )
    stronger = Adapter.of(with_new_adapter(encoder, default_lora(r=4, lora_alpha=32)))
    assert not Adapter(stronger.config, adapter.weights).is_same(adapter)


def test_a_checkpoint_of_another_encoder_is_not_put_over_one(tiny_classifier, tmp_path):
    insert = drugtext.DrugInsert(sections={"description": "treats pain"})
    tiny_classifier.fit([insert], ["pain"]).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"stands on 'an encoder of its own', not on '.*tiny"):
        drugtext.load(tmp_path, over=tiny_classifier)


def test_adapters_are_switched_over_one_encoder_in_memory(tiny_classifier, encoder):
    torch.manual_seed(5)
    one, other = (
        Adapter.of(with_new_adapter(encoder, default_lora(init_lora_weights=False)))
        for _ in range(2)
    )
    insert = drugtext.DrugInsert(sections={"description": "treats pain"}, language="en")
    first = tiny_classifier.with_adapter(one)
    expected = first.embed([insert])
    second = first.with_adapter(other)
    assert second.embed([insert]) == pytest.approx(
        tiny_classifier.with_adapter(other).embed([insert]), abs=1e-5
    )
    assert abs(second.embed([insert]) - expected).max() > 0.01
    assert second.with_adapter(one).embed([insert]) == pytest.approx(expected, abs=1e-5)
    assert (first.embed([insert]) == expected).all()  # stays as it was
