"""Measure speed and memory on this machine, each as a ratio to what people use and to its limit.

    python scripts/bench_speed.py ../shared/data/openfda --output benchmark/speed

Full US labels in openFDA's zipped parts are parsed, read and classified; the same inserts go
through a plain text-classification pipeline, and through sentence-transformers with scikit-learn.
Writes speed.json, and the page of all that the folder holds. Run it alone: whatever else the cores
do, it shows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import torch
import transformers
import typer
from rich.console import Console

import drugtext
from drugtext.backends import (
    BFLOAT16,
    FLOAT32,
    ONNX,
    OPENVINO,
    TORCH,
    has_bfloat16,
    is_installed,
    make_backend,
    precisions,
)
from drugtext.classifier import DrugClassifier
from drugtext.evaluation.figures_file import write_figures
from drugtext.evaluation.speed.learning import one_more_category
from drugtext.evaluation.speed.limits import (
    Shares,
    flops_a_token,
    matmul_rate,
    openvino_shares,
    operator_shares,
    own_shapes_rate,
    tokens_a_second,
)
from drugtext.evaluation.speed.page import write_speed_page
from drugtext.evaluation.speed.path import STAGES, inserts_of, stages, typical_batch, whole_path
from drugtext.evaluation.speed.peers import (
    PIPELINE_FIRST,
    PIPELINE_WHOLE,
    SENTENCES,
    plain_pipeline,
    sentence_embeddings,
)
from drugtext.evaluation.speed.processes import first_answers, long_insert_mb, memory_stages
from drugtext.evaluation.speed.sharing import asked_together
from drugtext.evaluation.speed.targets import OWN, OWN_QUICK
from drugtext.inserts.insert import DrugInsert

WINDOW = 256
N_WINDOWS = 32
N_SLOW = 16  # inserts that the slow ones are given
N_TOGETHER = 100  # that two classifiers are asked

console = Console(stderr=True, markup=False)  # names of files hold brackets


def products(config: Any) -> list[dict[str, float]]:
    """Return GFLOP/s of large matrix products and of the encoder's own, of each precision."""
    dtypes = {FLOAT32: torch.float32}
    if has_bfloat16():
        dtypes[BFLOAT16] = torch.bfloat16
    large = {name: matmul_rate(dtype) / 1e9 for name, dtype in dtypes.items()}
    own = {
        name: own_shapes_rate(config, dtype, N_WINDOWS * WINDOW) / 1e9
        for name, dtype in dtypes.items()
    }
    return [large, own]


def encoders(classifier: DrugClassifier) -> dict[str, Any]:
    """Return the machine's limit, tokens a second of each backend, and their share of the limit.

    Other work on a machine that is shared lowers a rate, nothing raises it: products are timed
    before the backends and behind them, and the faster ones are the limit.
    """
    encoder, tokenizer = classifier.model.encoder, classifier.tokenizer
    config = classifier.model.config.encoder
    probe = tokenizer(["It lowers high blood pressure and slows the heart."])["input_ids"]
    before = products(config)
    backends = [
        make_backend(encoder, name, probe) for name in filter(is_installed, (TORCH, ONNX, OPENVINO))
    ]
    rates = [tokens_a_second(b, config.vocab_size, N_WINDOWS, WINDOW) for b in backends]
    limit, own = (
        {name: max(first[name], last[name]) for name in first}
        for first, last in zip(before, products(config), strict=True)
    )
    found = []
    for backend, rate in zip(backends, rates, strict=True):
        flops = rate * flops_a_token(config, WINDOW) / 1e9
        found.append(
            {
                "backend": str(backend),
                "tokens_a_second": rate,
                "cosine": backend.cosine,
                "share_of_limit": flops / max(limit.values()),
                "share_of_limit_in_its_precision": flops / limit[backend.precision]
                if backend.precision in limit
                else None,
            }
        )
    return {"limit_gflops": limit, "own_shapes_gflops": own, "encoders": found}


