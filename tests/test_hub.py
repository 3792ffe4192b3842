"""The Hugging Face Hub, over real HTTP, against one in this process: what goes up comes down."""

from __future__ import annotations

import pytest
from hub_programs import lines, save_few

from drugtext.config import FORMAT_VERSION


@pytest.fixture(scope="module")
def few(adapted_classifier, tmp_path_factory) -> str:
    """The folder of a classifier with an adapter, saved."""
    return save_few(adapted_classifier, tmp_path_factory.mktemp("few"))


def test_pushed_and_loaded_by_id_it_answers_the_same(hub, few, tmp_path):
    code = """
few = drugtext.load(sys.argv[1])
print(few.push_to_hub("user/repo", private=True))
again = drugtext.DrugClassifier.from_pretrained("user/repo")
print(again.predict(inserts) == few.predict(inserts), again.category_ids)
import transformers
pipe = transformers.pipeline("text-classification", model="user/repo")
print(pipe("relief of pain")[0]["label"])
pipe = transformers.pipeline("drug-insert-classification", model="user/repo")
print(pipe(inserts[1])["category_id"])
"""
    found = lines(hub, tmp_path, code, few)
    assert found[0].startswith(f"{hub.address}/user/repo/commit/")
    assert found[1:] == ["True ['pain', 'heart']", "pain", "heart"]
    repo = hub.repos["user/repo"]
    assert repo.is_private
    assert {
        "README.md",
        "config.json",
        "manifest.json",
        "model.py",
        "model.safetensors",
        "tokenizer.json",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
    } <= set(repo.files)
    assert hub.blobs, "the weights go by LFS"


def test_all_that_a_classifier_knows_comes_back(hub, few, tmp_path):
    code = """
words = ["pain", "fever", "heart", "skin", "cough", "sleep", "asthma", "acid"]
many = [
    drugtext.DrugInsert(language="en", sections={"indications_and_usage": f"{a} and {b} of {c}"})
    for a in words for b in words for c in words[:2]
]
tree = drugtext.Taxonomy(
    [
        drugtext.Category("all", "Everything"),
        drugtext.Category("pain", "Painkillers", "all"),
        drugtext.Category("heart", "Heart drugs", "all"),
    ],
    "mine",
)
base = drugtext.load(sys.argv[1]).with_lexicon(many, dim=4)
base.model.config.few_shot = {
    "scale": 12.0, "scope_threshold": -0.25, "strangeness": [n / 40 for n in range(40)]
}
few = base.fit(inserts, ["pain", "heart"], taxonomy=tree)
few.push_to_hub("user/rich")
again = drugtext.load("user/rich")
was, now = (c.predict(inserts, top_k=2, coverage=0.9) for c in (few, again))
print(was == now, [[step.id for step in p.path] for p in now], bool(now[0].sets))
old, new = few.model.config, again.model.config
print(new.lexicon == old.lexicon, new.scope_threshold, new.strangeness == old.strangeness)
print(new.few_shot == old.few_shot, again.taxonomy.name, again.model.adapter is not None)
more = again.add_category("more", inserts[:1])  # learnt as over the one that was pushed
print(more.predict(inserts) == few.add_category("more", inserts[:1]).predict(inserts))
"""
    assert lines(hub, tmp_path, code, few) == [
        "True [['all', 'pain'], ['all', 'heart']] True",
        "True -0.25 True",
        "True mine True",
        "True",
    ]


def test_branches_tags_and_commits_stay_what_they_were(hub, few, tmp_path):
    code = """
import huggingface_hub, transformers
few = drugtext.load(sys.argv[1])
first = few.push_to_hub("user/repo", commit_message="the first").rpartition("/")[2]
huggingface_hub.create_tag("user/repo", tag="v1")
more = few.add_category("more", inserts[:1])
more.push_to_hub("user/repo", revision="next")
request = few.add_category("other", inserts[:1]).push_to_hub("user/repo", create_pr=True)
print(request.pr_url)
for revision in (None, first, "v1", "next", "refs/pr/1"):
    print(drugtext.load("user/repo", revision=revision).category_ids)
model = transformers.AutoModelForSequenceClassification.from_pretrained(
    "user/repo", revision="next"
)
print([*model.config.id2label.values()])
tried(lambda: drugtext.load("user/repo", revision="never"))
tried(lambda: few.push_to_hub("user/repo", revision="next", create_pr=True))
"""
    found = lines(hub, tmp_path, code, few)
    assert found[0] == f"{hub.address}/user/repo/discussions/1"
    known = ["pain", "heart"]
    assert found[1:7] == [
        *(str(known), str(known), str(known)),
        *(str([*known, "more"]), str([*known, "other"]), str([*known, "more"])),
    ]
    assert found[7].startswith("refused: 'user/repo' is no folder and no bundled checkpoint")
    assert "the hub shows no 'user/repo' at revision 'never'" in found[7]
    assert "always opened against the default branch" in found[8]
    assert hub.repos["user/repo"].messages[1] == "the first"


