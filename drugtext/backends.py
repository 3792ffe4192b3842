"""What runs an encoder: torch, ONNX Runtime or OpenVINO, in the precision that is fast here.

Each gives the vectors of torch in float32, as near as its precision allows; how near is measured
when it is made, and one that is not near enough is refused.
"""

from __future__ import annotations

import copy
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from drugtext.bare_encoder import mean_pool
from drugtext.encoder import pad
from drugtext.errors import EncoderError, first_line

AUTO, TORCH, ONNX, OPENVINO = "auto", "torch", "onnx", "openvino"
BACKENDS = (AUTO, TORCH, ONNX, OPENVINO)
LEAST_COSINE = 0.99
"""Of the vectors of a backend to those of torch in float32; below it a category may change."""

_PACKAGES = {ONNX: ("onnxruntime", "onnxscript"), OPENVINO: ("openvino", "onnxscript")}

_log = logging.getLogger(__name__)

Hidden = Callable[[Tensor, Tensor], Tensor]
"""Token ids and mask, int64, shape (n_windows, n_tokens) -> last hidden state, shape (n_windows,
n_tokens, hidden_size)."""


@dataclass(frozen=True)
class Backend:
    """An encoder as something runs it, on the CPU.

    Attributes:
        name: "torch", "onnx" or "openvino".
        precision: "float32" or "bfloat16".
        hidden: gives last hidden states.
        cosine: the least, over some texts, of its vectors to those of torch in float32.
    """

    name: str
    precision: str
    hidden: Hidden
    cosine: float

    def __str__(self) -> str:
        return f"{self.name} {self.precision}"

    @property
    def with_cosine(self) -> str:
        """What it is, and how near it is: for people."""
        return f"{self}, cosine {self.cosine:.4f} to torch float32"

    def encode_windows(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the mean token vector of each window, float32, (n_windows, hidden_size)."""
        return mean_pool(self.hidden(input_ids, attention_mask), attention_mask)


def backend_name(asked: str) -> str:
    """Return the backend that is meant: for "auto" what DRUGTEXT_BACKEND says, where it is set.

    Raises:
        EncoderError: there is no such backend, or it is not installed.
    """
    name = os.environ.get("DRUGTEXT_BACKEND", AUTO) if asked == AUTO else asked
    check_installed(name)
    return name


def make_backend(encoder: nn.Module, name: str, probe: Sequence[list[int]]) -> Backend:
    """Make what runs an encoder.

    Args:
        encoder: on the CPU, in float32, its adapter merged.
        name: one of `BACKENDS`; "auto" for the fastest that is installed and near enough.
        probe: token ids of some windows of text, to measure how near it is.

    Raises:
        EncoderError: there is no such backend, it is not installed, or it is not near enough.
    """
    check_installed(name)
    input_ids, attention_mask = pad([*probe], 0)
    exact = _torch(encoder, torch.float32)
    expected = mean_pool(exact(input_ids, attention_mask), attention_mask)

    def measured(candidate: str) -> Backend:
        precision = torch.bfloat16 if has_bfloat16() and candidate != ONNX else torch.float32
        try:
            hidden = _MAKERS[candidate](encoder, precision)
        except Exception as error:  # an encoder that cannot be exported, a cache without room
            raise EncoderError(
                f"backend {candidate} cannot be made of this encoder ({type(error).__name__}:"
                f" {first_line(error)}). Take another one of {', '.join(BACKENDS)}."
            ) from error
        found = mean_pool(hidden(input_ids, attention_mask), attention_mask)
        cosine = float(torch.cosine_similarity(found, expected, dim=1).min())
        backend = Backend(candidate, str(precision).removeprefix("torch."), hidden, cosine)
        if not cosine >= LEAST_COSINE:  # nor where it is no number
            raise EncoderError(
                f"backend {backend}: its vectors have a cosine of {cosine:.4f} to those of torch"
                f" in float32; {LEAST_COSINE} is needed. Take another one of {', '.join(BACKENDS)}."
            )
        _log.info("%s", backend.with_cosine)
        return backend

    if name != AUTO:
        return measured(name)
    for candidate in filter(is_installed, _fastest_first()):
        try:
            return measured(candidate)
        except Exception as error:  # one that nobody asked for: there are others
            _log.warning("backend %s is passed over: %s", candidate, error)
    return Backend(TORCH, "float32", exact, 1.0)


def _fastest_first() -> tuple[str, ...]:
    """Return the backends in the order of their speed, as scripts/bench_speed.py measures it.

    A race at each start would take longer than it saves: each has to be made first. ONNX Runtime
    has no bfloat16 on a CPU.
    """
    return (OPENVINO, TORCH) if has_bfloat16() else (OPENVINO, ONNX, TORCH)


def has_bfloat16() -> bool:
    """Tell whether the CPU multiplies matrices in bfloat16; elsewhere it is slower than float32."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def is_installed(name: str) -> bool:
    """Tell whether the packages of a backend are there."""
    return all(find_spec(package) for package in _PACKAGES.get(name, ()))


def check_installed(name: str) -> None:
    """Raise `EncoderError` where there is no such backend, or with what installs it."""
    if name not in BACKENDS:
        raise EncoderError(f"found backend {name!r}; one of {', '.join(BACKENDS)} is needed.")
    if not is_installed(name):
        missing = [package for package in _PACKAGES[name] if not find_spec(package)]
        raise EncoderError(
            f"backend {name!r} needs {', '.join(missing)}; run: pip install 'drugtext[{name}]'"
        )


def _torch(encoder: nn.Module, precision: torch.dtype) -> Hidden:
    if precision != torch.float32:
        encoder = copy.deepcopy(encoder).to(precision)

    @torch.no_grad()
    def hidden(input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    return hidden


def _onnx(encoder: nn.Module, _: torch.dtype) -> Hidden:
    import onnxruntime

    from drugtext.onnx_file import onnx_file

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        str(onnx_file(encoder)), options, providers=["CPUExecutionProvider"]
    )

    def hidden(input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        fed = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        return torch.from_numpy(session.run(None, fed)[0])

    return hidden


_SHAPES_KEPT = 64
"""Code that OpenVINO keeps for shapes of batches: of all that it meets (5,000 by default), it would
take a GB and more after some thousand inserts, and be no faster."""


def compiled_by_openvino(encoder: nn.Module, precision: torch.dtype, **further: Any) -> Any:
    """Return an encoder as OpenVINO compiles it.

    Args:
        encoder: on the CPU, in float32.
        precision: of its products.
        further: settings of OpenVINO's CPU plugin.
    """
    import openvino

    from drugtext.onnx_file import onnx_file

    core = openvino.Core()
    model = core.read_model(onnx_file(encoder))
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == torch.bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        # Processes that take a part of the cores each would bind their threads to the first ones.
        "ENABLE_CPU_PINNING": False,
        **further,
    }
    shapes = {"CPU_RUNTIME_CACHE_CAPACITY": _SHAPES_KEPT}
    try:
        return core.compile_model(model, "CPU", settings | shapes)
    except RuntimeError:  # it is undocumented; without it, there is only more memory taken
        return core.compile_model(model, "CPU", settings)


def _openvino(encoder: nn.Module, precision: torch.dtype) -> Hidden:
    compiled = compiled_by_openvino(encoder, precision)
    lock = threading.Lock()  # a compiled model answers one request at a time

    def hidden(input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        with lock:
            found = compiled([input_ids.numpy(), attention_mask.numpy()])[0]
        return torch.from_numpy(found)

    return hidden


_MAKERS: dict[str, Callable[[nn.Module, torch.dtype], Hidden]] = {
    TORCH: _torch,
    ONNX: _onnx,
    OPENVINO: _openvino,
}
