"""Which module imports which, what stays light, and the public names."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from transformers.dynamic_module_utils import get_imports, get_relative_import_files

import drugtext

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "drugtext"

ROOMS = [
    ["_version", "errors"],
    ["fingerprint", "ahead", "colours", "written_file", "manifest"],
    ["whole_folder"],
    ["offline_page"],
    ["bare_encoder"],
    ["inserts"],
    ["csv_rows", "chinese_names"],
    ["atc_table", "keg_file"],
    ["taxonomy"],
    ["splits", "masking", "stem_ids", "routes", "support", "support_set", "corpus", "episodes"],
    [
        "names",
        "tokens",
        "reading_plan",
        "windows",
        "encoder",
        "onnx_file",
        "openvino_encoder",
        "backends",
        "adapters",
        "prototypes",
        "block_products",
        "doubt",
        "whitening",
        "memory",
        "name_stems",
        "projection",
        "scorer",
        "heads",
        "gaussian_mechanism",
        "private_sums",
        "private",
        "episode_heads",
        "window_cache",
        "early_exit",
        "lexicon",
        "lexicon_learning",
        "known_drugs",
    ],
    ["config"],
    ["model"],
    ["window_encoder"],
    ["embedder"],
    ["prediction_sets", "prediction"],
    ["bundled", "figures", "hub"],
    ["own_words"],
    ["model_card", "data_card"],
    ["corpus_files"],
    ["checkpoint_writing"],
    ["checkpoint"],
    ["category_holder"],
    ["category_learner"],
    ["category_grower"],
    ["category_editor"],
    ["predictor"],
    ["together"],
    ["sentences"],
    ["explanation"],
    ["explanation_page"],
    ["classifier"],
    ["version_store", "differences"],
    ["learnt_from"],
    ["registry"],
    ["plane"],
    ["map_points"],
    ["map_groups"],
    ["map_page", "map_png"],
    ["map"],
    ["evaluation"],
    ["training"],
    ["evaluation.benchmark"],
    ["evaluation.trust", "evaluation.speed"],
    ["pipeline"],
    ["scale"],
    ["terminal"],
    ["page"],
    ["app"],
    ["commands.options"],
    ["commands"],
    ["cli"],
    ["__main__"],
]
"""From the bottom up: a room imports from its own row and from earlier ones."""

WITHOUT_TORCH = (
    "inserts",
    "csv_rows",
    "taxonomy",
    "atc_table",
    "keg_file",
    "chinese_names",
    "corpus",
    "support",
    "splits",
    "stem_ids",
    "terminal",
    "commands",
    "cli",
)
"""Their modules import neither torch nor transformers, except inside functions."""

TRAVELLING = {
    *("model", "config", "heads", "memory", "prototypes", "doubt", "whitening"),
    *("block_products", "scorer"),
    *("lexicon", "name_stems", "projection", "bare_encoder"),
}
"""Modules that are saved with a checkpoint: see `drugtext.model`."""

PUBLIC_NAMES = [
    "Category",
    "DrugClassifier",
    "DrugInsert",
    "DrugTextConfig",
    "DrugTextError",
    "DrugTextModel",
    "Explanation",
    "Prediction",
    "Section",
    "Taxonomy",
    "__version__",
    "build_corpus",
    "load",
    "predict_together",
    "read_inserts",
    "read_support",
]


def modules() -> list[str]:
    """Names of all modules below `drugtext`, packages and the root itself left out."""
    files = (file.relative_to(PACKAGE).with_suffix("") for file in sorted(PACKAGE.rglob("*.py")))
    names = (".".join(file.parts) for file in files if file.name != "__init__")
    return [name for name in names if name != "_registration"]  # it names modules, imports none


def is_in(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def row_of(module: str) -> int | None:
    """The row of the innermost room that a module is in; None where it is in none."""
    found = [(len(room), n) for n, row in enumerate(ROOMS) for room in row if is_in(module, room)]
    return max(found)[1] if found else None


def parsed(module: str) -> ast.Module:
    file = PACKAGE / f"{module.replace('.', '/')}.py"
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def imported(nodes: list[ast.AST]) -> list[str]:
    """Full names of what these statements import, `from a import b` as "a.b"."""
    names = []
    for node in nodes:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, f"line {node.lineno}: imports are absolute, or from beside"
            origin = f"drugtext.{node.module}" if node.level else node.module
            names += [f"{origin}.{alias.name}" for alias in node.names]
    return names


def imported_when_loaded(module: str) -> list[str]:
    """What is imported outside of functions and of `if TYPE_CHECKING`."""
    found: list[ast.AST] = []
    left: list[ast.AST] = [parsed(module)]
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            left += node.orelse
            continue
        found.append(node)
        left += ast.iter_child_nodes(node)
    return imported(found)


@pytest.mark.parametrize("module", modules())
def test_no_module_imports_from_above(module):
    row = row_of(module)
    assert row is not None, f"{module} has no room; give it one in ROOMS"
    for name in imported(list(ast.walk(parsed(module)))):
        if is_in(name, "drugtext"):
            other = row_of(name.removeprefix("drugtext").removeprefix("."))
            assert other is not None, f"{module} imports {name}, which has no room"
            assert other <= row, f"{module} imports {name}, which stands above it"


def test_no_modules_import_each_other_in_a_circle():
    everything, graph = modules(), {}
    for module in everything:
        names = imported_when_loaded(module)
        graph[module] = {
            other for other in everything if any(is_in(name, f"drugtext.{other}") for name in names)
        }
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


@pytest.mark.parametrize(
    "module", [m for m in modules() if any(is_in(m, r) for r in WITHOUT_TORCH)]
)
def test_light_modules_import_no_torch(module):
    heavy = [
        n for n in imported_when_loaded(module) if n.split(".")[0] in ("torch", "transformers")
    ]
    assert not heavy


@pytest.mark.parametrize(
    "module", ["drugtext", "drugtext.inserts.read", "drugtext.taxonomy", "drugtext.cli"]
)
def test_light_modules_load_no_torch(module):
    code = (
        f"import sys, {module}\n"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=PROJECT
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_nothing_that_runs_code_from_a_file_is_used():
    files = sorted([*PACKAGE.rglob("*.py"), *(PROJECT / "scripts").rglob("*.py")])
    assert files
    for file in files:
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))))
        modules_ = {name.split(".")[0] for name in imported(nodes)}
        assert not modules_ & {"pickle", "dill", "cloudpickle", "joblib", "marshal"}, file
        for node in nodes:
            if isinstance(node, ast.keyword) and node.arg in ("trust_remote_code", "allow_pickle"):
                is_false = isinstance(node.value, ast.Constant) and node.value.value is False
                assert is_false, f"{file}:{node.value.lineno}"
            if isinstance(node, ast.Attribute):
                assert ast.unparse(node) != "torch.load", f"{file}:{node.lineno}"
            if isinstance(node, ast.ImportFrom) and node.module == "torch":
                assert "load" not in [alias.name for alias in node.names], file


def test_what_travels_with_a_checkpoint_needs_torch_and_transformers_alone():
    files = get_relative_import_files(PACKAGE / "model.py")
    assert {Path(file).stem for file in files} | {"model"} == TRAVELLING
    for name in TRAVELLING:
        packages = set(get_imports(PACKAGE / f"{name}.py")) - set(sys.stdlib_module_names)
        assert packages <= {"torch", "transformers", "huggingface_hub"}, name
        relative = {n for n in imported_when_loaded(name) if is_in(n, "drugtext")}
        assert {n.split(".")[1] for n in relative} <= TRAVELLING, name
    for name in set(modules()) - TRAVELLING:
        nodes = ast.walk(parsed(name))
        assert not any(isinstance(n, ast.ImportFrom) and n.level for n in nodes), name


def test_public_names_are_these_and_each_resolves():
    assert sorted(drugtext.__all__) == PUBLIC_NAMES
    assert dir(drugtext) == PUBLIC_NAMES
    for name in PUBLIC_NAMES:
        assert getattr(drugtext, name) is not None
    with pytest.raises(AttributeError, match="'drugtext' has no attribute 'nothing'"):
        importlib.import_module("drugtext").nothing  # noqa: B018
