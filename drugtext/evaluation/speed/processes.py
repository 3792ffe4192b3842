"""What only a process of its own shows: the time to a first answer, and the most memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from drugtext.classifier import DrugClassifier
from drugtext.encoder import default_encoder_folder
from drugtext.evaluation.speed.peers import PIPELINE_FIRST, SENTENCES
from drugtext.inserts.insert import DrugInsert

# Not getrusage, which counts the process that started this one, too.
_PEAK_MB = """
status = open("/proc/self/status").read()
peak_mb = int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
"""
_FIRST_ANSWER = """
import time; begun = time.perf_counter()
from pathlib import Path
folder, text = {folder!r}, Path({path!r}).read_text(encoding="utf-8")
{answer}
seconds = time.perf_counter() - begun
{peak}
print(seconds, peak_mb)
"""
_OWN = """
import drugtext
clf = drugtext.load(backend={backend!r})
clf.predict(drugtext.read_inserts({file!r}))
"""
_PIPELINE = """
import transformers, drugtext
transformers.pipeline("text-classification", model=folder)(text, truncation=True)
"""
_SENTENCES = """
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression
encoder = SentenceTransformer(folder, device="cpu")
regression = LogisticRegression().fit([[0.0] * 384, [1.0] * 384], ["a", "b"])
regression.predict(encoder.encode([text]))
"""
_LONG_INSERT = """
import drugtext
clf = drugtext.load(backend={backend!r})
for prediction in clf.stream(drugtext.read_inserts({path!r})):
    print(prediction.tokens_total)
{peak}
print(peak_mb)
"""
_MEMORY_STAGES = """
def resident_mb():
    status = open("/proc/self/status").read()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6
found = [resident_mb()]
import torch; found.append(resident_mb())
import drugtext.classifier; found.append(resident_mb())
clf = drugtext.load(backend={backend!r}); found.append(resident_mb())
clf.backend; found.append(resident_mb())
told = "It lowers high blood pressure. " * 500
sections = dict.fromkeys(("indications_and_usage", "description", "mechanism_of_action"), told)
insert = drugtext.DrugInsert(sections=sections)
clf.predict([insert]); found.append(resident_mb())
over = drugtext.load("epc", over=clf, backend={backend!r})
over.predict([insert]); found.append(resident_mb())
alone = drugtext.load("epc", backend={backend!r})
alone.predict([insert]); found.append(resident_mb())
print(*found)
"""
MEMORY_STAGES = (
    "Python",
    "torch is imported",
    "transformers and drugtext are imported",
    "the checkpoint is loaded",
    "the backend is made",
    "one insert is classified",
    "epc, loaded over it, classifies it, too",
    "epc, loaded by itself, does",
)
"""After which `memory_stages` measures."""


def memory_stages(backend: str) -> dict[str, float]:
    """Return the resident memory of a fresh process after each step to its first answer, MB.

    Args:
        backend: what runs the encoder.

    Returns:
        A figure for each of `MEMORY_STAGES`.
    """
    found = _printed_last(_MEMORY_STAGES.format(backend=backend), len(MEMORY_STAGES))
    return dict(zip(MEMORY_STAGES, found, strict=True))


def first_answers(
    classifier: DrugClassifier, insert: DrugInsert, backends: Iterable[str]
) -> list[dict[str, str | float]]:
    """Have fresh processes, of drugtext and of what people use, classify one insert each.

    Args:
        classifier: that the plain pipeline loads; drugtext loads the one that comes along.
        insert: drugtext reads it from a file, the others have its text.
        backends: that drugtext runs its encoder by.

    Returns:
        Of each: what it is; seconds until the answer, the less of two, so that what is kept on disk
        is there already; most memory, MB.
    """
    with tempfile.TemporaryDirectory() as folder:
        saved, path, file = (Path(folder) / name for name in ("saved", "text.txt", "insert.json"))
        classifier.save_pretrained(saved)
        path.write_text(insert.text, encoding="utf-8")
        file.write_text(json.dumps(dict(insert.sections)), encoding="utf-8")
        own = {name: _OWN.format(backend=name, file=str(file)) for name in backends}
        ways = [(f"drugtext, {name}", answer, saved) for name, answer in own.items()]
        ways += [(PIPELINE_FIRST, _PIPELINE, saved)]
        ways += [(SENTENCES, _SENTENCES, default_encoder_folder())]
        found: list[dict[str, str | float]] = []
        for what, answer, model in ways:
            code = _FIRST_ANSWER.format(
                folder=str(model), path=str(path), answer=answer, peak=_PEAK_MB
            )
            seconds, peak_mb = min(_printed_last(code, 2) for _ in range(2))
            found.append({"what": what, "seconds": seconds, "peak_mb": peak_mb})
    return found


def long_insert_mb(backend: str, n_rows: int = 210_000) -> float:
    """Return the peak memory of a process that classifies an insert of 30 MB.

    Args:
        backend: what runs the encoder.
        n_rows: of a table, each a sentence of 71 characters and as many of numbers, which differ.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.json"
        sentence = "The tablet lowers high blood pressure in adults and in older patients. "
        rows = (
            f"{sentence}{n * 7919} {n / 7:.6f} {n / 11:.6f}\u200b {n * 1e-5:.9f} {n}"
            for n in range(n_rows)
        )
        sections = {"indications_and_usage": [sentence], "warnings": ["\n".join(rows)]}
        path.write_text(json.dumps(sections), encoding="utf-8")
        code = _LONG_INSERT.format(backend=backend, path=str(path), peak=_PEAK_MB)
        return _printed_last(code, 1)[0]


def _printed_last(code: str, n: int) -> tuple[float, ...]:
    """Run a program, and return the last numbers that it prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return tuple(map(float, done.stdout.split()[-n:]))
