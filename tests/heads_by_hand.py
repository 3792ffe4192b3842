"""Heads whose prototypes a test writes down, and vectors to ask them."""

from __future__ import annotations

import torch

from drugtext.heads import PrototypeHead


def unit_vectors(n: int, dim: int, seed: int = 0) -> torch.Tensor:
    numbers = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(numbers, dim=1)


def head_of(prototypes: list[list[float]], log_prior: list[float] | None = None) -> PrototypeHead:
    head = PrototypeHead(len(prototypes[0]), len(prototypes))
    state = {"prototypes": torch.tensor(prototypes)}
    if log_prior:
        state["log_prior"] = torch.tensor(log_prior)
    head.load_state_dict(head.state_dict() | state)
    return head.requires_grad_(False)
