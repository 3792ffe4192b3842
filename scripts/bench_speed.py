"""Measure speed and memory on this machine, each as a ratio to what people use and to its limit.

    python scripts/bench_speed.py ../shared/data/openfda --output benchmark

Full US labels in openFDA's zipped parts are parsed, read and classified; the same inserts go
through a plain text-classification pipeline, and through sentence-transformers with scikit-learn.
Writes speed.json and speed.md. Run it alone: whatever else the cores do, it shows.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import transformers
import typer
from rich.console import Console

import drugtext
from drugtext.backends import ONNX, OPENVINO, TORCH, has_bfloat16, is_installed, make_backend
from drugtext.evaluation.benchmark.contestants.setfit_trained import BoundedSetFit
from drugtext.evaluation.benchmark.records import Example
from drugtext.evaluation.benchmark.task import Lesson
from drugtext.evaluation.speed import (
    chunks,
    flops_a_token,
    matmul_rate,
    tokens_a_second,
)
from drugtext.inserts.insert import DrugInsert

WINDOW = 256
N_WINDOWS = 32
N_SLOW = 16  # inserts that the slow ones are given
N_CATEGORIES, K_SHOT = 8, 5

COLD = """
import time; begun = time.perf_counter()
import drugtext
clf = drugtext.load(backend={backend!r})
text = "Lowers high blood pressure."
clf.predict([drugtext.DrugInsert(sections={{"indications_and_usage": text}})])
print(time.perf_counter() - begun)
"""
LONG = """
import drugtext
clf = drugtext.load(backend={backend!r})
for prediction in clf.stream(drugtext.read_inserts({path!r})):
    print(prediction.tokens_total)
status = open("/proc/self/status").read()  # getrusage counts the process that started this one, too
print(int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6)
"""

console = Console(stderr=True)


def limits() -> dict[str, float]:
    """Return the rates of matrix products, in GFLOP/s."""
    found = {"float32": matmul_rate(torch.float32) / 1e9}
    if has_bfloat16():
        found["bfloat16"] = matmul_rate(torch.bfloat16) / 1e9
    return found


def encoders(limit: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return tokens a second of each backend, and their share of the machine's limit."""
    classifier = drugtext.load(backend=TORCH)
    encoder, tokenizer = classifier.model.encoder, classifier.tokenizer
    config = classifier.model.config.encoder
    probe = tokenizer(["It lowers high blood pressure and slows the heart."])["input_ids"]
    found = []
    for name in filter(is_installed, (TORCH, ONNX, OPENVINO)):
        backend = make_backend(encoder, name, probe)
        rate = tokens_a_second(backend, config.vocab_size, N_WINDOWS, WINDOW)
        at_most = 1e9 * max(limit.values()) / flops_a_token(config, WINDOW)
        own = 1e9 * limit[backend.precision] / flops_a_token(config, WINDOW)
        found.append(
            {
                "backend": str(backend),
                "tokens_a_second": rate,
                "cosine": backend.cosine,
                "share_of_limit": rate / at_most,
                "share_of_limit_in_its_precision": rate / own,
            }
        )
        console.print(found[-1])
    return found


def whole_path(parts: Sequence[Path], n_inserts: int, enough: float) -> dict[str, Any]:
    """Parse, read and classify inserts, and return what it took."""
    classifier = drugtext.load()
    classifier.reading_plan = replace(classifier.reading_plan, enough_probability=enough)
    warm = [*islice(drugtext.read_inserts(parts, on_error=lambda _: None), 4)]
    [*classifier.stream(warm, on_error=lambda *_: None)]
    begun = time.perf_counter()
    inserts = islice(drugtext.read_inserts(parts, on_error=lambda _: None), n_inserts)
    predictions = [*classifier.stream(inserts, on_error=lambda *_: None)]
    seconds = time.perf_counter() - begun
    return {
        "what": "drugtext" + (f", until p > {enough}" if enough < 1 else ""),
        "backend": str(classifier.backend),
        "inserts_a_second": len(predictions) / seconds,
        "tokens_read": float(np.mean([p.tokens_read for p in predictions])),
        "tokens_total": float(np.mean([p.tokens_total for p in predictions])),
        "answers": [p.category_id for p in predictions],
    }


