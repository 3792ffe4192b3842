"""Learns a lexicon from what is read of inserts: latent semantic analysis of their tokens."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from scipy.sparse import block_diag, csr_matrix, diags, vstack
from torch import Tensor

from drugtext.errors import TrainingError
from drugtext.lexicon import Lexicon
from drugtext.memory import in_bytes
from drugtext.windows import Windows

N_TOKENS = 4000
"""Tokens of the vocabulary that are kept: those that stand in most inserts."""
LEXICON_DIM = 384

_SPARE_AXES = 64  # of the iteration that finds the main ones, for precision


def learn_lexicon(
    read: Iterable[Windows], *, n_tokens: int = N_TOKENS, dim: int = LEXICON_DIM
) -> Lexicon:
    """Learn which tokens stand together in inserts.

    Args:
        read: what is read of the inserts, in one part or in several.
        n_tokens: at most; a token must stand in two inserts.
        dim: at most; smaller where there are few inserts.

    Raises:
        TrainingError: there are too few inserts, or too few tokens recur.
    """
    parts = [(_presence(windows), _pooling(windows)) for windows in read]
    width = max((presence.shape[1] for presence, _ in parts), default=1)
    for presence, _ in parts:
        presence.resize(presence.shape[0], width)
    nothing = csr_matrix((0, width)), csr_matrix((0, 0))
    presences, poolings = zip(nothing, *parts, strict=True)
    presence, pooling = vstack(presences).tocsr(), block_diag(poolings).tocsr()
    inserts_with = np.asarray((pooling @ presence > 0).sum(axis=0)).ravel()
    kept = np.argsort(-inserts_with, kind="stable")[:n_tokens]
    kept = np.sort(kept[inserts_with[kept] >= 2])
    n_inserts = pooling.shape[0]
    dim = min(dim, n_inserts - 1, len(kept) - 1)
    if dim < 1:
        raise TrainingError(
            f"found {n_inserts} inserts and {len(kept)} tokens that stand in two of them;"
            " a lexicon is learnt from two of each or more, and of some hundreds if it is to"
            " be of use."
        )
    rarity = np.log((1 + n_inserts) / (1 + inserts_with[kept])) + 1
    weighted = presence[:, kept] @ diags(rarity)
    told = _unit_rows(pooling @ _unit_rows(weighted))
    axes = _main_axes(told, dim)
    vectors = torch.from_numpy(rarity).float().unsqueeze(1) * axes
    lexicon = Lexicon(len(kept), dim)
    lexicon.token_ids.copy_(torch.from_numpy(kept))
    levels, scales = in_bytes(vectors)
    lexicon.levels.copy_(levels)
    lexicon.scales.copy_(scales)
    return lexicon


def _presence(windows: Windows) -> csr_matrix:
    """Return 1 where a token stands in a window, (n_windows, largest token id + 1)."""
    tokens = [np.unique(ids) for ids in windows.token_ids]
    rows = np.repeat(np.arange(len(tokens)), [len(ids) for ids in tokens])
    columns = np.concatenate(tokens or [np.zeros(0, dtype=np.int64)]).astype(np.int64)
    shape = (len(tokens), int(columns.max(initial=0)) + 1)
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)


def _pooling(windows: Windows) -> csr_matrix:
    """Return how much each window counts in its insert, (n_inserts, n_windows)."""
    places = (windows.insert_numbers, np.arange(len(windows.weights)))
    return csr_matrix(
        (windows.weights, places), shape=(len(windows.tokens_read), len(windows.weights))
    )


def _main_axes(matrix: csr_matrix, n_axes: int) -> Tensor:
    """Return the directions in which the rows differ most, (n_columns, n_axes)."""
    places = matrix.tocoo()
    rows = torch.sparse_coo_tensor(
        torch.from_numpy(np.stack(places.coords)),
        torch.from_numpy(places.data).float(),
        places.shape,
        check_invariants=True,
    )
    width = min(n_axes + _SPARE_AXES, *places.shape)
    with torch.random.fork_rng(devices=[]):  # the same inserts give the same lexicon
        torch.manual_seed(0)
        _, _, axes = torch.svd_lowrank(rows, q=width, niter=3)
    return axes[:, :n_axes]


def _unit_rows(matrix: csr_matrix) -> csr_matrix:
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return csr_matrix(diags(1 / np.maximum(lengths, 1e-12)) @ matrix)
