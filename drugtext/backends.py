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

import torch
from torch import Tensor, nn

from drugtext.bare_encoder import mean_pool
from drugtext.encoder import pad
from drugtext.errors import EncoderError, first_line

AUTO, TORCH, ONNX, OPENVINO = "auto", "torch", "onnx", "openvino"
BACKENDS = (AUTO, TORCH, ONNX, OPENVINO)
FLOAT32, BFLOAT16, INT8 = "float32", "bfloat16", "int8"
LEAST_COSINE = 0.99
"""Of the vectors of a backend to those of torch in float32; below it a category may change."""

_PACKAGES = {ONNX: ("onnxruntime", "onnxscript"), OPENVINO: ("openvino", "onnxscript")}

_log = logging.getLogger(__name__)

EncodeWindows = Callable[[Tensor, Tensor], Tensor]
"""Token ids and mask, int64, shape (n_windows, n_tokens) -> the mean token vector of each window,
float32, shape (n_windows, hidden_size)."""


@dataclass(frozen=True)
class Backend:
    """An encoder as something runs it, on the CPU.

    Attributes:
        name: "torch", "onnx" or "openvino".
        precision: of its products with weights: "float32", "bfloat16" or "int8".
        encode_windows: gives mean token vectors.
        cosine: the least, over some texts, of its vectors to those of torch in float32.
    """

    name: str
    precision: str
    encode_windows: EncodeWindows
    cosine: float

    def __str__(self) -> str:
        return f"{self.name} {self.precision}"

    @property
    def with_cosine(self) -> str:
        """What it is, and how near it is: for people."""
        return f"{self}, cosine {self.cosine:.4f} to torch float32"


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
    exact = _torch(encoder, FLOAT32)
    expected = exact(input_ids, attention_mask)

    def measured(candidate: str, precision: str) -> Backend:
        try:
            encode = _MAKERS[candidate](encoder, precision)
        except Exception as error:  # an encoder that cannot be exported, a cache without room
            raise EncoderError(
                f"backend {candidate} cannot be made of this encoder ({type(error).__name__}:"
                f" {first_line(error)}). Take another one of {', '.join(BACKENDS)}."
            ) from error
        found = encode(input_ids, attention_mask)
        cosine = float(torch.cosine_similarity(found, expected, dim=1).min())
        backend = Backend(candidate, precision, encode, cosine)
        if not cosine >= LEAST_COSINE:  # nor where it is no number
            raise EncoderError(
                f"backend {backend}: its vectors have a cosine of {cosine:.4f} to those of torch"
                f" in float32; {LEAST_COSINE} is needed. Take another one of {', '.join(BACKENDS)}."
            )
        _log.info("%s", backend.with_cosine)
        return backend

    names = [name] if name != AUTO else filter(is_installed, _fastest_first())
    candidates = [(each, precision) for each in names for precision in precisions(each)]
    for candidate in candidates:
        try:
            return measured(*candidate)
        except Exception as error:  # another precision, or another backend, may be near enough
            if name != AUTO and candidate == candidates[-1]:
                raise
            _log.warning("backend %s is passed over: %s", " ".join(candidate), error)
    return Backend(TORCH, FLOAT32, exact, 1.0)


def _fastest_first() -> tuple[str, ...]:
    """Return the backends in the order of their speed, as scripts/bench_speed.py measures it.

    A race at each start would take longer than it saves: each has to be made first. ONNX Runtime
    has no bfloat16 on a CPU.
    """
    return (OPENVINO, TORCH) if has_bfloat16() else (OPENVINO, ONNX, TORCH)


def precisions(name: str) -> tuple[str, ...]:
    """Return the precisions that a backend is asked for on this CPU, the fastest first."""
    exact = (BFLOAT16,) if has_bfloat16() and name != ONNX else (FLOAT32,)
    return (INT8, *exact) if name == OPENVINO and _has_int8() else exact


def has_bfloat16() -> bool:
    """Tell whether the CPU multiplies matrices in bfloat16; elsewhere it is slower than float32."""
    return _cpu_has_any("avx512_bf16", "amx_bf16")


def _has_int8() -> bool:
    """Tell whether the CPU multiplies and adds in int8; without, int8 weights gain nothing."""
    return _cpu_has_any("avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8")


def _cpu_has_any(*names: str) -> bool:
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in names)


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


def _torch(encoder: nn.Module, precision: str) -> EncodeWindows:
    if precision == BFLOAT16:
        encoder = copy.deepcopy(encoder).to(torch.bfloat16)

    @torch.no_grad()
    def encode(input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return mean_pool(hidden, attention_mask)

    return encode


def _onnx(encoder: nn.Module, _: str) -> EncodeWindows:
    import onnxruntime

    from drugtext.onnx_file import onnx_file

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        str(onnx_file(encoder)), options, providers=["CPUExecutionProvider"]
    )

    def encode(input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        fed = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        return mean_pool(torch.from_numpy(session.run(None, fed)[0]), attention_mask)

    return encode


def _openvino(encoder: nn.Module, precision: str) -> EncodeWindows:
    from drugtext.openvino_encoder import compiled_by_openvino

    compiled = compiled_by_openvino(encoder, precision)
    lock = threading.Lock()  # a compiled model answers one request at a time, in its own memory

    def encode(input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        fed = [input_ids.numpy(), attention_mask.numpy()]
        with lock:
            hidden = torch.from_numpy(compiled(fed, share_inputs=True, share_outputs=True)[0])
            return mean_pool(hidden, attention_mask)

    return encode


_MAKERS: dict[str, Callable[[nn.Module, str], EncodeWindows]] = {
    TORCH: _torch,
    ONNX: _onnx,
    OPENVINO: _openvino,
}
