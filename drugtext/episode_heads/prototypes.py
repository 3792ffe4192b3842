"""A category is the mean of its support: by distance, and by cosine."""

from __future__ import annotations

from torch import Tensor, nn

from drugtext.episode_heads.base import EpisodeHead, squared_distances

_SHORTEST = 1e-4  # a prototype shorter than it has no direction: its support cancels out


class EuclideanPrototypes(EpisodeHead):
    """Scores a query by minus its squared distance to each category's prototype.

    Source:
        Snell et al. 2017, arXiv:1703.05175, equations 1 and 2, with a learnt scale.
    """

    def _scores(self, inserts: Tensor, weights: Tensor, queries: Tensor) -> Tensor:
        return -squared_distances(queries, weighted_means(inserts, weights))


class CosinePrototypes(EpisodeHead):
    """Scores a query by its cosine to each category's prototype.

    Unlike the distance it does not favour a category whose inserts differ, whose mean is short.

    Source:
        Snell et al. 2017, arXiv:1703.05175, equation 1; the learnt scale of the cosine: Gidaris
        and Komodakis 2018, arXiv:1804.09458, section 3.2.
    """

    def _scores(self, inserts: Tensor, weights: Tensor, queries: Tensor) -> Tensor:
        prototypes = weighted_means(inserts, weights)
        prototypes = nn.functional.normalize(prototypes, dim=-1, eps=_SHORTEST)
        return nn.functional.normalize(queries, dim=-1) @ prototypes.T


def weighted_means(inserts: Tensor, weights: Tensor) -> Tensor:
    return weights @ inserts / weights.sum(1, keepdim=True)
