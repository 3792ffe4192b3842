"""What pip installs: wheel and sdist, and the README's first example where nothing else is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from environments import make_environment, names_of
from examples import PRINTED, PROJECT, blocks_of, check_printed

import drugtext

NOT_SOURCE = (".*", "__pycache__", "*.egg-info", "build", "dist", "runs", "site")
BUILD = (sys.executable, "-m", "build", "--no-isolation")


def run(*call: str | Path, cwd: Path, **settings: str) -> str:
    done = subprocess.run(
        [*map(str, call)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | settings,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-3000:]
    return told


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder of wheel and sdist, made in a copy of the checkout: a build leaves files there."""
    pytest.importorskip("build", reason="build is not installed: pip install '.[dev]'")
    folder = tmp_path_factory.mktemp("built")
    ignored = shutil.ignore_patterns(*NOT_SOURCE)
    source = shutil.copytree(PROJECT, folder / "source", ignore=ignored)
    compiled = {"PYTHONDONTWRITEBYTECODE": ""}  # or setuptools warns that it compiles nothing
    told = run(*BUILD, "--wheel", "--sdist", "--outdir", folder, cwd=source, **compiled)
    assert not re.search("warning|deprecat", told, re.IGNORECASE), told
    return folder


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    (file,) = built.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def sdist(built) -> Path:
    (file,) = built.glob("*.tar.gz")
    return file


def test_the_version_comes_from_one_place(wheel, sdist):
    assert wheel.name == f"drugtext-{drugtext.__version__}-py3-none-any.whl"
    assert sdist.name == f"drugtext-{drugtext.__version__}.tar.gz"


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    package = {
        file.relative_to(PROJECT).as_posix()
        for file in (PROJECT / "drugtext").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    found = {name for name in contents(wheel) if ".dist-info/" not in name}
    assert found == package
    assert {"drugtext/py.typed", "drugtext/checkpoints/atc/config.json"} <= found


def test_the_sdist_makes_the_same_wheel(sdist, wheel, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    names = {path.name for path in source.iterdir()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff"} <= names
    assert "tests" not in names
    run(*BUILD, "--wheel", "--outdir", tmp_path, cwd=source)
    assert contents(tmp_path / wheel.name) == contents(wheel)


def test_the_wheel_runs_the_first_example_where_nothing_else_is(wheel, tmp_path):
    stated = f"drugtext-{drugtext.__version__}.dist-info/METADATA"
    metadata = message_from_bytes(contents(wheel)[stated])
    python = make_environment(tmp_path / "env", names_of(metadata.get_all("Requires-Dist", [])))
    call = ("--python", python, "install", "--no-deps", "--no-index", wheel)
    run(sys.executable, "-m", "pip", *call, cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    blocks = blocks_of(PROJECT / "README.md")
    first = next(n for n, block in enumerate(blocks) if block.language == "python")
    example, shown = blocks[first].code, blocks[first + 1]
    assert shown.title == PRINTED
    code = f"""{example}
import json, sys
print(json.dumps([drugtext.__file__, drugtext.__version__, p.path[0].id, sys.path]))
"""
    offline = {"HF_HUB_OFFLINE": "1", "HOME": str(tmp_path), "PYTHONPATH": ""}
    told = run(python, "-c", code, cwd=elsewhere, **offline).splitlines()
    last = next(n for n, line in enumerate(told) if line[:2] == '["')
    check_printed(shown.code, told[last - 1])
    place, version, root, path = json.loads(told[last])
    assert Path(place).is_relative_to(tmp_path) and str(PROJECT) not in path
    assert (version, root) == (drugtext.__version__, "C")
    command = run(python.with_name("drugtext"), "--version", cwd=elsewhere, **offline)
    assert command.strip() == f"drugtext {drugtext.__version__}"
