"""A Ray cluster of two nodes on this machine, each of which can be killed."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

_TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
_LONGEST_START = 60


class Cluster(NamedTuple):
    """Two nodes of one core each.

    Attributes:
        address: of the first.
        environment: of those who may use it.
        second: first process of the second one.
    """

    address: str
    environment: dict[str, str]
    second: subprocess.Popen[bytes]


@contextmanager
def local_cluster() -> Iterator[Cluster]:
    """Start a cluster, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    folder = Path(tempfile.mkdtemp(prefix="ray"))  # short: sockets lie in it
    first = _node(
        folder, "--head", f"--port={address.rpartition(':')[2]}", "--include-dashboard=false"
    )
    nodes = [first]
    try:
        _wait_for(address)
        nodes.append(_node(folder, f"--address={address}"))
        yield Cluster(address, _TOKEN, nodes[1])
    finally:
        for node in nodes:
            kill(node)
        shutil.rmtree(folder, ignore_errors=True)


def kill(node: subprocess.Popen[bytes]) -> None:
    """End a node with all its processes, as a machine that loses its power."""
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(node.pid)
        for process in [*first.children(recursive=True), first]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    node.wait()


def _node(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    ray = Path(sys.executable).with_name("ray")
    here = ("--node-ip-address=127.0.0.1", f"--temp-dir={folder}", "--num-cpus=1")
    call = [ray, "start", "--block", *here, *arguments]
    return subprocess.Popen(
        [*map(str, call)],
        cwd="/",
        env=os.environ | _TOKEN | {"RAY_USAGE_STATS_ENABLED": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_for(address: str) -> None:
    host, _, port = address.rpartition(":")
    end = time.monotonic() + _LONGEST_START
    while time.monotonic() < end:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(f"no Ray at {address}")
