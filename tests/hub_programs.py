"""Programs that speak with the hub of the tests, each in a process of its own.

huggingface_hub reads its settings once, so the tests' own process never reaches a hub.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hub_server import TOKEN, Hub, hub_settings

if TYPE_CHECKING:
    from drugtext import DrugClassifier

START = """
import sys, drugtext
from drugtext.errors import DrugTextError
inserts = [
    drugtext.DrugInsert(language="en", sections={"indications_and_usage": text})
    for text in ("relief of pain", "lowers blood pressure")
]
def tried(what):
    try:
        print(what())
    except DrugTextError as error:
        print("refused:", error)
"""
PUSH = 'drugtext.load(sys.argv[1]).push_to_hub("user/repo")'


def environment(hub: Hub, home: Path, token: str = TOKEN, **more: str) -> dict[str, str]:
    """What a program that speaks with the hub has in its environment."""
    home.mkdir(exist_ok=True)
    return os.environ | hub_settings(hub, home, token) | {"COLUMNS": "300"} | more


def run(
    hub: Hub, home: Path, *call: str, token: str = TOKEN, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a call of Python; `more` is put into its environment."""
    return subprocess.run(
        [sys.executable, *call],
        capture_output=True,
        text=True,
        env=environment(hub, home, token, **more),
        cwd=home,
        check=False,
    )


def lines(
    hub: Hub, home: Path, code: str, *arguments: str, token: str = TOKEN, **more: str
) -> list[str]:
    """Run a program behind `START`, and return the lines that it printed."""
    done = run(hub, home, "-c", START + code, *arguments, token=token, **more)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def save_few(classifier: DrugClassifier, folder: Path) -> str:
    """Save a classifier of two categories, "pain" and "heart", and return its folder."""
    import drugtext

    inserts = [
        drugtext.DrugInsert(language="en", sections={"indications_and_usage": text})
        for text in ("relief of pain", "lowers blood pressure")
    ]
    classifier.fit(inserts, ["pain", "heart"]).save_pretrained(folder)
    return str(folder)
