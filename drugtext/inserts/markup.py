"""Markup into readable plain text: the block text of SPL XML and of HTML alike."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from lxml import etree

BULLET = "• "
CELL_SEPARATOR = " | "

_ITEMS = frozenset({"item", "li"})
_FRAMES = frozenset({"tr", "td", "th", "footnote"})
_IGNORED = frozenset({"script", "style", "template"})
_BLOCK_NAMES = (
    "address article aside blockquote body br caption center dd details div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html item legend li list main"
    " nav ol p paragraph pre section summary table tbody text tfoot thead title tr ul"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
_STYLED_RUNS = frozenset({"content", "linkhtml"})
# White space that vanishes before punctuation. Only a broken page holds this character: a run of
# them is not searched from each one to its end, which would take the square of its length.
_SOFT_SPACE = "\x1f"
_SOFT_SPACE_BEFORE_PUNCTUATION = re.compile(rf"{_SOFT_SPACE}[^\S{_SOFT_SPACE}]*(?=[,.;:)\]])")
# Authors type a bullet of their own into an item, or give it as the item's caption.
_TYPED_BULLET = re.compile(rf"^{BULLET}(?:[•·∙‣▪◦●○■□◆]\s*|o\s+)+")


def element_text(element: etree._Element, *, skip: Collection[str] = ()) -> str:
    """Turn an XML or HTML element into plain text, one line a block.

    Namespaces, comments, processing instructions, scripts and styles are ignored; white space is
    folded, and there are no blank lines. An item of a list begins with "• ". A table has one line
    a row, its cells joined by " | "; empty cells are left out. A row of one cell keeps the lines
    of that cell, because such tables are frames around text. A footnote stands in parentheses
    where it is referred to.

    Args:
        element: the root of what is to be read; what follows it (its tail) is not part of it.
        skip: local names of elements below the root that are left out, with all they hold.

    Returns:
        The text, lines separated by a newline; empty where the element holds none. Any depth of
        nesting is read.
    """
    frames = [_Frame("")]
    preformatted = 0
    for event, value in _walk(element, skip):
        if event == "text":
            frames[-1].add(value, keep_lines=preformatted > 0)
            continue
        if value == "pre":
            preformatted += 1 if event == "start" else -1
        if value in _FRAMES:
            if event == "start":
                frames.append(_Frame(value))
            else:
                _close_frame(frames)
        elif value in _BLOCKS:
            frames[-1].end_line()
            if value in _ITEMS:
                frames[-1].bullet = event == "start"
    return "\n".join(frames[0].finish())


@dataclass(slots=True)
class _Frame:
    """Lines under construction: of the whole, or of the row, cell or footnote named."""

    name: str
    lines: list[str] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    bullet: bool = False

    def add(self, text: str, *, keep_lines: bool = False) -> None:
        if not keep_lines:
            self.pieces.append(text)
            return
        first, *others = text.split("\n")
        self.pieces.append(first)
        for line in others:
            self.end_line()
            self.pieces.append(line)

    def end_line(self) -> None:
        text = "".join(self.pieces).translate(_INVISIBLE)
        line = " ".join(_SOFT_SPACE_BEFORE_PUNCTUATION.sub("", text).split())
        self.pieces.clear()
        if not line:
            return
        if self.bullet:
            # A block inside the item may have begun: the bullet waits for the first words.
            line = _TYPED_BULLET.sub(BULLET, BULLET + line)
            self.bullet = False
        self.lines.append(line)

    def finish(self) -> list[str]:
        self.end_line()
        return self.lines


def _close_frame(frames: list[_Frame]) -> None:
    """Hand what a finished cell, row or footnote holds to the frame around it."""
    frame, outer = frames.pop(), frames[-1]
    lines = frame.finish()
    if frame.name == "footnote":
        outer.add(f" ({' '.join(lines)}){_SOFT_SPACE}" if lines else "")
        return
    if outer.name == "tr":
        # Words of a row that stand outside its cells are a cell of their own.
        outer.cells.append(outer.finish())
        outer.cells.append(lines)
        outer.lines = []
        return
    outer.end_line()
    cells = [cell for cell in [*frame.cells, lines] if cell]
    if len(cells) == 1:
        outer.lines.extend(cells[0])
    elif cells:
        outer.lines.append(CELL_SEPARATOR.join(" ".join(cell) for cell in cells))


def _walk(root: etree._Element, skip: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield ("text", words), ("start", name) and ("end", name) in document order.

    The nodes still to visit wait on a list, not on the call stack: a deeply nested document is
    read like any other.
    """
    stack: list[etree._Element | tuple[str, str]] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            yield node
            continue
        if node is not root and node.tail:
            stack.append(("text", node.tail))
        if not isinstance(node.tag, str):
            continue
        name = _local_name(node)
        if (node is not root and name in skip) or name.lower() in _IGNORED:
            continue
        name = name.lower()
        parent = None if node is root else node.getparent()
        if name == "caption" and parent is not None and _local_name(parent) in _ITEMS:
            # The caption of an item is its marker ("1."), not a line of its own.
            name = "marker"
            stack.append(("text", " "))
        if name in _STYLED_RUNS and _lost_space(node):
            stack.append(("text", " "))
        yield "start", name
        stack.append(("end", name))
        stack.extend(reversed(node))
        if node.text:
            yield "text", node.text


def _lost_space(run: etree._Element) -> bool:
    """Tell whether a styled run of SPL has lost the space behind it, as DailyMed's files do.

    Taken for lost between words ("<content>In vitro</content>studies"), not behind a single letter
    (an initial) nor behind digits (a formula).
    """
    end, following = (run[-1].tail if len(run) else run.text) or "", (run.tail or "")[:1]
    is_word_end = len(end) > 1 and (end[-1].isalpha() or end[-1] in ":.,;)]")
    return is_word_end and following.isascii() and following.isalpha()


def _local_name(element: etree._Element) -> str:
    # Not etree.QName: it refuses names such as "o:p" that word processors write into HTML.
    return str(element.tag).rpartition("}")[2]
