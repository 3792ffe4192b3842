"""Ridge regression on the support, solved in closed form."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from drugtext.episode_heads.base import EpisodeHead

_LOWEST_RIDGE = 1e-3  # below it, repeated inserts make the system singular in float32


class RidgeRegression(EpisodeHead):
    """Regresses the categories, as columns of 0 and 1, on the support in closed form: R2-D2.

    A category of more support inserts scores higher, as in any regression on counts. The paper's
    constant added to all scores alike is left out: it changes no softmax. Instead each embedding
    has one number more, `bias`, as the 1 in the authors' code.

    Source:
        Bertinetto et al. 2019, arXiv:1805.08136, section 3.2: ridge regression, and its Woodbury
        form where there are fewer inserts than dimensions.
    """

    def __init__(self, embedding_dim: int) -> None:
        super().__init__(embedding_dim)
        self.log_ridge = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.ones(()))

    def _scores(self, inserts: Tensor, weights: Tensor, queries: Tensor) -> Tensor:
        roots = weights.sum(0).sqrt().unsqueeze(1)  # an insert of weight 2 counts as two
        features = self._with_bias(inserts) * roots
        targets = weights.T / roots
        if len(features) <= features.shape[1]:
            coefficients = features.T @ self._solve(features @ features.T, targets)
        else:
            coefficients = self._solve(features.T @ features, features.T @ targets)
        return self._with_bias(queries) @ coefficients

    def _with_bias(self, embeddings: Tensor) -> Tensor:
        return torch.cat([embeddings, self.bias.expand(len(embeddings), 1)], dim=1)

    def _solve(self, gram: Tensor, targets: Tensor) -> Tensor:
        ridge = self.log_ridge.exp().clamp(min=_LOWEST_RIDGE)
        return torch.linalg.solve(gram + ridge * torch.eye(len(gram)).to(gram), targets)
