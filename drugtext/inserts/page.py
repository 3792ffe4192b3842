"""An HTML page -> its text, headings marked as in Markdown, and its title."""

from __future__ import annotations

import re
from html import unescape

from lxml import etree, html

from drugtext.errors import ReadError
from drugtext.inserts.markup import element_text
from drugtext.inserts.text import decode_text

_BLOCKS = ("p", "br", "div", "li", "ul", "ol", "table", "tr", "td", "th")
_TAG = re.compile(
    rf"</?(?P<name>{'|'.join(_BLOCKS)}|h[1-6]|span|strong|b|i|em|u|sup|sub)"
    r"(?:\s+[\w:-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+))*\s*/?>",
    re.IGNORECASE,
)
_LINE_ENDS = re.compile(r"[^\S\n]*\n[^\S\n]*")
_CHARSET_UTF8 = re.compile(rb"charset\s*=\s*[\"']?\s*utf-?8", re.IGNORECASE)
# What lxml reads out of a page, but does not take back.
_NOT_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def page_text(data: bytes | str, source: str) -> tuple[str, str]:
    """Turn a page into text that shows which lines are headings.

    Args:
        data: the page; bytes that are not UTF-8 are read as the page declares, and where it
            declares nothing or something else than it holds, as its content shows.
        source: the file's name, for messages.

    Returns:
        The text, one line a block, "## " in front of what stands in `<h2>`; the page's title.

    Raises:
        ReadError: the page holds nothing, or cannot be read to its end.
    """
    root = _parse(data, source)
    for section in root.iterfind(".//*[@data-sectioncode]"):  # of a page that DailyMed gives
        link, item = section.getprevious(), section.getparent()
        if link is not None and link.tag == "a" and item is not None:
            link.tag, item.tag = "h1", "div"
    for element in root.iter("h1", "h2", "h3", "h4", "h5", "h6"):
        # A heading element is a heading even where its words alone would not show it.
        marks = "#" * int(str(element.tag)[1])
        element.text = f"{marks} {_NOT_XML.sub(' ', element.text or '')}"
    title = " ".join((root.findtext(".//title") or "").split())
    return element_text(root, skip=("head", "nav")), title


def without_tags(text: str) -> str:
    """Return a text without the tags that some databases leave in it, a line a block."""
    if "<" not in text or not _TAG.search(text):
        return text
    plain = _TAG.sub(lambda tag: "\n" if tag["name"].lower() in _BLOCKS else "", text)
    return _LINE_ENDS.sub("\n", unescape(plain).replace("\xa0", " ")).strip()


def _parse(data: bytes | str, source: str) -> html.HtmlElement:
    if isinstance(data, bytes) and not _is_utf8(data):
        head = data[:4096]
        is_wrong = _CHARSET_UTF8.search(head) and not _is_mostly_utf8(data)
        if b"charset" in head.lower() and not is_wrong:
            root, stopped = _tree(data, None, source)
            if not stopped:
                return root
        # A page declared as GB 2312 may well hold characters that only GB 18030 has.
        data = decode_text(data, source)
    if isinstance(data, str):
        data = data.encode("utf-8", "replace")
    # libxml2 takes a NUL for the end of the page.
    root, stopped = _tree(data.replace(b"\0", b" "), "utf-8", source)
    if stopped:
        raise ReadError(
            source, f"cannot be read to the end of its HTML ({stopped}). Save it as plain text."
        )
    return root


def _tree(data: bytes, encoding: str | None, source: str) -> tuple[html.HtmlElement, str]:
    """Parse a page without following anything that it refers to.

    Args:
        data: the page.
        encoding: what it is in; None for what it declares.
        source: the file's name, for messages.

    Returns:
        The tree; why the parser gave up before the end of the page, empty where it did not. It
        drops the rest without an exception.
    """
    # Without huge_tree it gives up at a depth of 256 elements and at texts of 10 MB.
    parser = html.HTMLParser(no_network=True, encoding=encoding, huge_tree=True)
    try:
        root = html.document_fromstring(data, parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise ReadError(source, f"is no readable HTML page ({error}).") from error
    fatal = parser.error_log.filter_from_fatals()
    return root, fatal[0].message.strip() if len(fatal) else ""


def _is_mostly_utf8(data: bytes) -> bool:
    text = data.decode("utf-8", "replace")
    return 2 * text.count("\ufffd") < sum(character > "\x7f" for character in text)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
