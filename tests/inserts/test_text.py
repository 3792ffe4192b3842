"""decode_text and its neighbours: encodings, and a plain word for what is no text."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drugtext.errors import ReadError
from drugtext.inserts import text as module
from drugtext.inserts.text import (
    byte_order_mark,
    decode_text,
    read_bounded,
    refuse_foreign,
    without_blanks,
)

CHINESE = "【适应症】\n用于治疗心跳过快，也可用于轻度高血压。\n【用法用量】\n口服，一日两次。\n"
TAIWANESE = "【適應症】\n治療心跳過快、輕度高血壓。\n【用法用量】\n口服，每日兩次，每次一錠。\n"
FRENCH = "Indications\nL’examplol est utilisé chez l’adulte – à prendre après le repas.\n"


def refusal(data: bytes) -> str:
    with pytest.raises(ReadError) as caught:
        decode_text(data, "insert.txt")
    assert caught.value.source == "insert.txt"
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "utf-8"),
        (CHINESE, "utf-8-sig"),
        (CHINESE, "utf-16"),
        (CHINESE, "utf-32"),
        (CHINESE, "gb18030"),
        (CHINESE, "gb2312"),
        (CHINESE.splitlines()[1], "gbk"),
        (TAIWANESE, "big5"),
        ("【成份】黄芪、白术（炒）、防风。\n【贮藏】密封", "gb18030"),  # many rare characters
        ("id,name\n1,感冒\n2,皮肤\n3,心血管\n", "gbk"),
        ("text,category\n感冒发热头痛,感冒\n", "gb18030"),
        ("Препарат применяют при головной боли у взрослых и детей старше шести лет.", "cp1251"),
        ("이 약은 성인의 두통과 간(肝) 질환에 사용합니다. 하루 두 번 복용하십시오.", "euc_kr"),
        ("黄连上清片说明书\n【功能主治】散风清热。", "gbk"),
        (FRENCH, "cp1252"),
        ("For pain.", "ascii"),
        ("", "utf-8"),
    ],
)
def test_encodings(text, encoding):
    assert decode_text(text.encode(encoding), "insert.txt") == text


def test_documents_begin_behind_white_space_and_marks_alone():
    assert without_blanks(b"\xef\xbb\xbf \xef\xbb\xbf\r\nA\n") == b"A\n"
    for text, encoding in (("（见背面）", "utf-8"), ("［适应症］", "utf-8"), ("黄连", "gbk")):
        assert without_blanks(text.encode(encoding)).decode(encoding) == text


def test_big_endian_with_mark():
    assert decode_text(b"\xfe\xff" + CHINESE.encode("utf-16-be"), "insert.txt") == CHINESE


def test_sample_that_ends_inside_a_character_does_not_mislead():
    text = ("A" + CHINESE) * 3000  # 3 sample lengths; the odd letter shifts the pairs of bytes
    assert decode_text(text.encode("gb18030"), "insert.txt") == text


def test_gb18030_beyond_gbk_far_behind_the_sample():
    text = CHINESE * 2000 + "𠮷"  # four bytes, which GBK does not know
    assert decode_text(text.encode("gb18030"), "insert.txt") == text


def test_a_stray_zero_byte_becomes_a_space():
    assert decode_text(b"INDICATIONS\n" + b"For pain. " * 50 + b"\0", "i.txt").endswith("pain.  ")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bytes(range(256)) * 40, "holds binary data, not text"),
        (b"\0" * 1000, "holds binary data, not text"),
        (b"\x01\x02\x03 some words", "holds binary data, not text"),
        (b"\xff\xfea", "its byte order mark says utf-16, but it cannot be read as that"),
        (CHINESE.encode("gb18030") * 2000 + b"\xff", "its text encoding cannot be told"),
    ],
)
def test_refusals(data, reason):
    assert reason in refusal(data)


@given(st.binary(max_size=400))
def test_any_bytes_are_text_or_refused(data):
    try:
        assert isinstance(decode_text(data, "insert.txt"), str)
    except ReadError as error:
        assert error.reason.endswith(("needed.", "UTF-8."))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd")))
def test_utf8_comes_back_as_it_was(text):
    assert decode_text(text.encode("utf-8-sig"), "insert.txt") == text


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"%PDF-1.7", "is a PDF; extract its text first"),
        (b"{\\rtf1\\ansi", "is a document in RTF; save it as plain text or HTML."),
        (b"\xd0\xcf\x11\xe0", "is an old Word or Excel file"),
        (b"\x89PNG\r\n", "is a picture; run text recognition on it first."),
        (b"BZh91AY", "is compressed with bzip2"),
        (b"insert.txt".ljust(257, b"\0") + b"ustar", "is a tar archive"),
    ],
)
def test_foreign_formats_are_called_by_their_name(head, reason):
    with pytest.raises(ReadError) as caught:
        refuse_foreign(head, "insert")
    assert caught.value.reason.startswith(reason)


def test_text_is_not_foreign():
    refuse_foreign(b"PDF files and {rtf} are spoken of here.", "insert.txt")


def test_byte_order_marks():
    marked = [text.encode(name) for name in ("utf-8-sig", "utf-16", "utf-32") for text in ["a"]]
    assert [byte_order_mark(data) for data in [*marked, b"a"]] == [
        "utf-8-sig",
        "utf-16",
        "utf-32",
        None,
    ]


def test_what_is_read_whole_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "MAX_INSERT_BYTES", 2**20)
    assert len(read_bounded(io.BytesIO(b"a" * 2**20), "insert.txt")) == 2**20
    with pytest.raises(ReadError, match="is over 1 MB, and no single insert is that long"):
        read_bounded(io.BytesIO(b"a" * (2**20 + 1)), "insert.txt")
