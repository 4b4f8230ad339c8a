"""The memory for bodies: it never exceeds the budget, is given in the order of arrival, and no wait is endless."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gevent
import pytest
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st

from hooks.errors import OverloadedError
from hooks.web import body_budget
from hooks.web.body_budget import BUDGET_BYTES, MAX_WAITING, SMALL_BYTES, BodyBudget

SIZES = st.one_of(st.integers(0, SMALL_BYTES), st.integers(SMALL_BYTES + 1, 2 * BUDGET_BYTES))


@given(st.lists(SIZES, max_size=MAX_WAITING))
def test_the_budget_is_never_exceeded_and_every_body_gets_a_turn(sizes: list[int]) -> None:
    budget, used, order = BodyBudget(), [0], []

    def read(number: int, size: int) -> None:
        large = min(size, BUDGET_BYTES) if size > SMALL_BYTES else 0
        with budget.reserve(size):
            used[0] += large
            order.append(number)
            assert used[0] <= BUDGET_BYTES
            gevent.sleep(0)
            used[0] -= large

    gevent.joinall([gevent.spawn(read, *one) for one in enumerate(sizes)], raise_error=True)
    assert sorted(order) == list(range(len(sizes)))
    large = [number for number in order if sizes[number] > SMALL_BYTES]
    assert large == sorted(large)


@contextmanager
def all_in_use(budget: BodyBudget) -> Iterator[None]:
    """Let another thread hold the whole budget."""
    with budget.reserve(BUDGET_BYTES):
        yield


def test_a_small_body_never_waits() -> None:
    budget = BodyBudget()
    with all_in_use(budget), budget.reserve(SMALL_BYTES):
        pass


def test_a_wait_that_times_out_raises_and_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_budget, "WAIT_SECONDS", 0.01)
    budget = BodyBudget()
    with all_in_use(budget), pytest.raises(OverloadedError), budget.reserve(SMALL_BYTES + 1):
        pass
    with all_in_use(budget):
        pass


def test_one_waiter_too_many_is_refused_at_once() -> None:
    budget, end = BodyBudget(), Event()

    def wait() -> None:
        with budget.reserve(BUDGET_BYTES):
            end.wait()

    waiting = [gevent.spawn(wait) for _ in range(MAX_WAITING + 1)]
    gevent.sleep(0)
    with pytest.raises(OverloadedError), budget.reserve(BUDGET_BYTES):
        pass
    end.set()
    gevent.joinall(waiting, raise_error=True)