def operators(inserts: Sequence[DrugInsert]) -> dict[str, Shares]:
    """Return what torch and OpenVINO spend a batch of full windows on."""
    classifier = drugtext.load(backend=TORCH)
    backend = classifier.backend
    encode = backend.encode_windows if backend else classifier.encode
    ids, mask = (tensor[:N_WINDOWS] for tensor in typical_batch(classifier, inserts))
    found = {TORCH: operator_shares(lambda: encode(ids, mask))}
    if is_installed(OPENVINO):
        encoder = classifier.model.encoder
        found[OPENVINO] = openvino_shares(encoder, precisions(OPENVINO)[0], [ids, mask])
    return found


def ways(
    classifier: DrugClassifier, parts: Sequence[Path], inserts: Sequence[DrugInsert], n: int
) -> list[dict[str, Any]]:
    """Classify the same inserts in each way."""

    @cache
    def own_rate(n_given: int) -> dict[str, float]:
        """Return what drugtext does of as many as another way is given."""
        own = whole_path(classifier, parts, n_given)
        return {"drugtext_inserts_a_second": own["inserts_a_second"]}

    told("drugtext")
    found = [{"what": OWN} | whole_path(classifier, parts, n)]
    told(OWN_QUICK)
    plan = classifier.reading_plan
    classifier.reading_plan = plan.quick()
    found.append({"what": OWN_QUICK} | whole_path(classifier, parts, n))
    classifier.reading_plan = plan
    is_same = [a == b for a, b in zip(found[0]["answers"], found[1]["answers"], strict=True)]
    found[1]["same_answer"] = sum(is_same) / len(is_same)
    with tempfile.TemporaryDirectory() as folder:
        classifier.save_pretrained(folder)
        for what, n_given in ((PIPELINE_WHOLE, N_SLOW), (PIPELINE_FIRST, 4 * N_SLOW)):
            told(what)
            one = plain_pipeline(inserts[:n_given], Path(folder), is_whole=what == PIPELINE_WHOLE)
            found.append({"what": what} | one | own_rate(n_given))
    told(SENTENCES)
    answers = found[0]["answers"][: 4 * N_SLOW]
    one = sentence_embeddings(inserts[: len(answers)], answers)
    found.append({"what": SENTENCES} | one | own_rate(len(answers)))
    for one in found:
        one.pop("answers", None)
    return found


def told(what: str) -> None:
    """Say what is measured next."""
    console.print(f"measuring: {what}")


def measure(parts: Sequence[Path], n_inserts: int) -> dict[str, Any]:
    """Measure all of it, one after the other."""
    classifier = drugtext.load()
    readable = [i for i in inserts_of(parts, n_inserts) if not classifier.refusal(i)]
    told("matrix products and encoders")
    encoded = encoders(drugtext.load(backend=TORCH))
    profile = operators(readable[:N_WINDOWS])
    found = ways(classifier, parts, readable, n_inserts)
    told("stages")
    staged = stages(classifier, parts, n_inserts)
    rate = staged["flops"] / staged["seconds"][STAGES[2]] / 1e9
    # From files to answers: with parsing, tokenization and answers in the seconds.
    found[0]["tokens_a_second"] = staged["tokens"] * found[0]["inserts_a_second"] / found[0]["n"]
    told("learning a category")
    learning = one_more_category(classifier, readable)
    told("two classifiers over one encoder")
    together = asked_together(classifier, readable[:N_TOGETHER])
    told("fresh processes")
    names = [name for name in (TORCH, ONNX, OPENVINO) if is_installed(name)]
    return {
        **encoded,
        "operators": profile,
        "ways": found,
        "stages": staged | {"share_of_limit": rate / max(encoded["limit_gflops"].values())},
        "learning": learning,
        "together": together,
        "first_answers": first_answers(classifier, readable[0], names),
        "long_insert_mb": {name: long_insert_mb(name) for name in names},
        "memory_stages": {name: memory_stages(name) for name in names},
    }


def main(
    inserts: Annotated[Path, typer.Argument(help="Folder of openFDA's zipped parts.")],
    output: Annotated[Path, typer.Option(help="Folder of speed.json and of the page.")],
    n_inserts: Annotated[int, typer.Option(help="Full labels that are classified.")] = 300,
) -> None:
    """Measure speed and memory."""
    transformers.logging.set_verbosity_error()
    found = measure(sorted(inserts.glob("*.zip")), n_inserts)
    write_figures(output / "speed.json", found)
    console.print(f"written: {write_speed_page(output)}")


if __name__ == "__main__":
    typer.run(main)
