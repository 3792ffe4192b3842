"""The loss over all categories of several levels at once: each has a learnt vector, its proxy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from drugtext.training.data import LabelledInserts

SCALE = 16.0
"""Of cosines in the softmax, until it is learnt."""

_SPREAD = 0.05  # of the first proxies' numbers: about that of unit vectors of some hundred


class ProxyLoss(nn.Module):
    """Tells inserts from each other by the cosine to the proxies of a level's categories.

    A frequent category has a head start in training, which it does not have afterwards: so a rare
    one is not drowned.

    Args:
        data: whose categories have proxies.
        levels: of the tree, counted from 1 at the root.
        embedding_dim: of the encoder.

    Attributes:
        levels: those that have two categories or more.

    Source:
        Proxies: Movshovitz-Attias et al. 2017, arXiv:1703.07464. Cosine softmax: Wang et al. 2018,
        arXiv:1801.09414. Logit adjustment: Menon et al. 2021, arXiv:2007.07314, equation 10.
    """

    def __init__(self, data: LabelledInserts, levels: Sequence[int], embedding_dim: int) -> None:
        super().__init__()
        self.levels = [level for level in levels if len(data.categories(level)) > 1]
        self.proxies = nn.ParameterList()
        self._targets: list[Tensor] = []
        self._categories = [data.categories(level) for level in self.levels]
        for number, level in enumerate(self.levels):
            places = {category: n for n, category in enumerate(self._categories[number])}
            found = [-1 if c is None else places[c] for c in data.at_level(level)]
            targets = torch.tensor(found)
            self._targets.append(targets)
            counts = torch.bincount(targets[targets >= 0])
            self.register_buffer(f"log_counts_{number}", counts.double().log().float())
            self.proxies.append(nn.Parameter(_SPREAD * torch.randn(len(places), embedding_dim)))
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())

    def targets(self, rows: Sequence[int]) -> Tensor:
        """Return the proxy of each row at each level, -1 for none: int64, (n_rows, n_levels)."""
        return torch.stack([found[list(rows)] for found in self._targets], dim=1)

    def logits(self, embeddings: Tensor, number: int) -> Tensor:
        """Return scaled cosines.

        Args:
            embeddings: unit vectors, shape (n_inserts, embedding_dim).
            number: of the level, counted from 0 among those that have proxies.

        Returns:
            Shape (n_inserts, n_categories of the level).
        """
        proxies = nn.functional.normalize(self.proxies[number], dim=1)
        return self.log_scale.exp() * embeddings @ proxies.T

    def best(self, embeddings: Tensor, level: int) -> list[str]:
        """Return the category of the nearest proxy at a level, for each unit vector."""
        number = self.levels.index(level)
        ids = self._categories[number]
        return [ids[n] for n in self.logits(embeddings, number).argmax(1).tolist()]

    def forward(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss over the levels, each the mean over the inserts that reach it.

        Args:
            embeddings: unit vectors, shape (n_inserts, embedding_dim).
            targets: as `targets` gives them, shape (n_inserts, n_levels).
        """
        losses = [embeddings.new_zeros(())]
        for number in range(len(self.levels)):
            known = targets[:, number] >= 0
            if known.any():
                log_counts = self.get_buffer(f"log_counts_{number}")
                logits = self.logits(embeddings[known], number) + log_counts
                losses.append(nn.functional.cross_entropy(logits, targets[known, number]))
        return torch.stack(losses).sum() / max(1, len(self.levels))
