"""What only a process of its own shows: the time to a first answer, and the most memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

_FIRST_ANSWER = """
import time; begun = time.perf_counter()
import drugtext
clf = drugtext.load(backend={backend!r})
text = "Lowers high blood pressure."
clf.predict([drugtext.DrugInsert(sections={{"indications_and_usage": text}})])
print(time.perf_counter() - begun)
"""
_LONG_INSERT = """
import drugtext
clf = drugtext.load(backend={backend!r})
for prediction in clf.stream(drugtext.read_inserts({path!r})):
    print(prediction.tokens_total)
status = open("/proc/self/status").read()  # getrusage counts the process that started this one, too
print(int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6)
"""


def first_answer_seconds(backend: str) -> float:
    """Return the seconds from a fresh process to its first answer, the less of two."""
    return min(_printed_last(_FIRST_ANSWER.format(backend=backend)) for _ in range(2))


def long_insert_mb(backend: str, n_sentences: int = 420_000) -> float:
    """Return the peak memory of a process that classifies an insert of 30 MB.

    Args:
        backend: what runs the encoder.
        n_sentences: of 71 characters each.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.json"
        sentence = "The tablet lowers high blood pressure in adults and in older patients. "
        sections = {"indications_and_usage": [sentence], "warnings": [sentence * n_sentences]}
        path.write_text(json.dumps(sections), encoding="utf-8")
        return _printed_last(_LONG_INSERT.format(backend=backend, path=str(path)))


def _printed_last(code: str) -> float:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout.split()[-1])
