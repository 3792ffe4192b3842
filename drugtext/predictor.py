"""What a classifier says of inserts: probabilities, and predictions in a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from drugtext.ahead import ahead
from drugtext.category_editor import CategoryEditor
from drugtext.early_exit import embed_until
from drugtext.errors import DrugTextError
from drugtext.inserts.batches import batches
from drugtext.inserts.insert import DrugInsert
from drugtext.known_drugs import KnownDrug
from drugtext.prediction import Prediction, Wanted, make_prediction, node_probabilities
from drugtext.prediction_sets import KINDS, prediction_sets
from drugtext.stem_ids import stem_ids
from drugtext.window_encoder import Encode
from drugtext.windows import Windows

N_NEAREST = 5


class _Batch(NamedTuple):
    """Inserts that cannot be classified, each with the reason; the others, with their windows."""

    refused: list[tuple[DrugInsert, DrugTextError]]
    readable: list[DrugInsert]
    windows: Windows


class CategoryPredictor(CategoryEditor):
    """Assigns inserts to the categories that it knows; arguments as its base."""

    def predict(
        self,
        inserts: Iterable[DrugInsert],
        *,
        top_k: int = 3,
        coverage: float | None = None,
        min_probability: float | None = None,
    ) -> list[Prediction]:
        """Predict the category of each insert.

        Args:
            inserts: any number of them.
            top_k: how many alternatives to give.
            coverage: asks for `sets` of categories, one a level, that hold the true one in this
                share of inserts.
            min_probability: asks for `sure`, the deepest category that is so probable.

        Returns:
            One prediction an insert, in order.

        Raises:
            LanguageError: an insert is in a language that the encoder does not know.
            DrugTextError: an insert has no text, the classifier has no category, or it was not
                calibrated for such a coverage.
        """
        wanted = Wanted(top_k, coverage, min_probability)
        return list(self._stream(inserts, wanted, None))

    def stream(
        self,
        inserts: Iterable[DrugInsert],
        *,
        top_k: int = 3,
        coverage: float | None = None,
        min_probability: float | None = None,
        on_error: Callable[[DrugInsert, DrugTextError], None] | None = None,
    ) -> Iterator[Prediction]:
        """Predict without holding more than two batches of inserts in memory.

        Args:
            inserts: any number of them, read as they are needed, in a thread of their own.
            top_k: as `predict` takes it.
            coverage: as well.
            min_probability: as well.
            on_error: called with each insert that cannot be classified, and why; the others are
                still answered, in order. Without it the first one raises.

        Yields:
            One prediction an insert that can be classified.
        """
        return self._stream(inserts, Wanted(top_k, coverage, min_probability), on_error)

    def _stream(
        self,
        inserts: Iterable[DrugInsert],
        wanted: Wanted,
        on_error: Callable[[DrugInsert, DrugTextError], None] | None,
    ) -> Iterator[Prediction]:
        self._check_categories()
        for refused, readable, windows in ahead(map(self._read, batches(inserts))):
            for insert, error in refused:
                if on_error is None:
                    raise error
                on_error(insert, error)
            if readable:
                yield from self.answers(readable, windows, wanted)

    def _check_categories(self) -> None:
        if not self.category_ids:
            raise DrugTextError("the classifier has no category yet; give it some with fit().")

    def _read(self, inserts: Sequence[DrugInsert]) -> _Batch:
        told = [(insert, self.refusal(insert)) for insert in inserts]
        readable = [insert for insert, error in told if error is None]
        refused = [(insert, error) for insert, error in told if error is not None]
        return _Batch(refused, readable, self.windows(readable))

    def answers(
        self,
        inserts: Sequence[DrugInsert],
        windows: Windows,
        wanted: Wanted,
        encode: Encode | None = None,
    ) -> Iterator[Prediction]:
        """Predict from what was read of inserts.

        Args:
            inserts: that can be classified.
            windows: of them, as `windows` gives them.
            wanted: what is asked for.
            encode: gives the vectors of some of the windows; those of the classifier's own
                encoder if left out.

        Yields:
            One prediction an insert, in order.
        """
        projected, tokens_read = self._embed_enough(windows, len(inserts), encode or self.vectors)
        probabilities = self.probabilities(projected)
        in_scope = self.in_scope(projected)
        sets: list[list[list[str]]] = [[] for _ in inserts]
        if wanted.coverage is not None:
            held_out, tree = self.model.config.strangeness or {}, self.taxonomy
            sets = prediction_sets(
                probabilities,
                self.category_ids,
                tree,
                held_out,
                wanted.coverage,
                self.kinds(projected),
            )
        columns = node_probabilities(probabilities, self.category_ids, self.taxonomy)
        for n, insert in enumerate(inserts):
            yield make_prediction(
                insert,
                probabilities[n],
                self.category_ids,
                self.taxonomy,
                nodes={node_id: column[n] for node_id, column in columns.items()},
                wanted=wanted,
                sets=sets[n],
                in_scope=bool(in_scope[n]),
                tokens_read=tokens_read[n],
                tokens_total=windows.tokens_total[n],
            )

    @torch.no_grad()
    def _embed_enough(
        self, windows: Windows, n_inserts: int, encode: Encode
    ) -> tuple[Tensor, list[int]]:
        """Embed and project as much of each insert as its answer needs, and count its tokens."""
        enough = self.reading_plan.enough_probability
        if enough >= 1:
            return self.pooled(windows, n_inserts, encode), windows.tokens_read

        def is_enough(pooled: Tensor, numbers: list[int]) -> Tensor:
            told = [windows.stem_ids[n] for n in numbers]
            best = self.probabilities(self._project(pooled, told)).max(axis=1)
            return torch.from_numpy(best > enough)

        pooled, tokens_read = embed_until(windows, n_inserts, encode, is_enough)
        return self._project(pooled, windows.stem_ids), tokens_read

    @torch.no_grad()
    def probabilities(self, embeddings: ArrayLike) -> NDArray:
        """Return the calibrated probability of each category.

        Args:
            embeddings: as this classifier's `embed` gives them, shape (n_inserts, embedding_dim).

        Returns:
            float64, shape (n_inserts, n_categories), rows summing to 1, columns as `category_ids`.
        """
        projected = torch.as_tensor(embeddings).to(self.model.device)
        return self.model.head.logits(projected).double().softmax(dim=1).cpu().numpy()

    @torch.no_grad()
    def without_text(self, insert: DrugInsert) -> NDArray:
        """Return what `probabilities` would give of an insert without a text: (n_categories,)."""
        nothing = torch.zeros(1, self.model.config.text_dim)
        projected = self._project(nothing, [stem_ids(insert)]).to(self.model.device)
        return self.model.head.logits_of_names(projected).double().softmax(1).cpu().numpy()[0]

    @torch.no_grad()
    def nearest_drugs(self, embedding: ArrayLike, n: int = N_NEAREST) -> list[KnownDrug]:
        """Return the drugs that the categories were learnt from and that are most like an insert.

        Args:
            embedding: as this classifier's `embed` gives it, shape (embedding_dim,).
            n: how many, at most.

        Returns:
            Nearest first; none where the classifier did not keep their names.
        """
        memory, names = self.model.head.memory, self.drug_names
        if memory is None or names is None:
            return []
        projected = torch.as_tensor(embedding).to(self.model.device).unsqueeze(0)
        cosines = memory.cosines(self.model.head.text_of(projected))[0].cpu()
        nearest: dict[tuple[str, int], float] = {}  # a drug may be remembered more than once
        for k in cosines.argsort(descending=True, stable=True).tolist():
            nearest.setdefault((names[k], int(memory.rows[k])), float(cosines[k]))
            if len(nearest) >= n:
                break
        return [
            KnownDrug(name, self.category_ids[row], round(cosine, 4))
            for (name, row), cosine in list(nearest.items())[:n]
        ]

    @torch.no_grad()
    def familiarity(self, embeddings: ArrayLike) -> NDArray:
        """Return how much inserts are like the known ones: what `in_scope` is judged by.

        Args:
            embeddings: as this classifier's `embed` gives them, shape (n_inserts, embedding_dim).

        Returns:
            float32, shape (n_inserts,).
        """
        projected = torch.as_tensor(embeddings).to(self.model.device)
        return self.model.head.familiarity(projected).cpu().numpy()

    @torch.no_grad()
    def is_long(self, embeddings: ArrayLike) -> NDArray[np.bool_]:
        """Tell which inserts have more text than one does on average, as their embeddings show it.

        The embedding shows what was read: where reading stopped early, that.

        Args:
            embeddings: as this classifier's `embed` gives them, shape (n_inserts, embedding_dim).

        Returns:
            Shape (n_inserts,); all False where the amount of text is of no account for the scale.
        """
        projected = torch.as_tensor(embeddings).to(self.model.device)
        return (self.model.head.trust(projected) > 1)[:, 0].cpu().numpy()

    def kinds(self, embeddings: ArrayLike) -> NDArray[np.str_]:
        """Tell inserts apart by how much text they have, and by what their names are.

        Args:
            embeddings: as this classifier's `embed` gives them, shape (n_inserts, embedding_dim).

        Returns:
            Of each one of those in `prediction_sets.KINDS`, shape (n_inserts,).
        """
        projected = torch.as_tensor(embeddings).to(self.model.device)
        names = self.model.head.name_kinds(projected).cpu().numpy()
        of_names = np.array([*KINDS.values()])
        return of_names[self.is_long(embeddings).astype(int), names]

    def in_scope(self, embeddings: ArrayLike) -> NDArray[np.bool_]:
        """Tell which inserts belong to some known category; arguments as `familiarity`.

        Returns:
            Shape (n_inserts,); all True where no threshold was measured.
        """
        threshold = self.model.config.scope_threshold
        if threshold is None:
            return np.ones(np.shape(embeddings)[0], dtype=np.bool_)
        return self.familiarity(embeddings) >= threshold
