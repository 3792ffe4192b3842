"""The page as a process of its own: started, asked, and ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import httpx


@dataclass(frozen=True)
class Served:
    """A page that is served.

    Attributes:
        pid: of its process.
        port: that it was told to listen on.
    """

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def serving(call: list[str], port: int, settings: Mapping[str, str]) -> Iterator[Served]:
    """Run a Python program that serves until the block ends.

    Args:
        call: what follows `python`.
        port: that it will listen on.
        settings: of its environment.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, *call], stdout=said, stderr=said, env=os.environ | settings
        )
        try:
            served = Served(process.pid, port)
            _wait_for(served, process, said)
            yield served
        finally:
            process.kill()
            process.wait()


def _wait_for(served: Served, process: subprocess.Popen[bytes], said: IO[str]) -> None:
    """Wait until the page is there; fail with what the process said when it has ended."""
    while True:
        try:
            httpx.get(served.url)
            return
        except httpx.TransportError:
            if process.poll() is not None:
                said.seek(0)
                raise AssertionError(f"it ended, and said: {said.read()[-3000:]}") from None
            time.sleep(0.1)
