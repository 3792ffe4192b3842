"""A fingerprint changes with the code that an answer depends on, and with no other."""

from __future__ import annotations

from drugtext.fingerprint import code_sha256

RUN = "drugtext.evaluation.benchmark.run"
CONTESTANTS = "drugtext.evaluation.benchmark.contestants"


def test_it_holds_what_a_module_stands_on():
    assert code_sha256(f"{CONTESTANTS}.tfidf") == code_sha256(
        f"{CONTESTANTS}.tfidf", "drugtext.errors", "drugtext.evaluation.benchmark.task"
    )
    assert code_sha256(f"{CONTESTANTS}.tfidf") != code_sha256(
        f"{CONTESTANTS}.tfidf", "drugtext.classifier"
    )


def test_it_holds_a_package_that_gathers_modules():
    heads = "drugtext.episode_heads"
    assert code_sha256(heads) == code_sha256(heads, f"{heads}.ridge")
    assert code_sha256(heads) != code_sha256(f"{heads}.ridge")


def test_it_does_not_hold_how_outcomes_are_told():
    assert code_sha256(RUN) != code_sha256(RUN, "drugtext.evaluation.benchmark.report")


def test_what_is_not_of_drugtext_counts_for_nothing():
    assert code_sha256("json", "drugtext.nowhere") == code_sha256()


def test_it_holds_what_is_imported_by_a_relative_name():
    for module in ("whitening", "projection", "block_products"):
        assert code_sha256("drugtext.classifier") == code_sha256(
            "drugtext.classifier", f"drugtext.{module}"
        )
