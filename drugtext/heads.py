"""Support embeddings -> a head: prototypes, the means of support, and a memory of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .memory import Memory
from .name_stems import remembered_names
from .prototypes import category_prototypes, share_with_ancestors
from .scorer import DISTANCE_WEIGHT, KNOWN_NAME, NEW_NAME, Scorer

PRIOR_STRENGTH = 0.25
"""Exponent of the number of support inserts in a category's prior; 0 would make all alike."""
NAME_WEIGHT = 1.0
"""Support inserts that a category's name counts as. Chosen on categories of the training split."""
MOST_SHOTS = 5
"""Support inserts a category up to which the scale of few-shot categories is known to grow."""


class PrototypeHead(Scorer):
    """Learns categories from support embeddings; each change makes another head of this one.

    Source:
        Snell et al. 2017, arXiv:1703.05175, equation 1.
    """

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
        return self.of_others(
            share_with_ancestors(prototypes, weights, ancestors),
            PRIOR_STRENGTH * (log_counts - log_counts.mean()),
        )

    def of_others(self, prototypes: Tensor, log_prior: Tensor) -> PrototypeHead:
        """Return a head of other categories, of which nothing but these is known.

        How doubtful this one's categories are, and how far off, says nothing of them.

        Args:
            prototypes: shape (n_categories, text_dim).
            log_prior: shape (n_categories,).
        """
        others = self._with_categories(prototypes, log_prior, torch.zeros(len(prototypes)))
        others.doubts.fill_(0.0)
        return others

    def remembering(self, embeddings: Tensor, category_ids: Tensor) -> PrototypeHead:
        """Return this head with a memory of texts, and of names where there are any.

        Args:
            embeddings: support set, projected, shape (n_known, embedding_dim).
            category_ids: int64 in [0, n_categories), shape (n_known,); each has one or more.
        """
        memory = Memory.of(self.text_of(embeddings), category_ids)
        named = remembered_names(self.names_of(embeddings), category_ids)
        return self._with_categories(
            self.prototypes, self.log_prior, self.allowances, memory, named
        )

    def naming(self, names: Tensor, rows: Tensor) -> PrototypeHead:
        """Return this head with a memory of these names, too; what texts tell does not change.

        Args:
            names: unit vectors or zeros, shape (n, name_dim).
            rows: int64, of the category of each, shape (n,).
        """
        more, named = remembered_names(names, rows), self.named
        if more is not None:
            named = more if named is None else named.together_with(more).without_repeats()
        return self._with_categories(
            self.prototypes, self.log_prior, self.allowances, self.memory, named
        )

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
        more = self._with_categories(
            torch.cat([self.prototypes, (total / weight).to(self.prototypes.device)]),
            torch.cat([self.log_prior, prior]),
            torch.cat([self.allowances, self._allowance(embeddings).to(self.allowances)]),
            memory,
            named,
        )
        # A name that is known to others may be of this one, too: it is no surer than a new one.
        more.doubts[KNOWN_NAME] = more.doubts[NEW_NAME]
        return more

    def _allowance(self, support: Tensor) -> Tensor:
        """Return what a new category is allowed for where its support lies, shape (1,).

        The middle is that of what was known before: an insert of a shelf of devices is far from all
        drugs, and yet in scope where there is such a shelf.
        """
        if self.memory is None:
            return torch.zeros(1)
        known = self.distances(nn.functional.normalize(self.memory.embeddings(), dim=1))
        farther = self.distances(support).log().mean() - known.log().mean()
        return DISTANCE_WEIGHT * farther.clamp(min=0).reshape(1)

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
        allowances = torch.stack([self.allowances[list(group)].max() for group in groups])
        stacked = torch.stack(prototypes), torch.stack(priors), allowances
        return self._with_categories(*stacked, memory, named or None), kept

    def _with_categories(
        self,
        prototypes: Tensor,
        log_prior: Tensor,
        allowances: Tensor,
        memory: Memory | None = None,
        named: Memory | None = None,
    ) -> PrototypeHead:
        """Return a head of other categories, as doubtful; they are not placed yet."""
        sizes = {"name_dim": self.name_dim, "n_levels": len(self.nodes)}
        head = PrototypeHead(self.text_dim, len(prototypes), **sizes)
        given = {
            "prototypes": prototypes,
            "log_prior": log_prior,
            "allowances": allowances,
            "nodes": head.nodes,
        }
        head.load_state_dict(dict(self.named_parameters()) | given)
        head.memory, head.named = memory, named
        return head
