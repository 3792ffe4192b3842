"""read_inserts: every format by its content, every refusal by its reason."""

import gzip
import json
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.errors import DrugTextError, ReadError
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts, read_text

TEXT = "INDICATIONS AND USAGE\nExamplol is for a fast pulse.\n\nCONTRAINDICATIONS\nAsthma.\n"
CHINESE = "【适应症】\n用于治疗心跳过快，也可用于轻度高血压。\n【用法用量】\n口服，一日两次。\n"
HTML = "<html><body><h1>Indications</h1><p>For a fast pulse.</p></body></html>"
XML = (
    '<document xmlns="urn:hl7-org:v3"><component><structuredBody><component><section>'
    '<code code="34067-9"/><text>For a fast pulse.</text></section></component></structuredBody>'
    "</component></document>"
)
DECLARED = f'<?xml version="1.0" encoding="UTF-8"?>\n{XML}'
CSV = "name,text\nExamplol,For a fast pulse.\n"
RECORD = '{"indications_and_usage": ["For a fast pulse."]}'
LINES = f"{RECORD}\n{RECORD}\n"
BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><document xmlns="urn:hl7-org:v3">&c;</document>'
)
OTHER_FILE = (
    '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    '<document xmlns="urn:hl7-org:v3"><title>&x;</title></document>'
)


