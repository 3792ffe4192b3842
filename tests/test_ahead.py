"""Work ahead: in order, in another thread, one item at most, and its errors in their place."""

from __future__ import annotations

import threading

import pytest

from drugtext.ahead import ahead


def test_all_items_come_in_order():
    assert list(ahead(range(50))) == list(range(50))
    assert list(ahead([])) == [] and list(ahead([None, None])) == [None, None]


def test_the_next_one_is_made_meanwhile_and_no_more():
    made, threads, second = [], set(), threading.Event()

    def items():
        for n in range(5):
            made.append(n)
            threads.add(threading.current_thread())
            if n == 1:
                second.set()
            yield n

    remaining = ahead(items())
    assert next(remaining) == 0
    assert second.wait(10)  # made while nobody asked for it
    assert made == [0, 1]
    assert list(remaining) == [1, 2, 3, 4]
    assert threading.current_thread() not in threads


def test_an_error_comes_behind_the_items_before_it():
    def items():
        yield 1
        raise ValueError("torn page")

    remaining = ahead(items())
    assert next(remaining) == 1
    with pytest.raises(ValueError, match="torn page"):
        next(remaining)


def test_who_stops_early_does_not_wait_for_the_source():
    asked, release = threading.Event(), threading.Event()

    def items():
        yield 1
        asked.set()
        release.wait(60)
        yield 2

    remaining = ahead(items())
    assert next(remaining) == 1 and asked.wait(10)
    remaining.close()  # while the source has nothing to say
    release.set()
    for thread in threading.enumerate():
        if thread.name == "ahead":
            thread.join(10)
            assert not thread.is_alive()
