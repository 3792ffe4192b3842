"""Which insert goes into which split: whole groups of ingredients, none nearly repeated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from drugtext.chinese_names import chinese_moiety
from drugtext.errors import CorpusError

if TYPE_CHECKING:
    from datasketch import MinHash

SPLITS = ("train", "validation", "test")

_SALT_WORDS = """
acetate anhydrous besilate besylate bisulfate bitartrate bromide calcium chloride citrate dihydrate
dimesylate disodium ethanolate ethylsuccinate fumarate gluconate hemihydrate hydrobromide
hydrochloride hydrogen hydroxide isethionate lactate magnesium malate maleate medoxomil mesilate
mesylate monohydrate monosodium nitrate oxalate palmitate pamoate phosphate potassium sesquihydrate
sodium strontium succinate sulfate tartrate tosylate trihydrate trometamol tromethamine xinafoate
"""
_WORDS_OF_MANY_NAMES = """
acid alcohol alfa allergenic alpha anion antibody antigen beta blend blue cation cells coagulation
component conjugate conjugated containing encoding extract factor fiber fraction from gamma gene
globulin glycol glycoprotein green human immune ion leaf like live mixture modified natural oxide
peroxide plasma pollen protein purified recombinant root seed serotype serum strain strains subunit
surface synthetic toxoid type units vaccine virus vitamin with yellow
"""
_SALTS = frozenset(_SALT_WORDS.split())
GENERIC_WORDS = frozenset(_WORDS_OF_MANY_NAMES.split()) | _SALTS
"""Words of ingredient names that name no substance."""
_BIOLOGIC_SUFFIX = re.compile(r"(?<=[a-z]{4})-[a-z]{4}$")  # the FDA's: adalimumab-aacf
SHORTEST_NAME = 4
"""Letters; a shorter name is met inside ordinary text by chance."""

_COMPARED_WORDS = 1500  # of a text, when near-duplicates are looked for
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")  # a Chinese character is one by itself
_PERMUTATIONS = 128


def ingredient_key(name: str) -> str:
    """Reduce an ingredient's name to the moiety that splits go by.

    Case, salts, hydrates and a biologic's four-letter suffix are dropped: "Metoprolol Succinate"
    and "metoprolol tartrate" are one ingredient. A name made of salt words alone ("sodium
    chloride") is kept whole. Chinese names lose dosage form and acid.
    """
    if chinese := chinese_moiety(name):
        return chinese
    words = re.sub(r"[^\w\s-]", " ", name.lower()).split()
    moiety = [_american(_BIOLOGIC_SUFFIX.sub("", word)) for word in words]
    kept = [word for word in moiety if word not in _SALTS]
    return " ".join(kept or moiety)


def _american(word: str) -> str:
    """Spell as US names do: sulphate and oestradiol are sulfate and estradiol."""
    return re.sub(r"^oe", "e", word).replace("sulph", "sulf")


def substances(key: str) -> frozenset[str]:
    """Return the words of an ingredient's key that name a substance; the whole key if none does.

    Two keys that share one ("sumatriptan naproxen", "esomeprazole naproxen") must not be parted,
    even where it never stands alone. Insulins so stay together, and so do interferons.
    """
    words = re.split(r"[\s-]", key)
    found = frozenset(w for w in words if len(w) >= SHORTEST_NAME and w not in GENERIC_WORDS)
    return found or frozenset({key})


def all_substances(ingredients: Iterable[str]) -> frozenset[str]:
    """Return the words that name a substance in any of an insert's ingredients."""
    return frozenset(s for name in ingredients for s in substances(ingredient_key(name)))


def ingredient_groups(ingredients: Sequence[Sequence[str]]) -> list[int]:
    """Number the inserts so that inserts that share a substance, even by a chain, share a number.

    A combination ties its substances together.

    Args:
        ingredients: of each insert; an empty list stands alone.

    Returns:
        Group number of each insert, counted from 0.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    named = [all_substances(names) for names in ingredients]
    number = {s: n for n, s in enumerate(sorted(set().union(*named)))}
    ties = [(len(number) + n, number[s]) for n, found in enumerate(named) for s in found]
    n_nodes = len(number) + len(named)
    row, column = np.array(ties, dtype=int).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(ties)), (row, column)), shape=(n_nodes, n_nodes))
    groups = connected_components(graph, directed=False)[1][len(number) :]
    return np.unique(groups, return_inverse=True)[1].tolist()


def split_groups(
    groups: Sequence[int], fractions: Sequence[float] = (0.7, 0.1, 0.2), seed: int = 0
) -> list[str]:
    """Assign whole groups to train, validation and test.

    Groups of several inserts that hold more than a twentieth of all (the combinations of
    hydrochlorothiazide, say) are dealt first, the largest ahead, so that they go to train; the rest
    are dealt at random.

    Args:
        groups: group number of each insert.
        fractions: of inserts in each of `SPLITS`.
        seed: of the shuffle.

    Returns:
        The split of each insert.

    Raises:
        CorpusError: the fractions are not three that sum to 1.
    """
    if len(fractions) != len(SPLITS) or not (
        min(fractions) >= 0 and abs(sum(fractions) - 1) < 1e-6
    ):
        raise CorpusError(
            f"fractions {tuple(fractions)}: three of 0 or more that sum to 1 are needed,"
            f" of {', '.join(SPLITS)}."
        )
    sizes = Counter(groups)
    large = [g for g, size in sizes.most_common() if size > max(len(groups) / 20, 1)]
    small = sorted(set(sizes) - set(large))
    order = large + [small[n] for n in np.random.default_rng(seed).permutation(len(small))]
    bounds = np.cumsum(fractions) * len(groups)
    placed, split_of = 0, {}
    for group in order:
        split_of[group] = SPLITS[min(int(np.searchsorted(bounds, placed, side="right")), 2)]
        placed += sizes[group]
    return [split_of[group] for group in groups]


def near_duplicates(
    texts: Sequence[str], of: Sequence[str], threshold: float = 0.8, shingle: int = 5
) -> list[bool]:
    """Tell which texts nearly repeat one of others.

    Args:
        texts: the texts to be judged.
        of: the texts that they may repeat.
        threshold: Jaccard similarity of word shingles, estimated by MinHash.
        shingle: words a shingle.

    Returns:
        True for each text that repeats one of `of`.

    Source:
        Broder 1997, doi:10.1109/SEQUEN.1997.666900, by the library datasketch.
    """
    known = _Sketches(threshold, shingle)
    for text in of:
        known.add(known.sketch(text))
    return [known.holds_one_like(known.sketch(text)) for text in texts]


def repeats(texts: Sequence[str], threshold: float = 0.8, shingle: int = 5) -> list[bool]:
    """Tell which texts nearly repeat an earlier one of the same list; see `near_duplicates`."""
    known, found = _Sketches(threshold, shingle), []
    for text in texts:
        sketch = known.sketch(text)
        found.append(known.holds_one_like(sketch))
        known.add(sketch)
    return found


@lru_cache(maxsize=2**15)  # a text is compared with several splits, and for several taxonomies
def _sketch(text: str, shingle: int) -> MinHash:
    from datasketch import MinHash

    words = _WORD.findall(text.lower())[:_COMPARED_WORDS]
    starts = range(max(len(words) - shingle, 0) + 1)
    sketch = MinHash(num_perm=_PERMUTATIONS, seed=1)
    sketch.update_batch({" ".join(words[s : s + shingle]).encode() for s in starts})
    return sketch


class _Sketches:
    """MinHash sketches of texts, and which of them are alike."""

    def __init__(self, threshold: float, shingle: int) -> None:
        from datasketch import MinHashLSH

        # The index misses few at these weights, and finds some that are less alike.
        self._index = MinHashLSH(threshold=threshold, num_perm=_PERMUTATIONS, weights=(0.1, 0.9))
        self._threshold, self._shingle = threshold, shingle
        self._sketches: list[MinHash] = []

    def sketch(self, text: str) -> MinHash:
        return _sketch(text, self._shingle)

    def add(self, sketch: MinHash) -> None:
        self._index.insert(len(self._sketches), sketch)
        self._sketches.append(sketch)

    def holds_one_like(self, sketch: MinHash) -> bool:
        alike = (self._sketches[n].jaccard(sketch) for n in self._index.query(sketch))
        return any(similarity >= self._threshold for similarity in alike)
