"""An encoder as OpenVINO runs it on a CPU: exported, its products in int8, bfloat16 or float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from drugtext.errors import EncoderError
from drugtext.onnx_file import onnx_file

_SHAPES_KEPT = 64
"""Code that OpenVINO keeps for shapes of batches: of all that it meets (5,000 by default), it would
take a GB and more after some thousand inserts, and be no faster."""

_QUANTISED_TOGETHER = 64
"""Values of an activation that share a scale in int8. More of them are hardly faster, and less
exact: of 384 the mean vectors of windows come no nearer than a cosine of .997, of 64 .999."""


def compiled_by_openvino(encoder: nn.Module, precision: str, **further: Any) -> Any:
    """Return an encoder as OpenVINO compiles it.

    Args:
        encoder: on the CPU, in float32.
        precision: of its products: "int8", "bfloat16" or "float32".
        further: settings of OpenVINO's CPU plugin.

    Raises:
        EncoderError: int8 is asked for, and there is nothing to round to it.
    """
    import openvino

    core = openvino.Core()
    model = core.read_model(onnx_file(encoder))
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        # Processes that take a part of the cores each would bind their threads to the first ones.
        "ENABLE_CPU_PINNING": False,
        **further,
    }
    if precision == "int8":  # what is no product of weights is then in the CPU's own precision
        if not quantise_weights(model):
            raise EncoderError("it has no products with weights that can be rounded to int8.")
        settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = _QUANTISED_TOGETHER
    else:
        settings["INFERENCE_PRECISION_HINT"] = "bf16" if precision == "bfloat16" else "f32"
    shapes = {"CPU_RUNTIME_CACHE_CAPACITY": _SHAPES_KEPT}
    try:
        return core.compile_model(model, "CPU", settings | shapes)
    except RuntimeError:  # it is undocumented; without it, there is only more memory taken
        return core.compile_model(model, "CPU", settings)


def quantise_weights(model: Any) -> int:
    """Write the weights of a model's products as int8, a scale for each output, and count them.

    OpenVINO takes int8 weights behind a conversion and a scale for compressed ones, and quantises
    what they are multiplied with as it runs, each window by itself ("dynamic quantization",
    https://docs.openvino.ai, LLM weight compression).

    Args:
        model: as OpenVINO reads it; changed in place.
    """
    from openvino import opset13 as ops

    n_quantised = 0
    for product in model.get_ordered_ops():
        if product.get_type_name() != "MatMul":
            continue
        given, weights = product.input_value(0), product.input_value(1).get_node()
        if weights.get_type_name() != "Constant" or weights.data.ndim != 2:
            continue
        told = product.get_attributes()
        by_output = weights.data if told["transpose_b"] else weights.data.T
        quantised, scale = int8_rows(np.asarray(by_output, dtype=np.float32))
        restored = ops.multiply(ops.convert(ops.constant(quantised), "f32"), ops.constant(scale))
        instead = ops.matmul(given, restored, told["transpose_a"], True)
        product.output(0).replace(instead.output(0))
        n_quantised += 1
    return n_quantised


def int8_rows(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix as whole numbers from -127 to 127 and the scale of each row, (n_rows, 1).

    A row times its scale is the row, each value to within half of the scale.
    """
    scale = np.abs(matrix).max(axis=1, keepdims=True) / 127
    steps = np.divide(matrix, scale, out=np.zeros_like(matrix), where=scale > 0)
    return np.ascontiguousarray(np.rint(steps).astype(np.int8)), np.ascontiguousarray(scale)