def test_a_repository_of_ones_own_needs_no_user_name_and_a_token_may_be_given(hub, few, tmp_path):
    code = """
few = drugtext.load(sys.argv[1])
print(few.push_to_hub("mine", private=True, token=sys.argv[2]))
print(few.push_to_hub("mine", private=False, token=sys.argv[2]).partition("/commit/")[0])
print(drugtext.load("user/mine", token=sys.argv[2]).category_ids)
print(drugtext.DrugClassifier.from_pretrained("user/mine", token=sys.argv[2]).category_ids)
tried(lambda: few.push_to_hub("somebody/else", token=sys.argv[2]))
tried(lambda: few.push_to_hub("mine"))
tried(lambda: drugtext.load("user/mine", revision="main", token=False))
"""
    found = lines(hub, tmp_path, code, few, "hf_dummy", token="")
    assert found[0].startswith(f"{hub.address}/user/mine/commit/")
    assert found[1:4] == [f"{hub.address}/user/mine", *2 * ["['pain', 'heart']"]]
    assert found[4].startswith("refused: somebody/else: the upload failed")
    assert found[5].startswith("refused: mine: the upload failed")
    assert set(hub.repos) == {"user/mine"} and hub.repos["user/mine"].is_private


def test_a_push_over_a_push_leaves_nothing_of_the_first(hub, few, tmp_path):
    code = """
few = drugtext.load(sys.argv[1]).fit(inserts, ["pain", "heart"])
few.push_to_hub("user/repo", with_known_drugs=True)
print(len(drugtext.load("user/repo").drug_names))
more = few.add_category("more", inserts[:1])
more.push_to_hub("user/repo")
again = drugtext.load("user/repo")
print(again.drug_names, again.predict(inserts) == more.predict(inserts))
"""
    assert lines(hub, tmp_path, code, few) == ["2", "None True"]
    assert "known_drugs.json" not in hub.repos["user/repo"].files


def test_what_transformers_pushes_over_a_classifier_is_loaded(hub, few, tmp_path):
    code = """
import transformers
few = drugtext.load(sys.argv[1]).fit(inserts, ["pain", "heart"])
few.record({"levels": [], "calibration_error": None}, dataset="some")
few.push_to_hub("user/repo", with_known_drugs=True)
model = transformers.AutoModelForSequenceClassification.from_pretrained("user/repo")
model.head.prototypes.data = model.head.prototypes.data.flip(0)
model.push_to_hub("user/repo")
again = drugtext.load("user/repo")
print((again.model.head.prototypes == model.head.prototypes).all().item())
print(again.drug_names, again.model.adapter, again.model.config.measured)
again.save_pretrained("again")
print(drugtext.load("again").predict(inserts) == again.predict(inserts))

settings = transformers.TrainingArguments(
    "trained", use_cpu=True, report_to="none", hub_model_id="user/repo"
)
trainer = transformers.Trainer(few.model, settings, processing_class=few.tokenizer)
trainer.push_to_hub()
print([p.category_id for p in drugtext.load("user/repo").predict(inserts)])
few.push_to_hub("user/repo")  # and drugtext over both
print(drugtext.load("user/repo").model.adapter is not None)
"""
    assert lines(hub, tmp_path, code, few) == [
        "True",
        "None None None",
        "True",
        "['pain', 'heart']",
        "True",
    ]
    assert (tmp_path / "again" / "manifest.json").is_file()


def test_the_adapter_alone_is_put_on_the_raw_encoder_by_peft(
    hub, few, tiny_encoder_folder, tmp_path
):
    code = """
import torch, transformers, peft
few = drugtext.load(sys.argv[1])
few.push_to_hub("user/repo")
raw = transformers.AutoModel.from_pretrained(sys.argv[2])
told = few.tokenizer(["relief of pain"], return_tensors="pt")
before = raw(**told).last_hidden_state
model = peft.PeftModel.from_pretrained(raw, "user/repo", subfolder="adapter").eval()
merged = few.model.encoder(**told).last_hidden_state
print(torch.allclose(model(**told).last_hidden_state, merged, atol=1e-5))
print(model.peft_config["default"].r)
"""
    assert lines(hub, tmp_path, code, few, str(tiny_encoder_folder)) == ["True", "2"]


def test_who_may_not_is_refused_in_plain_words(hub, few, tmp_path):
    push = 'tried(lambda: drugtext.load(sys.argv[1]).push_to_hub("user/repo", private=True))'
    refused = lines(hub, tmp_path, push, few, token="hf_wrong")
    assert refused[0].startswith("refused: user/repo: the upload failed")
    assert "hf auth login" in refused[0] and hub.repos == {}

    lines(hub, tmp_path, push, few)
    load = 'tried(lambda: drugtext.load("user/repo"))'
    for n, token in enumerate(("hf_wrong", "")):
        told = lines(hub, tmp_path / str(n), load, token=token)[0]
        assert told.startswith("refused: 'user/repo'") and "your login" in told
    assert lines(hub, tmp_path / "b", load)[0].startswith("DrugClassifier(2 categories")
    hub.repos["user/repo"].is_private = False  # a wrong token is refused there, too
    assert lines(hub, tmp_path / "c", load, token="hf_wrong")[0].startswith("refused: 'user/repo'")
    assert lines(hub, tmp_path / "d", load, token="")[0].startswith("DrugClassifier(2 categories")


def test_what_is_missing_or_too_new_is_refused(hub, few, tmp_path):
    code = """
tried(lambda: drugtext.load("user/nothing"))
few = drugtext.load(sys.argv[1])
few.model.config.format_version = 99
few.push_to_hub("user/newer")
tried(lambda: drugtext.load("user/newer"))
"""
    nothing, newer = lines(hub, tmp_path, code, few)
    assert nothing.startswith("refused: 'user/nothing' is no folder and no bundled checkpoint")
    assert f"format version 99, this drugtext reads {FORMAT_VERSION}" in newer
    assert "Install a newer drugtext" in newer
