"""DrugTextModel as a transformers model: the Auto classes, the Trainer, batches."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
)

from drugtext import DrugInsert, DrugTextConfig, DrugTextModel

TEXTS = ["relief of pain", "lowers the pressure of the blood in adults"]


@pytest.fixture(scope="module")
def saved(tiny_classifier, tmp_path_factory):
    inserts = [DrugInsert(language="en", sections={"indications_and_usage": t}) for t in TEXTS]
    folder = tmp_path_factory.mktemp("model")
    tiny_classifier.fit(inserts, ["pain", "heart"]).save_pretrained(folder)
    return folder


def test_auto_classes_open_the_folder(saved):
    assert isinstance(AutoConfig.from_pretrained(saved), DrugTextConfig)
    model = AutoModelForSequenceClassification.from_pretrained(saved)
    assert isinstance(model, DrugTextModel)
    assert model.config.label2id == {"pain": 0, "heart": 1}
    batch = AutoTokenizer.from_pretrained(saved)(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(**batch).logits
    assert logits.shape == (2, 2)
    assert logits.argmax(-1).tolist() == [0, 1]


def test_another_number_of_labels_is_refused_with_what_to_do(saved):
    with pytest.raises(ValueError, match=r"found num_labels=3 for 2 categories; .*\.fit"):
        AutoModelForSequenceClassification.from_pretrained(saved, num_labels=3)
    model = AutoModelForSequenceClassification.from_pretrained(saved, num_labels=2)
    assert model.config.id2label == {0: "pain", 1: "heart"}


def test_padding_changes_no_logit(saved):
    model = AutoModelForSequenceClassification.from_pretrained(saved)
    tokenizer = AutoTokenizer.from_pretrained(saved)
    with torch.no_grad():
        together = model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
        alone = torch.cat([model(**tokenizer(t, return_tensors="pt")).logits for t in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def tiny_model(kind: str, **options: int) -> DrugTextModel:
    """A model of one category over an encoder of a kind, of random weights."""
    encoder = AutoConfig.for_model(
        kind,
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        **options,
    )
    config = DrugTextConfig(encoder_config=encoder, n_support=[1], id2label={0: "a"})
    return DrugTextModel(config)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_row_that_is_longer_than_the_encoder_takes_is_refused(kind):
    model = tiny_model(kind, max_position_embeddings=32)
    # RoBERTa's numbers begin behind that of the padding, which is 1.
    longest = 32 if kind == "bert" else 30
    assert model(torch.full((1, longest), 3)).logits.shape == (1, 1)
    with pytest.raises(ValueError, match=f"a row has {longest + 1} tokens.* takes {longest}"):
        model(torch.full((1, longest + 1), 3))


def test_an_encoder_without_a_table_of_positions_takes_rows_of_any_length():
    model = tiny_model("modernbert", max_position_embeddings=8, pad_token_id=0)
    assert model(torch.full((1, 40), 3)).logits.shape == (1, 1)


def test_the_loss_is_the_cross_entropy_of_the_logits(saved):
    model = AutoModelForSequenceClassification.from_pretrained(saved)
    batch = AutoTokenizer.from_pretrained(saved)(TEXTS, padding=True, return_tensors="pt")
    labels = torch.tensor([1, 1])
    output = model(**batch, labels=labels)
    expected = -output.logits.log_softmax(-1)[torch.arange(2), labels].mean()
    torch.testing.assert_close(output.loss, expected)


def test_the_trainer_lowers_the_loss(saved, tmp_path):
    model = AutoModelForSequenceClassification.from_pretrained(saved)
    tokenizer = AutoTokenizer.from_pretrained(saved)
    rows = [
        {**tokenizer(text), "labels": label}
        for text, label in zip(TEXTS * 4, [1, 0] * 4, strict=True)
    ]
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=8,
        learning_rate=1e-2,
        per_device_train_batch_size=8,
        use_cpu=True,
        report_to="none",
        seed=0,
        disable_tqdm=True,
        save_strategy="no",
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=rows, processing_class=tokenizer)
    before = trainer.evaluate(rows)["eval_loss"]
    trainer.train()
    assert trainer.evaluate(rows)["eval_loss"] < before
