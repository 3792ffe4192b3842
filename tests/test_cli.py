"""The command line: output that pipes, errors that name, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

import drugtext
from drugtext import DrugInsert
from drugtext.cli import app

runner = CliRunner()

PAIN = "INDICATIONS AND USAGE\nrelief of pain\n"
HEART = "INDICATIONS AND USAGE\nlowers blood pressure\n"


def run(*arguments: object):
    return runner.invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def model(tiny_classifier, tmp_path_factory) -> Path:
    inserts = [
        DrugInsert(language="en", sections={"indications_and_usage": text})
        for text in ("relief of pain", "lowers blood pressure")
    ]
    folder = tmp_path_factory.mktemp("cli-model")
    tiny_classifier.fit(inserts, ["pain", "heart"]).save_pretrained(folder)
    return folder


@pytest.fixture
def files(tmp_path) -> Path:
    (tmp_path / "a.txt").write_text(HEART)
    (tmp_path / "b.txt").write_text(PAIN)
    return tmp_path


def test_json_is_one_object_an_insert_in_order(model, files):
    done = run("classify", files / "b.txt", files / "a.txt", "--json", "--model", model)
    assert done.exit_code == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(a["source"]).name for a in answers] == ["b.txt", "a.txt"]
    assert [a["category_id"] for a in answers] == ["pain", "heart"]
    assert set(answers[0]) == {
        "source", "id", "row", "name", "category_id", "category_name", "probability", "path",
        "alternatives", "in_scope", "tokens_read", "tokens_total",
    }  # fmt: skip
    assert set(answers[0]["path"][0]) == {"id", "name", "probability"}


def test_piped_lines_are_tab_separated(model, files):
    done = run("classify", files, "--model", model)
    assert done.exit_code == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(row[0], row[2]) for row in rows] == [("a.txt", "heart"), ("b.txt", "pain")]


def test_quick_reads_no_further_than_is_enough(model, tmp_path):
    file = tmp_path / "a.html"
    file.write_text(
        "<h2>INDICATIONS AND USAGE</h2><p>Relief of pain.</p>"
        "<h2>DESCRIPTION</h2><p>A tablet that lowers blood pressure.</p>"
    )
    call = ("classify", file, "--json", "--model", model)
    whole, quick = (json.loads(run(*call, *more).stdout) for more in ((), ("--quick",)))
    assert whole["tokens_read"] > quick["tokens_read"] == 4
    assert quick["category_id"] == "pain" and quick["tokens_total"] == whole["tokens_total"]


def test_answers_with_a_cache_are_the_same_and_nothing_is_encoded_twice(model, files):
    call = ("classify", files / "a.txt", files / "b.txt", "--json", "--model", model)
    plain = run(*call).stdout
    first = run(*call, "--cache", files / "vectors")
    kept = (files / "vectors" / "windows.sqlite").read_bytes()
    second = run(*call, "--cache", files / "vectors")
    assert first.stdout == second.stdout == plain
    assert (files / "vectors" / "windows.sqlite").read_bytes() == kept
    refused = run(*call, "--cache", files / "a.txt")
    assert refused.exit_code == 2 and "no vectors can be kept here" in refused.stderr


def test_top_k_and_its_lower_bound(model, files):
    done = run("classify", files / "a.txt", "--json", "--top-k", 1, "--model", model)
    assert len(json.loads(done.stdout)["alternatives"]) == 1
    assert run("classify", files / "a.txt", "--top-k", 0, "--model", model).exit_code == 2


def test_what_cannot_be_read_is_named_and_the_rest_is_answered(model, files):
    (files / "aa.txt").write_text("")
    (files / "ab.json").write_text('{"results": [{"indications_and_usage": ["relief')
    done = run("classify", files, "--json", "--model", model)
    assert done.exit_code == 1
    assert [json.loads(line)["category_id"] for line in done.stdout.splitlines()] == [
        "heart",
        "pain",
    ]
    assert "aa.txt: is empty; an insert is needed." in done.stderr
    assert "ab.json: the JSON is damaged, cut off" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_exit_status_1(model, files):
    done = run("classify", files / "nowhere.txt", files / "a.txt", "--model", model)
    assert done.exit_code == 1
    assert "nowhere.txt: there is no such file or folder" in done.stderr
    assert done.stdout.startswith("a.txt\t")


def test_a_wrong_call_is_exit_status_2(files):
    assert run("classify").exit_code == 2
    assert run("classify", files, "--nonsense").exit_code == 2
    done = run("classify", files, "--model", files)
    assert done.exit_code == 2
    assert "found no config.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_language_is_named(files, tmp_path, tiny_classifier):
    few = tiny_classifier.fit(
        [DrugInsert(language="en", sections={"indications_and_usage": "relief of pain"})], ["pain"]
    )
    few.model.config.languages = ["en"]
    few.save_pretrained(tmp_path / "model")
    few.model.config.languages = []
    (files / "zh.txt").write_text(
        "【适应症】用于高血压的治疗。\n【用法用量】口服，一次一片，一日一次。\n【禁忌】对本品过敏者禁用。\n"
    )
    done = run("classify", files / "zh.txt", files / "a.txt", "--model", tmp_path / "model")
    assert done.exit_code == 1
    assert "'zh'; this checkpoint knows en" in done.stderr
    assert done.stdout.startswith("a.txt\t")


@pytest.fixture
def support(tmp_path) -> Path:
    for category, text in (("pain", PAIN), ("heart", HEART)):
        (tmp_path / "support" / category).mkdir(parents=True)
        (tmp_path / "support" / category / "1.txt").write_text(text)
    return tmp_path / "support"


def test_learn_from_folders_and_use_it(tiny_encoder_folder, support, tmp_path):
    done = run("learn", support, "--output", tmp_path / "new", "--model", tiny_encoder_folder)
    assert done.exit_code == 0, done.stderr
    assert "learnt 2 categories from 2 inserts" in done.stderr
    assert drugtext.load(tmp_path / "new").category_ids == ["heart", "pain"]


def test_answers_tell_which_record_they_are_of(model, tmp_path):
    table = tmp_path / "shelf.csv"
    table.write_text("id,name,text\nx1,,lowers blood pressure\n7,,. .\n,,relief of pain\n")
    done = run("classify", table, "--model", model, "--json")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(a["id"], a["row"]) for a in answers] == [("x1", 0), ("", 2)]
    assert f"{table}[1]: holds no text" in done.stderr
    lines = run("classify", table, "--model", model).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["shelf.csv", "shelf.csv[2]"]
    read = [json.loads(line) for line in run("read", table, "--json").stdout.splitlines()]
    assert [(a["id"], a["row"]) for a in read] == [("x1", 0), ("7", 1), ("", 2)]


def test_learn_replaces_a_classifier_and_nothing_else(tiny_encoder_folder, support, tmp_path):
    asked = ("learn", support, "--model", tiny_encoder_folder, "--output")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text('{"mine": 1}')
    done = run(*asked, tmp_path / "mine")
    assert done.exit_code == 2
    assert "config.json and is no checkpoint's folder" in " ".join(done.stderr.split())
    assert (tmp_path / "mine" / "config.json").read_text() == '{"mine": 1}'
    assert "is replaced" not in run(*asked, tmp_path / "new").stderr
    done = run(*asked, tmp_path / "new")
    assert done.exit_code == 0 and "new is replaced." in done.stderr


def test_learn_tells_which_names_it_takes_for_the_models_own(model, tmp_path):
    table = tmp_path / "support.csv"
    table.write_text("text,category\nrelief of pain,pain\nlowers blood pressure,shelf 1\n")
    asked = ("learn", table, "--model", model, "--output", tmp_path / "new")
    told = " ".join(run(*asked).stderr.split())
    assert "taken for categories of the model: pain (pain). Where they are names of your" in told
    tree = tmp_path / "own.csv"
    tree.write_text("id;name\npain;My shelf for aches\nshelf 1;The other one\n")
    done = run(*asked, "--taxonomy", tree)
    assert done.exit_code == 0 and "taken for categories" not in done.stderr
    names = [c.name for c in drugtext.load(tmp_path / "new").taxonomy]
    assert names == ["My shelf for aches", "The other one"]


def test_learn_tells_of_a_folder_too_high(tiny_encoder_folder, support, tmp_path):
    arguments = ("--output", tmp_path / "new", "--model", tiny_encoder_folder)
    (tmp_path / "above").mkdir()
    support.rename(tmp_path / "above" / "support")
    done = run("learn", tmp_path / "above", *arguments)
    assert "note: support is the only category: it is the answer to every insert." in done.stderr
    assert f"Where {tmp_path / 'above' / 'support'} holds a folder a category" in done.stderr
    done = run("learn", tmp_path / "above" / "support", *arguments)
    assert "learnt 2 categories" in done.stderr and "only category" not in done.stderr


def test_learn_keeps_names_where_it_is_told_to(tiny_encoder_folder, support, tmp_path):
    for more, n in (([], 0), (["--with-known-drugs"], 2)):
        output = tmp_path / f"new{n}"
        told = ["learn", support, "--output", output, "--model", tiny_encoder_folder, *more]
        assert run(*told).exit_code == 0
        clf = drugtext.load(output)
        assert len(clf.drug_names or ()) == n
    told += ["--private-epsilon", "8"]
    done = run(*told)
    assert done.exit_code == 2 and "tells what --private-epsilon hides" in done.stderr
    done = run(*told[:6], "--add", "--private-epsilon", "8")
    assert done.exit_code == 2
    assert "--add and --private-epsilon exclude each other" in done.stderr


def test_learn_says_where_a_drug_is_not_hidden_as_a_whole(model, files):
    told = [
        {"text": f"relief of pain {n}", "category": "pain", "ingredients": ["painine"] * (n > 0)}
        for n in range(3)
    ]
    (files / "s.jsonl").write_text("\n".join(map(json.dumps, told)))
    learnt = ["learn", files / "s.jsonl", "--output", files / "new", "--model", model]
    done = run(*learnt, "--private-epsilon", "8")
    assert done.exit_code == 0, done.stderr
    assert "1 of 3 inserts do not tell their ingredients" in done.stderr
    assert "do not tell their ingredients" not in run(*learnt).stderr


def test_learn_adds_to_what_is_known(model, tmp_path):
    table = tmp_path / "more.csv"
    table.write_text('text,category\n"eczema of the skin",skin\n"dry skin",skin\n')
    done = run("learn", table, "--output", tmp_path / "more", "--model", model, "--add")
    assert done.exit_code == 0, done.stderr
    assert drugtext.load(tmp_path / "more").category_ids == ["pain", "heart", "skin"]
    again = run("learn", table, "--output", tmp_path / "x", "--model", tmp_path / "more", "--add")
    assert again.exit_code == 2
    assert "'skin' is known already" in again.stderr


def test_learn_tells_where_a_new_category_means_what_a_known_one_does(model, tmp_path):
    table = tmp_path / "more.csv"
    table.write_text('text,category\n"relief of pain",ache\n"wiring of lamps",lamps\n')
    done = run("learn", table, "--output", tmp_path / "more", "--model", model, "--add")
    assert done.exit_code == 0, done.stderr
    assert "note: 1 of 1 inserts of ache are pain (pain) to the model already" in done.stderr
    anew = run("learn", table, "--output", tmp_path / "anew", "--model", model)
    assert anew.exit_code == 0 and "note: " not in anew.stderr


def test_learn_names_a_record_without_category(tiny_encoder_folder, tmp_path):
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"text": "relief of pain", "category": "pain"}\n{"text": "blood pressure"}\n')
    done = run("learn", lines, "--output", tmp_path / "m", "--model", tiny_encoder_folder)
    assert done.exit_code == 1
    assert 'has no "category"; give it one.' in done.stderr


def test_evaluate_counts_right_answers(model, support):
    done = run("evaluate", support, "--model", model, "--json")
    assert done.exit_code == 0, done.stderr
    level = json.loads(done.stdout)["levels"][0]
    assert (level["n_inserts"], level["accuracy"]) == (2, 1.0)
    assert "1.000" in run("evaluate", support, "--model", model).stdout


def test_evaluate_says_once_that_nothing_can_be_judged(model, tmp_path):
    (tmp_path / "pain").mkdir()
    (tmp_path / "pain" / "a.txt").write_text("")
    done = run("evaluate", tmp_path, "--model", model)
    assert done.exit_code == 2 and done.stderr.count("drugtext:") == 1 and "a.txt" in done.stderr


def test_evaluate_names_the_categories_that_it_cannot_count(model, support):
    (support / "dreams").mkdir()
    (support / "dreams" / "a.txt").write_text("INDICATIONS: helps to sleep")
    done = run("evaluate", support, "--model", model)
    assert done.exit_code == 0 and "known at no level, and not counted: dreams\n" in done.stderr


def test_control_characters_of_an_insert_do_not_reach_the_terminal(model, tmp_path):
    forged = {"name": "x\x1b[2J\x1b[8m\u202e", "text": "relief of pain \x1b[2K\x9b2K."}
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps(forged) + "\n")
    for command in ("classify", "explain", "read"):
        done = run(command, file, "--model", model) if command != "read" else run(command, file)
        assert done.exit_code == 0, done.stderr
        told = done.stdout + done.stderr
        assert not {"\x1b", "\x9b", "\u202e"} & {*told} and r"x\x1b[2J\x1b[8m\u202e" in told
        done = run(*([command, file, "--json"] + (["--model", model] * (command != "read"))))
        assert not {"\x1b", "\x9b", "\u202e"} & {*done.stdout}
        assert json.loads(done.stdout)["name"] == forged["name"]
    shelf = tmp_path / "shelf"
    run(
        "registry",
        "create",
        shelf,
        "--model",
        model,
        "--note",
        "as of May\n   2  2026  remove pain",
    )
    done = run("registry", "log", shelf)
    assert len(done.stdout.splitlines()) == 1 and r"as of May\n   2  2026  remove" in done.stdout


def test_models_tells_what_is_bundled_and_how_good_it_is():
    done = run("models")
    assert done.exit_code == 0
    assert "atc" in done.stdout
    assert "masked" in done.stdout


def test_models_lists_the_categories_of_one(model):
    done = run("models", model)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == ["pain\t1\tpain", "heart\t1\theart"]
    assert run("models", "nowhere/to-be-found").exit_code == 2


def test_read_shows_sections(files):
    done = run("read", files / "a.txt")
    assert "indications_and_usage" in done.stdout
    record = json.loads(run("read", files / "a.txt", "--json").stdout)
    assert record["sections"]["indications_and_usage"] == "lowers blood pressure"


def test_help_imports_neither_torch_nor_transformers():
    program = (
        "import sys\nfrom drugtext.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'transformers', 'datasets'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "classify" in done.stdout


def test_a_fault_of_ours_shows_a_traceback_to_those_who_ask_alone():
    code = "from drugtext import cli; cli.app.command('fail')(lambda: 1 / 0); cli.main()"
    call = [sys.executable, "-c", code, "fail"]
    told = subprocess.run(call, capture_output=True, text=True)
    assert told.returncode == 70 and "Traceback" not in told.stderr
    assert "(ZeroDivisionError: division by zero). Please report it" in told.stderr
    shown = os.environ | {"DRUGTEXT_TRACEBACK": "1"}
    asked = subprocess.run(call, capture_output=True, text=True, env=shown)
    assert asked.returncode == 1 and "Traceback" in asked.stderr


def test_a_closed_pipe_is_no_error(model, files):
    many = files / "many.jsonl"
    many.write_text('{"text": "relief of pain"}\n' * 3000)
    command = f"{sys.executable} -m drugtext.cli classify {many} --json --model {model} | head -1"
    call = ["bash", "-o", "pipefail", "-c", command]
    done = subprocess.run(call, capture_output=True, text=True, env=os.environ)
    assert json.loads(done.stdout)["category_id"] == "pain"
    assert done.returncode == 0 and "Traceback" not in done.stderr


def test_on_a_terminal_the_answer_is_whole_and_stands_by_itself(model, files):
    ours, theirs = os.openpty()
    call = [sys.executable, "-m", "drugtext.cli", "classify", files / "a.txt", "--model", model]
    with subprocess.Popen(
        [*map(str, call)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "40"},
    ) as process:
        os.close(theirs)
        told = b""
        with suppress(OSError):  # the other end was closed: all was read
            while part := os.read(ours, 4096):
                told += part
    os.close(ours)
    assert process.returncode == 0, told
    (line,) = (one for one in told.decode().splitlines() if "a.txt" in one)
    assert (
        line.startswith("a.txt") and line.endswith("heart") and "classifying" not in told.decode()
    )


def test_explain_shows_the_sentences_that_decided(model, files):
    (files / "c.txt").write_text(HEART.rstrip() + ". Take it daily. It gives relief of pain.\n")
    done = run("explain", files / "c.txt", "--model", model, "--sentences", 1)
    assert done.exit_code == 0, done.stderr
    first, sentence = done.stdout.splitlines()[:2]
    assert first.startswith("c.txt\t") and "indications_and_usage: " in sentence
    assert done.stdout.splitlines()[-1].startswith("  most like: not told;")
    done = run("explain", files / "c.txt", files / "no.txt", "--model", model, "--json")
    assert done.exit_code == 1 and "no.txt: there is no such file" in done.stderr
    told = json.loads(done.stdout)
    assert len(told["sentences"]) == 3 and told["nearest"] == []


def test_explain_writes_a_page(model, files):
    page = files / "why.html"
    done = run("explain", files / "a.txt", files / "no.txt", files / "b.txt", "--model", model,
               "--json", "--html", page)  # fmt: skip
    assert done.exit_code == 1 and f"written: {page}" in done.stderr
    assert len(done.stdout.splitlines()) == 2
    written = page.read_text(encoding="utf-8")
    assert written.count("<article") == 2 and "lowers blood pressure" in written
    nowhere = files / "no" / "why.html"
    done = run("explain", files / "a.txt", "--model", model, "--html", nowhere)
    assert done.exit_code == 2 and "there is no such folder" in done.stderr
    assert not done.stdout  # told before the work


def test_evaluate_writes_a_report(model, files):
    (files / "held-back.jsonl").write_text('{"text": "relief of pain", "category": "pain"}\n')
    report = files / "report.html"
    done = run("evaluate", files / "held-back.jsonl", "--model", model, "--report", report)
    assert done.exit_code == 0, done.stderr
    assert "<html" in report.read_text() and f"written: {report}" in done.stderr
    nowhere = files / "no" / "report.html"
    done = run("evaluate", files / "held-back.jsonl", "--model", model, "--report", nowhere)
    assert done.exit_code == 2 and "cannot be written" in done.stderr


def test_map_draws_categories_and_inserts(model, files):
    drawn = [files / "map.html", files / "map.png"]
    done = run("map", files / "a.txt", files / "none.txt", "--model", model,
               "--output", drawn[0], "--output", drawn[1])  # fmt: skip
    assert done.exit_code == 1 and "none.txt: there is no such file" in done.stderr
    assert "a.txt" in drawn[0].read_text() and drawn[1].read_bytes().startswith(b"\x89PNG")
    done = run("map", files / "none.txt", "--model", model, "--output", files / "empty.png")
    assert done.exit_code == 2 and not (files / "empty.png").exists()  # nothing was left to draw
    done = run("map", files / "a.txt", "--model", model, "--output", files / "map.gif")
    assert done.exit_code == 2 and "ends in .html or .png is needed" in done.stderr


def test_learn_into_a_tree_of_ones_own(tiny_encoder_folder, files):
    (files / "mine.csv").write_text("id,name,parent\nall,Everything,\npain,Pain killers,all\n")
    (files / "s.jsonl").write_text('{"text": "relief of pain", "category": "pain"}\n')
    arguments = ("--output", files / "new", "--model", tiny_encoder_folder)
    done = run("learn", files / "s.jsonl", *arguments, "--taxonomy", files / "mine.csv")
    assert done.exit_code == 0, done.stderr
    assert [c.id for c in drugtext.load(files / "new").taxonomy.path("pain")] == ["all", "pain"]
    (files / "s.jsonl").write_text('{"text": "relief of pain", "category": "heart"}\n')
    done = run("learn", files / "s.jsonl", *arguments, "--taxonomy", files / "mine.csv")
    assert done.exit_code == 2 and "heart" in done.stderr


def test_a_registry_is_changed_and_taken_back(model, files):
    shelf = files / "shelf"
    assert run("registry", "create", shelf, "--model", model, "--note", "the first").exit_code == 0
    (files / "rash.txt").write_text("INDICATIONS AND USAGE\nFor eczema and itching of the skin.\n")
    done = run(
        *("registry", "add", shelf, "skin", files / "rash.txt", files / "no.txt", "--note", "new")
    )
    assert done.exit_code == 1 and "add skin  new" in done.stdout and "no.txt" in done.stderr
    done = run("registry", "log", shelf)
    assert [line[:5] for line in done.stdout.splitlines()] == ["    1", ">   2"]
    assert run("classify", files / "b.txt", "--model", shelf).stdout.split("\t")[2] == "pain"
    done = run("registry", "diff", shelf, 1, 2, files / "rash.txt", files / "b.txt")
    (changed,) = done.stdout.splitlines()
    assert done.exit_code == 0 and changed.startswith(str(files / "rash.txt"))
    assert changed.split("\t")[-2:] == ["skin", "in scope"]
    for call in (
        ("rename", shelf, "skin", "skin care"),
        ("merge", shelf, "pain", "skin care", "--into", "others"),
        ("undo", shelf),
        ("use", shelf, 3),
        ("extend", shelf, "skin care", files / "b.txt", "--note", "once more"),
        ("remove", shelf, "skin care"),
    ):
        assert run("registry", *call).exit_code == 0, call
    (files / "parts" / "ache").mkdir(parents=True)
    (files / "parts" / "ache" / "b.txt").write_text(PAIN)
    (files / "parts" / "fever").mkdir()
    (files / "parts" / "fever" / "b.pdf").write_bytes(b"%PDF-1.7")
    (files / "parts" / "fever" / "c.txt").write_text(PAIN.replace("pain", "fever"))
    done = run("registry", "split", shelf, "pain", files / "parts")
    assert done.exit_code == 2 and "nothing was split" in done.stderr and "b.pdf" in done.stderr
    (files / "parts" / "fever" / "b.pdf").unlink()
    assert run("registry", "split", shelf, "pain", files / "parts").exit_code == 0
    last = json.loads(run("registry", "log", shelf, "--json").stdout.splitlines()[-1])
    assert last["action"] == "split" and last["categories"] == ["pain", "ache", "fever"]
    done = run("registry", "remove", shelf, "nothing")
    assert done.exit_code == 2 and "is not one of the 3 that are answered" in done.stderr
    done = run("registry", "undo", files)
    assert done.exit_code == 2 and "is no registry" in done.stderr


def test_a_registry_learns_from_the_inserts_that_it_can_read(tiny_classifier, files):
    few = tiny_classifier.fit_names(["pain"])
    few.model.config.languages = ["en"]
    few.save_pretrained(files / "model")
    shelf = files / "shelf"
    assert run("registry", "create", shelf, "--model", files / "model").exit_code == 0
    (files / "zh.txt").write_text("【适应症】用于治疗高血压。", encoding="utf-8")
    done = run("registry", "add", shelf, "heart", files / "a.txt", files / "zh.txt")
    assert done.exit_code == 1 and "zh.txt: is written in 'zh'" in done.stderr
    assert "add heart" in done.stdout and "learnt from 1 insert" in done.stderr


def test_learn_takes_an_id_and_its_name_for_one_category(tiny_encoder_folder, tmp_path):
    (tmp_path / "tree.csv").write_text("id,name\na1,Analgesics\nc1,Heart drugs\n")
    rows = ["text,category", "relief of pain,a1", "fever and pain,Analgesics", "the heart,c1"]
    (tmp_path / "s.csv").write_text("\n".join(rows))
    known = ("--model", tiny_encoder_folder, "--taxonomy", tmp_path / "tree.csv")
    for more in ((), ("--add",)):
        done = run("learn", tmp_path / "s.csv", "--output", tmp_path / "new", *known, *more)
        assert done.exit_code == 0, done.stderr
        assert "learnt 2 categories from 3 inserts" in done.stderr
        assert "a1: 2 inserts" in done.stderr
    assert drugtext.load(tmp_path / "new").model.config.n_support == [2, 1]


def test_learn_does_not_write_into_its_support(tiny_encoder_folder, support):
    for output in (support, support / "new"):
        done = run("learn", support, "--output", output, "--model", tiny_encoder_folder)
        assert done.exit_code == 2 and "where each folder is a category" in done.stderr
    assert {path.name for path in support.iterdir()} == {"pain", "heart"}


def test_learn_tells_of_names_that_are_nearly_alike_and_of_folders_in_folders(
    tiny_encoder_folder, support, tmp_path
):
    (support / "Pain").mkdir()
    (support / "Pain" / "1.txt").write_text(PAIN)
    known = ("--model", tiny_encoder_folder, "--output", tmp_path / "new")
    done = run("learn", support, *known)
    assert done.exit_code == 0 and "note: 'Pain' and 'pain' are different" in done.stderr
    assert "hold" not in done.stderr
    above = run("learn", support.parent, "--model", tiny_encoder_folder, "--output", support / "x")
    assert above.exit_code == 2, "it lies in the support"
    (tmp_path / "above").mkdir()
    support.rename(tmp_path / "above" / "support")
    told = " ".join(run("learn", tmp_path / "above", *known).stderr.split())
    assert "note: support holds folders, whose inserts are all of that category." in told


def test_nothing_is_cut_in_a_pipe(model, support):
    done = run("evaluate", support, "--model", model)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0 and max(map(len, lines)) > 80 and "…" not in done.stdout
    assert "| accuracy (95 % interval) |" in done.stdout


def test_a_support_that_cannot_be_is_told(tiny_encoder_folder, tmp_path):
    known = ("--output", tmp_path / "new", "--model", tiny_encoder_folder)
    done = run("learn", "a" * 5000, *known)
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit)
    assert "drugtext: aaa" in done.stderr
