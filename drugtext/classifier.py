"""DrugClassifier: inserts in, predictions out; fit, add, save, push."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from drugtext.adapters import Adapter
from drugtext.ahead import ahead
from drugtext.backends import AUTO, backend_name
from drugtext.category_learner import CategoryLearner
from drugtext.checkpoint import load_model, save_model
from drugtext.early_exit import embed_until
from drugtext.embedder import Encode, batches
from drugtext.errors import DrugTextError
from drugtext.inserts.insert import DrugInsert
from drugtext.lexicon import Lexicon
from drugtext.lexicon_learning import LEXICON_DIM, N_TOKENS, learn_lexicon
from drugtext.model import DrugTextModel
from drugtext.prediction import Prediction, make_prediction
from drugtext.windows import Windows


def load(
    name_or_path: str | os.PathLike[str] | None = None,
    *,
    revision: str | None = None,
    prefix: str | None = None,
    backend: str = AUTO,
    over: DrugClassifier | None = None,
) -> DrugClassifier:
    """Load a classifier: the bundled one, a saved folder, or one from the Hugging Face Hub.

    Args:
        name_or_path: name of a bundled checkpoint (left out: the default one), a folder, or a hub
            id. A plain encoder loads as a classifier without categories, ready for `fit`.
        revision: branch, tag or commit of a hub id.
        prefix: what a plain encoder wants in front of every text ("query: " for e5).
        backend: what runs the encoder on a CPU: "torch", "onnx", "openvino", or "auto" for the
            fastest that is installed (or the one that DRUGTEXT_BACKEND names), which
            `DrugClassifier.backend` tells. Torch and OpenVINO use bfloat16 where the CPU multiplies
            in it.
        over: a classifier whose encoder is in memory already: another adapter, head and lexicon
            are put on it, and what the adapters leave alone is shared. Both must stand on the same
            encoder.

    Raises:
        CheckpointError: there is no such checkpoint, it is damaged or of a newer format, or stands
            on another encoder than `over`.
        EncoderError: the encoder's weights are missing or not the expected ones, or there is no
            such backend.
    """
    backend = backend_name(backend)  # what is wrong with it is told before the work
    encoder = (over.model.config.encoder_name, over.raw_encoder) if over else None
    model, tokenizer = load_model(name_or_path, revision=revision, over=encoder)
    if prefix is not None:
        model.config.prefix = prefix
    return DrugClassifier(model, tokenizer, backend)


class _Batch(NamedTuple):
    """Inserts that cannot be classified, each with the reason; the others, with their windows."""

    refused: list[tuple[DrugInsert, DrugTextError]]
    readable: list[DrugInsert]
    windows: Windows


class DrugClassifier(CategoryLearner):
    """Assigns drug inserts to the categories of a taxonomy.

    Args:
        model: encoder and head.
        tokenizer: the encoder's.
        backend: what runs the encoder, as `load` takes it; None for torch in the model's precision.

    Attributes:
        taxonomy: the categories with their ancestors.
        category_ids: the categories that it answers with, in the order of the head's rows.
        reading_plan: what is read of an insert.
    """

    def __repr__(self) -> str:
        encoder = self.model.config.encoder_name or type(self.model.encoder).__name__
        by = self._backend or self._backend_name  # not made for this alone: that may take a while
        by = f", run by {by}" if by else ""
        return f"DrugClassifier({len(self.category_ids)} categories over {encoder}{by})"

    def predict(self, inserts: Iterable[DrugInsert], *, top_k: int = 3) -> list[Prediction]:
        """Predict the category of each insert.

        Args:
            inserts: any number of them.
            top_k: how many alternatives to give.

        Returns:
            One prediction an insert, in order.

        Raises:
            LanguageError: an insert is in a language that the encoder does not know.
            DrugTextError: an insert has no text, or the classifier has no category.
        """
        return list(self.stream(inserts, top_k=top_k))

    def stream(
        self,
        inserts: Iterable[DrugInsert],
        *,
        top_k: int = 3,
        on_error: Callable[[DrugInsert, DrugTextError], None] | None = None,
    ) -> Iterator[Prediction]:
        """Predict without holding more than two batches of inserts in memory.

        Args:
            inserts: any number of them, read as they are needed, in a thread of their own.
            top_k: how many alternatives to give.
            on_error: called with each insert that cannot be classified, and why; the others are
                still answered, in order. Without it the first one raises.

        Yields:
            One prediction an insert that can be classified.
        """
        if not self.category_ids:
            raise DrugTextError("the classifier has no category yet; give it some with fit().")
        if not isinstance(top_k, int) or top_k < 1:
            raise DrugTextError(f"top_k is {top_k}; 1 or more is needed.")
        for refused, readable, windows in ahead(map(self._read, batches(inserts))):
            for insert, error in refused:
                if on_error is None:
                    raise error
                on_error(insert, error)
            if readable:
                yield from self.answers(readable, windows, top_k=top_k)

    def _read(self, inserts: Sequence[DrugInsert]) -> _Batch:
        told = [(insert, self.refusal(insert)) for insert in inserts]
        readable = [insert for insert, error in told if error is None]
        refused = [(insert, error) for insert, error in told if error is not None]
        return _Batch(refused, readable, self.windows(readable))

    def answers(
        self,
        inserts: Sequence[DrugInsert],
        windows: Windows,
        *,
        top_k: int = 3,
        encode: Encode | None = None,
    ) -> Iterator[Prediction]:
        """Predict from what was read of inserts.

        Args:
            inserts: that can be classified.
            windows: of them, as `windows` gives them.
            top_k: how many alternatives to give.
            encode: gives the vectors of some of the windows; those of the classifier's own
                encoder if left out.

        Yields:
            One prediction an insert, in order.
        """
        projected, tokens_read = self._embed_enough(windows, len(inserts), encode or self._vectors)
        probabilities = self.probabilities(projected)
        nearness = self.nearness(projected)
        for n, insert in enumerate(inserts):
            yield make_prediction(
                insert,
                probabilities[n],
                self.category_ids,
                self.taxonomy,
                top_k=top_k,
                in_scope=bool(nearness[n] >= self.model.config.scope_threshold),
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
            return self._embed_windows(windows, n_inserts, encode), windows.tokens_read

        def project(pooled: Tensor) -> Tensor:
            return self.model.head.project(pooled.to(self.model.device)).cpu()

        def is_enough(pooled: Tensor) -> Tensor:
            return torch.from_numpy(self.probabilities(project(pooled)).max(axis=1) > enough)

        pooled, tokens_read = embed_until(windows, n_inserts, encode, is_enough)
        return project(pooled), tokens_read

    @torch.no_grad()
    def probabilities(self, embeddings: ArrayLike) -> NDArray:
        """Return the calibrated probability of each category.

        Args:
            embeddings: as `embed` gives them, shape (n_inserts, embedding_dim).

        Returns:
            float64, shape (n_inserts, n_categories), rows summing to 1, columns as `category_ids`.
        """
        projected = torch.as_tensor(embeddings).to(self.model.device)
        return self.model.head.logits(projected).double().softmax(dim=1).cpu().numpy()

    @torch.no_grad()
    def nearness(self, embeddings: ArrayLike) -> NDArray:
        """Return the cosine to the nearest prototype: what `in_scope` is judged by.

        Args:
            embeddings: as `embed` gives them, shape (n_inserts, embedding_dim).

        Returns:
            float32, shape (n_inserts,).
        """
        projected = torch.as_tensor(embeddings).to(self.model.device)
        return self.model.head.nearness(projected).cpu().numpy()

    def with_adapter(self, adapter: Adapter) -> DrugClassifier:
        """Return a classifier without categories whose encoder has this adapter, and no other.

        Args:
            adapter: LoRA weights for the raw encoder, as training gives them.

        Raises:
            CheckpointError: the adapter was made for another encoder.
        """
        return self._bare(adapter.merged_into(self.raw_encoder), adapter, self.model.lexicon)

    def with_lexicon(
        self, inserts: Iterable[DrugInsert], *, n_tokens: int = N_TOKENS, dim: int = LEXICON_DIM
    ) -> DrugClassifier:
        """Return a classifier without categories that reads the words of these inserts, too.

        Args:
            inserts: some hundreds or more; what category they are of does not matter.
            n_tokens: of the vocabulary that are kept, at most.
            dim: of the lexicon's vectors, at most.

        Raises:
            LanguageError: an insert is in a language that the encoder does not know.
            DrugTextError: an insert has no text.
            TrainingError: there are too few inserts.
        """
        read = map(self.windows, self._readable(inserts))
        lexicon = learn_lexicon(read, n_tokens=n_tokens, dim=dim)
        return self._bare(self.model.encoder, self.model.adapter, lexicon)

    def _bare(
        self, encoder: nn.Module, adapter: Adapter | None, lexicon: Lexicon | None
    ) -> DrugClassifier:
        config = copy.deepcopy(self.model.config)
        config.id2label, config.label2id, config.n_support = {}, {}, []
        config.taxonomy, config.taxonomy_name, config.scope_threshold = [], "", -1.0
        config.few_shot = config.measured = config.training = None
        config.reading_plan = self.reading_plan.to_dict()
        config.lexicon = lexicon.arguments if lexicon else None
        config.has_adapter = adapter is not None
        model = DrugTextModel.assembled(config, encoder, adapter=adapter, lexicon=lexicon)
        model.to(device=self.model.device)  # type: ignore[call-arg]
        return self._over(model)

    @property
    def raw_encoder(self) -> nn.Module:
        """The encoder without its adapter."""
        encoder, adapter = self.model.encoder, self.model.adapter
        return adapter.taken_out_of(encoder) if adapter else encoder

    @staticmethod
    def from_pretrained(
        name_or_path: str | os.PathLike[str], *, revision: str | None = None
    ) -> DrugClassifier:
        """Load a classifier by the name that transformers has for it; as `load`."""
        return load(name_or_path, revision=revision)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write a folder that `load`, the Auto classes and `pipeline()` open."""
        save_model(self.model, self.tokenizer, folder)

    def push_to_hub(self, repo_id: str, *, private: bool | None = None) -> str:
        """Upload the folder to the Hugging Face Hub, and return the address of the commit."""
        from drugtext.checkpoint import push_model

        return push_model(self.model, self.tokenizer, repo_id, private=private)
