"""Calls take turns, ratios are of the same round, and a busy machine is refused."""

from __future__ import annotations

import os
import time

import pytest
import torch

from dsconv import timing


@pytest.fixture
def clock(monkeypatch):
    """Replace the clock by one that only the calls move."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def taking(clock, *seconds):
    """Return a call that takes each of these in turn, and then the last for ever."""
    left = list(seconds)

    def call():
        clock[0] += left.pop(0) if len(left) > 1 else left[0]

    return call


def test_a_ratio_is_of_two_times_of_the_same_round(clock):
    # The machine gets slower from round to round: both times grow, their ratio does not.
    warm = 3  # calls before the first round: two to warm up, one to see how long it takes
    slow = taking(clock, *[1.0] * warm, 1.0, 2.0, 40.0)
    fast = taking(clock, *[0.5] * warm, 0.5, 1.0, 20.0)
    took = timing.side_by_side({"slow": slow, "fast": fast}, rounds=3, at_least=0.1)
    assert list(took) == ["slow", "fast"]
    assert took["slow"].ratio == 1.0
    assert (took["fast"].ratio, took["fast"].low, took["fast"].high) == (0.5, 0.5, 0.5)


def test_the_median_of_the_rounds_counts_and_the_quartiles_are_told(clock):
    steady = taking(clock, 1.0)
    jumpy = taking(clock, *[1.0] * 3, 1.0, 100.0, 2.0, 4.0, 3.0)
    took = timing.side_by_side({"steady": steady, "jumpy": jumpy}, rounds=5, at_least=0.1)
    assert took["jumpy"] == timing.Timing(3000.0, 3.0, 2.0, 4.0)
    assert took["steady"] == timing.Timing(1000.0, 1.0, 1.0, 1.0)


def test_short_calls_are_repeated_until_they_can_be_timed(clock):
    counted = []

    def short():
        counted.append(1)
        clock[0] += 0.001

    took = timing.side_by_side({"short": short}, rounds=1, at_least=0.01)
    assert took["short"].milliseconds == pytest.approx(1.0)
    assert len(counted) > 16


def test_the_order_changes_from_round_to_round():
    said = []
    calls = {name: lambda name=name: said.append(name) for name in "abc"}
    timing.side_by_side(calls, rounds=12, at_least=1e-9)
    rounds = said[-36:]
    orders = {tuple(rounds[i : i + 3]) for i in range(0, 36, 3)}
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)
    assert len(orders) > 2


def test_the_reference_can_be_named(clock):
    calls = {"one": taking(clock, 1.0), "two": taking(clock, 2.0)}
    assert timing.side_by_side(calls, reference="two", rounds=2)["one"].ratio == 0.5


def test_calls_run_on_one_thread_without_gradients_and_the_number_comes_back():
    seen = []
    weight = torch.ones(2, requires_grad=True)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        call = lambda: seen.append((torch.get_num_threads(), (2 * weight).requires_grad))  # noqa: E731
        timing.side_by_side({"call": call}, rounds=1, at_least=1e-6)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {(1, False)}


def test_the_number_of_threads_comes_back_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), timing.one_thread():
        raise ZeroDivisionError
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"calls": [int]}, TypeError, "calls must be a dict of names to functions. Received: list"),
        ({"calls": {}}, ValueError, "at least one call. Received: none"),
        (
            {"calls": {1: int}, "reference": 2},
            ValueError,
            "must be one of 1. Received: reference=2",
        ),
        ({"calls": {"a": 3}}, TypeError, "must hold functions. Received: 'a': int"),
        ({"reference": "b"}, ValueError, "reference must be one of a. Received: reference='b'"),
        ({"rounds": 0}, ValueError, "rounds must be at least 1"),
        ({"at_least": 0.0}, ValueError, "at_least must be"),
    ],
)
def test_what_cannot_be_timed(given, error, message):
    with pytest.raises(error, match=message):
        timing.side_by_side(**({"calls": {"a": int}} | given))


def test_a_busy_machine_is_refused(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 0.0, 0.0), raising=False)
    with pytest.raises(timing.BusyError, match=r"load must be at most 0\.3\. Received: 1\.50"):
        timing.check_idle()
    assert timing.check_idle(anyway=True) == 1.5
    assert timing.check_idle(most=2.0) == 1.5
    monkeypatch.setattr(os, "getloadavg", lambda: (0.2, 9.0, 9.0), raising=False)
    assert timing.check_idle() == 0.2


def test_a_machine_that_tells_no_load_is_not_refused(monkeypatch):
    def untold():
        raise OSError

    monkeypatch.setattr(os, "getloadavg", untold, raising=False)
    assert timing.check_idle() == 0.0
    monkeypatch.delattr(os, "getloadavg", raising=False)
    assert timing.check_idle() == 0.0


@pytest.mark.parametrize(("most", "error"), [(float("nan"), ValueError), ("0.3", TypeError)])
def test_a_limit_that_is_none_is_refused(most, error):
    with pytest.raises(error, match="most must be"):
        timing.check_idle(most=most)
