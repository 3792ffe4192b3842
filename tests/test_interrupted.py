"""Writers that are killed, and disks that are full: the old is whole, or the new."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from drugtext.errors import CheckpointError
from drugtext.manifest import check_manifest
from drugtext.whole_folder import finish_write, read_whole, replacing
from drugtext.written_file import write_file

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

# Kills a writer at its first step, then at its second, and so on, until one comes to its end.
AT_EACH_STEP = """
import json, os, shutil, signal, sys
from pathlib import Path
from drugtext.manifest import MANIFEST, check_manifest
from drugtext.whole_folder import finish_write, replacing

folder = Path(sys.argv[1])
OLD = {"config.json": "old", "head.safetensors": "old", "adapter/adapter_config.json": "old"}
NEW = {"config.json": "new", "model.safetensors": "new", "model.py": "new"}

def write(files):
    with replacing(folder) as new:
        for name, text in files.items():
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_text(text)

def killed_at(n):
    left = [n]
    def counted(real):
        def step(*args, **options):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **options)
        return step
    for name in ("replace", "unlink", "rmdir", "mkdir", "write_text"):
        setattr(Path, name, counted(getattr(Path, name)))

found = []
for n in range(1000):
    shutil.rmtree(folder, ignore_errors=True)
    write(OLD)
    (folder / "mine.txt").write_text("mine")
    writer = os.fork()
    if writer == 0:
        killed_at(n)
        write(NEW)
        os._exit(0)
    _, status = os.waitpid(writer, 0)
    if sys.argv[2] == "load":
        finish_write(folder)
    else:  # another one writes
        write(NEW)
    check_manifest(folder)
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    there = {name: path.read_text() for name, path in files.items() if ".new-" not in name}
    assert there.pop("mine.txt") == "mine", n
    del there[MANIFEST]
    found.append("old" if there == OLD else "new" if there == NEW else f"mixed: {there}")
    if not os.WIFSIGNALED(status):
        break
print(json.dumps(found))
"""
# Kills writers at moments of chance, and lets others write to a disk that is full.
AT_RANDOM = """
import os, random, resource, signal, sys, time
from pathlib import Path
from transformers.utils import logging
import drugtext
from drugtext.errors import DrugTextError
from drugtext.registry import Registry

logging.disable_progress_bar()  # its lock is shared with forks: one that is killed keeps it

def insert(text):
    return drugtext.DrugInsert(language="en", sections={"indications_and_usage": text})

def killed(write, longest):
    writer = os.fork()
    if writer == 0:
        while True:
            write()
    time.sleep(chance.uniform(0, longest))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)

def refused(write, n_bytes):
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, unlimited[1]))
    try:
        write()
    except DrugTextError as error:
        return str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)

chance, home = random.Random(0), Path(sys.argv[2])
pain, heart = insert("relief of pain"), insert("lowers blood pressure")
plain = drugtext.load(sys.argv[1])
few, more = plain.fit([pain], ["pain"]), plain.fit([pain, heart], ["pain", "heart"])
folder, seen = home / "folder", []
few.save_pretrained(folder)
start = time.time()
more.save_pretrained(folder)
longest = 3 * (time.time() - start)
for _ in range(20):
    killed(lambda: (few.save_pretrained(folder), more.save_pretrained(folder)), longest)
    found = drugtext.load(folder)
    expected = more if len(found.category_ids) == 2 else few
    assert found.predict([heart]) == expected.predict([heart])
    seen.append(len(found.category_ids))
print(seen)

registry = Registry.create(home / "registry", few)
for n in range(8):
    killed(lambda: registry.add(f"category {time.time_ns()}", [heart]), 2 * longest)
    again = Registry(registry.folder)
    versions = again.versions()
    assert [v.number for v in versions] == list(range(1, len(versions) + 1))
    assert again.load().predict([pain])
registry.add("last", [heart])
assert "last" in registry.load().category_ids
assert not list(registry.folder.glob("versions/.new-*"))
print("registry whole")