def plain_pipeline(inserts: Sequence[DrugInsert], folder: str, *, whole: bool) -> dict[str, Any]:
    """Classify with a transformers pipeline: the first 512 tokens, or all of them in parts."""
    classify: Any = transformers.pipeline("text-classification", model=folder)
    tokenizer: Any = classify.tokenizer
    room = tokenizer.model_max_length - 2

    def answer(insert: DrugInsert) -> str:
        if not whole:
            return classify(insert.text, truncation=True)[0]["label"]
        ids = tokenizer(insert.text, add_special_tokens=False, verbose=False)["input_ids"]
        texts = [tokenizer.decode(part) for part in chunks(ids, room)]
        scores: dict[str, float] = {}
        for found in classify(texts, truncation=True, top_k=None, batch_size=8):
            for entry in found:
                scores[entry["label"]] = scores.get(entry["label"], 0) + entry["score"]
        return max(scores, key=scores.__getitem__)

    answer(inserts[0])
    begun = time.perf_counter()
    answers = [answer(insert) for insert in inserts]
    seconds = time.perf_counter() - begun
    reads = "all tokens, in parts" if whole else f"the first {room} tokens"
    return {
        "what": f"transformers pipeline, {reads}",
        "inserts_a_second": len(inserts) / seconds,
        "answers": answers,
    }


def sentence_embeddings(inserts: Sequence[DrugInsert], answers: Sequence[str]) -> dict[str, Any]:
    """Classify with sentence-transformers and scikit-learn's logistic regression."""
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    from drugtext.encoder import default_encoder_folder

    encoder = SentenceTransformer(str(default_encoder_folder()), device="cpu")
    texts = [insert.text for insert in inserts]
    regression = LogisticRegression(max_iter=200).fit(encoder.encode(texts), answers)
    begun = time.perf_counter()
    regression.predict(encoder.encode(texts))
    seconds = time.perf_counter() - begun
    return {
        "what": "sentence-transformers encode + logistic regression, the first 256 tokens",
        "inserts_a_second": len(inserts) / seconds,
    }


def learning(inserts: Sequence[DrugInsert]) -> dict[str, float]:
    """Add a category from five inserts, and teach SetFit the same categories anew."""
    taught = inserts[: N_CATEGORIES * K_SHOT]
    categories = [f"category {n // K_SHOT}" for n in range(len(taught))]
    known = (N_CATEGORIES - 1) * K_SHOT
    base = drugtext.load().fit(taught[:known], categories[:known])
    begun = time.perf_counter()
    base.add_category("one more", taught[known:])
    add = time.perf_counter() - begun
    examples = [
        Example(insert, category, str(n), frozenset({str(n)}), "us_full_label")
        for n, (insert, category) in enumerate(zip(taught, categories, strict=True))
    ]
    lesson = Lesson(base.taxonomy, tuple(dict.fromkeys(categories)), examples)
    begun = time.perf_counter()
    BoundedSetFit().fit(lesson)
    setfit = time.perf_counter() - begun
    return {"add_seconds": add, "setfit_seconds": setfit, "ratio": setfit / add}


def in_a_process(code: str) -> float:
    """Run code in a fresh process and return the number that it prints last."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout.split()[-1])


def long_insert_mb(backend: str) -> float:
    """Return the peak memory of a process that classifies an insert of 30 MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.json"
        sentence = "The tablet lowers high blood pressure in adults and in older patients. "
        sections = {"indications_and_usage": [sentence], "warnings": [sentence * 420_000]}
        path.write_text(json.dumps(sections), encoding="utf-8")
        return in_a_process(LONG.format(backend=backend, path=str(path)))


def agreement(answers: Sequence[str], expected: Sequence[str]) -> float:
    """Return the share of equal answers."""
    return float(np.mean([a == e for a, e in zip(answers, expected, strict=False)]))


