"""Our fields, edited by others: put right, but not for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from deploy.sandbox.records import Order
from deploy.sandbox.wire import Json
from hooks.intake.answers import Answers
from hooks.tagging.changes import MAX_CONTESTS
from tests.integration.desk import ON_SQLITE, SECOND, Desk


def test_a_person_who_edits_our_fields_gets_them_put_right_once(desk: Desk) -> None:
    number = desk.written_order()
    desk.advance()
    desk.store.edit_meta("order", number, "retention_delete_after", "2099-01-01")
    desk.come_to_rest()
    assert desk.writes("order", number) == 2
    assert desk.held("order", number) == desk.wanted("order", number)
    assert desk.status()["status"] == "ok"


@ON_SQLITE
def test_a_person_who_deletes_one_of_our_fields_gets_it_put_right_once(desk: Desk) -> None:
    number = int(desk.store.sign_up(email="kari@example.test")["id"])
    desk.come_to_rest()
    desk.advance()
    desk.store.edit_meta("customer", number, "retention_class", None)
    desk.come_to_rest()
    assert desk.writes("customer", number) == 2
    assert desk.held("customer", number) == desk.wanted("customer", number)


@ON_SQLITE
def test_a_person_may_edit_our_fields_now_and_then_and_gets_them_put_right_each_time(
    desk: Desk,
) -> None:
    number = desk.written_order()
    for edits in range(1, MAX_CONTESTS + 3):
        desk.advance(timedelta(days=2))
        desk.store.edit_meta("order", number, "retention_class", f"mine-{edits}")
        desk.come_to_rest()
        assert desk.writes("order", number) == 1 + edits
        assert desk.held("order", number) == desk.wanted("order", number)
    assert desk.status()["status"] == "ok"


def test_a_plugin_that_changes_our_fields_after_each_write_is_given_up_on_and_reported(
    desk: Desk,
) -> None:
    number = desk.written_order()
    for _ in range(3 * MAX_CONTESTS):
        desk.advance()
        desk.store.edit_meta("order", number, "retention_class", "mine")
        desk.come_to_rest()
    given_up = desk.writes("order", number)
    assert given_up == 1 + MAX_CONTESTS
    assert desk.problems() == {"contested"}
    assert desk.held("order", number)["retention_class"] == "mine"


@pytest.fixture
def stubborn_plugin(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A plugin of the store that has one of our fields its own way at every write; call it to remove it."""
    update = desk.store.orders.update

    def meddle(order: Order, given: Json, at: Any = None) -> list[str]:
        named = update(order, given, at)
        order.meta.set("retention_class", "mine")
        return named

    monkeypatch.setattr(desk.store.orders, "update", meddle)
    yield monkeypatch.undo
    monkeypatch.undo()


@ON_SQLITE
def test_a_plugin_that_changes_our_fields_within_each_write_is_given_up_on_and_reported(
    desk: Desk, stubborn_plugin: Callable[[], None]
) -> None:
    number = desk.paid_order()
    desk.come_to_rest()
    rounds = desk.writes("order", number)
    assert 1 < rounds <= MAX_CONTESTS + 2
    assert desk.problems() == {"contested"}
    desk.advance(timedelta(days=3))
    desk.store.edit_order(number)
    desk.come_to_rest()
    assert desk.writes("order", number) == rounds
    assert desk.problems() == {"contested"}
    stubborn_plugin()


@ON_SQLITE
def test_a_contested_record_is_tried_again_when_its_schedule_changes(
    desk: Desk, stubborn_plugin: Callable[[], None]
) -> None:
    number = desk.paid_order()
    desk.come_to_rest()
    before = desk.writes("order", number)
    desk.advance()
    desk.store.edit_order(number, customer_note="ring twice")
    desk.come_to_rest()
    again = desk.writes("order", number)
    assert before < again <= before + MAX_CONTESTS + 2
    assert desk.problems() == {"contested"}
    stubborn_plugin()
    desk.advance()
    desk.store.edit_order(number, customer_note="")
    desk.come_to_rest()
    assert desk.writes("order", number) == again + 1
    assert desk.held("order", number) == desk.wanted("order", number)
    assert desk.problems() == set()


def test_an_edit_by_hand_that_is_heard_of_before_our_write_is_settled_is_put_right(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edit came after the write, its delivery before the write was settled."""
    number = desk.paid_order()
    desk.deliver()
    desk.advance()
    settle_writes = Answers.settle_writes

    def heard_of_first(answers: Answers, *arguments: Any, **options: Any) -> None:
        monkeypatch.undo()
        desk.advance(SECOND)
        desk.store.edit_meta("order", number, "retention_class", "mine")
        assert desk.deliver()
        settle_writes(answers, *arguments, **options)

    monkeypatch.setattr(Answers, "settle_writes", heard_of_first)
    desk.worker.pusher.push()
    assert desk.held("order", number)["retention_class"] == "mine"
    desk.come_to_rest()
    assert desk.held("order", number) == desk.wanted("order", number)
