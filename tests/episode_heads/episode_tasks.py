"""Heads and small episodes that the tests of episode heads share."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize

from drugtext.episode_heads import HEADS, EpisodeHead

DIM, N_WAY = 6, 3


def unit_vectors(n: int, dim: int = DIM, seed: int = 0) -> torch.Tensor:
    numbers = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))
    return normalize(numbers, dim=1)


def with_values(head: EpisodeHead, **values: object) -> EpisodeHead:
    """Set parameters; the scale is 1 unless it is given."""
    state = {name: torch.as_tensor(value) for name, value in ({"log_scale": 0.0} | values).items()}
    head.load_state_dict(head.state_dict() | state)
    return head.requires_grad_(False)


def random_head(name: str, dim: int = DIM, seed: int = 0) -> EpisodeHead:
    """A head as training might leave it: no parameter at its initial value."""
    generator = torch.Generator().manual_seed(seed)
    head = HEADS[name](dim)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return head


def separable_episode(seed: int, k_shot: int = 3, n_query: int = 4) -> tuple[torch.Tensor, ...]:
    """Support, rows, queries, their rows and names: unit vectors close to their category's."""
    centres = torch.linalg.qr(unit_vectors(DIM, seed=seed))[0][:N_WAY]
    rows = torch.arange(N_WAY).repeat(k_shot)
    truth = torch.arange(N_WAY).repeat(n_query)
    noise = 0.5 * unit_vectors(len(rows) + len(truth), seed=seed + 1)
    near = normalize(centres[torch.cat([rows, truth])] + noise, dim=1)
    return near[: len(rows)], rows, near[len(rows) :], truth, centres
