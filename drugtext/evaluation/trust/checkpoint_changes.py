"""What is done to the files of a saved classifier, by chance and by one who means harm."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from drugtext.evaluation.trust.bad_inputs import damaged
from drugtext.manifest import MANIFEST

_WEIGHTS = ".safetensors"
_WAYS_AT_RANDOM = 6  # a file
_CONFIG, _TOKENIZER = "config.json", "tokenizer_config.json"
# Values of another kind than any field has, or of a size that none has.
_ODD_VALUES: list[Any] = [None, -1, 2.5, "x", [], {}, [[]], {"a": 1}, float("nan"), "\ud800", True]
_TAMPERED_FIELDS: dict[str, list[Any]] = {
    "format_version": [99, 10**30, "2"],
    "model_type": ["bert", "", "nothing"],
    "taxonomy": [[["a", "a"]], [["a", "a", "b"], ["b", "b", "a"]], [[1, 2, 3]]],
    "id2label": [{}, {"x": "a"}, {"0": 3}],
    "reading_plan": [{"pages": 3}, {"window_tokens": 0}, {"section_tokens": {"a": None}}],
    "lexicon": [{"n_tokens": -1, "dim": 2}, {"words": 3}],
    "name_stems": [
        {"n_stems": -1, "dim": 2},
        {"n_stems": 3, "dim": 0},
        {"n_stems": 3},
        {"dim": "x"},
    ],
    "n_levels": [0, 1, 10**12],
    "few_shot": [{"scale": "3"}, {"growth": []}, {"strangeness": {"1": [0.5]}}, {"softening": 2}],
    "strangeness": [{"short": 1}, {"1": 3}, {"1": ["a"]}, {"short": {"1": None}}, {"1": []}],
    "quantization_config": [{"quant_method": "awq"}, {"quant_method": "torchao"}],
    "attn_implementation": ["user/kernel", {"encoder_config": "user/kernel"}],
    "auto_map": [{"AutoConfig": "user/repo--code.Config"}, []],
    "dtype": ["float4", []],
    "transformers_weights": ["../elsewhere.safetensors"],
}
_RAW_JSON = ["", "{", "[]", "null", "3", "[" * 100_000, '{"a":' * 100_000, "\ufeff{}", "\0"]

Change = Callable[[Path], None]
"""Does something to a folder that holds a copy of a checkpoint."""


def sealed_names(folder: Path) -> list[str]:
    """Return the files that a checkpoint's manifest names."""
    return [*json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"]]


def losses(folder: Path, seed: int) -> Iterator[tuple[str, Change]]:
    """Yield what loses or changes bytes of a file that the manifest names."""
    random = Random(seed)  # noqa: S311
    for name in sealed_names(folder):
        whole = (folder / name).read_bytes()
        ways: dict[str, bytes] = {
            "one bit": _flipped(whole, random),
            "its last byte": whole[:-1],
            "half of it": whole[: len(whole) // 2],
            "all of it": b"",
            "one byte more": whole + b"\n",
        }
        for n in range(_WAYS_AT_RANDOM):
            if (data := damaged(whole, random)) != whole:
                ways[f"damage {seed}.{n}"] = data
        for way, data in ways.items():
            yield f"{name}: {way}", writes(name, data)
        yield f"{name}: gone", _on(name, Path.unlink)
        yield f"{name}: a folder", _on(name, _as_folder)
        yield f"{name}: a link to nowhere", _on(name, _as_link)


def additions() -> Iterator[tuple[str, Change]]:
    """Yield what puts a file that would be read beside those that the manifest names."""
    for name in ("head.safetensors", "adapter/adapter_model.safetensors", "adapter_config.json"):
        yield f"{name}: added", writes(name, b"{}")


def broken_manifests() -> Iterator[tuple[str, Change]]:
    """Yield what makes the manifest no manifest, or one that names what it must not."""
    for text in _RAW_JSON:
        yield f"manifest: {text[:9]!r}", writes(MANIFEST, text.encode())
    named = [{"../x": "0"}, {"/etc/passwd": "0"}, {"a\0b": "0"}, {"\ud800": "0"}, {".": "0"}, {}]
    for sums in [*named, {_CONFIG: None}, {"x" * 5000: "0"}, 3, None]:
        data = json.dumps({"sha256": sums}).encode()
        yield f"manifest: {str(sums)[:30]}", writes(MANIFEST, data)
    yield "manifest: a folder", _on(MANIFEST, _as_folder)


def tampered(folder: Path) -> Iterator[tuple[str, Change]]:
    """Yield what changes a file so that it is still one of its kind."""
    for name in filter(lambda n: (folder / n).is_file(), (_CONFIG, _TOKENIZER)):
        fields = json.loads((folder / name).read_text(encoding="utf-8"))
        values = {key: list(_ODD_VALUES) for key in fields}
        for key, more in _TAMPERED_FIELDS.items() if name == _CONFIG else ():
            values[key] = values.get(key, []) + more
        for key, value in [(field, value) for field in values for value in values[field]]:
            data = json.dumps(fields | {key: value}).encode()
            told = f"{name}: {key} is {value!r}"[:80]
            yield told, writes(name, data)
    for name in (_CONFIG, _TOKENIZER, "tokenizer.json", "known_drugs.json"):
        for text in _RAW_JSON:
            told = f"{name}: {text[:9]!r}"
            yield told, writes(name, text.encode())
    for weights in sorted(folder.rglob(f"*{_WEIGHTS}")):
        file = str(weights.relative_to(folder))
        for way, data in _bad_weights(weights.read_bytes()).items():
            yield f"{file}: {way}", writes(file, data)


def _bad_weights(whole: bytes) -> dict[str, bytes]:
    """Return what is wrong -> a safetensors file: eight bytes of length, a header, the numbers.

    Source:
        https://huggingface.co/docs/safetensors, "Format".
    """
    (length,) = struct.unpack("<Q", whole[:8])
    header, numbers = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    first = next(name for name, tensor in header.items() if len(tensor.get("shape", ())) == 2)
    tensor = header[first]
    rows, columns = tensor["shape"]

    def made(**changes: Any) -> bytes:
        text = json.dumps(header | {first: tensor | changes}).encode()
        return struct.pack("<Q", len(text)) + text + numbers

    lengths = {f"header of {n} bytes": struct.pack("<Q", n) + whole[8:] for n in (0, 2**63, 2**31)}
    return lengths | {
        "other shape": made(shape=[columns + 1, rows]),
        "swapped shape": made(shape=[rows * columns, 1]),
        "shape beyond all": made(shape=[2**62, 2**62]),
        "no such kind": made(dtype="F3"),
        "beyond the end": made(data_offsets=[0, len(numbers) + 8]),
        "backwards": made(data_offsets=[8, 0]),
        "numbers that are none": whole[: 8 + length] + b"\xff" * len(numbers),
        "one tensor less": _without(header, first, numbers),
    }


def _without(header: dict[str, Any], name: str, numbers: bytes) -> bytes:
    text = json.dumps({key: value for key, value in header.items() if key != name}).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def with_pickles(ran: Path) -> Iterator[tuple[str, Change]]:
    """Yield what puts files beside the weights that run code where anybody unpickles them."""
    # What pickle writes for os.mkdir(ran); here in bytes, since nothing of drugtext imports it.
    code = b"cos\nmkdir\n(V%s\ntR." % str(ran).encode("unicode_escape")
    for name in ("pytorch_model.bin", "model.pt", "adapter/adapter_model.bin", "training_args.bin"):
        yield f"{name}: beside", writes(name, code)
        told = f"{name}: in place of the weights"
        yield told, partial(_write_for_weights, name=name, data=code)
    for name in ("model.safetensors", "tokenizer.json", "known_drugs.json"):
        yield f"{name}: a pickle", writes(name, code)


def _flipped(data: bytes, random: Random) -> bytes:
    place = random.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]


def _on(name: str, change: Callable[[Path], object]) -> Change:
    """Return what does something with a file of a folder."""

    def changed(folder: Path) -> None:
        change(folder / name)

    return changed


def writes(name: str, data: bytes) -> Change:
    """Return what writes a file into a folder."""
    return _on(name, partial(_write, data=data))


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)


def _write_for_weights(folder: Path, name: str, data: bytes) -> None:
    _write(folder / name, data)
    for weights in folder.glob(f"*{_WEIGHTS}"):
        weights.unlink()


def _as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _as_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")
