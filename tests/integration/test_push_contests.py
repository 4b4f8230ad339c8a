"""Our fields, edited by others: corrected, but not for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from deploy.sandbox.records import Order
from deploy.sandbox.wire import Json
from hooks.intake.answers import Answers
from hooks.tagging.changes import MAX_CONTESTS
from tests.integration.harness import ON_SQLITE, SECOND, Harness


def test_our_fields_edited_by_a_person_are_corrected_once(harness: Harness) -> None:
    number = harness.written_order()
    harness.advance()
    harness.store.edit_meta("order", number, "retention_delete_after", "2099-01-01")
    harness.come_to_rest()
    assert harness.writes("order", number) == 2
    assert harness.held("order", number) == harness.wanted("order", number)
    assert harness.status()["status"] == "ok"


@ON_SQLITE
def test_our_field_deleted_by_a_person_is_restored_once(harness: Harness) -> None:
    number = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.come_to_rest()
    harness.advance()
    harness.store.edit_meta("customer", number, "retention_class", None)
    harness.come_to_rest()
    assert harness.writes("customer", number) == 2
    assert harness.held("customer", number) == harness.wanted("customer", number)


@ON_SQLITE
def test_occasional_edits_by_a_person_are_corrected_each_time(
    harness: Harness,
) -> None:
    number = harness.written_order()
    for edits in range(1, MAX_CONTESTS + 3):
        harness.advance(timedelta(days=2))
        harness.store.edit_meta("order", number, "retention_class", f"mine-{edits}")
        harness.come_to_rest()
        assert harness.writes("order", number) == 1 + edits
        assert harness.held("order", number) == harness.wanted("order", number)
    assert harness.status()["status"] == "ok"


def test_a_plugin_that_edits_after_each_write_ends_the_pushes(
    harness: Harness,
) -> None:
    number = harness.written_order()
    for _ in range(3 * MAX_CONTESTS):
        harness.advance()
        harness.store.edit_meta("order", number, "retention_class", "mine")
        harness.come_to_rest()
    given_up = harness.writes("order", number)
    assert given_up == 1 + MAX_CONTESTS
    assert harness.problems() == {"contested"}
    assert harness.held("order", number)["retention_class"] == "mine"


@pytest.fixture
def stubborn_plugin(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Make a plugin of the store change one of our fields at every write; call the result to remove the plugin."""
    update = harness.store.orders.update

    def meddle(order: Order, given: Json, at: Any = None) -> list[str]:
        named = update(order, given, at)
        order.meta.set("retention_class", "mine")
        return named

    monkeypatch.setattr(harness.store.orders, "update", meddle)
    yield monkeypatch.undo
    monkeypatch.undo()


@ON_SQLITE
def test_a_plugin_that_edits_within_each_write_ends_the_pushes(
    harness: Harness, stubborn_plugin: Callable[[], None]
) -> None:
    number = harness.paid_order()
    harness.come_to_rest()
    rounds = harness.writes("order", number)
    assert 1 < rounds <= MAX_CONTESTS + 2
    assert harness.problems() == {"contested"}
    harness.advance(timedelta(days=3))
    harness.store.edit_order(number)
    harness.come_to_rest()
    assert harness.writes("order", number) == rounds
    assert harness.problems() == {"contested"}
    stubborn_plugin()


@ON_SQLITE
def test_a_contested_record_is_retried_when_its_schedule_changes(
    harness: Harness, stubborn_plugin: Callable[[], None]
) -> None:
    number = harness.paid_order()
    harness.come_to_rest()
    before = harness.writes("order", number)
    harness.advance()
    harness.store.edit_order(number, customer_note="ring twice")
    harness.come_to_rest()
    again = harness.writes("order", number)
    assert before < again <= before + MAX_CONTESTS + 2
    assert harness.problems() == {"contested"}
    stubborn_plugin()
    harness.advance()
    harness.store.edit_order(number, customer_note="")
    harness.come_to_rest()
    assert harness.writes("order", number) == again + 1
    assert harness.held("order", number) == harness.wanted("order", number)
    assert harness.problems() == set()


def test_an_edit_delivered_before_our_write_settles_is_corrected(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edit came after the write; its delivery came before the write was settled."""
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    settle_writes = Answers.settle_writes

    def heard_of_first(answers: Answers, *arguments: Any, **options: Any) -> None:
        monkeypatch.undo()
        harness.advance(SECOND)
        harness.store.edit_meta("order", number, "retention_class", "mine")
        assert harness.deliver()
        settle_writes(answers, *arguments, **options)

    monkeypatch.setattr(Answers, "settle_writes", heard_of_first)
    harness.worker.pusher.push()
    assert harness.held("order", number)["retention_class"] == "mine"
    harness.come_to_rest()
    assert harness.held("order", number) == harness.wanted("order", number)
