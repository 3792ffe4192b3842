"""Downloads that go wrong: broken off, killed, offline, from a hub that is gone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hub_programs import PUSH, START, environment, lines, save_few
from hub_server import running_hub

LOAD = """
clf = drugtext.load("user/repo")
print(clf.predict(inserts) == drugtext.load(sys.argv[1]).predict(inserts))
"""
TRY = 'tried(lambda: drugtext.load("user/repo"))'
REFUSED = "refused: 'user/repo' is no folder and no bundled checkpoint"


@pytest.fixture(scope="module")
def few(adapted_classifier, tmp_path_factory) -> str:
    return save_few(adapted_classifier, tmp_path_factory.mktemp("few"))


@pytest.fixture
def hub(few, tmp_path):
    """A hub that a classifier was pushed to."""
    with running_hub() as running:
        lines(running, tmp_path, PUSH, few)
        yield running


def test_a_download_that_broke_off_goes_on_where_it_was(hub, few, tmp_path):
    hub.breaks = 2
    assert lines(hub, tmp_path / "new", LOAD, few) == ["True"]
    assert hub.breaks == 0
    # What is small begins anew: huggingface_hub keeps pieces of 10 MB.
    repo, large = hub.repos["user/repo"], os.urandom(24 * 2**20)
    repo.commit({**repo.files, "notes.txt": large})
    hub.starts.clear()
    hub.breaks = 2
    assert lines(hub, tmp_path / "new", LOAD, few) == ["True"]
    assert hub.starts == [0, 10 * 2**20, 10 * 2**20]
    (found,) = (tmp_path / "new").rglob("snapshots/*/notes.txt")
    assert found.read_bytes() == large


def test_who_was_killed_half_way_has_no_half_file_and_loads_again(hub, few, tmp_path):
    hub.stalls = 1
    home = tmp_path / "new"
    reader = subprocess.Popen(
        [sys.executable, "-c", START + TRY], env=environment(hub, home), cwd=home
    )
    assert hub.stalled.wait(120)
    reader.kill()
    reader.wait()
    hub.go_on.set()
    (refused,) = lines(hub, home, TRY, HF_HUB_OFFLINE="1")
    assert refused.startswith("refused: ") and "incomplete" in refused
    assert lines(hub, home, LOAD, few) == ["True"]
    assert lines(hub, home, LOAD, few, HF_HUB_OFFLINE="1") == ["True"]


def test_a_hub_that_is_down_is_told_and_asked_again(hub, few, tmp_path):
    hub.is_down = True
    (refused,) = lines(hub, tmp_path / "new", TRY)
    assert refused.startswith(REFUSED) and "or the network" in refused
    push = 'tried(lambda: drugtext.load(sys.argv[1]).push_to_hub("user/repo"))'
    (refused,) = lines(hub, tmp_path / "new", push, few)
    assert refused.startswith("refused: user/repo: the upload failed (") and "503" in refused
    hub.is_down = False
    assert lines(hub, tmp_path / "new", LOAD, few) == ["True"]
    hub.is_down = True  # what is here is used
    assert lines(hub, tmp_path / "new", LOAD, few) == ["True"]


def test_a_port_where_nothing_answers_is_told(hub, tmp_path):
    hub.shutdown()
    hub.server_close()
    (refused,) = lines(hub, tmp_path / "new", TRY)
    assert refused.startswith(REFUSED) and "or the network" in refused
