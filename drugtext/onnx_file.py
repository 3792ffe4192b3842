"""An encoder as an ONNX file, written once and kept: that takes longer than many inserts do."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from drugtext.encoder import weights_sha256

_FORMAT = "1"  # of what is written; another one beside it, not over it


class _LastHidden(nn.Module):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def cache_folder() -> Path:
    """Return the folder of files that can be made again: DRUGTEXT_CACHE, else ~/.cache/drugtext."""
    return Path(os.environ.get("DRUGTEXT_CACHE") or Path.home() / ".cache" / "drugtext")


def onnx_file(encoder: nn.Module, folder: Path | None = None) -> Path:
    """Return an encoder's ONNX file, which is written where it is not there yet.

    Several processes may ask at once: the file is whole or absent.

    Args:
        encoder: on the CPU, in float32.
        folder: where it is kept; "onnx" in the `cache_folder` if left out.
    """
    file = (folder or cache_folder() / "onnx") / f"{weights_sha256(encoder)}-{_FORMAT}.onnx"
    if file.is_file():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    ids, mask = torch.arange(16).reshape(2, 8), torch.ones(2, 8, dtype=torch.int64)
    auto = torch.export.Dim.AUTO
    shapes = tuple({0: auto, 1: auto} for _ in range(2))
    level = logging.root.manager.disable
    try:
        with warnings.catch_warnings():  # the exporter tells of torchvision and of its own insides
            warnings.simplefilter("ignore")
            logging.disable(logging.WARNING)
            program = torch.onnx.export(
                _LastHidden(encoder).eval(),
                (ids, mask),
                input_names=["input_ids", "attention_mask"],
                dynamo=True,
                dynamic_shapes=shapes,
                verbose=False,
            )
    finally:
        logging.disable(level)
    with tempfile.TemporaryDirectory(dir=file.parent) as beside:
        unfinished = Path(beside) / "model.onnx"
        program.save(unfinished)  # type: ignore[union-attr]  # None for a file name given above
        unfinished.rename(file)
    return file
