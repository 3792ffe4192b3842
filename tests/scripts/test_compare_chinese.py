"""Chinese inserts are told apart by more than chance, and each figure stands on the page."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

from shell_lines import run_script

PROJECT = Path(__file__).parents[2]
ROOTS = {"C": "heart pressure", "N": "pain seizures", "J": "infections throat"}
STEMS = ("普利", "沙坦", "洛尔", "地平", "他汀", "拉唑")
N_DRUGS = 7


def records() -> list[dict[str, object]]:
    """Drugs of six categories in two sets; the words of a category stand in all of its inserts."""
    found: list[dict[str, object]] = []
    kinds = {"insert": "{}0{}", "formulary_short": "{}0{}AA0{}"}
    for (kind, code), (number, root), drug in product(
        kinds.items(), enumerate(product(ROOTS, (1, 2))), range(N_DRUGS)
    ):
        letter, second = root
        first = chr(0x4E00 + 40 * number + drug) + chr(0x5E00 + 40 * number + drug)
        name = f"{first}{STEMS[number]}片"
        words = f"{ROOTS[letter]} {'daily' if second == 1 else 'liver'} " * 3
        found.append(
            {
                **{"kind": kind, "lang": "zh", "label_quality": "source", "name": name},
                "atc": code.format(letter, second, drug),
                "sections": {"适应症": f"{name} {words}"},
            }
        )
    return found


def test_figures_are_better_than_chance_and_on_the_page(tiny_encoder_folder, tmp_path):
    codes = [
        f"{letter}0{second}{rest}"
        for letter in ROOTS
        for second in (1, 2)
        for rest in ("", "A", "AA")
    ]
    tree = "".join(f"{code},a\n" for code in [*ROOTS, *codes])
    (tmp_path / "atc.csv").write_text("atc_code,name_en\n" + tree)
    lines = (json.dumps(record) + "\n" for record in records())
    (tmp_path / "zh.jsonl").write_text("".join(lines))
    words = ["python", "scripts/compare_chinese.py", str(tmp_path / "zh.jsonl")]
    words += ["--taxonomy", str(tmp_path / "atc.csv"), "--encoder", str(tiny_encoder_folder)]
    words += ["--output", str(tmp_path / "chinese"), "--prefix", "", "--n-episodes", "3"]
    done = run_script(words)
    assert done.exit_code == 0, (done.output, done.exception)
    told = json.loads((tmp_path / "chinese" / "chinese.json").read_text())
    assert {row["set"] for row in told["rows"]} == {"mainland hospital", "Taiwan formulary"}
    for row in told["rows"]:
        if row["k"] in (5, None):
            assert row["accuracy"][0] > 1.5 / row["n_way"], row
    page = (tmp_path / "chinese" / "README.md").read_text()
    for row in told["rows"]:
        assert "{:.3f} [{:.3f}, {:.3f}]".format(*row["accuracy"]) in page


def test_the_readme_tells_what_was_measured():
    readme = " ".join((PROJECT / "README.md").read_text(encoding="utf-8").split())
    told = json.loads((PROJECT / "benchmark" / "chinese" / "chinese.json").read_text())
    page = (PROJECT / "benchmark" / "chinese" / "README.md").read_text(encoding="utf-8")
    assert told["command"] in page
    asked = [
        row
        for row in told["rows"]
        if (row["set"], row["names"], row["level"]) == ("mainland hospital", "masked", 2)
    ]
    for way in ("drugtext, the encoder alone", "TF-IDF of characters + SVM"):
        found = {row["k"]: row["accuracy"][0] for row in asked if row["way"] == way}
        assert f"{found[1]:.3f}, {found[3]:.3f} and {found[5]:.3f}" in readme
    assert {row["n_way"] for row in asked if row["k"]} == {16}
