"""An encoder as an ONNX file, written once and kept: that takes longer than many inserts do."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from drugtext.encoder import weights_sha256

_FORMAT = "2"  # of what is written; another one beside it, not over it
_NAME = "model.onnx"
_OPSET = 23  # the first that has attention as one operator, which both runtimes have a kernel for


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

    Several processes may ask at once: its folder, with whatever files of weights an encoder of more
    than 2 GB has beside it, is whole or absent.

    Args:
        encoder: on the CPU, in float32.
        folder: where it is kept; "onnx" in the `cache_folder` if left out.
    """
    kept = (folder or cache_folder() / "onnx") / _key(encoder)
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as beside:
            unfinished = Path(beside) / "whole"
            unfinished.mkdir()
            _export(encoder, unfinished / _NAME)
            try:
                unfinished.replace(kept)
            except OSError:
                if not kept.is_dir():  # else another process was faster
                    raise
    return kept / _NAME


def _key(encoder: nn.Module) -> str:
    """Return what tells an encoder: its shape and its weights."""
    shape = hashlib.sha256(cast(Any, encoder.config).to_json_string().encode()).hexdigest()
    return f"{weights_sha256(encoder)[:32]}-{shape[:16]}-{_FORMAT}"


def _export(encoder: nn.Module, file: Path) -> None:
    ids, mask = torch.arange(16).reshape(2, 8), torch.ones(2, 8, dtype=torch.int64)
    auto = torch.export.Dim.AUTO
    log = logging.getLogger("torch.onnx")
    level = log.level
    try:
        with warnings.catch_warnings():  # the exporter tells of torchvision and of its own insides
            warnings.simplefilter("ignore")
            log.setLevel(logging.ERROR)
            program = torch.onnx.export(
                _LastHidden(encoder).eval(),
                (ids, mask),
                input_names=["input_ids", "attention_mask"],
                opset_version=_OPSET,
                dynamo=True,
                dynamic_shapes=tuple({0: auto, 1: auto} for _ in range(2)),
                verbose=False,
            )
    finally:
        log.setLevel(level)
    program.save(file)  # type: ignore[union-attr]  # None for a file name given above
