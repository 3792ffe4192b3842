"""Writers that are killed or have no room leave what is whole."""

from __future__ import annotations

import os

import pytest

from drugtext.evaluation.trust.writer_faults import try_writers


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL and limits of POSIX")
def test_what_killed_writers_leave_is_whole(tiny_classifier, tmp_path):
    found = try_writers(tiny_classifier, tmp_path, 1)
    assert found.escaped == [] and found.tried == 2 * (1 + 3)
    assert found.read >= 2, "those that were killed"
    assert found.refused >= 4, "2,000 and 25,000 bytes are enough for neither"
