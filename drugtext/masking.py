"""Ingredient and brand names out of a text, so that it must be understood to be classified."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from drugtext.chinese_names import chinese_substance
from drugtext.inserts.headings import HAN
from drugtext.inserts.insert import DrugInsert, Section, join_sections
from drugtext.splits import GENERIC_WORDS, SHORTEST_NAME, ingredient_key, substances

MASK = "this medicine"
"""What stands in a masked text in the place of an ingredient or brand name."""

_SHORTEST_WORD = 5  # letters of a name's single word; shorter ones are mostly ordinary
_SHORTEST_CHINESE = 3  # characters
_ORDINARY_WORDS = """
adult adults advanced allergy blood capsule capsules children children's childrens cough cream daily
drops eczema extra health hepatitis influenza injection insulin maximum meningococcal natural
normal ointment pneumococcal powder regular relief respiratory saline severe sleep solution spray
sterile strength syncytial tablet tablets water 胰岛素 人胰岛素 维生素 葡萄糖 氯化钠 氨基酸 抗生素
"""
_ORDINARY = GENERIC_WORDS | frozenset(_ORDINARY_WORDS.split())
# 清热解毒口服液 is called by what it is for.
_CHINESE_EFFECTS = re.compile(
    "(?:清[热肺火]|解[毒热表]|活血|化[瘀痰]|止[痛咳血泻痒]|消[炎食肿渴]|利[胆尿]|感冒|退[热烧]|祛[痰湿风]"
    "|补[肾血气]|润肠|通便|明目|安神|健[胃脾]|抗[病毒菌敏炎]+|降[压糖脂]|平喘|通络|养[血阴]|益气"
    "|妇科|小儿|儿童)+"
)
# Chinese is written without spaces: its words end anywhere. Case does not matter here, and looking
# for the other case of each Chinese character would make compiling the pattern slow.
_LETTER_BESIDE_CHINESE = r"(?-i:[^\W\u3400-\u9fff])"


def mask_names(text: str, names: Iterable[str]) -> str:
    """Replace ingredient and brand names in a text, so that it must be understood to be classified.

    Args:
        text: text of an insert.
        names: names to hide, in any case, broken over lines or not; each also without its salt.
            See `name_words` for their single words.

    Returns:
        The text with `MASK` in the place of every whole-word occurrence.
    """
    hidden = {" ".join(n.split()) for name in names for n in (name, ingredient_key(name))}
    hidden = {name for name in hidden if _gives_away(name)}
    if not hidden:
        return text
    longest_first = sorted(hidden, key=lambda name: (-len(name), name))
    patterns = (r"\s+".join(map(re.escape, name.split())) for name in longest_first)
    # A class of so many characters takes longer to compile than the rest, and most texts have none.
    letter = _LETTER_BESIDE_CHINESE if HAN.search(text) else r"\w"
    pattern = rf"(?<!{letter})(?:{'|'.join(patterns)})(?:-[a-z]{{4}})?(?!{letter})"
    return re.sub(pattern, MASK, text, flags=re.IGNORECASE)


def _gives_away(name: str) -> bool:
    if not HAN.match(name):
        return len(name) >= SHORTEST_NAME
    is_ordinary = name in _ORDINARY or _CHINESE_EFFECTS.fullmatch(name)
    return len(name) >= _SHORTEST_CHINESE and not is_ordinary


def name_words(ingredients: Iterable[str], brand_names: Iterable[str]) -> set[str]:
    """Return the single words that give a drug away: ceftobiprole alone, or Nurtec without ODT.

    Args:
        ingredients: every word of these that names a substance.
        brand_names: the first word of each; the others are mostly forms and strengths.
    """
    words = {word for name in ingredients for word in substances(ingredient_key(name))}
    words |= {word.replace("sulf", "sulph") for word in words}  # as European inserts spell them
    words |= {f"o{word}" for word in words if word.startswith("estr")}
    words |= {name.split()[0].lower() for name in brand_names if name.split()}
    words = {word.strip(",;:()®™*") for word in words}
    words = {word for word in words if len(word) >= _SHORTEST_WORD and " " not in word}
    return words - _ORDINARY


def own_names(insert: DrugInsert, aliases: Iterable[str] = ()) -> set[str]:
    """Return all names that give an insert's drug away, for `mask_names`.

    Args:
        insert: whose name, ingredients and brand names these are, and their single words.
        aliases: further names of its ingredients.
    """
    names = {insert.name, *insert.ingredients, *insert.brand_names, *aliases}
    names |= {chinese_substance(name) for name in names}
    return names | name_words(insert.ingredients, [insert.name, *insert.brand_names])


def masked_insert(insert: DrugInsert, aliases: Iterable[str] = ()) -> DrugInsert:
    """Return an insert whose own names are replaced in its sections, and which goes by none.

    Args:
        insert: stays as it is.
        aliases: further names of its ingredients.
    """
    names = own_names(insert, aliases)
    sections = [
        Section(mask_names(title, names), mask_names(text, names))
        for title, text in insert.sections.items()
    ]
    return replace(
        insert, name="", ingredients=(), brand_names=(), sections=join_sections(sections)
    )
