"""A corpus in, an answer for each insert out: none lost and none twice, whatever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.dataset as pa_dataset
import pyarrow.parquet as pq
import pytest
import torch
from local_cluster import kill, local_cluster
from noted_files import MENDED, WORKERS, notes, plugin

from drugtext.errors import CorpusError
from drugtext.inserts.insert import DrugInsert
from drugtext.scale.answers import ANSWER, answer_rows
from drugtext.scale.classify import classify_corpus, share_of_cpus
from drugtext.scale.output import SETTINGS, begin, done
from drugtext.scale.parts import PartReader, plan_parts

SCRIPT = Path(__file__).parents[2] / "scripts" / "classify_corpus.py"
N_FILES, ROWS_A_FILE = 6, 40
WORDS = ["pain", "fever", "heart", "skin"]


@pytest.fixture(scope="module")
def classifier(tiny_classifier):
    inserts = [DrugInsert(sections={"indications_and_usage": word}) for word in WORDS]
    return tiny_classifier.fit(inserts, WORDS)


def rows(n: int, start: int = 0) -> list[dict[str, object]]:
    """Records of which every seventh cannot be classified."""
    return [
        {"id": f"insert {k}", "name": f"Drug {k}", "text": "" if k % 7 == 3 else WORDS[k % 4]}
        for k in range(start, start + n)
    ]


def test_each_record_has_a_row_and_those_without_an_answer_say_why(classifier, tmp_path):
    records = [
        {"id": 1, "text": "pain", "sections": None},
        {"id": 2, "text": ""},
        {"sections": {"indications_and_usage": "fever"}},
        {"id": 4, "text": "本品用于治疗高血压。", "language": "zh"},
        {"id": "5\ud800x", "text": "..."},
    ]
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records) + "torn")
    (part,) = plan_parts([str(file)])
    classifier.model.config.languages = ["en"]
    try:
        found = list(answer_rows(classifier, part, PartReader(), top_k=2))
    finally:
        classifier.model.config.languages = []
    assert [row.get("category_id") for row in found] == ["pain", None, "fever", None, None, None]
    assert ["error" in row for row in found] == [False, True, False, True, True, True]
    assert "empty" in found[1]["error"] and "'zh'" in found[3]["error"]
    assert [row["id"] for row in found] == ["1", "2", "[2]", "4", "5 x", "[5]"]
    assert [row["row"] for row in found] == list(range(6))
    assert len(found[0]["alternatives"]) == 2 and found[0]["tokens_read"] == 1
    table = pa.Table.from_pylist(found, schema=ANSWER)
    assert table["path"][0].as_py()[0]["id"] == "pain" and table["path"][1].as_py() is None


def test_the_cores_of_this_machine_are_dealt_out():
    n_cores = torch.get_num_threads()
    assert share_of_cpus(1, None) == n_cores
    assert share_of_cpus(n_cores + 1, None) == 1
    assert share_of_cpus(1, "auto") == 1


def test_an_output_is_of_one_model_and_one_corpus(tmp_path):
    output = str(tmp_path / "new")
    begin(output, {"model": "a", "top_k": 3})
    begin(output, {"model": "a", "top_k": 3})
    assert done(output) == set() and (tmp_path / "new" / SETTINGS).is_file()
    with pytest.raises(CorpusError, match="was begun with another model, top_k"):
        begin(output, {"model": "b", "top_k": 5})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(CorpusError, match="holds other files"):
        begin(str(tmp_path / "other"), {})


def test_an_output_does_not_lie_in_what_is_read(tmp_path):
    (tmp_path / "a.jsonl").write_text("{}\n")
    for output in (tmp_path, tmp_path / "answers"):
        with pytest.raises(CorpusError, match="lies in what is read"):
            classify_corpus([str(tmp_path)], str(output))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, classifier) -> Path:
    """A folder of Parquet files, and a classifier beside it."""
    pytest.importorskip("ray", reason="needs pip install 'drugtext[scale]'")
    folder = tmp_path_factory.mktemp("corpus")
    classifier.save_pretrained(folder / "model")
    (folder / "inserts").mkdir()
    for n in range(N_FILES):
        part = pa.Table.from_pylist(rows(ROWS_A_FILE, n * ROWS_A_FILE))
        pq.write_table(part, folder / "inserts" / f"{n:02}.parquet")
    return folder


def start(
    folder: Path, *arguments: object, rows_a_part: int = 4, **environment: str
) -> subprocess.Popen:
    command = [sys.executable, SCRIPT, *arguments, "--model", "model", "--rows-a-part", rows_a_part]
    return subprocess.Popen(
        [*map(str, command)],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finished(process: subprocess.Popen, code: int = 0) -> str:
    told, _ = process.communicate(timeout=240)
    assert process.returncode == code, told[-3000:]
    assert "Traceback" not in told
    return told


def ids(output: Path) -> list[str]:
    return pa_dataset.dataset(output, format="parquet").to_table(["id"])["id"].to_pylist()


ALL = sorted(str(row["id"]) for row in rows(N_FILES * ROWS_A_FILE))


def until_some_are_done(process: subprocess.Popen, output: Path, n: int) -> None:
    end = time.monotonic() + 300
    while len(list(output.glob("part-*"))) < n:
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def commands_below(node: int) -> list[str]:
    found = []
    for one in psutil.Process(node).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found.append(" ".join(one.cmdline()))
    return found


def until_it_works(node: int, process: subprocess.Popen) -> None:
    """Wait until a worker runs on a node, below its first process."""
    end = time.monotonic() + 120
    while not any("MapWorker" in told for told in commands_below(node)):
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < end, "no worker came there"
        time.sleep(0.05)


def test_killed_half_way_it_goes_on_to_every_insert_once(corpus, tmp_path):
    output = tmp_path / "answers"
    process = start(corpus, "inserts", "--output", output)
    until_some_are_done(process, output, 3)
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    psutil.wait_procs(family, timeout=60)  # one of a group of its own may end a part yet
    before = ids(output)
    assert 0 < len(before) < len(ALL)
    told = finished(start(corpus, "inserts", "--output", output))
    assert sorted(ids(output)) == ALL
    assert f"{len(ALL)} inserts, {len(ALL) - len(before)} of them now" in told
    assert not list(output.glob(".*"))
    told = finished(start(corpus, "inserts", "--output", output))
    assert sorted(ids(output)) == ALL and ", 0 of them now" in told
    table = pa_dataset.dataset(output, format="parquet").to_table()
    answers = {row["id"]: row for row in table.to_pylist()}
    for row in rows(len(ALL)):
        found = answers[row["id"]]
        assert found["category_id"] == (row["text"] or None)
        assert bool(found["error"]) != bool(row["text"])


def test_workers_that_are_killed_lose_nothing(corpus, tmp_path):
    output = tmp_path / "answers"
    process = start(corpus, "inserts", "--output", output, "--workers", 2)
    until_some_are_done(process, output, 2)
    family = psutil.Process(process.pid).children(recursive=True)
    workers = [child for child in family if "MapWorker" in " ".join(child.cmdline())]
    assert workers
    for worker in workers:
        worker.kill()
    finished(process)
    assert sorted(ids(output)) == ALL


def test_on_a_cluster_the_command_is_the_same_and_a_node_that_is_lost_loses_nothing(
    corpus, tmp_path
):
    output = tmp_path / "answers"
    with local_cluster() as cluster:
        call = (corpus, "inserts", "--output", output, "--address", cluster.address)
        process = start(*call, "--workers", 2, **cluster.environment)
        until_it_works(cluster.second.pid, process)
        until_some_are_done(process, output, 3)
        assert cluster.second.poll() is None
        kill(cluster.second)
        told, _ = process.communicate(timeout=240)
        assert process.returncode == 0 or "failed; mend them and run it again" in told, told[-3000:]
        finished(start(*call, **cluster.environment))  # what was with the node, if anything is left
    assert sorted(ids(output)) == ALL


def test_json_lines_and_relative_addresses(corpus, tmp_path):
    lines = tmp_path / "inserts.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in [*rows(30), *rows(30)]))
    output = corpus / "relative" / "answers"
    call = (f"file://{lines}", "--output", "relative/answers", "--quick")
    finished(start(corpus, *call, rows_a_part=40))
    told = finished(start(corpus, *call[:-1], rows_a_part=40), code=2)
    assert "was begun with another quick" in told
    assert ids(output) == [str(row["id"]) for row in [*rows(30), *rows(30)]]  # in order, twice


def test_what_is_wrong_is_told_before_the_work(corpus, tmp_path):
    told = finished(start(corpus, "nowhere.parquet", "--output", tmp_path / "a"), code=2)
    assert "there is no such file or folder" in told
    told = finished(start(corpus, "inserts", "--output", corpus / "inserts"), code=2)
    assert "lies in what is read" in told
    told = finished(start(corpus, "inserts", "--output", corpus), code=2)
    assert "holds other files" in told
    call = ("inserts", "--output", tmp_path / "b", "--address", "nowhere")
    told = finished(start(corpus, *call), code=2)
    assert "no Ray cluster answers at 'nowhere' (Invalid address format: nowhere)" in told


def test_workers_are_started_where_there_is_work_and_hold_one_part_each(corpus, tmp_path):
    environment = plugin(tmp_path / "plugin") | {WORKERS: "2"}
    output = tmp_path / "answers"
    several = ("--workers", 1, "--most-workers", 2)
    addresses = (f"noted://{corpus}/inserts", "--output", f"noted://{output}")
    finished(start(corpus, *addresses, *several, rows_a_part=ROWS_A_FILE, **environment))
    assert sorted(ids(output)) == ALL
    noted = notes(tmp_path / "plugin" / "notes")
    assert len({note.pid for note in noted}) == 2
    assert sorted(note.what for note in noted) == ["read"] * N_FILES + ["wrote"] * N_FILES
    in_flight = list(accumulate(1 if note.what == "read" else -1 for note in noted))
    assert max(in_flight) == 2 and in_flight[-1] == 0


def test_parts_that_fail_are_named_and_the_others_are_done(corpus, tmp_path):
    folder = tmp_path / "inserts"
    folder.mkdir()
    names = ["0", "1-broken", "2", "3-deadly", "4"]
    for n, name in enumerate(names):
        table = pa.Table.from_pylist(rows(5, 5 * n))
        pq.write_table(table, folder / f"{name}.parquet")
    output, environment = tmp_path / "answers", plugin(tmp_path / "plugin")
    call = (f"noted://{folder}", "--output", output)
    told = finished(start(corpus, *call, rows_a_part=5, **environment), code=1)
    assert "2 of 5 parts failed; mend them and run it again" in told
    broken, deadly = (f"noted://{folder}/{name}.parquet" for name in (names[1], names[3]))
    assert f"part-000001.parquet, rows 0 to 4 of {broken}: OSError: the disk has a hole" in told
    assert f"part-000003.parquet, rows 0 to 4 of {deadly}: its worker died 4 times" in told
    assert done(str(output)) == {f"part-00000{n}.parquet" for n in (0, 2, 4)}
    tried = [note.file for note in notes(tmp_path / "plugin" / "notes") if note.what == "read"]
    assert [tried.count(f"{name}.parquet") for name in names] == [1, 1, 1, 4, 1]
    told = finished(start(corpus, *call, rows_a_part=5, **environment, **{MENDED: "1"}))
    assert "25 inserts, 10 of them now" in told
    assert ids(output) == [str(row["id"]) for row in rows(25)]


def test_it_is_given_up_where_all_parts_fail(corpus, tmp_path):
    folder = tmp_path / "inserts"
    folder.mkdir()
    for n in range(15):
        pq.write_table(pa.Table.from_pylist(rows(1)), folder / f"{n:02}-broken.parquet")
    environment = plugin(tmp_path / "plugin")
    call = (f"noted://{folder}", "--output", tmp_path / "answers")
    told = finished(start(corpus, *call, **environment), code=1)
    assert "given up when 11 of 15 parts failed" in told and "the disk has a hole" in told
    assert done(str(tmp_path / "answers")) == set()
