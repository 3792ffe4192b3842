"""The bytes of a Structured Product Label -> its XML tree, or why it is none."""

from __future__ import annotations

import re

from lxml import etree

from drugtext.errors import ReadError

HL7_NAMESPACE = "urn:hl7-org:v3"

_OVER_LIMIT = re.compile("too long|too big|size limit")
_TOO_LONG = (
    "a text in the XML is too long: over 10 MB, the limit of the parser (libxml2), and no"
    " Structured Product Label comes near that. Shorten or divide the text."
)
_DOCTYPE = (
    "the XML declares a DOCTYPE, which may define entities that grow without bound or read other"
    " files; no Structured Product Label has one. Remove it or download the label again."
)


def parse_spl(data: bytes, source: str) -> etree._Element:
    """Parse without fetching or expanding anything, and check that the document is an SPL.

    Args:
        data: the XML document, in any encoding that it declares.
        source: the file's name, for messages.

    Returns:
        The root, `document` in the namespace urn:hl7-org:v3.

    Raises:
        ReadError: the XML is damaged, declares a DOCTYPE, holds a text of over 10 MB, or is no SPL.
    """
    if not data.strip():
        raise ReadError(source, "the file is empty; a Structured Product Label (XML) is needed.")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        recover=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, LookupError, ValueError) as error:
        if b"<!DOCTYPE" in data.replace(b"\0", b""):  # without the zero bytes of UTF-16
            raise ReadError(source, _DOCTYPE) from error
        cause = getattr(error, "msg", None) or str(error) or type(error).__name__
        if _OVER_LIMIT.search(cause):
            raise ReadError(source, _TOO_LONG) from error
        raise ReadError(
            source,
            f"the XML is damaged or cut off ({cause}); a whole Structured Product Label is"
            " needed. Download it again.",
        ) from error
    if root.getroottree().docinfo.doctype:
        raise ReadError(source, _DOCTYPE)
    if root.tag != f"{{{HL7_NAMESPACE}}}document":
        namespace, _, name = str(root.tag).rpartition("}")
        raise ReadError(
            source,
            f"found XML with the root <{name}> in the namespace {namespace[1:] or '(none)'}; a"
            f" Structured Product Label has the root <document> in {HL7_NAMESPACE}.",
        )
    return root
