"""The network is cut: nothing tries to reach it but a name of the Hugging Face Hub.

Python itself reports each look-up and connection, and the one process that does it all runs where
there is no network at all, if the system lets it: what a library of another language tries fails.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "samples"
# Settings with which less would be tried; and the backend: a user's is whichever is fastest.
LEFT_OUT = ("OFFLINE", "HF_ENDPOINT", "TELEMETRY", "TRACKING", "DRUGTEXT_BACKEND")
RUNNER = """
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

tried, told, phase = {}, {}, "import"
REACHES_OUT = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")

def cut(event, arguments):
    if event in REACHES_OUT:
        if event == "socket.connect" and isinstance(arguments[1], (str, bytes)):
            return  # a socket of this machine's file system
        tried.setdefault(phase, []).append(f"{event} {arguments[1 if 'connect' in event else 0]}")
        raise OSError("the network is cut")

sys.addaudithook(cut)
home, tiny, samples = map(Path, sys.argv[1:4])

def step(name, does):
    global phase
    phase = name
    told[name] = does()

def command(*arguments):
    from drugtext.cli import app
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = app([*map(str, arguments)], standalone_mode=False) or 0
        except SystemExit as end:
            status = end.code
    return [status, out.getvalue() + err.getvalue()]

def use_registry():
    few = drugtext.load(tiny, backend="torch").fit(inserts[:1], ["a"])
    registry = Registry.create(home / "registry", few, backend="torch")
    registry.add("b", inserts[1:])
    return Registry(home / "registry", backend="torch").load().category_ids

def use_pipelines():
    import transformers
    plain = transformers.pipeline("text-classification", model=str(home / "few"))
    whole = transformers.pipeline("drug-insert-classification", model=str(home / "few"))
    return [plain("relief of pain")[0]["label"], whole(inserts[0])["category_id"]]

def use_page():
    import gradio
    from drugtext.app import launch_options, make_page
    from fastapi import FastAPI
    from fastapi.testclient import TestClient
    options = {k: v for k, v in launch_options().items() if k not in ("share", "quiet")}
    served = gradio.mount_gradio_app(FastAPI(), make_page(few), path="/", **options)
    with TestClient(served) as client:
        def asked(*data):
            api = "/gradio_api/call/classify"
            event = client.post(api, json={"data": data}).json()["event_id"]
            return client.get(f"{api}/{event}").text
        file = {"path": "http://drugtext.invalid/a.txt", "meta": {"_type": "gradio.FileData"}}
        return [client.get("/").text, asked(None, "It is a tablet."), asked([file], "")]

def refused(name):
    try:
        return f"loaded {drugtext.load(name)}"
    except DrugTextError as error:
        return str(error)

def adapter_gone():
    from drugtext.adapters import Adapter
    try:
        return f"read {Adapter.from_folder('few')}"
    except DrugTextError as error:
        return str(error)

import drugtext
from drugtext.errors import DrugTextError
from drugtext.registry import Registry

names = ("metoral-spl.xml", "sugarnorm-openfda.json")
inserts = list(drugtext.read_inserts([samples / name for name in names]))
clf = None

def load():
    global clf
    clf = drugtext.load()

step("load", load)
step("predict", lambda: [p.category_id for p in clf.predict(inserts)])
few = clf.fit(inserts, ["one", "two"])
step("fit", lambda: few.category_ids)
step("save", lambda: few.save_pretrained(home / "few"))
step("load again", lambda: drugtext.load(home / "few").predict(inserts) == few.predict(inserts))
step("classify", lambda: command("classify", samples / "metoral-spl.xml", "--json"))
step("models", lambda: command("models"))
step("read", lambda: command("read", samples / "mingkang-zh.txt"))
metoral, model = samples / "metoral-spl.xml", ("--model", home / "few")
step("explain", lambda: command("explain", metoral, *model, "--html", home / "why.html"))
step("pipelines", use_pipelines)
if find_spec("gradio"):
    step("page", use_page)
