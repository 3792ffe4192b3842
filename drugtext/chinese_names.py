"""What a Chinese medicine is called, whatever its form and salt."""

from __future__ import annotations

import re

_LONGEST = 60  # characters
_PRODUCT = re.compile(
    r"(?:复方|複方|注射用|吸入用|外用)?(?P<substance>[\u3400-\u9fff]{2,}?)"
    r"(?:缓释|緩釋|控释|控釋|肠溶|腸溶|分散|咀嚼|泡腾|泡騰|口崩|口腔崩解|薄膜衣|膜衣|软|軟|硬|口服|干混悬|混悬)*"
    r"(?:片|锭|錠|胶囊|膠囊|颗粒|顆粒|注射液|口服液|滴眼液|滴鼻液|溶液|混悬液|软膏|軟膏|乳膏|凝胶|凝膠"
    r"|糖浆|糖漿|栓|滴丸|丸|散|粉|[^\W\d_]{0,2}剂|[^\W\d_]{0,2}劑)?"
    r"(?:[（(].*)?"
)
_ACID = re.compile(r"^[\u3400-\u9fff]{1,5}酸(?=[^钠钾钙镁锌鈉鉀鈣鎂鋅][\u3400-\u9fff]{2})")


def chinese_substance(product: str) -> str:
    """Return a Chinese product's name without its dosage form: 苯磺酸氨氯地平 of …片.

    Empty for what is no Chinese name.
    """
    found = _PRODUCT.fullmatch(product.strip()[:_LONGEST])
    return found["substance"] if found else ""


def chinese_moiety(product: str) -> str:
    """Return the same without its acid, 氨氯地平."""
    return _ACID.sub("", chinese_substance(product))
