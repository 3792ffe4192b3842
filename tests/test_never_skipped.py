"""In CI, a test that is skipped for want of something that CI has is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SKIPPED = """
import pytest

@pytest.fixture
def browser():
    pytest.skip("needs chromium: apt-get install chromium")

def test_in_a_browser(browser): pass

def test_with_a_package():
    pytest.importorskip("no_such_package")

def test_with_an_extra():
    pytest.importorskip("no_such_package", reason="the page needs the extra: pip install '.[app]'")

def test_on_real_data():
    pytest.skip("needs real inserts: set DRUGTEXT_DATA to their folder")

@pytest.mark.xfail
def test_that_fails(): assert False
"""


def never_skipped_in_ci(has_chromium: bool, tmp_path: Path) -> str:
    """What `.ci/run` gives to the tests: it runs where programs of the same names print it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("make", "apt-get", *(["chromium"] if has_chromium else [])):
        said = 'echo "$1: $DRUGTEXT_NEVER_SKIPPED"' if name == "make" else "exit 1"
        (programs / name).write_text(f"#!/bin/sh\n{said}\n")
        (programs / name).chmod(0o755)
    for name in ("bash", "dirname", "id"):
        (programs / name).symlink_to(next(Path(p, name) for p in ("/usr/bin", "/bin")))
    done = subprocess.run(
        [str(programs / "bash"), str(TESTS.parent / ".ci" / "run")],
        capture_output=True,
        text=True,
        env={"PATH": str(programs)},
        check=True,
    )
    assert ("no chromium" in done.stdout) is not has_chromium
    (pattern,) = (line for line in done.stdout.splitlines() if line.startswith("test: "))
    return pattern.removeprefix("test: ")


def outcomes(tmp_path: Path, pattern: str) -> str:
    """The last line of a run of `SKIPPED`."""
    (tmp_path / "test_skipped.py").write_text(SKIPPED)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider",
         "-c", os.devnull, "--rootdir", tmp_path, tmp_path],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS), "DRUGTEXT_NEVER_SKIPPED": pattern},
        check=False,
    )  # fmt: skip
    assert "xfailed" in done.stdout, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


def test_without_the_setting_all_are_skipped(tmp_path):
    assert "4 skipped, 1 xfailed" in outcomes(tmp_path, "")


@pytest.mark.parametrize(
    ("has_chromium", "told"),
    [(True, "2 failed, 1 skipped, 1 xfailed, 1 error"), (False, "2 failed, 2 skipped, 1 xfailed")],
)
def test_ci_fails_for_want_of_a_package_and_of_a_browser_that_it_has(tmp_path, has_chromium, told):
    pattern = never_skipped_in_ci(has_chromium, tmp_path)
    assert told in outcomes(tmp_path, pattern)