@pytest.fixture
def write(tmp_path):
    def write(name: str, data: bytes | str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return write


@pytest.fixture
def pipe(monkeypatch):
    """A function that feeds bytes through a real pipe to standard input, bit by bit."""
    threads = []

    def feed(data: bytes) -> None:
        reading, writing = os.pipe()

        def send():
            with open(writing, "wb", buffering=0) as stream:  # noqa: PTH123
                for start in range(0, len(data), 700):
                    stream.write(data[start : start + 700])

        threads.append(threading.Thread(target=send))
        threads[-1].start()
        monkeypatch.setattr(sys, "stdin", open(reading, encoding="utf-8"))  # noqa: PTH123, SIM115

    yield feed
    for thread in threads:
        thread.join(timeout=10)
    sys.stdin.close()


class TestFormats:
    @pytest.mark.parametrize(
        ("data", "n_inserts"),
        [
            (RECORD, 1),
            (f"[{RECORD}, {RECORD}]", 2),
            (json.dumps({"meta": {}, "results": [json.loads(RECORD)] * 3}), 3),
            (json.dumps({"meta": {}, "results": [json.loads(RECORD)] * 3}, indent=2), 3),
            ('{"meta": {}, "results": [\n' + RECORD + ",\n" + RECORD + "\n]}\n", 2),
            ('{"results": [\n' + RECORD + "\n]}\n", 1),
            (LINES, 2),
            (LINES.replace("\n", "\r\n\r\n"), 2),
            ("\ufeff \n" + RECORD, 1),
            ("\ufeff" + LINES, 2),
            (RECORD.encode("utf-16"), 1),
            (LINES.encode("utf-16"), 2),
            (XML, 1),
            (DECLARED, 1),
            ("\ufeff" + DECLARED, 1),
            (" \n" + DECLARED, 1),
            (DECLARED.replace("UTF-8", "UTF-16").encode("utf-16"), 1),
            (HTML, 1),
            ("<!DOCTYPE html>\n" + HTML, 1),
            (HTML.encode("utf-16"), 1),
            ('<?xml version="1.0"?>\n' + HTML, 1),
            (TEXT, 1),
            (TEXT.replace("\n", "\r\n").encode("utf-16"), 1),
            (CHINESE, 1),
            (CHINESE.encode("gb18030"), 1),
            ("[适应症] 用于治疗心跳过快。\n[禁忌] 哮喘患者禁用。\n", 1),
            (CSV, 1),
            (CSV.replace(",", "\t").encode("utf-16"), 1),
        ],
    )
    def test_content_decides(self, write, read_all, data, n_inserts):
        path = write("no-extension", data)
        inserts, errors = read_all(path)
        assert errors == []
        assert len(inserts) == n_inserts
        assert all(insert.source == str(path) for insert in inserts)
        assert all("indications_and_usage" in i.sections or "text" in i.sections for i in inserts)

    def test_gzip_and_zip_of_each(self, write, read_all, zipped):
        documents = [RECORD, LINES, XML, HTML, TEXT, CSV]
        data = [text.encode() for text in documents]
        archive = write("all.zip", zipped({f"{n}": one for n, one in enumerate(data)}))
        packed = [write(f"{n}.gz", gzip.compress(one)) for n, one in enumerate(data)]
        inserts, errors = read_all(archive, *packed)
        assert errors == []
        sources = [f"{archive}/{n}" for n in (0, 1, 1, 2, 3, 4, 5)]
        assert [insert.source for insert in inserts[:7]] == sources
        assert len(inserts) == 14

    def test_zip_in_a_zip_as_dailymed_packs_them(self, write, read_all, zipped):
        inner = zipped({"label.xml": XML.encode(), "box.jpg": b"\xff\xd8\xff"})
        path = write(
            "release.zip", zipped({"rx/1.zip": inner, "rx/2.json.gz": gzip.compress(b"[]")})
        )
        (insert,), (error,) = read_all(path)
        assert insert.source == f"{path}/rx/1.zip/label.xml"
        assert str(error).startswith(f"{path}/rx/2.json.gz: the JSON holds no record")

    def test_first_line_longer_than_what_is_looked_at(self, write, read_all):
        long = json.dumps({"warnings": ["Take care. " * 120_000]})
        assert len(read_all(write("a.jsonl", f"{long}\n{long}\n"))[0]) == 2

    def test_packed_lines_of_which_the_second_is_damaged(self, write, read_all):
        long = json.dumps({"warnings": ["Take care. " * 20_000]})
        path = write("a.gz", gzip.compress(f"{long}\n{long[:-9]}\n{long}\n".encode()))
        inserts, (error,) = read_all(path)
        assert len(inserts) == 2
        assert str(error).startswith(f"{path}[1]: line 2 is not JSON (Unterminated string")

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_one_damaged_line(self, write, read_all, place):
        lines = [RECORD] * 4
        lines[place] = lines[place][:30]
        inserts, (error,) = read_all(write("a.jsonl", "\n".join(lines)))
        assert len(inserts) == 3
        assert f"a.jsonl[{place}]: line {place + 1} is not JSON" in str(error)


class TestPaths:
    def test_folder_in_sorted_order_without_hidden_files(self, write, read_all, tmp_path):
        for name in ("b.txt", "a/z.txt", "a/b/c.txt", ".hidden.txt", ".git/x.txt", "c.json"):
            write(name, RECORD if name.endswith("json") else TEXT)
        inserts, errors = read_all(tmp_path)
        assert errors == []
        assert [i.source for i in inserts] == [
            str(tmp_path / name) for name in ("a/b/c.txt", "a/z.txt", "b.txt", "c.json")
        ]

    def test_several_paths_in_the_order_given(self, write):
        paths = [write("b.txt", TEXT), str(write("a.txt", TEXT))]
        assert [i.source for i in read_inserts(paths)] == list(map(str, paths))
        assert [i.source for i in read_inserts(str(paths[0]))] == [str(paths[0])]
        assert list(read_inserts([])) == []

    def test_folder_of_a_thousand_files_of_which_three_are_broken(self, write, read_all, tmp_path):
        broken = {100: b"", 500: b"%PDF-1.7", 999: b'{"results": ['}
        for n in range(1000):
            write(f"{n:04}.json", broken.get(n, RECORD.replace("pulse", f"pulse {n}")))
        inserts, errors = read_all(tmp_path)
        assert [i.text for i in inserts] == [
            f"For a fast pulse {n}." for n in range(1000) if n not in broken
        ]
        assert [Path(error.source).name for error in errors] == [
            "0100.json",
            "0500.json",
            "0999.json",
        ]

    def test_first_error_raises_where_nobody_asks_for_errors(self, write):
        good, bad = write("a.txt", TEXT), write("b.txt", "")
        found = read_inserts([good, bad, good])
        assert next(found).source == str(good)
        with pytest.raises(ReadError, match=r"b\.txt: is empty; an insert is needed\."):
            next(found)

    def test_links_to_folders_are_not_followed(self, write, read_all, tmp_path):
        write("a/a.txt", TEXT)
        (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
        inserts, errors = read_all(tmp_path)
        assert (len(inserts), errors) == (1, [])

    def test_links_to_files_are_followed(self, write, read_all, tmp_path):
        (tmp_path / "link.txt").symlink_to(write("a.txt", TEXT))
        (tmp_path / "lost.txt").symlink_to(tmp_path / "nowhere")
        (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
        inserts, errors = read_all(tmp_path)
        assert len(inserts) == 2
        assert [error.reason for error in errors] == [
            "there is no such file or folder; check the path."
        ] * 2

    def test_named_pipe_does_not_hang(self, write, read_all, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        write("good.txt", TEXT)
        inserts, (error,) = read_all(tmp_path)
        assert len(inserts) == 1
        assert error.reason == "is not a regular file; name a file, a folder or -."

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
    def test_file_and_folder_that_may_not_be_read(self, write, read_all, tmp_path):
        write("a.txt", TEXT).chmod(0)
        write("b/b.txt", TEXT).parent.chmod(0)
        inserts, errors = read_all(tmp_path)
        (tmp_path / "b").chmod(0o700)
        assert inserts == []
        assert [error.reason for error in errors] == [
            "the folder cannot be listed (Permission denied); check its permissions.",
            "cannot be opened (Permission denied); check its path and permissions.",
        ]

    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("", "found an empty path; name a file, a folder, or - for standard input."),
            ("nowhere/a.txt", "there is no such file or folder; check the path."),
            ("a\0b", "there is no such file or folder; check the path."),
            ("a" * 5000, "cannot be opened (File name too long); check its path and permissions."),
            ("/dev/null", "is not a regular file; name a file, a folder or -."),
        ],
    )
    def test_paths_that_lead_nowhere(self, read_all, path, reason):
        (error,) = read_all(path)[1]
        assert (error.source, error.reason) == (path, reason)

    def test_empty_folder(self, read_all, tmp_path):
        (error,) = read_all(tmp_path)[1]
        assert str(error) == f"{tmp_path}: the folder holds no file; a folder of inserts is needed."


class TestStandardInput:
    @pytest.mark.parametrize("data", [LINES, f"[{RECORD},{RECORD}]"])
    def test_json(self, pipe, read_all, data):
        pipe(data.encode())
        inserts, errors = read_all("-")
        assert [i.source for i in inserts] == ["-", "-"]
        assert errors == []

    def test_zip_and_gzip_through_a_pipe(self, pipe, read_all, zipped):
        packed = zipped({"a.txt": TEXT.encode(), "b.json": os.urandom(10**5)})
        pipe(packed)
        (insert,), (error,) = read_all("-")
        assert (insert.source, error.source) == ("-/a.txt", "-/b.json")
        pipe(gzip.compress(TEXT.encode()))
        assert len(read_all("-")[0]) == 1

    def test_it_is_left_open(self, pipe, read_all):
        pipe(RECORD.encode())
        read_all("-")
        assert not sys.stdin.buffer.closed
        assert read_all("-")[1][0].reason == "is empty; an insert is needed."

    def test_closed(self, monkeypatch, read_all):
        monkeypatch.setattr(sys, "stdin", None)
        assert read_all("-")[1][0].reason.startswith("standard input is closed; pipe an insert")


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ("", "is empty; an insert is needed."),
            (" \n\t\ufeff\n", "holds only white space; an insert is needed."),
            (bytes(range(256)) * 99, "holds binary data, not text"),
            ("%PDF-1.7 stream", "is a PDF; extract its text first"),
            ("{\\rtf1\\ansi For pain.}", "is a document in RTF; save it as plain text or HTML."),
            (b"\xff\xfe" + TEXT.encode("utf-16-le")[:-1], "its byte order mark says utf-16, but"),
            ("Nothing of use is said here.", "no section was recognised in its 28 characters"),
            ("<html><body>Nothing of use.</body></html>", "no section was recognised"),
            (RECORD[:-9], "the JSON is damaged, cut off or not UTF-8 behind record 0"),
            (DECLARED[:-30], "the XML is damaged or cut off"),
            (gzip.compress(TEXT.encode())[:-9], "the archive is damaged or cut off"),
            (b"PK\x03\x04 and then something else", "the archive is damaged or cut off"),
            (BILLION_LAUGHS, "the XML declares a DOCTYPE, which may define entities"),
            (OTHER_FILE, "the XML declares a DOCTYPE, which may define entities"),
            ('<?xml version="1.0"?><recipe/>', "found XML with the root <recipe>"),
            ("a" * (32 * 2**20 + 1), "is over 32 MB, and no single insert is that long."),
            ("null", "no section was recognised"),
            ("[null]", "found null where a record {…} is needed."),
            ("[1, 2]", "found a number where a record {…} is needed."),
        ],
    )
    def test_reasons(self, write, read_all, data, reason):
        path = write("insert.bin", data)
        inserts, errors = read_all(path)
        assert inserts == []
        assert errors[0].source.startswith(str(path))
        assert reason in errors[0].reason

    def test_archives_three_deep(self, write, read_all, zipped):
        packed = zipped({"d.txt": TEXT.encode()})
        for name in ("c.zip", "b.zip"):
            packed = zipped({name: packed})
        (error,) = read_all(path := write("a.zip", packed))[1]
        assert str(error) == (
            f"{path}/b.zip/c.zip: is an archive inside 2 archives; unpack the outer ones."
        )

    @pytest.mark.parametrize("wrap", [False, True])
    def test_bomb_that_would_pass_for_inserts(self, write, read_all, zipped, wrap):
        line = json.dumps({"text": "a" * 4 * 2**20}).encode() + b"\n"
        packed = gzip.compress(line * 20, compresslevel=1)
        name = "bomb.gz"
        if wrap:
            packed, name = zipped({name: packed}), "bomb.zip"
        inserts, (error,) = read_all(write(name, packed))
        assert len(inserts) < 17
        assert "It looks like an archive bomb: unpack it yourself if you trust it." in error.reason

    def test_error_behind_some_inserts_says_how_many_were_read(self, write, read_all):
        inserts, (error,) = read_all(path := write("part.json", f"[{RECORD}, {RECORD}, {{"))
        assert len(inserts) == 2
        assert str(error) == (
            f"{path}: the JSON is damaged, cut off or not UTF-8 behind record 2 (parse error:"
            " premature EOF). Fetch or save it again. Inserts read before it: 2."
        )

    def test_section_of_ten_megabytes_of_text(self, write, read_all):
        body = "Examplol calms the pulse.\n" * 400_000
        (insert,), errors = read_all(write("a.txt", f"INDICATIONS AND USAGE\n{body}"))
        assert errors == []
        assert len(insert.sections["indications_and_usage"]) == len(body) - 1


