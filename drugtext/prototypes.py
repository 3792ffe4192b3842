"""Means of support: of a category by ingredient, shared with the tree, and of inserts alike."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor, nn

ALIKE = 0.7
"""Cosine from which two inserts of one drug are remembered as one. Chosen on held-out ingredients,
where it leaves two thirds of the embeddings and the accuracy."""
ANCESTOR_SHARES = (0.1, 0.2, 0.1)
"""Of a prototype: what the parent's, the grandparent's and the next mean take of it. Chosen on
held-out ingredients."""


def category_prototypes(embeddings: Tensor, category_ids: Tensor, n_categories: int) -> Tensor:
    """Average the support embeddings of each category.

    Args:
        embeddings: support set, unit vectors, shape (n_support, embedding_dim).
        category_ids: int64 in [0, n_categories), shape (n_support,).
        n_categories: number of categories.

    Returns:
        Row i is the prototype of category i, shape (n_categories, embedding_dim).

    Raises:
        ValueError: a category has no support.

    Source:
        Snell et al. 2017, arXiv:1703.05175, equation 1.
    """
    counts = torch.bincount(category_ids, minlength=n_categories)
    if (counts == 0).any():
        empty = (counts == 0).nonzero().flatten().tolist()
        raise ValueError(f"categories {empty[:10]} have no support; each needs one insert or more.")
    sums = embeddings.new_zeros(n_categories, embeddings.shape[1])
    return sums.index_add_(0, category_ids, embeddings) / counts.unsqueeze(1)


def ingredient_means(
    embeddings: Tensor, category_ids: Tensor, ingredients: Sequence[Hashable]
) -> tuple[Tensor, Tensor]:
    """Average the inserts of each drug in each category.

    A drug that many makers sell would otherwise stand for its whole category, and a drug that
    nobody met is told from the others by what its category has in common.

    Args:
        embeddings: support set, unit vectors, shape (n_support, embedding_dim).
        category_ids: int64, shape (n_support,).
        ingredients: of each insert, what tells one drug from another.

    Returns:
        Unit vectors, shape (n_drugs, embedding_dim), in the order of first appearance, and their
        categories, shape (n_drugs,).
    """
    keys = list(zip(category_ids.tolist(), ingredients, strict=True))
    number = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    if len(number) == len(keys):
        return embeddings, category_ids
    sums = embeddings.new_zeros(len(number), embeddings.shape[1])
    places = torch.tensor([number[key] for key in keys], device=embeddings.device)
    sums.index_add_(0, places, embeddings)
    categories = torch.tensor([category for category, _ in number], device=embeddings.device)
    return nn.functional.normalize(sums, dim=1), categories


def alike_means(
    embeddings: Tensor, category_ids: Tensor, drugs: Sequence[Hashable]
) -> tuple[Tensor, Tensor, list[int]]:
    """Average the inserts of each drug in each category that are alike, and keep others apart.

    A drug's full document and its list of contraindications are read as two texts; the full
    documents of five makers are one.

    Args:
        embeddings: support set, unit vectors, shape (n_support, embedding_dim).
        category_ids: int64, shape (n_support,).
        drugs: of each insert, what tells one drug from another.

    Returns:
        Unit vectors, shape (n_known, embedding_dim), in the order of first appearance; their
        categories, shape (n_known,); the first insert of each.
    """
    of_drug: dict[tuple[int, Hashable], list[int]] = {}
    for n, key in enumerate(zip(category_ids.tolist(), drugs, strict=True)):
        of_drug.setdefault(key, []).append(n)
    sums, first = embeddings.clone(), list[int]()
    for numbers in of_drug.values():
        kept = list[int]()  # inserts that are not like an earlier one; `sums` holds their groups'
        units = embeddings.new_empty(len(numbers), embeddings.shape[1])
        for n in numbers:
            cosines = units[: len(kept)] @ embeddings[n]
            if kept and float(cosines.max()) > ALIKE:
                best = int(cosines.argmax())
                sums[kept[best]] += embeddings[n]
                units[best] = nn.functional.normalize(sums[kept[best]], dim=0)
            else:
                units[len(kept)] = embeddings[n]
                kept.append(n)
        first += kept
    first.sort()
    return nn.functional.normalize(sums[first], dim=1), category_ids[first], first


def share_with_ancestors(
    prototypes: Tensor, counts: Tensor, ancestors: Sequence[Sequence[str]]
) -> Tensor:
    """Move each prototype towards those of the categories above it in the tree.

    A category of few inserts is known better together with its siblings: the mean of all support
    below each ancestor takes `ANCESTOR_SHARES` of the prototype, nearest ancestor first.

    Args:
        prototypes: shape (n_categories, embedding_dim).
        counts: support inserts of each category, shape (n_categories,).
        ancestors: of each category, ids of the ancestors, nearest first; empty in a flat taxonomy.

    Returns:
        Shape (n_categories, embedding_dim).

    Source:
        Shrinkage along a class hierarchy: McCallum et al. 1998, ICML, section 3; here of means.
    """
    sums, weights = prototypes * counts.unsqueeze(1), counts.to(prototypes.dtype)
    below: dict[str, list[int]] = {}
    for category, ids in enumerate(ancestors):
        for ancestor in ids:
            below.setdefault(ancestor, []).append(category)
    means = {a: sums[rows].sum(0) / weights[rows].sum() for a, rows in below.items()}
    shared = []
    for prototype, ids in zip(prototypes, ancestors, strict=True):
        shares = dict(zip(ids, ANCESTOR_SHARES, strict=False))
        own = prototype * (1 - sum(shares.values()))
        shared.append(own + sum((share * means[a] for a, share in shares.items()), torch.zeros(())))
    return torch.stack(shared)


def names_tell(embeddings: Tensor, category_ids: Tensor, names: Tensor) -> bool:
    """Tell whether the names of categories say which insert is whose, and are not "shelf 12".

    Args:
        embeddings: support set, projected, shape (n_support, embedding_dim).
        category_ids: int64 in [0, n_categories), shape (n_support,).
        names: of each category, projected, shape (n_categories, embedding_dim).

    Returns:
        True where the nearest name is the right one more often than by chance: by more than two
        standard errors.
    """
    if not len(embeddings):
        return False
    share = float(((embeddings @ names.T).argmax(1) == category_ids).double().mean())
    chance = 1 / len(names)
    return share > chance + 2 * (chance * (1 - chance) / len(embeddings)) ** 0.5
