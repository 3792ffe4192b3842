"""transformers.Trainer on a DrugTextModel, as people expect: text and label in, a folder out."""

from __future__ import annotations

import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments

import drugtext
from drugtext import DrugInsert

TEXTS = {
    "heart": ["pain of the heart", "the heart and the vein", "a heart of fever"],
    "skin": ["dry skin and cough", "the skin of the lung", "skin and sleep"],
}


def rows() -> tuple[list[str], list[str]]:
    return (
        [text for texts in TEXTS.values() for text in texts],
        [category for category, texts in TEXTS.items() for _ in texts],
    )


def inserts(texts: list[str]) -> list[DrugInsert]:
    return [DrugInsert(language="en", sections={"indications_and_usage": text}) for text in texts]


def test_what_trainer_saved_of_an_adapted_encoder_has_the_adapter_merged(
    adapted_classifier, tmp_path
):
    texts, categories = rows()
    few = adapted_classifier.fit(inserts(texts), categories)
    few.save_pretrained(tmp_path / "start")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "start")
    settings = TrainingArguments(output_dir=str(tmp_path / "trained"), use_cpu=True)
    Trainer(model=model, args=settings, processing_class=few.tokenizer).save_model()
    again = drugtext.load(tmp_path / "trained")
    assert again.model.adapter is None and not again.model.config.has_adapter
    assert again.predict(inserts(texts)) == few.predict(inserts(texts))
    again.save_pretrained(tmp_path / "again")
    assert not (tmp_path / "again" / "adapter").exists()


def test_trainer_trains_and_drugtext_loads_what_it_saved(tiny_classifier, tmp_path):
    texts, categories = rows()
    # from names alone: what learnt from these texts knows them already
    tiny_classifier.fit_names(list(TEXTS)).save_pretrained(tmp_path / "start")

    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "start")
    tokenizer = tiny_classifier.tokenizer
    dataset = Dataset.from_dict(
        {**tokenizer(texts), "labels": [model.config.label2id[category] for category in categories]}
    )
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(tmp_path / "trained"),
            num_train_epochs=8,
            per_device_train_batch_size=3,
            learning_rate=3e-3,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
            use_cpu=True,
            seed=0,
        ),
        train_dataset=dataset,
        eval_dataset=dataset,
        processing_class=tokenizer,
    )
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    loss = trainer.evaluate()["eval_loss"]
    trainer.train()
    assert trainer.evaluate()["eval_loss"] < loss / 2
    changed = {
        name for name, tensor in model.state_dict().items() if (tensor != before[name]).any()
    }
    assert "head.prototypes" in changed and any(name.startswith("encoder.") for name in changed)

    trainer.save_model(str(tmp_path / "trained"))
    trained = drugtext.load(tmp_path / "trained")
    answers = [prediction.category_id for prediction in trained.predict(inserts(texts))]
    assert answers == categories
    with torch.no_grad():
        told = tokenizer(texts[:1], return_tensors="pt")
        torch.testing.assert_close(trained.model(**told).logits, model.eval()(**told).logits)
