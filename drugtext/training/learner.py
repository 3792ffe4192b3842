"""What is optimised in meta-training: a reader of inserts and a head, by the loss of episodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from drugtext.adapters import default_lora, with_new_adapter
from drugtext.bare_encoder import mean_pool
from drugtext.classifier import DrugClassifier
from drugtext.encoder import pool_windows
from drugtext.episode_heads import EpisodeHead
from drugtext.training.episode_sampler import EpisodeBatch
from drugtext.training.proxies import ProxyLoss
from drugtext.training.views import WindowBatch

if TYPE_CHECKING:
    from peft import PeftModel


def adapter_to_train(classifier: DrugClassifier, lora: Mapping[str, Any]) -> PeftModel:
    """Return a classifier's raw encoder with its own adapter, or a new one, ready to be trained.

    Args:
        classifier: stays as it is.
        lora: arguments of `peft.LoraConfig` for a new adapter that differ from `default_lora`'s.
    """
    encoder, adapter = classifier.raw_encoder, classifier.model.adapter
    if adapter:
        return adapter.put_on(encoder, is_trainable=True)
    return with_new_adapter(encoder, default_lora(**lora))


class InsertReader(nn.Module):
    """An encoder with its adapter: windows in, unit vectors out, as at use.

    It is trained without dropout, which doubles the time of a step on a CPU: reading other sections
    each time is noise enough.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def train(self, mode: bool = True) -> InsertReader:
        """Leave the encoder in evaluation mode."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, windows: WindowBatch) -> Tensor:
        """Return unit vectors, shape (n_inserts, embedding_dim)."""
        found = self.encoder(input_ids=windows.input_ids, attention_mask=windows.attention_mask)
        vectors = mean_pool(found.last_hidden_state, windows.attention_mask)
        weights = vectors.new_ones(len(vectors))
        return pool_windows(vectors, weights, windows.insert_numbers, windows.n_inserts)


class EpisodeLearner(nn.Module):
    """A reader and a head: an episode in, its loss out.

    Beside the episode, each insert is told from all categories at once, by proxies that are thrown
    away afterwards.

    Args:
        reader: its weights that require a gradient are trained.
        head: trained, too.
        proxies: of the data's categories; None for episodes alone.
        proxy_weight: of their loss.

    Source:
        Snell et al. 2017, arXiv:1703.05175, algorithm 1.
    """

    def __init__(
        self,
        reader: InsertReader,
        head: EpisodeHead,
        proxies: ProxyLoss | None = None,
        proxy_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.reader, self.head, self.proxies = reader, head, proxies
        self._proxy_weight = proxy_weight

    def forward(self, batch: EpisodeBatch) -> Tensor:
        """Return the loss of an episode, the mean over its questions."""
        embeddings, names = self.reader(batch.inserts), self.reader(batch.names)
        losses = []
        for support, queries, is_named in batch.questions:
            logits = self.head(
                embeddings[support],
                batch.categories[support],
                embeddings[queries],
                len(names),
                names if is_named else None,
            )
            losses.append(nn.functional.cross_entropy(logits, batch.categories[queries]))
        loss = torch.stack(losses).mean()
        if self.proxies is None:
            return loss
        targets = self.proxies.targets(batch.rows).to(embeddings.device)
        return loss + self._proxy_weight * self.proxies(embeddings, targets)
