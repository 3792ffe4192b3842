"""Repositories of a hub in memory: commits, branches, tags, pull requests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

LFS_FROM = 1024  # bytes; a larger file is uploaded by LFS, as the real hub decides for binaries


@dataclass
class Repo:
    """A repository.

    Attributes:
        is_private: seen by its owner alone.
        commits: name of a commit -> path -> content, oldest first.
        refs: branch, tag or pull request ("refs/pr/1") -> commit.
        messages: what each commit is called, oldest first.
    """

    is_private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    @property
    def files(self) -> dict[str, bytes]:
        """Those of the newest commit of the main branch."""
        return self.at("main") or {}

    def sha(self, revision: str) -> str:
        """The commit that a branch, a tag or a commit is; empty if there is none."""
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else ""

    def at(self, revision: str) -> dict[str, bytes] | None:
        return self.commits.get(self.sha(revision))

    def commit(self, files: dict[str, bytes], branch: str = "main", message: str = "") -> str:
        sha = f"{len(self.commits) + 1:040}"
        self.commits[sha], self.refs[branch] = files, sha
        self.messages.append(message)
        return sha

    def info(self, name: str, revision: str) -> dict[str, Any]:
        """What the hub tells of a revision that there is."""
        siblings = [{"rfilename": path} for path in sorted(self.at(revision) or {})]
        told = {"id": name, "sha": self.sha(revision), "private": self.is_private}
        return {**told, "siblings": siblings, "tags": []}


def is_lfs(path: str, size: int) -> bool:
    return size > LFS_FROM and not path.endswith((".json", ".md", ".py"))


def oid(path: str, data: bytes) -> str:
    """What a file is known by: SHA-256 in LFS, else git's."""
    if is_lfs(path, len(data)):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def entry(path: str, data: bytes) -> dict[str, Any]:
    """A file as the hub lists it."""
    told: dict[str, Any] = {"type": "file", "path": path, "size": len(data)}
    if is_lfs(path, len(data)):
        told["lfs"] = {"oid": oid(path, data), "size": len(data), "pointerSize": 130}
    return {**told, "oid": hashlib.sha1(data).hexdigest()}