if find_spec("plotly"):
    step("map", lambda: command("map", metoral, *model, "--output", home / "map.html"))
if find_spec("matplotlib"):
    step("picture", lambda: command("map", metoral, *model, "--output", home / "map.png"))
step("registry", use_registry)
step("registry log", lambda: command("registry", "log", home / "registry"))
step("a folder that is not there", lambda: refused(str(home / "not" / "there")))
step("a slip", lambda: refused("my-shelves"))
step("a slip below a folder", lambda: refused("few/not-there"))
step("an adapter that is gone", lambda: adapter_gone())
step("hub", lambda: refused("somebody/something"))
sys.__stdout__.write("\\n" + json.dumps({"tried": tried, "told": told}) + "\\n")
"""


def without_network() -> list[str]:
    """What stands in front of a command that is to run without a network; nothing if that fails."""
    unshare = [shutil.which("unshare") or "", "--net", "--map-root-user"]
    if not unshare[0]:
        return []
    done = subprocess.run([*unshare, "true"], capture_output=True, check=False)
    return unshare if done.returncode == 0 else []


@pytest.fixture(scope="module")
def found(tiny_encoder_folder, tmp_path_factory) -> dict:
    """What was tried, and what each step gave: one process, as it loads the real encoder."""
    home = tmp_path_factory.mktemp("offline")
    kept = {k: v for k, v in os.environ.items() if not any(part in k for part in LEFT_OUT)}
    assert "HF_HUB_OFFLINE" not in kept, "or huggingface_hub would not try, and nothing be proved"
    done = subprocess.run(
        [*without_network(), sys.executable, "-c", RUNNER, home, tiny_encoder_folder, SAMPLES],
        capture_output=True,
        text=True,
        env=kept | {"HF_HOME": str(home / "hf"), "HOME": str(home)},
        cwd=home,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_but_a_name_of_the_hub_reaches_out(found):
    assert set(found["tried"]) == {"hub"}
    assert any("huggingface.co" in attempt for attempt in found["tried"]["hub"])


def test_meanwhile_everything_works(found):
    told = found["told"]
    assert [category[0] for category in told["predict"]] == ["C", "A"]
    assert told["fit"] == ["one", "two"] and told["load again"] is True
    status, line = told["classify"]
    assert status == 0 and json.loads(line)["path"][0]["id"] == "C"
    assert told["models"][0] == 0 and "atc" in told["models"][1]
    assert told["read"][0] == 0
    assert told["registry"] == ["a", "b"] and told["registry log"][0] == 0


def test_meanwhile_answers_are_explained_and_pipelines_answer(found):
    status, told = found["told"]["explain"]
    assert status == 0 and "mechanism_of_action: " in told and "written: " in told
    plain, whole = found["told"]["pipelines"]
    assert plain in ("one", "two") and whole == "one"


def test_meanwhile_the_page_answers_and_fetches_no_address(found):
    if "page" not in found["told"]:
        pytest.skip("the page needs the extra: pip install '.[app]'")
    front, answer, refusal = found["told"]["page"]
    assert "It knows 2 categories: one, two." in front
    assert "event: complete" in answer and "It is a tablet." in answer
    assert "nothing is fetched here" in refusal


@pytest.mark.parametrize("step", ["map", "picture"])
def test_meanwhile_a_map_is_drawn(found, step):
    if step not in found["told"]:
        pytest.skip("the map needs the extra: pip install '.[map]'")
    status, told = found["told"][step]
    assert status == 0 and "written: " in told


def test_a_hub_that_cannot_be_reached_is_told(found):
    assert "is no folder and no bundled checkpoint (" in found["told"]["hub"]
    assert "Check the name, your login (hf auth login), or the network." in found["told"]["hub"]


def test_a_slip_of_a_path_goes_to_no_hub(found):
    for name in ("a slip", "a slip below a folder", "a folder that is not there"):
        assert "is taken for no hub id: that is user/repo" in found["told"][name]
        assert "Traceback" not in found["told"][name]
    assert "found no adapter_config.json" in found["told"]["an adapter that is gone"]