def measure(parts: Sequence[Path], n_inserts: int, enough: float) -> dict[str, Any]:
    """Measure all of it, one after the other."""

    def told(what: str, work: Callable[[], Any]) -> Any:
        console.print(f"measuring: {what}")
        return work()

    limit = told("matrix products", limits)
    ways = [told("drugtext", lambda: whole_path(parts, n_inserts, 1.0))]
    if enough < 1:
        ways.append(told("drugtext, early exit", lambda: whole_path(parts, n_inserts, enough)))
    refusal = drugtext.load().refusal
    read = islice(drugtext.read_inserts(parts, on_error=lambda _: None), n_inserts)
    inserts = [insert for insert in read if not refusal(insert)]
    with tempfile.TemporaryDirectory() as folder:
        drugtext.load().save_pretrained(folder)
        for whole in (False, True):
            chosen = inserts[: N_SLOW if whole else N_SLOW * 4]
            ways.append(told("pipeline", partial(plain_pipeline, chosen, folder, whole=whole)))
    ways.append(
        told(
            "sentence-transformers",
            lambda: sentence_embeddings(inserts[: N_SLOW * 4], ways[0]["answers"][: N_SLOW * 4]),
        )
    )
    expected = ways[0]["answers"]
    for way in ways:
        if "answers" in way:
            way["agrees_with_drugtext"] = agreement(way.pop("answers"), expected)
        way["ratio"] = ways[0]["inserts_a_second"] / way["inserts_a_second"]
    backends = [name for name in (TORCH, OPENVINO) if is_installed(name)]
    return {
        "command": "python " + " ".join(sys.argv),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": torch.get_num_threads(),
        },
        "limit_gflops": limit,
        "encoders": told("encoders", lambda: encoders(limit)),
        "ways": ways,
        "learning": told("learning a category", lambda: learning(inserts)),
        "cold_start_seconds": {
            name: min(in_a_process(COLD.format(backend=name)) for _ in range(2))
            for name in backends
        },
        "long_insert_peak_mb": {name: long_insert_mb(name) for name in backends},
    }


def table(found: Mapping[str, Any]) -> str:
    """Return the figures as Markdown."""
    learnt = found["learning"]
    rates = ", ".join(f"{name} {rate:.0f} GFLOP/s" for name, rate in found["limit_gflops"].items())
    lines = [
        f"Matrix products on this machine: {rates}.",
        "",
        "| encoder run by | tokens a second | of the machine's limit | cosine to float32 |",
        "|---|---|---|---|",
        *(
            f"| {row['backend']} | {row['tokens_a_second']:,.0f} | {row['share_of_limit']:.0%}"
            f" | {row['cosine']:.4f} |"
            for row in found["encoders"]
        ),
        "",
        "| full US labels (drugtext: files parsed, too) | a second | drugtext is faster by"
        " | tokens read | same answer as drugtext |",
        "|---|---|---|---|---|",
        *(
            f"| {way['what']} | {way['inserts_a_second']:.1f} | {way['ratio']:.1f}"
            f" | {way.get('tokens_read', float('nan')):,.0f}"
            f" | {way.get('agrees_with_drugtext', float('nan')):.0%} |"
            for way in found["ways"]
        ),
        "",
        f"A category from {K_SHOT} inserts: {learnt['add_seconds']:.2f} s; SetFit taught all"
        f" {N_CATEGORIES} anew, in 20 steps:"
        f" {learnt['setfit_seconds']:.0f} s, {learnt['ratio']:.0f} times as long.",
        "",
        "From a fresh process to the first answer: "
        + ", ".join(f"{n} {s:.1f} s" for n, s in found["cold_start_seconds"].items())
        + ". Peak memory with an insert of 30 MB: "
        + ", ".join(f"{n} {mb:,.0f} MB" for n, mb in found["long_insert_peak_mb"].items())
        + ".",
    ]
    return "\n".join(lines).replace("nan%", "—").replace("| nan ", "| — ") + "\n"


def main(
    inserts: Annotated[Path, typer.Argument(help="Folder of openFDA's zipped parts.")],
    output: Annotated[Path, typer.Option(help="Folder of speed.json and speed.md.")],
    n_inserts: Annotated[int, typer.Option(help="Full labels that are classified.")] = 300,
    enough: Annotated[
        float, typer.Option(help="Probability at which reading stops; 1: never.")
    ] = 1.0,
) -> None:
    """Measure speed and memory."""
    transformers.logging.set_verbosity_error()
    found = measure(sorted(inserts.glob("*.zip")), n_inserts, enough)
    output.mkdir(parents=True, exist_ok=True)
    (output / "speed.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (output / "speed.md").write_text(table(found), encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    typer.run(main)
