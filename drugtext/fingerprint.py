"""Fingerprints of code: what was answered by other code is not taken for an answer of this one."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = Path(__file__).parent


def code_sha256(*modules: str) -> str:
    """Return a fingerprint of modules, and of all modules of drugtext that they stand on.

    Args:
        modules: full names; one that is not of drugtext counts for nothing.
    """
    files: dict[str, bytes] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        file = _file(module)
        if file is not None and module not in files:
            files[module] = file.read_bytes()
            is_package = file.name == "__init__.py"
            package = module if is_package else module.rpartition(".")[0]
            waiting += _imported(ast.parse(files[module]), package)
    digest = hashlib.sha256()
    for module in sorted(files):
        digest.update(module.encode() + files[module])
    return digest.hexdigest()


def _file(module: str) -> Path | None:
    package, *parts = module.split(".")
    if package != _PACKAGE.name or not parts:  # the package's own __init__ imports nearly all
        return None
    path = _PACKAGE.joinpath(*parts)
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
