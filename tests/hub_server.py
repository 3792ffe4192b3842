"""A Hugging Face Hub in one process: the few endpoints that upload and download call.

Models and data sets, private ones too, with branches, tags and pull requests; cards are validated,
large files go by LFS and come from another host. It can break a download off, stand still in the
middle of one, and be down.

Source: the HTTP API as huggingface_hub 2 speaks it (https://huggingface.co/docs/hub/api), with git
LFS batches (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md). Xet is off.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

from hub_handler import TOKEN, USER, Handler
from hub_repos import Repo

__all__ = ["TOKEN", "USER", "Hub", "Repo", "hub_settings", "running_hub"]


class Hub(ThreadingHTTPServer):
    """Repositories in memory.

    Attributes:
        repos: id -> repository; that of a data set begins with "datasets/".
        blobs: of LFS.
        breaks: downloads of large files that are still to be broken off half way.
        stalls: those that are still to stand still half way, until `go_on` is set.
        stalled: is set when one does.
        starts: where each download of a large file began, in bytes.
        is_down: whether all is answered with 503.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.breaks = self.stalls = 0
        self.stalled, self.go_on = threading.Event(), threading.Event()
        self.starts: list[int] = []
        self.is_down = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Serve until the block ends."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.go_on.set()
        hub.shutdown()
        hub.server_close()


def hub_settings(hub: Hub, home: Path, token: str = TOKEN) -> dict[str, str]:
    """Return what a process that is to speak with a hub needs in its environment.

    Args:
        hub: that is running.
        home: folder of what is downloaded.
        token: of the caller; empty for nobody's.
    """
    return {
        "HF_ENDPOINT": hub.address,
        "HF_TOKEN": token,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HOME": str(home),
    }
