"""What people use today: a transformers pipeline, and sentence-transformers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import transformers

from drugtext.encoder import default_encoder_folder
from drugtext.inserts.insert import DrugInsert

PIPELINE_WHOLE = "transformers pipeline, all tokens, in parts"
PIPELINE_FIRST = "transformers pipeline, the first tokens that its model takes"
SENTENCES = "sentence-transformers, first 256 tokens, + logistic regression"
N_SPECIAL = 2
"""Tokens around a text."""


def plain_pipeline(
    inserts: Sequence[DrugInsert], folder: Path, *, is_whole: bool
) -> dict[str, Any]:
    """Classify with a transformers pipeline.

    Args:
        inserts: one or more.
        folder: a saved classifier.
        is_whole: all of an insert's text is read, in parts whose scores are added up; else as many
            of its first tokens as the model takes.

    Returns:
        Inserts and tokens a second, and the answers.
    """
    classify: Any = transformers.pipeline("text-classification", model=str(folder))
    tokenizer: Any = classify.tokenizer
    room = tokenizer.model_max_length - N_SPECIAL

    def answer(insert: DrugInsert) -> str:
        if not is_whole:
            return classify(insert.text, truncation=True)[0]["label"]
        ids = tokenizer(insert.text, add_special_tokens=False, verbose=False)["input_ids"]
        texts = [tokenizer.decode(part) for part in chunks(ids, room)]
        scores: dict[str, float] = {}
        for found in classify(texts, truncation=True, top_k=None, batch_size=8):
            for entry in found:
                scores[entry["label"]] = scores.get(entry["label"], 0) + entry["score"]
        return max(scores, key=scores.__getitem__)

    answer(inserts[0])  # to warm up
    begun = time.perf_counter()
    answers = [answer(insert) for insert in inserts]
    seconds = time.perf_counter() - begun
    n_tokens = [
        len(ids) for ids in tokenizer([i.text for i in inserts], verbose=False)["input_ids"]
    ]
    given = sum(n if is_whole else min(n, room + N_SPECIAL) for n in n_tokens)
    return {
        "n": len(inserts),
        "inserts_a_second": len(inserts) / seconds,
        "tokens_a_second": given / seconds,
        "answers": answers,
    }


def sentence_embeddings(inserts: Sequence[DrugInsert], answers: Sequence[str]) -> dict[str, Any]:
    """Classify with sentence-transformers and scikit-learn's logistic regression.

    Args:
        inserts: one or more.
        answers: a category of each, for the regression to learn: what it answers is not judged.
    """
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    encoder = SentenceTransformer(str(default_encoder_folder()), device="cpu")
    texts = [insert.text for insert in inserts]
    regression = LogisticRegression(max_iter=200).fit(encoder.encode(texts), answers)
    begun = time.perf_counter()
    regression.predict(encoder.encode(texts))
    seconds = time.perf_counter() - begun
    read = encoder.tokenizer(texts, truncation=True, max_length=encoder.max_seq_length)
    given = sum(map(len, read["input_ids"]))
    return {
        "n": len(texts),
        "inserts_a_second": len(texts) / seconds,
        "tokens_a_second": given / seconds,
    }


def chunks(token_ids: Sequence[int], size: int) -> list[list[int]]:
    """Cut a text's tokens into parts of a size, the last of what is left."""
    return [list(token_ids[n : n + size]) for n in range(0, len(token_ids), size)]
