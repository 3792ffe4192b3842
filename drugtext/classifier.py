"""DrugClassifier: inserts in, predictions out; fit, add, save, push."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import CommitInfo
from torch import nn

from drugtext.adapters import Adapter
from drugtext.backends import AUTO, backend_name
from drugtext.checkpoint import checkpoint_folder, load_model
from drugtext.checkpoint_writing import save_model
from drugtext.errors import DrugTextError
from drugtext.explanation import Explanation, explain
from drugtext.hub import card_of, make_repository, upload
from drugtext.inserts.batches import batches
from drugtext.inserts.insert import DrugInsert
from drugtext.known_drugs import read_names
from drugtext.lexicon_learning import LEXICON_DIM, N_TOKENS, learn_lexicon
from drugtext.model import DrugTextModel, EncoderParts
from drugtext.name_stems import NameStems
from drugtext.own_words import own_words, read_card
from drugtext.predictor import N_NEAREST, CategoryPredictor
from drugtext.stem_ids import stem_weights
from drugtext.whole_folder import read_whole
from drugtext.window_cache import WindowCache


def load(
    name_or_path: str | os.PathLike[str] | None = None,
    *,
    revision: str | None = None,
    prefix: str | None = None,
    languages: Iterable[str] | None = None,
    backend: str = AUTO,
    over: DrugClassifier | None = None,
    cache: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
) -> DrugClassifier:
    """Load a classifier: the bundled one, a saved folder, or one from the Hugging Face Hub.

    Args:
        name_or_path: name of a bundled checkpoint (left out: the default one), a folder, or a hub
            id. A plain encoder loads as a classifier without categories, ready for `fit`.
        revision: branch, tag or commit of a hub id.
        prefix: what a plain encoder wants in front of every text ("query: " for e5).
        languages: that a plain encoder knows ("en", "zh"): inserts in others are then refused, and
            the model card names them.
        backend: what runs the encoder on a CPU: "torch", "onnx", "openvino", or "auto" for the
            fastest that is installed (or the one that DRUGTEXT_BACKEND names), which
            `DrugClassifier.backend` tells. Torch uses bfloat16 where the CPU multiplies in it,
            OpenVINO that or int8.
        over: a classifier whose encoder is in memory already: another adapter, head and lexicon
            are put on it, and what is equal in both is shared: the whole encoder and what runs it
            where their adapters are equal, else what the adapters leave alone. Both must stand on
            the same encoder.
        cache: a folder where the encoder's vectors are kept by content, encoder and adapter, in an
            SQLite file: what was read before is not encoded again. Several processes of a machine
            may share it. Left out, that of `over` is used where the encoder is shared.
        token: for a private repository; left out, that of `hf auth login` or of HF_TOKEN.

    Raises:
        CheckpointError: there is no such checkpoint, it is damaged or of a newer format, or stands
            on another encoder than `over`.
        EncoderError: the encoder's weights are missing or not the expected ones, or there is no
            such backend.
        DrugTextError: the cache cannot be made, or is damaged.
    """
    if isinstance(languages, str):
        raise DrugTextError(f"found the one text {languages!r}; a list is needed: [{languages!r}].")
    backend = backend_name(backend)  # what is wrong with it is told before the work
    encoder = (over.model.config.encoder_name, over.raw_encoder) if over else None
    folder = checkpoint_folder(name_or_path, revision, token)
    classifier = read_whole(folder, lambda: _read(folder, str(name_or_path), backend, encoder))
    if prefix is not None:
        classifier.model.config.prefix = prefix
    if languages is not None:
        classifier.model.config.languages = list(languages)
    if over is not None:
        classifier.share(over)
    if cache is not None:
        classifier.window_cache = WindowCache(
            classifier.model.encoder, Path(cache), counts_used=False
        )
    return classifier


def _read(
    folder: Path, name: str, backend: str, over: tuple[str, nn.Module] | None
) -> DrugClassifier:
    """Read all that a folder holds of a classifier; arguments as `load_model` takes them."""
    model, tokenizer = load_model(folder, name, over=over)
    classifier = DrugClassifier(model, tokenizer, backend)
    if not model.config.saved_by_transformers:
        classifier.drug_names = read_names(folder, model.config.n_known)
    words = own_words(read_card(folder))
    model.config.license = words.license or model.config.license
    if classifier.category_ids:  # else the card is an encoder's
        classifier.words = words
    return classifier


class DrugClassifier(CategoryPredictor):
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
        by = f", run by {self.run_by}" if self.run_by else ""
        return f"DrugClassifier({len(self.category_ids)} categories over {encoder}{by})"

    def with_adapter(self, adapter: Adapter) -> DrugClassifier:
        """Return a classifier without categories whose encoder has this adapter, and no other.

        Args:
            adapter: LoRA weights for the raw encoder, as training gives them.

        Raises:
            CheckpointError: the adapter was made for another encoder.
        """
        encoder = adapter.merged_into(self.raw_encoder)
        return self._bare(self.model.parts._replace(encoder=encoder, adapter=adapter))

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
        plan = self.reading_plan.fuller()
        read = (self.windows(batch, plan) for batch in self._readable(inserts))
        lexicon = learn_lexicon(read, n_tokens=n_tokens, dim=dim)
        return self._bare(self.model.parts._replace(lexicon=lexicon))

    def with_name_stems(self, inserts: Iterable[DrugInsert]) -> DrugClassifier:
        """Return a classifier without categories that reads the names of drugs, too.

        How many drugs have which pieces is saved: it tells of inserts that are confidential.

        Args:
            inserts: some hundreds of drugs or more, with their ingredients; what category they are
                of does not matter.

        Raises:
            DrugTextError: something else than inserts was given.
            TrainingError: no two drugs share a piece of their names that others lack.
        """
        named = (insert for batch in batches(inserts) for insert in batch)
        stems = NameStems.of(stem_weights(named))
        return self._bare(self.model.parts._replace(name_stems=stems))

    def _bare(self, parts: EncoderParts) -> DrugClassifier:
        """Return a classifier without categories that embeds with these parts."""
        config = copy.deepcopy(self.model.config)
        config.id2label, config.label2id, config.n_support = {}, {}, []
        config.n_known = config.n_named = 0
        config.taxonomy, config.taxonomy_name, config.drug_level = [], "", None
        config.scope_threshold = config.scope_false_alarms = None
        config.few_shot = config.strangeness = config.measured = config.training = None
        config.reading_plan = self.reading_plan.to_dict()
        config.lexicon = parts.lexicon.arguments if parts.lexicon else None
        config.name_stems = parts.name_stems.arguments if parts.name_stems else None
        config.has_adapter = parts.adapter is not None
        model = DrugTextModel.assembled(config, parts)
        model.to(device=self.model.device)  # type: ignore[call-arg]
        return self._over(model)

    @property
    def raw_encoder(self) -> nn.Module:
        """The encoder without its adapter."""
        encoder, adapter = self.model.encoder, self.model.adapter
        return adapter.taken_out_of(encoder) if adapter else encoder

    def explain(
        self, insert: DrugInsert, *, top_k: int = 3, n_nearest: int = N_NEAREST
    ) -> Explanation:
        """Tell why an insert gets its category: the sentences that decided, the nearest drugs.

        Args:
            insert: that it can classify.
            top_k: how many alternatives the prediction gives.
            n_nearest: how many known drugs to name, at most.

        Raises:
            LanguageError: the insert is in a language that the encoder does not know.
            DrugTextError: the insert has no text, or the classifier has no category.
        """
        return explain(self, insert, top_k=top_k, n_nearest=n_nearest)

    @staticmethod
    def from_pretrained(
        name_or_path: str | os.PathLike[str],
        *,
        revision: str | None = None,
        token: str | bool | None = None,
    ) -> DrugClassifier:
        """Load a classifier by the name that transformers has for it; as `load`."""
        return load(name_or_path, revision=revision, token=token)

    def record(self, figures: Mapping[str, Any], *, dataset: str, note: str = "") -> None:
        """Take figures over into the card that is written next.

        Args:
            figures: of this classifier on inserts that it was not trained on, as
                `evaluation.evaluate.evaluate` gives them.
            dataset: what those inserts are called.
            note: printed below the figures.
        """
        forms = {"given, as given": dict(figures)}
        self.model.config.measured = {"forms": forms, "note": note, "dataset": dataset}

    def save_pretrained(
        self,
        folder: str | os.PathLike[str],
        *,
        with_known_drugs: bool = False,
        license: str | None = None,
    ) -> None:
        """Write a folder that `load`, the Auto classes and `pipeline()` open.

        Args:
            folder: made if it is absent. Words of people in the card that stands there are kept.
            with_known_drugs: keep the names of the drugs that the categories were learnt from, so
                that an insert's nearest ones can be told.
            license: of the weights, by the hub's name for it, such as "mit"; left out, that of the
                checkpoint that they were learnt over, or the one that the card names.

        Raises:
            CheckpointError: the folder cannot be written.
        """
        names = self.drug_names if with_known_drugs else None
        save_model(self.model, self.tokenizer, folder, names, words=self.words, license=license)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        with_known_drugs: bool = False,
        license: str | None = None,
        token: str | bool | None = None,
        commit_message: str | None = None,
        revision: str | None = None,
        create_pr: bool = False,
    ) -> CommitInfo:
        """Upload what `save_pretrained` writes to the Hugging Face Hub, as one commit.

        Words of people in the repository's card are kept, unless this classifier was loaded with
        words of its own.

        Args:
            repo_id: "user/repo", or "repo" for one of yours; made if there is none.
            private: whether a new repository is seen by its owner alone.
            with_known_drugs: as `save_pretrained` takes it.
            license: as well.
            token: left out, that of `hf auth login` or of HF_TOKEN.
            commit_message: what the commit is called.
            revision: branch to commit to, made if there is none; the main one if left out.
            create_pr: open a pull request instead.

        Returns:
            Address of the commit; a pull request's is its `pr_url`.

        Raises:
            CheckpointError: the hub cannot be reached, or refuses.
        """
        branch = None if create_pr else revision
        repo_id = make_repository(repo_id, private=private, token=token, branch=branch)
        words = self.words.or_else(own_words(card_of(repo_id, revision, token)))
        names = self.drug_names if with_known_drugs else None
        with tempfile.TemporaryDirectory() as folder:
            save_model(
                self.model,
                self.tokenizer,
                folder,
                names,
                words=words,
                license=license,
                place=repo_id,
            )
            return upload(
                folder,
                repo_id,
                token=token,
                commit_message=commit_message,
                revision=revision,
                create_pr=create_pr,
            )