class TestAnyBytes:
    """Inserts or DrugTextError, whatever the file holds."""

    @staticmethod
    def read(path: Path, data: bytes) -> None:
        path.write_bytes(data)
        try:
            for insert in read_inserts(path):
                assert isinstance(insert, DrugInsert)
        except DrugTextError as error:
            assert str(error).startswith(str(path))

    @pytest.fixture(scope="class")
    def path(self, tmp_path_factory) -> Path:
        return tmp_path_factory.mktemp("any") / "file"

    @given(data=st.binary(max_size=300))
    @settings(max_examples=150, deadline=None)
    def test_bytes(self, path, data):
        self.read(path, data)

    @given(
        start=st.sampled_from(
            [b"{", b"[", b"<", b"<?xml", b"PK\x03\x04", b"\x1f\x8b\x08", b"text,a\n"]
        ),
        data=st.binary(max_size=200),
    )
    @settings(max_examples=150, deadline=None)
    def test_bytes_behind_a_sign_of_some_format(self, path, start, data):
        self.read(path, start + data)

    @given(data=st.data())
    @settings(max_examples=200, deadline=None)
    def test_changed_and_cut_documents(self, path, zipped, data):
        sound = data.draw(
            st.sampled_from(
                [RECORD, LINES, f'{{"results": [{RECORD}]}}', DECLARED, HTML, TEXT, CSV]
            )
        ).encode()
        pack = data.draw(st.sampled_from(["", "gzip", "zip"]))
        if pack:
            sound = gzip.compress(sound) if pack == "gzip" else zipped({"a": sound})
        place = data.draw(st.integers(0, len(sound)))
        end = place + data.draw(st.sampled_from([0, 1, 5, len(sound)]))
        self.read(path, sound[:place] + data.draw(st.binary(max_size=5)) + sound[end:])


