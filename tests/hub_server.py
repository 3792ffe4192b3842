"""A Hugging Face Hub in one process: the few endpoints that upload and download call.

Models and data sets, private ones too, each commit kept; it can break a download off.

Source: the HTTP API as huggingface_hub 2 speaks it (https://huggingface.co/docs/hub/api), with git
LFS batches (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md). Xet is off.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LFS_FROM = 1024  # bytes; a larger file is uploaded by LFS, as the real hub decides for binaries
TOKEN = "hf_dummy"
_REPO = r"(?P<type>models/|datasets/)?(?P<repo>[^/]+/[^/]+)"


@dataclass
class Repo:
    """A repository: its commits, each path -> content, oldest first."""

    is_private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, bytes]:
        """Those of the newest commit."""
        return next(reversed(self.commits.values()), {})

    def at(self, revision: str) -> dict[str, bytes] | None:
        return self.files if revision == "main" else self.commits.get(revision)

    def sha(self, revision: str) -> str:
        newest = next(reversed(self.commits), "0" * 40)
        return newest if revision == "main" else revision

    def commit(self, files: dict[str, bytes]) -> str:
        sha = f"{len(self.commits) + 1:040}"
        self.commits[sha] = files
        return sha


class Hub(ThreadingHTTPServer):
    """Repositories in memory.

    Attributes:
        repos: id -> repository; that of a data set begins with "datasets/".
        blobs: of LFS.
        breaks: downloads that are still to be broken off half way.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.breaks = 0

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
        hub.shutdown()
        hub.server_close()


def hub_settings(hub: Hub, home: Path, token: str = TOKEN) -> dict[str, str]:
    """Return what a process that is to speak with a hub needs in its environment.

    Args:
        hub: that is running.
        home: folder of what is downloaded.
        token: of the caller.
    """
    return {
        "HF_ENDPOINT": hub.address,
        "HF_TOKEN": token,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HOME": str(home),
    }


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output quiet."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    @property
    def is_known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def answer(self, value: object, status: int = 200, **headers: str) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def no_repo(self) -> None:
        self.answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")

    def repo(self, found: re.Match[str]) -> Repo | None:
        """The repository that an address names, if there is one that the caller may see."""
        kind = "datasets/" if found["type"] == "datasets/" else ""
        repo = self.server.repos.get(kind + found["repo"])
        return repo if repo and (self.is_known or not repo.is_private) else None

    def do_POST(self) -> None:
        path, body = unquote(urlsplit(self.path).path), self.body()
        if found := re.fullmatch(rf"/api/{_REPO}/paths-info/(?P<revision>.+)", path):
            self.paths(found, body)
        elif not self.is_known:
            self.answer({"error": "Invalid username or password."}, 401)
        elif path == "/api/repos/create":
            fields = json.loads(body)
            name = "/".join(filter(None, (fields.get("organization"), fields["name"])))
            kind = "datasets/" if fields.get("type") == "dataset" else ""
            repo = self.server.repos.setdefault(kind + name, Repo())
            repo.is_private = bool(fields.get("private")) or fields.get("visibility") == "private"
            self.answer({"url": f"{self.server.address}/{kind}{name}"})
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif re.fullmatch(rf"/api/{_REPO}/preupload/main", path):
            files = json.loads(body)["files"]
            self.answer({"files": [_upload_mode(file) for file in files]})
        elif re.fullmatch(r"/.+\.git/info/lfs/objects/batch", path):
            objects = json.loads(body)["objects"]
            self.answer({"transfer": "basic", "objects": [self.lfs_place(o) for o in objects]})
        elif found := re.fullmatch(rf"/api/{_REPO}/commit/main", path):
            self.commit(found, body)
        else:
            self.answer({"error": f"no such endpoint: {path}"}, 404)

    def do_PUT(self) -> None:
        self.server.blobs[self.path.rpartition("/")[2]] = self.body()
        self.answer(b"")

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if found := re.fullmatch(rf"/api/{_REPO}(/revision/(?P<revision>[^/]+))?", path):
            self.info(found)
        elif found := re.fullmatch(rf"/api/{_REPO}/tree/(?P<revision>[^/]+)(/.*)?", path):
            repo = self.repo(found)
            files = (repo and repo.at(found["revision"])) or {}
            self.answer([_entry(name, data) for name, data in sorted(files.items())])
        elif found := re.fullmatch(rf"/{_REPO}/resolve/(?P<revision>[^/]+)/(?P<name>.+)", path):
            self.file(found)
        else:
            self.no_repo()

    do_HEAD = do_GET

    def info(self, found: re.Match[str]) -> None:
        repo, revision = self.repo(found), found["revision"] or "main"
        files = None if repo is None else repo.at(revision)
        if repo is None:
            self.no_repo()
        elif files is None:
            self.answer({"error": "Invalid rev id"}, 404, X_Error_Code="RevisionNotFound")
        else:
            siblings = [{"rfilename": name} for name in sorted(files)]
            told = {"id": found["repo"], "sha": repo.sha(revision), "private": repo.is_private}
            self.answer({**told, "siblings": siblings, "tags": []})

    def paths(self, found: re.Match[str], body: bytes) -> None:
        repo = self.repo(found)
        files = (repo and repo.at(found["revision"])) or {}
        fields = parse_qs(body.decode()) if body[:1] != b"{" else json.loads(body)
        wanted = fields.get("paths", [])
        self.answer([_entry(name, data) for name, data in files.items() if name in wanted])

    def file(self, found: re.Match[str]) -> None:
        repo, name, revision = self.repo(found), found["name"], found["revision"]
        data = ((repo and repo.at(revision)) or {}).get(name)
        if repo is None:
            self.no_repo()
            return
        if data is None:
            self.answer({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound")
            return
        start = int(re.sub(r"\D", "", self.headers.get("Range", "0").partition("-")[0]) or 0)
        headers = {
            "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
            "X_Repo_Commit": repo.sha(revision),
            "X_Linked_Size": str(len(data)),
            "Accept_Ranges": "bytes",
        }
        if self.command == "GET" and self.server.breaks and len(data) > LFS_FROM:
            self.server.breaks -= 1
            self.break_off(data[start:], headers)
            return
        if start:
            headers["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.answer(data[start:], 206 if start else 200, **headers)

    def break_off(self, data: bytes, headers: dict[str, str]) -> None:
        """Promise all of a file, send half of it, and hang up."""
        self.send_response(200)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

    def lfs_place(self, item: dict[str, Any]) -> dict[str, Any]:
        href = f"{self.server.address}/lfs/{item['oid']}"
        return {**item, "actions": {"upload": {"href": href, "header": {}}}}

    def commit(self, found: re.Match[str], body: bytes) -> None:
        repo = self.repo(found)
        if repo is None:
            self.no_repo()
            return
        files = dict(repo.files)
        for line in map(json.loads, body.decode().splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.blobs[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        sha = repo.commit(files)
        kind = "datasets/" if found["type"] == "datasets/" else ""
        url = f"{self.server.address}/{kind}{found['repo']}/commit/{sha}"
        self.answer({"commitUrl": url, "commitOid": sha, "success": True})


def _upload_mode(file: dict[str, Any]) -> dict[str, Any]:
    is_lfs = file["size"] > LFS_FROM and not file["path"].endswith((".json", ".md", ".py"))
    return {
        "path": file["path"],
        "uploadMode": "lfs" if is_lfs else "regular",
        "shouldIgnore": False,
    }


def _entry(name: str, data: bytes) -> dict[str, Any]:
    return {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
