"""What the Hugging Face Hub says of a card's first block, as its endpoint validate-yaml does.

Source: the specifications in https://github.com/huggingface/hub-docs (modelcard.md, datasetcard.md,
docs/hub/spaces-config-reference.md); the list of licenses is that of its answer in
https://github.com/huggingface/huggingface_hub/issues/4218. Of an unknown task the hub warns alone,
and it knows more metrics: here both are errors, so that a test cannot miss them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from huggingface_hub.repocard import REGEX_YAML_BLOCK


def _words(text: str) -> list[str]:
    return text.split()


LICENSES = _words("""
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear
c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0
cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl
ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl
lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0
odc-by odbl openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr
deepfloyd-if-license fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3
llama4 grok2-community gemma unknown other
""")
LANGUAGES = _words("""
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de
dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id
ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu
lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu
rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr
ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu code multilingual
""")
TASKS = _words("""
text-classification token-classification table-question-answering question-answering
zero-shot-classification translation summarization feature-extraction text-generation fill-mask
sentence-similarity text-ranking text-retrieval multiple-choice other
""")
METRICS = _words("accuracy f1 precision recall matthews_correlation roc_auc brier_score")
COLOURS = _words("red yellow green blue indigo purple pink gray")

_ID = r"(?:[\w-]+/)?[\w.-]+"


def faults(content: str, repo_type: str) -> list[str]:
    """Return what is wrong with a card.

    Args:
        content: of README.md.
        repo_type: model, dataset or space.
    """
    block = REGEX_YAML_BLOCK.search(content)
    if not block:
        return ["empty or missing yaml metadata in repo card"]
    try:
        fields = yaml.safe_load(block[2])
    except yaml.YAMLError as error:
        return [f"bad indentation or syntax: {error}"]
    if not isinstance(fields, dict):
        return ["yaml metadata is no mapping"]
    of_kind = {"model": _of_model, "dataset": _of_dataset, "space": _of_space}[repo_type]
    return [*_of_all(fields), *of_kind(fields)]


def _each(fields: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """Yield where each value of a field stands, and the value; one may stand alone."""
    value = fields.get(name)
    if isinstance(value, list):
        yield from ((f"{name}[{n}]", one) for n, one in enumerate(value))
    elif value is not None:
        yield name, value


def _of_all(fields: dict[str, Any]) -> Iterator[str]:
    yield from _not_one_of(fields, "license", LICENSES)
    for where, language in _each(fields, "language"):
        is_three = isinstance(language, str) and re.fullmatch("[a-z]{3}", language)
        if language not in LANGUAGES and not is_three:
            yield (
                f'"{where}" with value "{language}" is not valid. It must be an ISO 639-1, 639-2 or'
                ' 639-3 code (two/three letters), or a special value like "code", "multilingual".'
            )
    name, link = fields.get("license_name", ""), str(fields.get("license_link", "LICENSE"))
    if not re.fullmatch(r"[a-z0-9.-]*", str(name)):
        yield f'"license_name" with value "{name}" fails to match the required pattern'
    if link not in ("LICENSE", "LICENSE.md") and not re.match(r"https?://", link):
        yield '"license_link" must be "LICENSE", "LICENSE.md" or a URL'
    for where, tag in _each(fields, "tags"):
        if not isinstance(tag, str):
            yield f'"{where}" must be a string'


def _not_one_of(fields: dict[str, Any], name: str, known: list[str]) -> Iterator[str]:
    for where, value in _each(fields, name):
        if value not in known:
            yield f'"{where}" must be one of [{", ".join(known)}]'


def _not_an_id(fields: dict[str, Any], name: str) -> Iterator[str]:
    for where, value in _each(fields, name):
        if not re.fullmatch(_ID, str(value)):
            yield f'"{where}" with value "{value}" is not valid. Use an id from https://hf.co.'


def _of_model(fields: dict[str, Any]) -> Iterator[str]:
    yield from _not_one_of(fields, "pipeline_tag", TASKS)
    yield from _not_one_of(fields, "metrics", METRICS)
    yield from _not_an_id(fields, "base_model")
    yield from _not_an_id(fields, "datasets")
    for where, entry in _each(fields, "model-index"):
        if not isinstance(entry, dict) or not entry.get("name"):
            yield f'"{where}.name" is required'
            continue
        if not isinstance(entry.get("results"), list):
            yield f'"{where}.results" is required'
            continue
        for n, result in enumerate(entry["results"]):
            yield from _of_result(result, f"{where}.results[{n}]")


def _of_result(result: Any, where: str) -> Iterator[str]:
    required = {"task": ["type"], "dataset": ["type", "name"]}
    for part, names in required.items():
        for name in names:
            if not isinstance(_at(result, part, name), str):
                yield f'"{where}.{part}.{name}" is required'
    kind = str(_at(result, "dataset", "type"))
    if not re.fullmatch(_ID, kind):
        yield f'"{where}.dataset.type" with value "{kind}" fails to match the required pattern'
    if _at(result, "task", "type") not in TASKS:
        yield f'"{where}.task.type" is no task'
    metrics = result.get("metrics") if isinstance(result, dict) else None
    if not metrics:
        yield f'"{where}.metrics" is required'
    for n, metric in enumerate(metrics or []):
        if _at(metric, "type") not in METRICS or _at(metric, "value") is None:
            yield f'"{where}.metrics[{n}]" needs a type and a value'


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _of_dataset(fields: dict[str, Any]) -> Iterator[str]:
    yield from _not_one_of(fields, "task_categories", TASKS)
    for where, config in _each(fields, "configs"):
        files = _at(config, "data_files") or []
        if not _at(config, "config_name") or not all(
            _at(file, "split") and _at(file, "path") for file in files
        ):
            yield f'"{where}" needs a config_name, and each of its files a split and a path'


def _of_space(fields: dict[str, Any]) -> Iterator[str]:
    if not fields.get("emoji"):
        yield '"emoji" is required'
    for name in ("colorFrom", "colorTo"):
        yield from _not_one_of(fields, name, COLOURS)
    yield from _not_one_of(fields, "sdk", ["gradio", "docker", "static"])
    if not fields.get("sdk"):
        yield '"sdk" is required'
    if len(str(fields.get("short_description", ""))) > 60:
        yield '"short_description" length must be less than or equal to 60 characters long'
