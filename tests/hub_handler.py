"""What the hub of the tests answers: a method an endpoint, and which address leads to which."""

from __future__ import annotations

import base64
import json
import re
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from hub_cards import faults
from hub_repos import Repo, entry, is_lfs, oid

if TYPE_CHECKING:
    from hub_server import Hub

TOKEN, USER = "hf_dummy", "user"
_REPO = r"(?P<type>models/|datasets/)?(?P<repo>[^/]+/[^/]+)"
_NEW = {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"}


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output quiet."""

    def answer(self, value: object, status: int = 200, **headers: str) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.begin(status, len(data), headers)
        if self.command != "HEAD":
            self.wfile.write(data)

    def begin(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    @property
    def is_known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def not_found(self, what: str) -> None:
        """Say that there is none; to nobody in particular the hub says 401 of what it hides."""
        status = 401 if what == "Repo" and not self.is_known else 404
        self.answer({"error": f"{what} not found"}, status, X_Error_Code=f"{what}NotFound")

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        method = "GET" if self.command == "HEAD" else self.command
        token = self.headers.get("Authorization")
        if self.server.is_down:
            self.answer({"error": "Service Unavailable"}, 503)
            return
        if token and not self.is_known:
            told = {"X_Error_Message": "Invalid credentials in Authorization header"}
            self.answer({"error": "Invalid username or password."}, 401, **told)
            return
        for wanted, pattern, action in _ROUTES:
            if wanted == method and (found := re.fullmatch(pattern, path)):
                if method == "POST" and not self.is_known and action not in _FOR_ALL:
                    self.answer({"error": "Invalid username or password."}, 401)
                else:
                    groups = {k: unquote(v or "") for k, v in found.groupdict().items()}
                    action(self, {"query": query, **groups}, body)
                return
        self.not_found("Repo")

    do_GET = do_HEAD = do_POST = do_PUT = do_any

    def repo(self, found: dict[str, str]) -> Repo | None:
        """The repository that an address names, if there is one that the caller may see."""
        kind = "datasets/" if found["type"] == "datasets/" else ""
        repo = self.server.repos.get(kind + found["repo"])
        if repo is None or (repo.is_private and not self.is_known):
            self.not_found("Repo")
            return None
        if found.get("revision") and not repo.sha(found["revision"]):
            self.not_found("Revision")
            return None
        return repo

    def who(self, _: dict[str, str], __: bytes) -> None:
        if self.is_known:
            self.answer({"type": "user", "name": USER, "orgs": []})
        else:
            self.answer({"error": "Invalid username or password."}, 401)

    def create(self, _: dict[str, str], body: bytes) -> None:
        fields = json.loads(body)
        owner = fields.get("organization") or USER
        kind = "datasets/" if fields.get("type") == "dataset" else ""
        name = f"{kind}{owner}/{fields['name']}"
        url = f"{self.server.address}/{name}"
        if name in self.server.repos:
            self.answer({"error": "You already created this repo", "url": url}, 409)
        elif owner != USER:
            self.answer({"error": f"You may not create a repo under {owner}"}, 403)
        else:
            repo = self.server.repos[name] = Repo(fields.get("visibility") == "private")
            repo.commit(dict(_NEW), message="initial commit")
            self.answer({"url": url, "name": name})

    def validate(self, _: dict[str, str], body: bytes) -> None:
        fields = json.loads(body)
        found = faults(fields["content"], fields.get("repoType") or "model")
        if "text/plain" in self.headers.get("Accept", ""):  # RepoCard.validate reads it so
            text = "\n".join(f"- Error: {fault}" for fault in found)
            self.answer(text.encode(), 400 if found else 200)
        else:  # HfApi reads it so, before a commit
            told = {"errors": [{"message": fault} for fault in found], "warnings": []}
            self.answer(told, 400 if found else 200)

    def branch(self, found: dict[str, str], body: bytes) -> None:
        start = json.loads(body or b"{}").get("startingPoint", "main")
        self.new_ref(found, found["name"], start)

    def tag(self, found: dict[str, str], body: bytes) -> None:
        self.new_ref(found, json.loads(body)["tag"], found["revision"])

    def new_ref(self, found: dict[str, str], name: str, start: str) -> None:
        if (repo := self.repo(found)) is None:
            return
        if name in repo.refs:
            self.answer({"error": f"Reference already exists: {name}"}, 409)
        else:
            repo.refs[name] = repo.sha(start)
            self.answer({})

    def preupload(self, found: dict[str, str], body: bytes) -> None:
        if (repo := self.repo(found)) is None:
            return
        there = repo.at(found["revision"]) or {}
        files = [
            {
                "path": (path := file["path"]),
                "uploadMode": "lfs" if is_lfs(path, file["size"]) else "regular",
                "shouldIgnore": False,
                "oid": oid(path, there[path]) if path in there else None,
            }
            for file in json.loads(body)["files"]
        ]
        self.answer({"files": files})

    def lfs_batch(self, _: dict[str, str], body: bytes) -> None:
        places = [
            {**item, "actions": {"upload": {"href": f"{self.server.address}/lfs/{item['oid']}"}}}
            for item in json.loads(body)["objects"]
        ]
        self.answer({"transfer": "basic", "objects": places})

    def lfs_put(self, found: dict[str, str], body: bytes) -> None:
        self.server.blobs[found["oid"]] = body
        self.answer(b"")

    def commit(self, found: dict[str, str], body: bytes) -> None:
        if (repo := self.repo(found)) is None:
            return
        files, message = dict(repo.at(found["revision"]) or {}), ""
        for line in map(json.loads, body.decode().splitlines()):
            value = line["value"]
            if line["key"] == "header":
                message = value["summary"]
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.blobs[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        kind = "datasets/" if found["type"] == "datasets/" else ""
        place = f"{self.server.address}/{kind}{found['repo']}"
        told: dict[str, object] = {"success": True}
        branch = found["revision"]
        if "create_pr=1" in found["query"]:
            number = 1 + sum(ref.startswith("refs/pr/") for ref in repo.refs)
            branch, told["pullRequestUrl"] = f"refs/pr/{number}", f"{place}/discussions/{number}"
        sha = repo.commit(files, branch, message)
        self.answer({"commitUrl": f"{place}/commit/{sha}", "commitOid": sha, **told})

    def info(self, found: dict[str, str], _: bytes) -> None:
        if repo := self.repo(found):
            self.answer(repo.info(found["repo"], found["revision"] or "main"))

    def tree(self, found: dict[str, str], _: bytes) -> None:
        if repo := self.repo(found):
            files = repo.at(found["revision"]) or {}
            self.answer([entry(path, data) for path, data in sorted(files.items())])

    def paths(self, found: dict[str, str], body: bytes) -> None:
        if repo := self.repo(found):
            fields = parse_qs(body.decode()) if body[:1] != b"{" else json.loads(body)
            files = repo.at(found["revision"]) or {}
            wanted = fields.get("paths", [])
            self.answer([entry(path, data) for path, data in files.items() if path in wanted])

    def resolve(self, found: dict[str, str], _: bytes) -> None:
        if (repo := self.repo(found)) is None:
            return
        path, files = found["path"], repo.at(found["revision"]) or {}
        if path not in files:
            self.not_found("Entry")
            return
        data = files[path]
        name = oid(path, data)
        headers = {"ETag": f'"{name}"', "X_Repo_Commit": repo.sha(found["revision"])}
        if is_lfs(path, len(data)):
            self.server.blobs[name] = data
            place = f"http://localhost:{self.server.server_port}/cdn/{name}"
            linked = {"X_Linked_Size": str(len(data)), "X_Linked_Etag": f'"{name}"'}
            self.answer(b"", 302, Location=place, **linked, **headers)
        else:
            self.answer(data, **headers)

    def cdn(self, found: dict[str, str], _: bytes) -> None:
        data = self.server.blobs[found["oid"]]
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        end = min(int(asked[2] or len(data)) + 1, len(data)) if asked else len(data)
        if self.command == "GET":
            self.server.starts.append(start)
        if start >= len(data):
            self.answer(b"", 416, Content_Range=f"bytes */{len(data)}")
            return
        told = {"Content_Range": f"bytes {start}-{end - 1}/{len(data)}"} if asked else {}
        self.begin(206 if asked else 200, end - start, told)
        if self.command == "GET":
            self.send(data[start:end])

    def send(self, data: bytes) -> None:
        """Send all of what was promised, or half of it."""
        hub, half = self.server, data[: len(data) // 2]
        if hub.stalls:
            hub.stalls -= 1
            self.wfile.write(half)
            self.wfile.flush()
            hub.stalled.set()
            hub.go_on.wait()
            self.close_connection = True
        elif hub.breaks:
            hub.breaks -= 1
            self.wfile.write(half)
            self.close_connection = True
        else:
            self.wfile.write(data)


_ROUTES = [
    ("GET", "/api/whoami-v2", Handler.who),
    ("POST", "/api/repos/create", Handler.create),
    ("POST", "/api/validate-yaml", Handler.validate),
    ("POST", rf"/api/{_REPO}/branch/(?P<name>[^/]+)", Handler.branch),
    ("POST", rf"/api/{_REPO}/tag/(?P<revision>[^/]+)", Handler.tag),
    ("POST", rf"/api/{_REPO}/preupload/(?P<revision>[^/]+)", Handler.preupload),
    ("POST", rf"/api/{_REPO}/commit/(?P<revision>[^/]+)", Handler.commit),
    ("POST", rf"/api/{_REPO}/paths-info/(?P<revision>[^/]+)", Handler.paths),
    ("POST", r"/.+\.git/info/lfs/objects/batch", Handler.lfs_batch),
    ("PUT", "/lfs/(?P<oid>[0-9a-f]+)", Handler.lfs_put),
    ("GET", "/cdn/(?P<oid>[0-9a-f]+)", Handler.cdn),
    ("GET", rf"/api/{_REPO}(/revision/(?P<revision>[^/]+))?", Handler.info),
    ("GET", rf"/api/{_REPO}/tree/(?P<revision>[^/]+)(/.*)?", Handler.tree),
    ("GET", rf"/{_REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", Handler.resolve),
]
_FOR_ALL = (Handler.validate, Handler.paths)
"""What is posted to without a token, too."""
