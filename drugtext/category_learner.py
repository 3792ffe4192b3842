"""What a classifier learns: categories from support inserts, from embeddings, or from names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from pathlib import Path
from typing import NamedTuple, Self

import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from drugtext.category_holder import CategoryHolder
from drugtext.config import DrugTextConfig
from drugtext.errors import CorpusError
from drugtext.heads import MOST_SHOTS, NAME_WEIGHT, PrototypeHead
from drugtext.inserts.batches import check_is_list
from drugtext.inserts.insert import DrugInsert
from drugtext.memory import PROTOTYPE_SCALE
from drugtext.names import category_text, name_and_parent
from drugtext.private import check_can_be_private, private_head
from drugtext.private_sums import DELTA
from drugtext.prototypes import alike_means, ingredient_means, names_tell
from drugtext.scorer import INITIAL_SCALE
from drugtext.support_set import Drugs, check_one_each, listed, with_new
from drugtext.taxonomy import Category, Taxonomy


class _Lesson(NamedTuple):
    """What is to be learnt.

    Attributes:
        support: embeddings of the inserts, shape (n_support, embedding_dim).
        rows: of each insert the number of its category, shape (n_support,).
        drugs: of the inserts.
        order: ids of the categories.
        tree: that they stand in.
        is_known: of each category, whether its name counts, whatever the support says.
    """

    support: Tensor
    rows: Tensor
    drugs: Drugs
    order: list[str]
    tree: Taxonomy
    is_known: list[bool]

    def names(self, *, as_trained: bool = False) -> list[str]:
        """Return what is read of each category's name; `as_trained` as an encoder is trained."""
        read = name_and_parent if as_trained else category_text
        return [read(self.tree, category_id) for category_id in self.order]

    def ancestors(self) -> list[list[str]]:
        """Return what stands above each category, the nearest first."""
        return [[step.id for step in self.tree.path(i)[-2::-1]] for i in self.order]


