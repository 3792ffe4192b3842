"""Support embeddings -> category scores: prototypes, the means of support, and a memory of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor, nn

from .doubt import doubted
from .memory import MEMORY_WEIGHT, PROTOTYPE_SCALE, Memory
from .name_stems import name_evidence, remembered_names
from .projection import Projection
from .prototypes import category_prototypes, share_with_ancestors

PRIOR_STRENGTH = 0.25
"""Exponent of the number of support inserts in a category's prior; 0 would make all alike."""
NAME_WEIGHT = 1.0
"""Support inserts that a category's name counts as. Chosen on categories of the training split."""
INITIAL_SCALE = 16.0
"""Of the scores in the softmax, until it is calibrated on held-out ingredients."""
MOST_SHOTS = 5
"""Support inserts a category up to which the scale of few-shot categories is known to grow."""
N_NEAREST = 5
"""Known inserts that tell whether an insert is in scope."""

_BLOCK = 64  # categories scored at once, see `PrototypeHead.scores`


class PrototypeHead(Projection):
    """Scores an embedding by its distance to each category's prototype, and by its names.

    Embeddings are first projected: `project`.

    Args:
        text_dim: of an embedding's text.
        n_categories: rows of `prototypes`; 0 before the first fit.
        n_known: texts of the support that are remembered; 0 for prototypes alone.
        name_dim: of the names in an embedding.
        n_named: names of the support that are remembered; 0 where they tell nothing.
        n_levels: of the tree that the categories stand in.

    Attributes:
        nodes: that `doubted` takes; each category by itself until `place` is called.
        doubts: as well; 0 until it is calibrated.

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
        self.scale = nn.Parameter(torch.tensor(INITIAL_SCALE), requires_grad=False)
        self.certainty = nn.Parameter(torch.zeros(text_dim), requires_grad=False)
        alone = torch.arange(n_categories).repeat(n_levels, 1)
        self.nodes = nn.Parameter(alone, requires_grad=False)
        self.doubts = nn.Parameter(torch.zeros(n_levels), requires_grad=False)
        self.memory = Memory(n_known, text_dim) if n_known else None
        self.named = Memory(n_named, name_dim) if n_named else None

    def with_projection(
        self, embeddings: Tensor, category_ids: Tensor, names: Tensor | None = None
    ) -> PrototypeHead:
        """Return a head without categories; arguments as `learn_projection` takes them."""
        head = PrototypeHead(self.text_dim, 0, name_dim=self.name_dim)
        head.learn_projection(embeddings, category_ids, names)
        return head

    def softened(self, power: float) -> PrototypeHead:
        """Return a head without categories that whitens less.

        What differs within known categories is partly what tells new ones apart.

        Args:
            power: of the whitening, in [0, 1]; see `whitening.softened`.
        """
        head = PrototypeHead(self.text_dim, 0, name_dim=self.name_dim)
        head.soften(self, power)
        # What both read off an embedding has one sign, and one size on average over directions.
        back = torch.linalg.solve(head.whitening, self.whitening)
        head.certainty.copy_(back @ self.certainty / back.square().sum(0).mean().sqrt())
        return head

    def fitted(
        self,
        embeddings: Tensor,
        category_ids: Tensor,
        ancestors: Sequence[Sequence[str]],
        names: Tensor | None = None,
        name_weights: Tensor | None = None,
    ) -> PrototypeHead:
        """Return a new head over the categories of a support set; this one stays as it is.

        Args:
            embeddings: support set, projected, shape (n_support, embedding_dim).
            category_ids: int64 in [0, n_categories), shape (n_support,).
            ancestors: of each category, ids of the ancestors, nearest first.
            names: of each category, projected, shape (n_categories, text_dim).
            name_weights: support inserts that each name counts as, shape (n_categories,);
                `NAME_WEIGHT` each if left out.

        Raises:
            ValueError: a category has neither support nor a name that counts.
        """
        n_categories, embeddings = len(ancestors), self.text_of(embeddings)
        counts = torch.bincount(category_ids, minlength=n_categories)
        if names is None:
            weights = counts
            prototypes = category_prototypes(embeddings, category_ids, n_categories)
        else:
            if name_weights is None:
                name_weights = torch.full((n_categories,), NAME_WEIGHT)
            weights = counts + name_weights
            if not weights.all():
                raise ValueError("a category has neither support nor a name; give it one of them.")
            sums = (names * name_weights.unsqueeze(1)).index_add(0, category_ids, embeddings)
            prototypes = sums / weights.unsqueeze(1)
        log_counts = counts.clamp(min=1).to(prototypes.dtype).log()
        fitted = self._with_categories(
            share_with_ancestors(prototypes, weights, ancestors),
            PRIOR_STRENGTH * (log_counts - log_counts.mean()),
        )
        fitted.doubts.fill_(0.0)  # those of other categories say nothing of these
        return fitted

    def remembering(self, embeddings: Tensor, category_ids: Tensor) -> PrototypeHead:
        """Return this head with a memory of texts, and of names where there are any.

        Args:
            embeddings: support set, projected, shape (n_known, embedding_dim).
            category_ids: int64 in [0, n_categories), shape (n_known,); each has one or more.
        """
        memory = Memory.of(self.text_of(embeddings), category_ids)
        named = remembered_names(self.names_of(embeddings), category_ids)
        return self._with_categories(self.prototypes, self.log_prior, memory, named)

    def with_category(
        self, embeddings: Tensor, name: Tensor | None = None, known: Tensor | None = None
    ) -> PrototypeHead:
        """Return a new head with one category more, behind the others, which do not change.

        Args:
            embeddings: its support, projected, shape (n_support, embedding_dim).
            name: its name, projected, shape (1, text_dim).
            known: what is remembered of it, projected, shape (n_known, embedding_dim); its support
                if left out.
        """
        memory, named, known = self.memory, self.named, embeddings if known is None else known
        if memory is not None:
            rows = torch.full((len(known),), len(self.prototypes))
            memory = memory.with_more(self.text_of(known), rows)
            its_names = remembered_names(self.names_of(known), rows)
            named = its_names if named is None else named.together_with(its_names)
        texts = self.text_of(embeddings)
        total, weight = texts.sum(0, keepdim=True), float(len(texts))
        if name is not None:
            total, weight = total + NAME_WEIGHT * name, weight + NAME_WEIGHT
        prior = self.log_prior.mean().nan_to_num().reshape(1)  # as likely as the others are
        return self._with_categories(
            torch.cat([self.prototypes, (total / weight).to(self.prototypes.device)]),
            torch.cat([self.log_prior, prior]),
            memory,
            named,
        )

    def regrouped(
        self, groups: Sequence[Sequence[int]], counts: Sequence[int]
    ) -> tuple[PrototypeHead, list[int]]:
        """Return a head whose categories are groups of this one's, and what of the memory is kept.

        Args:
            groups: rows of each new category; one by itself stays as it is.
            counts: support inserts of each row.

        Returns:
            The head, and places in the memory of what it remembers.
        """
        prototypes, priors = [], []
        for group in groups:
            weights = torch.tensor([float(max(counts[row], 1)) for row in group])
            rows = list(group)
            shares = (weights / weights.sum()).to(self.prototypes)
            one = len(rows) == 1
            prototypes.append(self.prototypes[rows[0]] if one else shares @ self.prototypes[rows])
            grown = PRIOR_STRENGTH * (weights.sum() / weights.max()).log().item()
            priors.append(self.log_prior[rows].max() + (0.0 if one else grown))
        memory, kept = (None, []) if self.memory is None else self.memory.regrouped(groups)
        named = self.named and self.named.regrouped(groups)[0].without_repeats()
        stacked = torch.stack(prototypes), torch.stack(priors)
        return self._with_categories(*stacked, memory, named or None), kept

    def _with_categories(
        self,
        prototypes: Tensor,
        log_prior: Tensor,
        memory: Memory | None = None,
        named: Memory | None = None,
    ) -> PrototypeHead:
        """Return a head of other categories, as doubtful; they are not placed yet."""
        sizes = {"name_dim": self.name_dim, "n_levels": len(self.doubts)}
        head = PrototypeHead(self.text_dim, len(prototypes), **sizes)
        given = {"prototypes": prototypes, "log_prior": log_prior, "nodes": head.nodes}
        head.load_state_dict(dict(self.named_parameters()) | given)
        head.memory, head.named = memory, named
        return head

    def place(self, nodes: Tensor) -> None:
        """Say in place where in the tree the categories stand.

        Args:
            nodes: as `tree_nodes` gives them. A level more is as doubtful as the one above it.
        """
        doubts = torch.cat([self.doubts, self.doubts[-1:].expand(len(nodes))])[: len(nodes)]
        self.nodes = nn.Parameter(nodes.to(self.nodes), requires_grad=False)
        self.doubts = nn.Parameter(doubts.clone(), requires_grad=False)

    @property
    def is_bare(self) -> bool:
        """True before anything was learnt: no category, no projection."""
        return len(self.prototypes) == 0 and not self.centre.any()

    def scores(self, projected: Tensor) -> Tensor:
        """Return minus the squared distance to each prototype, shape (n, n_categories).

        Categories are scored in blocks of one size, so that a category's scores stay the same to
        the last bit when another is added: a matrix product of another shape may round otherwise.
        """
        projected = self.text_of(projected)
        padding = (0, 0, 0, -len(self.prototypes) % _BLOCK)
        blocks = nn.functional.pad(self.prototypes, padding).split(_BLOCK)
        products = torch.cat([projected @ block.T for block in blocks], dim=-1)
        products = products[..., : len(self.prototypes)]
        squares = self.prototypes.square().sum(-1)
        return 2 * products - squares - projected.square().sum(-1, keepdim=True)

    def evidence(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `scale` times the one, plus the other, makes logits of.

        Returns:
            With prototypes alone, their scores, and the prior. With a memory, the logarithm of the
            sum of what both say of a category, in units of the initial scale, and zeros; where
            names are remembered, what they say is added. What is said of one category does not
            depend on the others. Shapes (n, n_categories) and (n_categories,).
        """
        scores = self.scores(projected)
        if self.memory is None:
            return scores, self.log_prior
        told, n_categories = scores * PROTOTYPE_SCALE + self.log_prior, len(self.prototypes)
        remembered = self.memory.affinities(self.text_of(projected), n_categories)
        both = torch.logaddexp(told, remembered + log(MEMORY_WEIGHT))
        if self.named is not None and projected.shape[-1] > self.text_dim:
            both = both + name_evidence(self.named, self.names_of(projected), n_categories)
        return both / INITIAL_SCALE, torch.zeros_like(self.log_prior)

    def logits(self, projected: Tensor) -> Tensor:
        """Return logits, calibrated so that their softmax is a probability: (n, n_categories)."""
        evidence, prior = self.evidence(projected)
        logits = evidence * self.scale * self.trust(projected) + prior
        return doubted(logits, self.nodes, self.doubts) if self.doubts.any() else logits

    def logits_of_names(self, projected: Tensor) -> Tensor:
        """Return logits of inserts without a text: the prior, and what their names say.

        Args:
            projected: of which the names count alone, shape (n, embedding_dim).
        """
        logits = self.log_prior.expand(len(projected), -1)
        if self.named is None or projected.shape[-1] == self.text_dim:
            return logits
        told = name_evidence(self.named, self.names_of(projected), len(self.prototypes))
        return logits + told * self.scale / INITIAL_SCALE

    def familiarity(self, projected: Tensor) -> Tensor:
        """Return how much in scope an insert is: its energy, and how near the nearest known are.

        Returns:
            Shape (n,); the higher, the more an insert is like what the categories were learnt from.

        Source:
            Liu et al. 2020, arXiv:2010.03759, equation 4, and Sun et al. 2022, arXiv:2204.06507,
            equation 3; `scripts/trust_report.py` compares them.
        """
        projected = self.text_of(projected)  # a drug whose name is new is no stranger for that
        energy = (self.evidence(projected)[0] * INITIAL_SCALE).logsumexp(-1) / INITIAL_SCALE
        if self.memory is None:
            return energy
        nearest = self.memory.cosines(projected).topk(min(N_NEAREST, len(self.memory)), dim=-1)
        return energy + nearest.values.mean(-1)

    def trust(self, projected: Tensor) -> Tensor:
        """Return what the scale is multiplied by: a whole document tells more than a sentence.

        Returns:
            exp(embedding · `certainty`), 1 before it is calibrated, shape (n, 1).
        """
        return (self.text_of(projected) @ self.certainty).exp().unsqueeze(-1)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the logits of embeddings that are not yet projected: (n, n_categories)."""
        return self.logits(self.project(embeddings))
