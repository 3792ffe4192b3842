"""`drugtext app` as a process: where it listens, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from serving import free_port, serving

from drugtext import DrugInsert

LARGEST = 32 * 2**20
ADDRESS = "http://drugtext.invalid/insert.txt"
TEXT = "It gives relief of pain."


@pytest.fixture(scope="module")
def model(tiny_classifier, tmp_path_factory):
    """The folder of a small classifier."""
    pytest.importorskip("gradio", reason="the page needs the extra: pip install '.[app]'")
    folder = tmp_path_factory.mktemp("model")
    inserts = [DrugInsert(sections={"text": text}) for text in (TEXT, "lowers blood pressure")]
    tiny_classifier.fit(inserts, ["pain", "heart"]).save_pretrained(folder)
    return folder


@contextmanager
def command(model, *options):
    """`drugtext app` on a free port, though the environment tells Gradio other things."""
    port = free_port()
    call = ["-m", "drugtext", "app", "--model", str(model), "--port", str(port), *options]
    settings = {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "1", "GRADIO_SHARE": "True"}
    with serving(call, port, settings) as served:
        yield served


@pytest.fixture(scope="module")
def served(model):
    with command(model) as served:
        yield served


def listened_on(served) -> set[tuple[str, int]]:
    psutil = pytest.importorskip("psutil", reason="needs psutil: pip install '.[bench]'")
    connections = psutil.Process(served.pid).net_connections("inet")
    return {tuple(c.laddr) for c in connections if c.status == psutil.CONN_LISTEN}


def asked(served, *data) -> str:
    """What comes back of a call through Gradio's API: the answer, or the error."""
    api = f"{served.url}gradio_api/call/classify"
    event = httpx.post(api, json={"data": data}).json()["event_id"]
    return httpx.get(f"{api}/{event}", timeout=60).text


def uploaded(served, size: int) -> httpx.Response:
    files = {"files": ("a.txt", TEXT.encode().ljust(size))}
    return httpx.post(f"{served.url}gradio_api/upload", files=files, timeout=60)


def as_file(path: str) -> dict:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def test_by_default_only_this_machine_reaches_it(served):
    assert listened_on(served) == {("127.0.0.1", served.port)}
    page = httpx.get(served.url)
    assert page.status_code == 200 and "It knows 2 categories" in page.text


def test_another_host_is_listened_on_where_it_is_asked_for(model):
    with command(model, "--host", "0.0.0.0") as served:
        assert listened_on(served) == {("0.0.0.0", served.port)}


def test_a_port_that_is_taken_is_told_and_no_other_one_taken(served, model):
    done = subprocess.run(
        [sys.executable, "-m", "drugtext", "app", "--model", model, "--port", str(served.port)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"127.0.0.1:{served.port}: cannot listen there: the port is taken" in done.stderr
    assert "give another --port or --host" in done.stderr
    assert "Traceback" not in done.stderr and "drugtext at" not in done.stderr


def test_a_file_of_the_largest_size_is_classified_and_a_larger_one_refused(served):
    (path,) = uploaded(served, LARGEST).json()
    assert TEXT in asked(served, [as_file(path)], "")
    refused = uploaded(served, 33 * 2**20)
    assert refused.status_code == 413
    assert refused.text == f"File size exceeded maximum allowed size of {LARGEST} bytes."


@pytest.mark.parametrize("data", [([as_file(ADDRESS)], ""), (None, as_file(ADDRESS))])
def test_no_address_is_fetched_in_the_place_of_a_file(served, data):
    told = asked(served, *data)
    assert "an address was given; nothing is fetched here" in told, told


def test_no_file_of_the_machine_is_read_in_the_place_of_an_upload(served, model):
    told = asked(served, [as_file(str(model / "config.json"))], "")
    assert told.startswith("event: error") and "DrugTextModel" not in told


def test_nothing_is_kept_of_what_was_given(served):
    assert json.loads(httpx.get(f"{served.url}config").text)["run_history"] is False
    assert httpx.get(f"{served.url}gradio_api/runs").status_code == 404
