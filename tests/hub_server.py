"""A Hugging Face Hub in one process: the few endpoints that upload and download call.

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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0" * 39 + "1"
LFS_FROM = 1024  # bytes; a larger file is uploaded by LFS, as the real hub decides for binaries
TOKEN = "hf_dummy"


class Hub(ThreadingHTTPServer):
    """Repositories in memory: repo id -> path -> content."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos: dict[str, dict[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}

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


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output quiet."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, value: object, status: int = 200, **headers: str) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def do_POST(self) -> None:
        path, body = urlsplit(self.path).path, self.body()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer({"error": "Invalid username or password."}, 401)
        elif path == "/api/repos/create":
            fields = json.loads(body)
            repo = "/".join(filter(None, (fields.get("organization"), fields["name"])))
            self.server.repos.setdefault(repo, {})
            self.answer({"url": f"{self.server.address}/{repo}"})
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif match := re.fullmatch(r"/api/models/(.+)/preupload/main", path):
            files = json.loads(body)["files"]
            self.answer({"files": [_upload_mode(file) for file in files]})
        elif re.fullmatch(r"/.+\.git/info/lfs/objects/batch", path):
            objects = json.loads(body)["objects"]
            self.answer({"transfer": "basic", "objects": [self.lfs_place(o) for o in objects]})
        elif match := re.fullmatch(r"/api/models/(.+)/commit/main", path):
            for line in body.decode().splitlines():
                self.commit(self.server.repos[match[1]], json.loads(line))
            url = f"{self.server.address}/{match[1]}/commit/{COMMIT}"
            self.answer({"commitUrl": url, "commitOid": COMMIT, "success": True})
        else:
            self.answer({"error": f"no such endpoint: {path}"}, 404)

    def do_PUT(self) -> None:
        self.server.blobs[self.path.rpartition("/")[2]] = self.body()
        self.answer(b"")

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/.+)?", path):
            self.info(match[1])
        elif match := re.fullmatch(r"/api/models/(.+)/tree/[^/]+", path):
            files = self.server.repos[match[1]]
            self.answer([_entry(name, data) for name, data in sorted(files.items())])
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            self.file(match[1], match[2])
        else:
            self.answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")

    do_HEAD = do_GET

    def info(self, repo: str) -> None:
        if repo not in self.server.repos:
            self.answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
            return
        siblings = [{"rfilename": name} for name in sorted(self.server.repos[repo])]
        self.answer({"id": repo, "sha": COMMIT, "private": False, "siblings": siblings, "tags": []})

    def file(self, repo: str, name: str) -> None:
        data = self.server.repos.get(repo, {}).get(name)
        if data is None:
            self.answer({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound")
            return
        etag = hashlib.sha256(data).hexdigest()
        self.answer(data, ETag=f'"{etag}"', X_Repo_Commit=COMMIT, X_Linked_Size=str(len(data)))

    def lfs_place(self, item: dict[str, Any]) -> dict[str, Any]:
        href = f"{self.server.address}/lfs/{item['oid']}"
        return {**item, "actions": {"upload": {"href": href, "header": {}}}}

    def commit(self, files: dict[str, bytes], line: dict[str, Any]) -> None:
        value = line["value"]
        if line["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            files[value["path"]] = self.server.blobs[value["oid"]]


def _upload_mode(file: dict[str, Any]) -> dict[str, Any]:
    is_lfs = file["size"] > LFS_FROM and not file["path"].endswith((".json", ".md"))
    return {
        "path": file["path"],
        "uploadMode": "lfs" if is_lfs else "regular",
        "shouldIgnore": False,
    }


def _entry(name: str, data: bytes) -> dict[str, Any]:
    return {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