@pytest.mark.real_data
class TestRealData:
    def test_bulk_parts_of_openfda(self, real_data, read_all):
        inserts, errors = read_all(*sorted((real_data / "openfda").glob("*.zip")))
        assert errors == []
        assert len(inserts) == 834
        assert all(i.name and i.set_id and i.effective_date and i.language for i in inserts)
        # Three documents give no indications under a field of that name.
        assert sum("indications_and_usage" in i.sections for i in inserts) == 831
        assert sum("mechanism_of_action" in i.sections for i in inserts) == 664

    def test_no_section_says_what_another_says(self, real_data):
        for insert in read_inserts(min((real_data / "openfda").glob("*.zip"))):
            sections = insert.sections.items()
            assert not [
                (name, other)
                for name, text in sections
                for other, around in sections
                if name != other and len(text) > 200 and text in around
            ]

    def test_normalised_lines(self, real_data, read_all):
        inserts, (error,) = read_all(real_data / "en" / "inserts.jsonl.gz")
        assert len(inserts) == 8225
        assert error.source.endswith("[754]")  # its sections are empty
        inserts, errors = read_all(real_data / "zh" / "inserts.jsonl.gz")
        assert (len(inserts), errors) == (2831, [])
        assert {i.language for i in inserts} == {"zh"}

    def test_folder_of_labels(self, real_data, read_all):
        inserts, errors = read_all(real_data / "spl")
        assert (len(inserts), errors) == (23, [])


@pytest.mark.parametrize("pasted", [TEXT, HTML, XML, DECLARED, RECORD, f"[{RECORD}]"])
def test_what_is_pasted_is_read_as_a_file_of_it(pasted):
    (insert,) = read_text(pasted)
    assert isinstance(insert, DrugInsert)
    assert "fast pulse." in insert.sections["indications_and_usage"]


def test_a_text_with_brackets_is_no_json():
    for text in ("{Brand} tablets calm.", "[1] Calms."):
        (insert,) = read_text(text)
        assert isinstance(insert, DrugInsert) and dict(insert.sections) == {"text": text}


def test_what_is_pasted_and_holds_no_insert_is_told():
    two, errors = f'[{RECORD}, {{"a": 1}}]', list[ReadError]()
    (good,) = read_text(two, on_error=errors.append)
    assert isinstance(good, DrugInsert) and "no section was recognised" in str(errors.pop())
    assert [*read_text(" ", on_error=errors.append)] == [] and len(errors) == 1
    for text in (two, " "):
        with pytest.raises(ReadError):
            list(read_text(text))
