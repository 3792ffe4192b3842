"""Embeddings -> the logits of categories: by their prototypes, a memory of support, and names."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor, nn

from .block_products import block_products
from .doubt import doubted
from .memory import MEMORY_WEIGHT, PROTOTYPE_SCALE, Memory
from .name_stems import SAME_NAME, SAME_NAME_WEIGHT, name_evidence
from .projection import Projection

INITIAL_SCALE = 16.0
"""Of the scores in the softmax, until it is calibrated on held-out ingredients."""
DISTANCE_WEIGHT = 1.5
"""Of the logarithm of an insert's distance to the middle of all known, beside its energy. Chosen on
validation drugs, in the middle of a plateau."""
NO_NAME, NEW_NAME, KNOWN_NAME = NAME_KINDS = tuple(range(3))
"""What the names of an insert are: they tell nothing, are new, or are those of a known drug."""

_BLOCK = 64  # categories scored at once


class Scorer(Projection):
    """Scores an embedding by its distance to each category's prototype, and by its names.

    Embeddings are first projected: `project`.

    Args:
        text_dim: of an embedding's text.
        n_categories: rows of `prototypes`; 0 before the first fit.
        n_known: texts of the support that are remembered; 0 for prototypes alone.
        name_dim: of the names in an embedding.
        n_named: names of drugs that are remembered; 0 where they tell nothing.
        n_levels: of the tree that the categories stand in.

    Attributes:
        nodes: that `doubted` takes; each category by itself until `place` is called.
        doubts: as well, of inserts by `name_kinds`, shape (n_name_kinds, n_levels); 0 until they
            are calibrated.
        allowances: of each category, for lying farther from the middle than what was known before
            it was added; 0 for those that the middle is of.

    Source:
        Snell et al. 2017, arXiv:1703.05175, equation 2, with a learnt scale and a prior.
    """

    def __init__(
        self,
        text_dim: int,
        n_categories: int,
        n_known: int = 0,
        name_dim: int = 0,
        n_named: int = 0,
        n_levels: int = 1,
    ) -> None:
        super().__init__(text_dim, name_dim)
        self.prototypes = nn.Parameter(torch.zeros(n_categories, text_dim))
        self.log_prior = nn.Parameter(torch.zeros(n_categories), requires_grad=False)
        self.allowances = nn.Parameter(torch.zeros(n_categories), requires_grad=False)
        self.scale = nn.Parameter(torch.tensor(INITIAL_SCALE), requires_grad=False)
        self.certainty = nn.Parameter(torch.zeros(text_dim), requires_grad=False)
        alone = torch.arange(n_categories).repeat(n_levels, 1)
        self.nodes = nn.Parameter(alone, requires_grad=False)
        self.doubts = nn.Parameter(torch.zeros(len(NAME_KINDS), n_levels), requires_grad=False)
        self.memory = Memory(n_known, text_dim) if n_known else None
        self.named = Memory(n_named, name_dim) if n_named else None

    def place(self, nodes: Tensor) -> None:
        """Say in place where in the tree the categories stand.

        Args:
            nodes: as `tree_nodes` gives them. A level more is as doubtful as the one above it, and
                the doubt of a level that goes is forgotten.
        """
        deepest = self.doubts[:, -1:].expand(-1, len(nodes))
        doubts = torch.cat([self.doubts, deepest], dim=1)[:, : len(nodes)]
        self.nodes = nn.Parameter(nodes.to(self.nodes), requires_grad=False)
        self.doubts = nn.Parameter(doubts.clone(), requires_grad=False)

    @property
    def is_bare(self) -> bool:
        """True before anything was learnt: no category, no projection."""
        return len(self.prototypes) == 0 and not self.centre.any()

    def scores(self, projected: Tensor) -> Tensor:
        """Return minus the squared distance to each prototype, shape (n, n_categories).

        A category's scores stay the same to the last bit when another is added.
        """
        projected = self.text_of(projected)
        products = block_products(projected, self.prototypes, _BLOCK)
        squares = self.prototypes.square().sum(-1)
        return 2 * products - squares - projected.square().sum(-1, keepdim=True)

    def evidence(
        self, projected: Tensor, same_name: float = SAME_NAME_WEIGHT
    ) -> tuple[Tensor, Tensor]:
        """Return what `scale` times the one, plus the other, makes logits of.

        Args:
            projected: shape (n, embedding_dim).
            same_name: as `name_evidence` takes it.

        Returns:
            With prototypes alone, their scores, and the prior. With a memory, the logarithm of the
            sum of what both say of a category, in units of the initial scale, and zeros. Where
            names are known, what they say is added. What is said of one category does not depend on
            the others. Shapes (n, n_categories) and (n_categories,).
        """
        scores, by_name = self.scores(projected), self._by_name(projected, same_name)
        if self.memory is None:
            told = scores if by_name is None else scores + by_name / PROTOTYPE_SCALE
            return told, self.log_prior
        told, n_categories = scores * PROTOTYPE_SCALE + self.log_prior, len(self.prototypes)
        remembered = self.memory.affinities(self.text_of(projected), n_categories)
        both = torch.logaddexp(told, remembered + log(MEMORY_WEIGHT))
        both = both if by_name is None else both + by_name
        return both / INITIAL_SCALE, torch.zeros_like(self.log_prior)

    def _by_name(self, projected: Tensor, same_name: float = SAME_NAME_WEIGHT) -> Tensor | None:
        """Return what the names of inserts say, `name_evidence`; None where none are known."""
        if self.named is None or projected.shape[-1] == self.text_dim:
            return None
        return name_evidence(self.named, self.names_of(projected), len(self.prototypes), same_name)

    def name_kinds(self, projected: Tensor) -> Tensor:
        """Return of each insert which of `NAME_KINDS` its names are: int64, shape (n,)."""
        names = self.names_of(projected)
        tells = (names.abs().sum(dim=-1) > 0).long()
        if self.named is None or not names.shape[-1]:
            return torch.zeros_like(tells)
        return tells + tells * (self.named.cosines(names).amax(dim=-1) > SAME_NAME)

    def logits(self, projected: Tensor) -> Tensor:
        """Return logits, calibrated so that their softmax is a probability: (n, n_categories)."""
        evidence, prior = self.evidence(projected)
        logits = evidence * self.scale * self.trust(projected) + prior
        if self.training or not self.doubts.any():  # doubted, what is wrong would hardly be mended
            return logits
        return doubted(logits, self.nodes, self.doubts[self.name_kinds(projected)])

    def logits_of_names(self, projected: Tensor) -> Tensor:
        """Return logits of inserts without a text: the prior, and what their names say.

        Args:
            projected: of which the names count alone, shape (n, embedding_dim).
        """
        logits, by_name = self.log_prior.expand(len(projected), -1), self._by_name(projected)
        if by_name is None:
            return logits
        return logits + by_name * self.scale / (INITIAL_SCALE if self.memory else PROTOTYPE_SCALE)

    def familiarity(self, projected: Tensor) -> Tensor:
        """Return how much in scope an insert is: its energy, and how near it is to all known.

        A name that is like those of known drugs speaks for it, a known one no more than one that is
        alike, for any text may bear it; a new one does not speak against it. Where a category is
        the best that lies farther out than what was known before, that is allowed.

        Returns:
            Shape (n,); the higher, the more an insert is like what the categories were learnt from.

        Source:
            Liu et al. 2020, arXiv:2010.03759, equation 4, and Lee et al. 2018, arXiv:1807.03888,
            equation 2, here of one mean; `scripts/trust_report.py` compares them.
        """
        evidence = self.evidence(projected, same_name=0.0)[0]
        energy = (evidence * INITIAL_SCALE).logsumexp(-1) / INITIAL_SCALE
        if len(self.allowances):
            energy = energy + self.allowances[evidence.argmax(-1)]
        return energy - DISTANCE_WEIGHT * self.distances(projected).log()

    def trust(self, projected: Tensor) -> Tensor:
        """Return what the scale is multiplied by: a whole document tells more than a sentence.

        Returns:
            exp(embedding · `certainty`), 1 before it is calibrated, shape (n, 1).
        """
        return (self.text_of(projected) @ self.certainty).exp().unsqueeze(-1)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the logits of embeddings that are not yet projected: (n, n_categories)."""
        return self.logits(self.project(embeddings))