few.save_pretrained(folder)
before = registry.current
for n_bytes in (2000, 25_000):  # the second is enough for all but the weights
    print(refused(lambda: more.save_pretrained(folder), n_bytes))
    assert drugtext.load(folder).predict([pain]) == few.predict([pain])
    print(refused(lambda: registry.add("too much", [heart]), n_bytes))
    assert Registry(registry.folder).current == before
"""
FULL_DISK = """
import resource, sys
from drugtext.errors import DrugTextError
from drugtext.written_file import write_file

resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    write_file(sys.argv[1], "x" * 5000)
except DrugTextError as error:
    print(error)
"""


def lines(code: str, *arguments: object) -> list[str]:
    settings = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    call = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(
        call, capture_output=True, text=True, env=os.environ | settings, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_a_writer_killed_at_any_step_leaves_the_old_or_the_new(tmp_path):
    (told,) = lines(AT_EACH_STEP, tmp_path / "saved", "load")
    found = json.loads(told)
    assert len(found) > 15
    assert found == sorted(found, reverse=True), "once it is the new one, it stays so"
    assert set(found) == {"old", "new"}


def test_who_writes_next_is_not_disturbed(tmp_path):
    (told,) = lines(AT_EACH_STEP, tmp_path / "saved", "write")
    assert set(json.loads(told)) == {"new"}


def test_killed_at_any_moment_a_classifier_and_a_registry_are_whole(tiny_encoder_folder, tmp_path):
    seen, registry, *refused = lines(AT_RANDOM, tiny_encoder_folder, tmp_path)
    assert len(json.loads(seen)) == 20 and set(json.loads(seen)) <= {1, 2}
    assert registry == "registry whole"
    assert len(refused) == 4 and all("cannot be written" in line for line in refused)


def test_a_registry_whose_maker_was_killed_is_made_again(tiny_classifier, tmp_path):
    from drugtext import DrugInsert
    from drugtext.registry import Registry

    insert = DrugInsert(language="en", sections={"indications_and_usage": "relief of pain"})
    few = tiny_classifier.fit([insert], ["pain"])
    Registry.create(tmp_path, few)
    (tmp_path / "current").unlink()  # as if between the first version and this
    (tmp_path / "versions" / ".new-x").mkdir()
    again = Registry.create(tmp_path, few, note="again")
    assert [v.number for v in again.versions()] == [1, 2] and again.current.note == "again"
    assert not (tmp_path / "versions" / ".new-x").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"file: cannot be written to \(File exists\)"):
        Registry.create(tmp_path / "file", few)


def test_what_a_killed_writer_left_is_cleared_and_who_is_at_work_is_not_disturbed(tmp_path):
    for name, age in (("killed", 10), ("at-work", 10), ("another-s", 10), ("old", 100_000)):
        left = tmp_path / f".new-{name}"
        left.mkdir()
        (left / "known_drugs.json").write_text("[]")
        if name in ("killed", "at-work"):
            (left / ".lock").touch()
        time = left.stat().st_mtime - age
        os.utime(left, (time, time))
    with FileLock(tmp_path / ".new-at-work" / ".lock"), replacing(tmp_path) as new:
        (new / "config.json").write_text("{}")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {".new-at-work", ".new-another-s", "config.json", "manifest.json"}


def test_what_is_read_is_of_one_write(tmp_path):
    def write(text: str) -> None:
        with replacing(tmp_path) as new:
            (new / "config.json").write_text(text)
            (new / "model.safetensors").write_text(text)

    def read_while(texts: list[str]) -> tuple[str, str]:
        config = (tmp_path / "config.json").read_text()
        if texts:
            write(texts.pop())
        weights = (tmp_path / "model.safetensors").read_text()
        if config != weights:  # as a checkpoint that does not fit together is refused
            raise CheckpointError("damaged")
        return config, weights

    write("0")
    assert read_while([]) == read_whole(tmp_path, lambda: read_while([])) == ("0", "0")
    texts = ["3", "2", "1"]
    assert read_whole(tmp_path, lambda: read_while(texts)) == ("3", "3")
    times = []

    def read_while_it_is_another_one_and_back() -> tuple[str, str]:
        config = (tmp_path / "config.json").read_text()
        if not times:
            write("4")
        weights = (tmp_path / "model.safetensors").read_text()
        if not times:
            write("3")
        times.append(1)
        return config, weights

    assert read_whole(tmp_path, read_while_it_is_another_one_and_back) == ("3", "3")
    assert len(times) == 2
    endless = [str(n) for n in range(100)]
    with pytest.raises(CheckpointError, match="is written anew again and again"):
        read_whole(tmp_path, lambda: read_while(endless))
    (tmp_path / "model.safetensors").write_text("other")
    with pytest.raises(CheckpointError, match="damaged"):
        read_whole(tmp_path, lambda: read_while([]))


def test_a_write_that_begins_while_a_folder_is_read_is_seen(tmp_path):
    with replacing(tmp_path / "next") as new:
        (new / "config.json").write_text("new")
    with replacing(tmp_path / "is") as new:
        (new / "config.json").write_text("old")
    begun = []

    def read() -> str:
        if not begun:
            begun.append((tmp_path / "next").rename(tmp_path / "is" / ".next"))
        return (tmp_path / "is" / "config.json").read_text()

    assert read_whole(tmp_path / "is", read) == "new"


def test_an_interrupted_write_that_may_not_be_finished_is_told(tmp_path, monkeypatch):
    with replacing(tmp_path) as new:
        (new / "config.json").write_text("old")
    (tmp_path / ".next").mkdir()
    for name in ("config.json", "manifest.json"):
        (tmp_path / ".next" / name).write_bytes((tmp_path / name).read_bytes())

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse)
        with pytest.raises(CheckpointError, match="a write was interrupted, and cannot be finish"):
            finish_write(tmp_path)
    finish_write(tmp_path)
    check_manifest(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "manifest.json"}


def test_an_interrupted_write_that_was_damaged_since_is_not_finished(tmp_path):
    with replacing(tmp_path) as new:
        (new / "config.json").write_text("old")
    with replacing(tmp_path / "other") as new:
        (new / "config.json").write_text("new")
        (new / "model.safetensors").write_text("new")
    (tmp_path / "other").rename(tmp_path / ".next")
    (tmp_path / ".next" / "model.safetensors").write_text("ne")
    with pytest.raises(CheckpointError, match=r"damaged since\. Delete .*\.next to go back"):
        finish_write(tmp_path)
    check_manifest(tmp_path)
    assert (tmp_path / "config.json").read_text() == "old"
    (tmp_path / ".next" / "config.json").replace(tmp_path / "config.json")
    with pytest.raises(CheckpointError, match=r"its model\.safetensors .* Fetch or train"):
        finish_write(tmp_path)
    (tmp_path / ".next" / "model.safetensors").write_text("new")
    finish_write(tmp_path)
    check_manifest(tmp_path)
    assert (tmp_path / "config.json").read_text() == "new"


def test_a_new_write_takes_the_place_of_a_damaged_one(tmp_path):
    with replacing(tmp_path / "other") as new:
        (new / "config.json").write_text("damaged")
    (tmp_path / "other").rename(tmp_path / ".next")
    (tmp_path / ".next" / "config.json").write_text("dam")
    with replacing(tmp_path) as new:
        (new / "config.json").write_text("new")
    check_manifest(tmp_path)
    assert (tmp_path / "config.json").read_text() == "new"
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "manifest.json"}


def test_a_full_disk_leaves_the_old_file_whole(tmp_path):
    file = tmp_path / "page.html"
    write_file(file, "old")
    (told,) = lines(FULL_DISK, file)
    assert told.startswith(f"{file}: cannot be written (File too large)")
    assert file.read_text() == "old" and [*tmp_path.iterdir()] == [file]


def test_a_file_that_is_written_over_keeps_its_mode_and_its_link(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    write_file(link, "new")
    assert link.is_symlink() and file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o640
    ours, theirs = os.openpty()  # a device of the test's own, which nobody misses
    try:
        device = Path(os.ttyname(theirs))
        write_file(device, "gone")
        assert os.read(ours, 4) == b"gone" and not device.is_file()
    finally:
        os.close(ours)
        os.close(theirs)
