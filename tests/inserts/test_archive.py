"""Zip and gzip: unpacked as streams, bounded, refused with a reason."""

import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drugtext.errors import ReadError
from drugtext.inserts import archive
from drugtext.inserts.archive import unpack_gzip, unpack_zip


class Pipe(io.RawIOBase):
    """Bytes that can be read once, a few at a time, and not sought in."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._data.readinto(memoryview(buffer)[:1000])


def read_zip(stream) -> list[tuple[str, bytes]]:
    return [(name, open_member().read()) for name, open_member in unpack_zip(stream, "a.zip")]


def refusal(stream) -> tuple[str, str]:
    with pytest.raises(ReadError) as caught:
        read_zip(stream)
    return caught.value.source, caught.value.reason


def lock(packed: bytes) -> bytes:
    """Set the flag that says that the first member is encrypted."""
    data = bytearray(packed)
    for place in (6, data.index(b"PK\x01\x02") + 8):
        data[place] |= 1
    return bytes(data)


@pytest.fixture
def small_limits(monkeypatch):
    monkeypatch.setattr(archive, "_RATIO_COUNTS_FROM", 2**20)


class TestZip:
    def test_documents_in_their_own_order(self, zipped):
        packed = zipped(
            {
                "b.json": b"B",
                "folder/": b"",
                "folder/a.xml": b"A",
                "folder/box.JPG": b"picture",
                "__MACOSX/b.json": b"x",
                ".hidden": b"x",
                "folder/.cache/c.json": b"x",
            }
        )
        expected = [("a.zip/b.json", b"B"), ("a.zip/folder/a.xml", b"A")]
        assert read_zip(io.BytesIO(packed)) == expected

    def test_through_a_pipe(self, zipped):
        packed = zipped({"a.json": b"A" * 5000, "b.json": b"B"})
        assert read_zip(Pipe(packed)) == [("a.zip/a.json", b"A" * 5000), ("a.zip/b.json", b"B")]

    def test_pipe_that_is_too_long(self, zipped, monkeypatch):
        monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 100)
        packed = zipped({"a.json": bytes(range(256))})
        assert refusal(Pipe(packed)) == ("a.zip", "the archive is over 0 GB; split it.")

    @pytest.mark.usefixtures("small_limits")
    def test_bomb(self, zipped):
        packed = zipped({"a.json": b"0" * 3 * 2**20})
        name, reason = refusal(io.BytesIO(packed))
        assert name == "a.zip/a.json"
        assert (
            "at most 100 times as much and 32 GB are read. It looks like an archive bomb" in reason
        )

    def test_small_files_may_pack_tightly(self, zipped):
        assert len(read_zip(io.BytesIO(zipped({"a.json": b"0" * 3 * 2**20})))[0][1]) == 3 * 2**20

    def test_locked_member_does_not_hide_the_next(self, zipped):
        packed = lock(zipped({"a.json": b"A", "b.json": b"B"}))
        members = unpack_zip(io.BytesIO(packed), "a.zip")
        (_, first) = next(members)
        with pytest.raises(
            ReadError, match=r"a\.zip/a\.json: is locked with a password; unpack it"
        ):
            first()
        assert next(members)[1]().read() == b"B"

    def test_damaged_member_does_not_hide_the_next(self, zipped):
        packed = bytearray(zipped({"a.json": b"0123456789" * 9, "b.json": b"B"}))
        packed[40] ^= 0xFF
        members = unpack_zip(io.BytesIO(bytes(packed)), "a.zip")
        with pytest.raises(ReadError, match=r"a\.zip/a\.json: the archive is damaged or cut off"):
            next(members)[1]().read()
        assert next(members)[1]().read() == b"B"

    @pytest.mark.parametrize("cut", [1, 10, 30, 100])
    def test_cut_off(self, zipped, cut):
        source, reason = refusal(io.BytesIO(zipped({"a.json": b"A" * 50})[:-cut]))
        assert source == "a.zip"
        assert reason.startswith("the archive is damaged or cut off (")

    def test_no_documents(self, zipped):
        assert refusal(io.BytesIO(zipped({"a.png": b""})))[1].startswith(
            "the archive holds 0 documents; 1 to 100,000 are needed."
        )

    def test_too_many_documents(self, zipped, monkeypatch):
        monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
        packed = zipped({f"{n}.json": b"" for n in range(3)})
        assert "holds 3 documents; 1 to 2 are" in refusal(io.BytesIO(packed))[1]

    @pytest.mark.parametrize("first", ["[Content_Types].xml", "mimetype"])
    def test_office_document(self, zipped, first):
        packed = zipped({first: b"", "word/document.xml": b"<x/>"})
        assert refusal(io.BytesIO(packed))[1].startswith("is an office document or e-book; save")

    @given(place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 300))
    def test_any_damage_is_named(self, zipped, place, value, cut):
        packed = bytearray(zipped({"a.json": b"0123456789" * 20, "b/c.json": b"B" * 30}))
        packed[place % len(packed)] = value
        try:
            read_zip(io.BytesIO(bytes(packed[: len(packed) - cut])))
        except ReadError as error:
            assert error.source.startswith("a.zip")


class TestGzip:
    @given(st.binary())
    def test_round_trip(self, data):
        assert unpack_gzip(io.BytesIO(gzip.compress(data)), "a.gz").read() == data

    def test_several_members_through_a_pipe(self):
        packed = gzip.compress(b"A" * 3000) + gzip.compress(b"B")
        stream = io.BufferedReader(unpack_gzip(Pipe(packed), "a.gz"))
        assert stream.read() == b"A" * 3000 + b"B"

    @pytest.mark.usefixtures("small_limits")
    def test_bomb(self):
        packed = gzip.compress(b"0" * 3 * 2**20)
        with pytest.raises(ReadError, match=r"a\.gz: unpacks to \d MB and more from 0\.0 MB"):
            unpack_gzip(io.BytesIO(packed), "a.gz").read()

    @pytest.mark.parametrize("cut", [1, 8, 20])
    def test_cut_off(self, cut):
        packed = gzip.compress(bytes(range(256)) * 20)[:-cut]
        with pytest.raises(ReadError, match=r"a\.gz: the archive is damaged or cut off"):
            unpack_gzip(io.BytesIO(packed), "a.gz").read()

    @given(place=st.integers(0, 10_000), value=st.integers(0, 255))
    def test_any_damage_is_named(self, place, value):
        packed = bytearray(gzip.compress(b"0123456789" * 20))
        packed[place % len(packed)] = value
        try:
            unpack_gzip(io.BytesIO(bytes(packed)), "a.gz").read()
        except ReadError as error:
            assert error.source == "a.gz"


@pytest.mark.parametrize(
    ("told", "encoding"),
    [("药品说明书.txt", "utf-8"), ("药品说明书.txt", "gb18030"), ("médicament.txt", "cp437")],
)
def test_names_of_members_are_read_as_they_were_written(told, encoding):
    name = told.encode(encoding)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x" * len(name), b"text")
    # As writers do that tell no encoding: the bytes of the name as they are.
    data = packed.getvalue().replace(b"x" * len(name), name)
    assert read_zip(io.BytesIO(data)) == [(f"a.zip/{told}", b"text")]
