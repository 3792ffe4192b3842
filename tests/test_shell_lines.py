"""Lines that README and docs show are run, or checked; and the checks find what is wrong."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from pkgutil import resolve_name

import pytest
from examples import check_printed, code_of
from shell_lines import (
    CHECKED,
    COMMANDS,
    LEFT_OUT,
    PROJECT,
    SCRIPTS,
    SHORTENED,
    begins,
    check_line,
    command_of,
    lines_of,
)

SHOWN = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
A_COMMIT = "https://huggingface.co/a/commit/0123"
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def shell_lines(page: Path) -> list[str]:
    return [line for code in code_of(page, "sh") for line in lines_of(code)]


def test_each_line_is_run_or_there_is_a_reason():
    lines = [line for page in SHOWN for line in shell_lines(page)]
    for line in lines:
        assert begins(line, ("drugtext ", "python scripts/", *LEFT_OUT, *CHECKED)), line
    for beginning in (*LEFT_OUT, *CHECKED, *SHORTENED):
        assert any(line.startswith(beginning) for line in lines), f"no page shows {beginning!r}"


def test_each_command_is_shown():
    calls = [command_of(line).words for page in SHOWN[1:] for line in shell_lines(page)]
    assert {words[1] for words in calls if words[0] == "drugtext"} == set(COMMANDS)


def test_what_a_reason_names_is_there():
    tests = Path(__file__).parent
    for reason in (*LEFT_OUT.values(), *CHECKED.values()):
        for name in re.findall(r"\btests/([\w/.]*\w)", reason):
            assert (tests / name).exists(), reason
        for name in re.findall(r"\btest_\w+\b(?!\.py)", reason):
            files = tests.rglob("test_*.py")
            assert any(f"def {name}(" in file.read_text(encoding="utf-8") for file in files), reason


@pytest.mark.parametrize(
    "line",
    [
        "drugtext classify samples --no-such-option",
        "drugtext registry no-such-command shelves",
        "torchrun --nproc_per_node 2 scripts/finetune_lora.py x --output y --no-such-option 2",
        "torchrun --no-such-option 2 scripts/finetune_lora.py x --output y",
        "python scripts/no-such-script.py",
        'pip install ".[no-such-extra]"',
        'pip install "no-such-place[app]"',
        "make no-such-target",
        "hf auth no-such-command",
    ],
)
def test_a_line_that_names_what_is_not_there_is_found(line, capsys):
    with pytest.raises((Exception, SystemExit)) as found:
        check_line(line)
    assert "no-such" in str(found.value) + capsys.readouterr().err


def test_what_is_printed_is_compared():
    check_printed("C07AB 0.51 https://huggingface.co/a/commit/…", f"C07AB 0.53\n{A_COMMIT}\n")
    for other in (f"C07AA 0.51 {A_COMMIT}", f"C07AB 0.61 {A_COMMIT}", "C07AB 0.51"):
        with pytest.raises(AssertionError):
            check_printed("C07AB 0.51 https://huggingface.co/a/commit/…", other)


def test_extras_are_asked_of_the_checkout():
    for page in SHOWN:
        text = page.read_text(encoding="utf-8")
        assert "drugtext[" not in text, page
        for call in re.findall(r"`(pip install [^`]*\[[^`]*)`", text):
            check_line(call)


def test_names_that_the_text_mentions_are_there():
    """Inline code: `drugtext.name`, `drugtext command --option`."""
    spans = [span for page in SHOWN for span in INLINE.findall(page.read_text(encoding="utf-8"))]
    names = {span.partition("(")[0] for span in spans if re.match(r"drugtext\.\w", span)}
    assert len(names) >= 15
    for name in names:
        assert resolve_name(name) is not None
    calls = [span.split() for span in spans if re.match(r"drugtext [a-z]", span)]
    assert len(calls) >= 4
    for _, command, *words in calls:
        options = {option for known in COMMANDS[command].params for option in known.opts}
        assert {word for word in words if word.startswith("--")} <= options, (command, words)


def test_examples_of_commands_and_scripts_are_right():
    commands = [*COMMANDS.values()]
    for command in commands:
        commands += getattr(command, "commands", {}).values()
    calls = [call for c in commands for call in re.findall(r"Example: \*\*(.+)\*\*", c.help or "")]
    assert len(calls) >= 8
    for script in sorted(SCRIPTS.glob("*.py")):
        told = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")), clean=False) or ""
        shown = [line.strip() for line in lines_of(told) if line.startswith("    ")]
        assert shown, f"{script.name} has no example"
        calls += [line for line in shown if f"scripts/{script.name}" in line]
    for call in calls:
        check_line(call)