class CategoryLearner(CategoryHolder):
    """Makes of a classifier another one that knows other categories; arguments as its base."""

    def fit(
        self,
        inserts: Iterable[DrugInsert],
        categories: Iterable[str],
        *,
        taxonomy: Taxonomy | None = None,
        private_epsilon: float | None = None,
        private_delta: float = DELTA,
    ) -> Self:
        """Learn new categories from a support set; this classifier stays as it is.

        Both stand on the same encoder: whoever trains its weights on must copy it first.

        Args:
            inserts: the support set, one or more inserts a category.
            categories: of each insert, an id or a name. One that this classifier's taxonomy (or
                the given one) holds keeps its place in the tree, and an ATC code that it does not
                hold gets the place that it tells; any other stands on its own.
            taxonomy: where given, every category must be in it.
            private_epsilon: where given, the classifier tells no more of any one drug of the
                support than this and `private_delta` allow, see `private`. Smaller is more private
                and less accurate; it has no memory, and does not tell what is out of scope.
            private_delta: beside it, far less than one in the number of drugs.

        Returns:
            A classifier over exactly these categories.

        Raises:
            CorpusError: not one category an insert, or no insert at all.
            TaxonomyError: a category is not in the given taxonomy, or several share the name.
            DrugTextError: privacy is asked of a classifier that has learnt nothing yet, or one of
                its two numbers is out of range.
        """
        categories = listed(categories)
        if private_epsilon is not None:  # told before the work
            check_can_be_private(self.model.head, private_epsilon, private_delta)
        if isinstance(inserts, Sized):  # told before the work; a generator's length is known after
            check_one_each(len(inserts), len(categories))
        embeddings, told = self._embed_support(inserts)
        return self.fit_embeddings(
            embeddings,
            categories,
            taxonomy=taxonomy,
            private_epsilon=private_epsilon,
            private_delta=private_delta,
            **told,
        )

    def _embed_support(self, inserts: Iterable[DrugInsert]) -> tuple[NDArray, dict[str, list]]:
        """Embed a support set, and note what is told of its drugs while it goes by."""
        check_is_list(inserts)
        told: dict[str, list] = {"ingredients": [], "names": []}

        def noted() -> Iterator[DrugInsert]:
            for insert in inserts:
                if isinstance(insert, DrugInsert):  # `embed` refuses anything else
                    told["ingredients"].append(insert.ingredients)
                    told["names"].append(insert.name or Path(insert.source).name)
                yield insert

        return self.embed(noted()), told

    @torch.no_grad()
    def fit_embeddings(
        self,
        embeddings: ArrayLike,
        categories: Iterable[str],
        *,
        taxonomy: Taxonomy | None = None,
        ingredients: Iterable[Iterable[str]] | None = None,
        names: Iterable[str] | None = None,
        private_epsilon: float | None = None,
        private_delta: float = DELTA,
    ) -> Self:
        """Learn new categories from embeddings that `embed` gave; otherwise as `fit`.

        What is asked of the new classifier is to come from its own `embed`: it may whiten less.

        Args:
            embeddings: of the support set, shape (n_support, embedding_dim).
            categories: of each, an id or a name.
            taxonomy: where given, every category must be in it.
            ingredients: of each. The inserts of one drug count as one, by their mean; an insert
                whose ingredients nobody told is a drug by itself.
            names: of each insert, for `drug_names` where nobody told its ingredients.
            private_epsilon: as `fit` takes it.
            private_delta: as well.
        """
        categories = listed(categories)
        support = torch.as_tensor(embeddings, dtype=torch.float32, device="cpu")
        check_one_each(len(support), len(categories))
        if not len(categories):
            raise CorpusError("the support set is empty; one insert or more a category is needed.")
        self._check_embeddings(support)
        paths = [self._path(name, taxonomy) for name in categories]
        found = [path[-1].id for path in paths]
        # In which order a support set comes is its own affair where it is confidential.
        order = list(dict.fromkeys(found if private_epsilon is None else sorted(found)))
        path_to = dict(zip(found, paths, strict=True))
        tree = taxonomy or self._tree_with([path_to[category_id] for category_id in order])
        rows = torch.tensor([order.index(category_id) for category_id in found])
        drugs = Drugs.of(ingredients, names, len(rows))
        is_known = [taxonomy is not None or i in self.taxonomy for i in order]
        head, support = self._softened(support)
        lesson = _Lesson(support, rows, drugs, order, tree, is_known)
        if private_epsilon is not None:
            return self._fitted_privately(head, lesson, private_epsilon, private_delta)
        return self._fitted(head, lesson)

    def _tree_with(self, paths: Iterable[Sequence[Category]]) -> Taxonomy:
        """Return the tree with these paths, too; one of their own where it knows none of them."""
        steps = {step.id: step for path in paths for step in path}
        tree = with_new(self.taxonomy, steps.values())
        if not any(step in self.taxonomy for step in steps):
            tree.name = ""
        return tree

    def _check_embeddings(self, embeddings: Tensor) -> None:
        """Raise `CorpusError` where they are not such as `embed` gives."""
        dim = self.model.config.embedding_dim
        is_finite = bool(embeddings.isfinite().all())
        if embeddings.ndim != 2 or embeddings.shape[1] != dim or not is_finite:
            what = "" if is_finite else ", some of them not finite"
            raise CorpusError(
                f"found embeddings of shape {tuple(embeddings.shape)}{what}; finite ones of shape"
                f" (n, {dim}) are needed, as embed() gives them."
            )

    def _softened(self, support: Tensor) -> tuple[PrototypeHead, Tensor]:
        """Return the head that gives new categories their projection, and a support set by it."""
        head, power = self._head, float((self.model.config.few_shot or {}).get("softening", 1.0))
        if head.is_bare or power == 1:
            return head, support
        softer = head.softened(power)
        return softer, head.moved(support, softer)

    def _fitted_privately(
        self, head: PrototypeHead, lesson: _Lesson, epsilon: float, delta: float
    ) -> Self:
        """Return what `_fitted` does, with the noise that epsilon and delta ask for."""
        private = private_head(
            head,
            head.text_of(lesson.support),  # of names, nothing is remembered
            lesson.rows,
            lesson.drugs.keys,
            lesson.ancestors(),
            head.project_names(self.embed_texts(lesson.names())),
            # Whether names agree with the support is not asked: the answer would tell of it.
            NAME_WEIGHT * torch.tensor(lesson.is_known),
            epsilon=epsilon,
            delta=delta,
        )
        scale = (self.model.config.few_shot or {}).get("scale", INITIAL_SCALE)
        private.head.scale.data.fill_(scale * PROTOTYPE_SCALE / INITIAL_SCALE)
        tree = lesson.tree.restricted_to(lesson.order)
        fitted = self._with_head(private.head, tree, lesson.order, private.n_support, None)
        config = fitted.model.config
        _take_softening(config)
        config.privacy = private.statement
        config.scope_threshold = config.strangeness = None  # nobody measured them under noise
        return fitted

    @torch.no_grad()
    def fit_names(self, categories: Iterable[str], *, taxonomy: Taxonomy | None = None) -> Self:
        """Learn new categories from their names alone; otherwise as `fit`.

        Args:
            categories: ids or names, each once.
            taxonomy: where given, every category must be in it.

        Raises:
            CorpusError: there is no category, or one stands twice.
            TaxonomyError: a category is not in the given taxonomy, or several share the name.
        """
        paths = [self._path(name, taxonomy) for name in listed(categories)]
        order = [path[-1].id for path in paths]
        if not order or len(set(order)) < len(order):
            raise CorpusError(
                f"found {len(order)} categories, {len(set(order))} of them different; one or more,"
                " each once, are needed."
            )
        tree = taxonomy or self._tree_with(paths)
        nothing = torch.zeros(0, self.model.config.embedding_dim)
        no_rows, no_drugs = torch.zeros(0, dtype=torch.long), Drugs.of(None, None, 0)
        head, nothing = self._softened(nothing)
        is_known = [True] * len(order)  # their names are all there is
        return self._fitted(head, _Lesson(nothing, no_rows, no_drugs, order, tree, is_known))

    def _fitted(self, head: PrototypeHead, lesson: _Lesson) -> Self:
        """Return a classifier of the categories, with the calibration of few-shot ones."""
        head, drug_names = self._taught(head, lesson)
        order, tree = lesson.order, lesson.tree.restricted_to(lesson.order)
        n_support = torch.bincount(lesson.rows, minlength=len(order)).tolist()
        fitted = self._with_head(head, tree, order, n_support, drug_names)
        config, few_shot = fitted.model.config, self.model.config.few_shot or {}
        _take_softening(config)
        config.scope_threshold = few_shot.get("scope_threshold")
        told = few_shot.get("strangeness")
        depth = max(len(tree.path(category_id)) for category_id in order)
        # Of the answer itself: an ancestor's is never greater.
        levels = map(str, range(1, depth + 1))
        config.strangeness = told and dict.fromkeys(levels, told)
        return fitted

    def _taught(
        self, head: PrototypeHead, lesson: _Lesson
    ) -> tuple[PrototypeHead, tuple[str, ...]]:
        """Return a head of the categories, and the names of the drugs that it remembers."""
        support, rows, drugs = lesson.support, lesson.rows, lesson.drugs
        # Where few inserts or names alone stand for each, leaning on the tree blurs siblings, and
        # what stands below tells much; where many do, an encoder that was trained on them knows
        # their names as it read them then.
        leans_on_tree = head.is_bare and len(rows) > 0
        names = self.embed_texts(lesson.names(as_trained=leans_on_tree))
        means, mean_rows = ingredient_means(support, rows, drugs.keys)
        if head.is_bare:
            # Whitening by drugs tells best what a new drug needs, and takes as many of them.
            of_drugs = len(means) >= head.text_dim
            learnt_from = (means, mean_rows) if of_drugs else (support, rows)
            head = head.with_projection(*learnt_from, names)
            means, support = head.project(means), head.project(support)
        names = head.project_names(names)
        telling = names_tell(head.text_of(means), mean_rows, names)
        is_told = torch.tensor(lesson.is_known) | telling
        ancestors = lesson.ancestors() if leans_on_tree else [[] for _ in lesson.order]
        head = head.fitted(means, mean_rows, ancestors, names, NAME_WEIGHT * is_told)
        known, known_rows, first = alike_means(support, rows, drugs.keys)
        if len(rows):
            head = head.remembering(known, known_rows)
        few_shot = self.model.config.few_shot or {}
        scale = few_shot.get("scale", INITIAL_SCALE)  # measured on heads with a memory
        n_drugs = torch.bincount(mean_rows, minlength=len(lesson.order)).clamp(1, MOST_SHOTS)
        scale *= float(n_drugs.double().log().mean().exp()) ** few_shot.get("growth", 0.0)
        head.scale.fill_(scale if head.memory else scale * PROTOTYPE_SCALE / INITIAL_SCALE)
        return head, tuple(drugs.names[n] for n in first)


def _take_softening(config: DrugTextConfig) -> None:
    """Say that the whitening is softened: the next fit takes it as it is."""
    if config.few_shot:
        config.few_shot = {**config.few_shot, "softening": 1.0}
