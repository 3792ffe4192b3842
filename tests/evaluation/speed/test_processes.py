"""Fresh processes: drugtext and what people use answer one text each."""

from __future__ import annotations

import pytest

import drugtext
from drugtext.evaluation.speed.peers import PIPELINE_FIRST, SENTENCES
from drugtext.evaluation.speed.processes import MEMORY_STAGES, first_answers, memory_stages


def test_each_answers_from_a_process_of_its_own():
    pytest.importorskip("sentence_transformers", reason="needs pip install '.[bench]'")
    insert = drugtext.DrugInsert(sections={"indications_and_usage": "Lowers blood pressure."})
    found = first_answers(drugtext.load(), insert, ["torch"])
    assert [row["what"] for row in found] == ["drugtext, torch", PIPELINE_FIRST, SENTENCES]
    assert all(row["seconds"] > 0 and row["peak_mb"] > 100 for row in found)


def test_memory_grows_from_step_to_step():
    found = memory_stages("torch")
    assert tuple(found) == MEMORY_STAGES
    assert found["Python"] < found["torch is imported"] < found["the checkpoint is loaded"]


def test_what_classifiers_over_one_encoder_share_is_there_once():
    pytest.importorskip("openvino", reason="needs pip install '.[openvino]'")
    memory_stages("openvino")  # what the first one exports is kept on disk
    found = memory_stages("openvino")
    answered, over, alone = (found[step] for step in MEMORY_STAGES[-3:])
    assert over - answered < alone - over
