"""What random histories of a shop have in common: deliveries that come in any order, or not at all, and a worker."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from hooks.ledger import rounds
from hooks.sync.reconcile import Reconciler
from tests.integration.harness import Harness
from tests.support.recordings import Recorded


class ShopMachine(RuleBasedStateMachine):
    """A harness whose deliveries keep to no order."""

    harness: Harness

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.withheld: list[Recorded] = []

    # Deliveries

    @rule(
        limit=st.none() | st.integers(1, 4),
        seed=st.none() | st.integers(0, 3),
        drop=st.integers(0, 2),
    )
    def deliver(self, limit: int | None, seed: int | None, drop: int) -> None:
        """Some of what waits arrives, in some order; some is lost."""
        for one in self._send(limit, seed, drop):
            self.receive(one)

    @rule()
    def lose(self) -> None:
        """All that waits is lost."""
        self.harness.lose()

    @rule(seed=st.integers(0, 3))
    def withhold(self, seed: int) -> None:
        """What waits is on its way for long."""
        self.withheld += self._send(None, seed, 0)

    @precondition(lambda self: self.withheld)
    @rule(dice=st.randoms(use_true_random=False), again=st.booleans())
    def arrive(self, dice: Any, again: bool) -> None:
        """What was on its way for long arrives, in any order; perhaps not for the last time."""
        dice.shuffle(self.withheld)
        for one in self.withheld:
            self.receive(one)
        if not again:
            self.withheld.clear()

    def receive(self, sent: Recorded) -> None:
        """Take in one delivery."""
        self.harness.receive(sent)

    # The worker

    @rule()
    def work(self) -> None:
        """The worker does what is due."""
        self.harness.work()

    # Helpers

    def _lose_if(self, lost: bool) -> None:
        if lost:
            self.harness.lose()

    def _order(self, place: int) -> int | None:
        there = sorted(self.harness.store.shop.orders)
        return there[place % len(there)] if there else None

    def _customer(self, place: int) -> int | None:
        """An account, but never the administrator's own."""
        there = sorted(self.harness.store.shop.customers)[1:]
        return there[place % len(there)] if there else None

    def _send(self, limit: int | None, seed: int | None, drop: int) -> list[Recorded]:
        order = "fifo" if seed is None else "shuffle"
        self.harness.store.send_deliveries(limit, order, seed or 0, drop, repeat=1)
        came = self.harness.receiver.deliveries[self.harness.taken :]
        self.harness.taken += len(came)
        return [Recorded(one.topic, one.headers, one.body) for one in came]


def go_through(reconciler: Reconciler, slug: str) -> None:
    """One whole reconciliation of the lists, as soon as may be."""
    with reconciler.runtime.database.write() as connection:
        rounds.ask_for(connection, slug, rounds.LISTS, reconciler.runtime.clock())
    for _ in range(1000):
        if not reconciler.step():
            return
    raise AssertionError("the lists never end")


def play(machine: type[ShopMachine], *, examples: int, steps: int) -> None:
    """Play some histories; the profile `search` tries more of them."""
    quick = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    many = examples if settings().derandomize else settings().max_examples
    # A failure is told as it was found: to look for a shorter one takes minutes.
    chosen = settings(
        max_examples=many,
        stateful_step_count=steps,
        suppress_health_check=quick,
        phases=[Phase.generate],
    )
    run_state_machine_as_test(machine, settings=chosen)
