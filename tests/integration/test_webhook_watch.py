"""The watch over our webhooks: what goes wrong with them is reported once, mended, and followed by a reconciliation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from deploy.sandbox.webhooks import Webhook
from hooks.errors import StoreError
from hooks.intake.ingest import Result
from hooks.ledger import rounds, webhooks
from hooks.ledger.tables import rounds as rounds_table
from hooks.ledger.tables import stores
from hooks.settings import Settings, StoreSettings
from hooks.store.client import StoreClient
from hooks.sync.webhook_install import Installation
from hooks.sync.webhook_watch import AGAIN, WebhookWatch
from tests.integration.desk import ON_SQLITE, Desk
from tests.integration.scripted import Answer, Asked, Scripted
from tests.support.processes import TOPICS
from tests.support.recordings import SECRET, delivery, made

ELSEWHERE = "https://staging.example.com/webhooks/shop"


def settings_of(desk: Desk) -> Settings:
    """The desk's, where PUBLIC_URL is the address to which its webhooks deliver."""
    return replace(desk.settings, public_url=desk.receiver.url.removesuffix("/webhooks/shop"))


def installation_of(desk: Desk) -> Installation:
    return Installation(desk.slug, desk.worker.pusher.client, desk.runtime, settings_of(desk))


def watcher_of(desk: Desk, client: StoreClient | None = None) -> WebhookWatch:
    return WebhookWatch(
        desk.slug, client or desk.worker.pusher.client, desk.runtime, settings_of(desk)
    )


def look(desk: Desk, watcher: WebhookWatch | None = None) -> None:
    """Let it be time for a look, and take it."""
    watcher = watcher or watcher_of(desk)
    desk.advance(watcher.settings.watch)
    assert watcher.step() == 1


def ours(desk: Desk) -> dict[str, Webhook]:
    """Our webhooks by topic, of which there must be one each."""
    found = [hook for hook in desk.store.webhooks.all() if hook.delivery_url == desk.receiver.url]
    assert sorted(hook.topic for hook in found) == sorted(TOPICS)
    return {hook.topic: hook for hook in found}


def fail(desk: Desk, times: int) -> None:
    """Let so many orders be placed whose deliveries all fail."""
    desk.receiver.status = 500
    for _ in range(times):
        desk.paid_order()
        desk.store.send_deliveries()
    desk.receiver.status = 200
    desk.taken = len(desk.receiver.deliveries)


def writes(desk: Desk) -> int:
    """How many webhooks were made, changed or removed over REST."""
    return sum(desk.sent(method, "/webhooks") for method in ("POST", "PUT", "DELETE"))


def asked_for(desk: Desk) -> set[str]:
    """The rounds that are to be done from their start."""
    with desk.runtime.database.read() as connection:
        rows = connection.execute(
            select(rounds_table).where(rounds_table.c.asked_for_at.is_not(None))
        )
        return {row.name for row in rows}


def statuses(desk: Desk) -> dict[str, str]:
    """What `/status` says of each topic."""
    return {
        shown["topic"]: shown["status"] for shown in desk.status()["stores"]["shop"]["webhooks"]
    }


# --- all is well -------------------------------------------------------------------------------------------


def test_a_look_at_webhooks_that_are_well_writes_nothing_to_the_store(desk: Desk) -> None:
    assert set(statuses(desk).values()) == {"not checked"}
    for _ in range(3):
        look(desk)
    assert writes(desk) == 0
    assert statuses(desk) == dict.fromkeys(TOPICS, "active")
    assert desk.problems() == set()
    assert asked_for(desk) == set()


@ON_SQLITE
def test_a_look_is_taken_at_its_time_only(desk: Desk) -> None:
    watcher = watcher_of(desk)
    assert watcher.step() == 1, "the first at once"
    asked = len(desk.store.log.requests)
    desk.advance(watcher.settings.watch - timedelta(seconds=1))
    assert watcher.step() == 0
    assert len(desk.store.log.requests) == asked
    desk.advance(timedelta(seconds=1))
    assert watcher.step() == 1


def test_of_two_workers_one_takes_the_look(desk: Desk) -> None:
    taken: list[int] = []
    together = Barrier(2)

    def work() -> None:
        client = StoreClient(desk.settings.stores["shop"])
        together.wait()
        taken.append(watcher_of(desk, client).step())
        client._api.session.close()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [0, 1]


# --- something is wrong ------------------------------------------------------------------------------------


def test_webhooks_that_the_store_disabled_are_all_made_anew_without_a_failure(desk: Desk) -> None:
    look(desk)
    before = ours(desk)
    fail(desk, times=7)
    assert before["order.created"].status == "disabled"
    assert before["customer.created"].failure_count == 0
    look(desk)
    after = ours(desk)
    assert {(hook.status, hook.failure_count) for hook in after.values()} == {("active", 0)}
    assert not {hook.id for hook in before.values()} & {hook.id for hook in after.values()}, (
        "also those that may fail"
    )
    assert statuses(desk) == dict.fromkeys(TOPICS, "active")
    assert desk.problems() == set()
    assert asked_for(desk) == {"changes", "orders", "customers"}
    desk.paid_order()
    assert Result.RECORDED in desk.deliver(), "the new ones sign with a secret that counts"
    written = writes(desk)
    look(desk)
    assert writes(desk) == written


def pause(desk: Desk, hook: Webhook) -> None:
    desk.store.webhooks.update(hook, {"status": "paused"})


def remove(desk: Desk, hook: Webhook) -> None:
    desk.store.webhooks.delete(hook)


def move(desk: Desk, hook: Webhook) -> None:
    desk.store.webhooks.update(hook, {"delivery_url": ELSEWHERE})


HARM = {"paused": (pause, 9), "missing": (remove, 1), "elsewhere": (move, 1)}
"""By the status that it leads to: what is done to one webhook, and how many are then made anew."""


@ON_SQLITE
@pytest.mark.parametrize(
    ("status", "harm", "number"), [(name, *harm) for name, harm in HARM.items()], ids=HARM
)
def test_what_is_wrong_is_reported_once_and_mended(
    desk: Desk, status: str, harm: Callable[[Desk, Webhook], None], number: int
) -> None:
    look(desk)
    harm(desk, ours(desk)["order.deleted"])
    with capture_logs() as lines:
        look(desk)
        look(desk)
    wrong = {
        "event": "webhook.wrong",
        "log_level": "error",
        "store": "shop",
        "topic": "order.deleted",
    }
    assert [line for line in lines if line["log_level"] == "error"] == [wrong | {"status": status}]
    assert desk.sent("POST", "/webhooks") == number
    assert {(hook.status, hook.failure_count) for hook in ours(desk).values()} == {("active", 0)}
    assert not any(hook.delivery_url == ELSEWHERE for hook in desk.store.webhooks.all()), (
        "the old one is gone"
    )
    assert asked_for(desk) == {"changes", "orders", "customers"}
    assert desk.problems() == set()


@ON_SQLITE
def test_the_new_webhook_is_there_before_the_old_one_goes(desk: Desk) -> None:
    look(desk)
    pause(desk, ours(desk)["order.created"])
    before = len(desk.store.log.requests)
    look(desk)
    methods = [entry.method for entry in desk.store.log.requests[before:] if entry.method != "GET"]
    assert methods == ["POST", "DELETE"] * len(TOPICS)


@ON_SQLITE
def test_doubles_of_ours_are_removed(desk: Desk) -> None:
    look(desk)
    kept = {hook.id for hook in ours(desk).values()}
    for topic in TOPICS[:2]:
        desk.store.create_webhook(topic, desk.receiver.url, SECRET)
    look(desk)
    assert {hook.id for hook in ours(desk).values()} == kept, "the ones that were known"
    assert (desk.sent("DELETE", "/webhooks"), desk.sent("POST", "/webhooks")) == (2, 0)
    assert asked_for(desk) == set()


@ON_SQLITE
def test_webhooks_of_others_are_never_touched(desk: Desk) -> None:
    look(desk)
    for topic in TOPICS:
        made_there = desk.store.create_webhook(topic, ELSEWHERE, "another secret")
        hook = desk.store.webhooks.get(made_there["id"])
        desk.store.webhooks.update(hook, {"name": f"Retention Hooks: {topic}", "status": "paused"})
    desk.store.create_webhook("order.created", f"{desk.receiver.url}2", "another secret")
    pause(desk, ours(desk)["order.created"])
    theirs = [
        vars(hook).copy()
        for hook in desk.store.webhooks.all()
        if hook.delivery_url != desk.receiver.url
    ]
    look(desk)
    assert {hook.status for hook in ours(desk).values()} == {"active"}
    after = [
        vars(hook) for hook in desk.store.webhooks.all() if hook.delivery_url != desk.receiver.url
    ]
    assert after == theirs


@ON_SQLITE
def test_one_that_was_mended_by_hand_leads_to_a_reconciliation_too(desk: Desk) -> None:
    """So does one that was mended by a worker which died before it could say so."""
    look(desk)
    hook = ours(desk)["order.updated"]
    pause(desk, hook)
    installation = installation_of(desk)
    with desk.lease() as lease:
        assert installation.note(lease, installation.survey())
    assert statuses(desk)["order.updated"] == "paused"
    (problem,) = desk.status()["problems"]
    assert problem["code"] == "webhook-paused"
    assert "order.updated" in problem["message"]
    assert problem["since"] == desk.clock().isoformat()
    assert asked_for(desk) == set()
    desk.store.webhooks.update(hook, {"status": "active"})
    look(desk)
    assert writes(desk) == 0
    assert asked_for(desk) == {"changes", "orders", "customers"}
    assert desk.problems() == set()


# --- the store fails meanwhile -----------------------------------------------------------------------------


@ON_SQLITE
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_mending_that_is_cut_short_is_done_again_whole(desk: Desk, method: str) -> None:
    """Also those are made anew that are active still, and have failed before."""
    look(desk)
    number = desk.paid_order()
    fail(desk, times=7)
    desk.store.delete_order(number)
    desk.receiver.status = 500
    desk.store.send_deliveries()
    desk.receiver.status = 200
    failing = ours(desk)["action.woocommerce_delete_order"]
    assert (failing.status, failing.failure_count) == ("active", 1)
    desk.store.add_fault("slow", times=4, seconds=0, path="/wp-json/wc/v3/webhooks", method=method)
    desk.store.add_fault("500", path="/wp-json/wc/v3/webhooks", method=method)
    watcher = watcher_of(desk)
    desk.advance(watcher.settings.watch)
    with pytest.raises(StoreError):
        watcher.step()
    assert desk.status()["stores"]["shop"]["webhooks"] != []
    assert "webhook-disabled" in desk.problems()
    desk.advance(AGAIN)
    assert watcher.step() == 1
    assert {(hook.status, hook.failure_count) for hook in ours(desk).values()} == {("active", 0)}
    assert asked_for(desk) == {"changes", "orders", "customers"}
    assert desk.problems() == set()


@ON_SQLITE
@pytest.mark.parametrize("kind", ["500", "503", "reset", "half", "html"])
def test_a_store_that_does_not_answer_is_asked_again_soon(desk: Desk, kind: str) -> None:
    look(desk)
    desk.store.add_fault(kind, path="/wp-json/wc/v3/webhooks")
    watcher = watcher_of(desk)
    desk.advance(watcher.settings.watch)
    with pytest.raises(StoreError):
        watcher.step()
    assert watcher.step() == 0, "other work has its turn first"
    assert statuses(desk) == dict.fromkeys(TOPICS, "active"), "nothing was learnt"
    desk.advance(AGAIN)
    assert watcher.step() == 1
    assert writes(desk) == 0


@ON_SQLITE
def test_an_endless_list_of_pages_of_ten_is_read_whole(desk: Desk) -> None:
    for _ in range(15):
        desk.store.create_webhook("order.created", ELSEWHERE, "another secret")
    desk.store.add_fault("short-pages", times=0)
    look(desk)
    assert writes(desk) == 0
    assert desk.problems() == set()


def key_of(desk: Desk, permissions: str) -> StoreClient:
    key = desk.store.create_key("administrator", permissions)
    return StoreClient(
        StoreSettings(
            "shop", desk.store.url, key["consumer_key"], key["consumer_secret"], (SECRET,)
        )
    )


@ON_SQLITE
@pytest.mark.parametrize("permissions", ["read", "write"])
def test_a_key_that_may_not_read_or_write_webhooks_stops_nothing_else(
    desk: Desk, permissions: str
) -> None:
    look(desk)
    pause(desk, ours(desk)["order.updated"])
    weak = watcher_of(desk, key_of(desk, permissions))
    with capture_logs() as lines:
        for _ in range(2):
            desk.advance(weak.settings.watch)
            assert weak.step() == 0
    weak.client._api.session.close()
    events = [line["event"] for line in lines]
    assert events.count("webhooks.unreadable") == 1, "once, not at each look"
    assert events.count("webhook.wrong") == (permissions == "read")
    assert "webhooks-unreadable" in desk.problems()
    assert ("webhook-paused" in desk.problems()) is (permissions == "read"), "what is seen is said"
    assert desk.pause() is None
    assert asked_for(desk) == set(), "nothing was mended"
    look(desk)
    assert desk.problems() == set()
    assert asked_for(desk) == {"changes", "orders", "customers"}


# --- never installed ---------------------------------------------------------------------------------------


@ON_SQLITE
def test_where_they_were_never_installed_nothing_is_made_and_the_command_is_named(
    desk: Desk,
) -> None:
    for hook in ours(desk).values():
        desk.store.webhooks.delete(hook)
    desk.store.create_webhook("order.created", ELSEWHERE, "another secret")
    for _ in range(2):
        look(desk)
    assert writes(desk) == 0
    (problem,) = desk.status()["problems"]
    assert problem["code"] == "webhooks-not-installed"
    assert "store install" in problem["message"]
    installation = installation_of(desk)
    with desk.lease() as lease:
        acts = [deed.act for deed in installation.mend(lease, installation.survey())]
    assert acts == ["made"] * len(TOPICS)
    look(desk)
    assert desk.problems() == set()


# --- webhooks that change while we work ---------------------------------------------------------------------


@ON_SQLITE
def test_one_that_goes_between_the_look_and_the_mending_is_taken_for_gone(desk: Desk) -> None:
    installation = installation_of(desk)
    pause(desk, ours(desk)["order.created"])
    states = installation.survey()
    for hook in ours(desk).values():
        desk.store.webhooks.delete(hook)
    with desk.lease() as lease:
        acts = [deed.act for deed in installation.mend(lease, states)]
    assert acts == ["made", "removed"] * len(TOPICS)
    assert {hook.status for hook in ours(desk).values()} == {"active"}


@ON_SQLITE
def test_one_that_goes_before_it_gets_its_secret_is_made_anew(desk: Desk) -> None:
    installation = installation_of(desk)
    states = installation.survey()
    desk.store.webhooks.delete(ours(desk)["order.created"])
    with desk.lease() as lease:
        acts = [deed.act for deed in installation.give_secret(lease, states, "new")]
    assert acts == ["made", "removed", *["secret"] * (len(TOPICS) - 1)]
    assert {hook.secret for hook in ours(desk).values()} == {"new"}


@ON_SQLITE
def test_while_a_secret_is_rotated_new_webhooks_sign_with_the_one_in_use(desk: Desk) -> None:
    """That the new one is taken by all processes is proved by `store rotate-secret` alone."""
    installation = installation_of(desk)
    with desk.lease() as lease:
        list(installation.give_secret(lease, installation.survey(), SECRET))
    reach = replace(desk.settings.stores["shop"], webhook_secrets=("new", SECRET))
    rotating = replace(
        installation, settings=replace(installation.settings, stores={"shop": reach})
    )
    pause(desk, ours(desk)["order.created"])
    with desk.lease() as lease:
        list(rotating.mend(lease, rotating.survey()))
        assert {hook.secret for hook in ours(desk).values()} == {SECRET}
        list(rotating.give_secret(lease, rotating.survey(), "new"))
        pause(desk, ours(desk)["order.created"])
        list(rotating.mend(lease, rotating.survey()))
    assert {hook.secret for hook in ours(desk).values()} == {"new"}


@ON_SQLITE
def test_a_double_that_cannot_be_removed_is_told(desk: Desk) -> None:
    installation = installation_of(desk)
    desk.store.create_webhook("order.created", desk.receiver.url, SECRET)
    desk.store.add_fault("404", times=0, path="/wp-json/wc/v3/webhooks", method="DELETE")
    states = installation.survey()
    with desk.lease() as lease:
        deeds = list(installation.mend(lease, states))
    assert [(deed.act, deed.topic, deed.error is not None) for deed in deeds] == [
        ("kept", "order.created", True)
    ]
    assert installation.survey() == states, "and seen again"


# --- what is reported --------------------------------------------------------------------------------------


@ON_SQLITE
def test_signed_errors_in_place_of_records_are_named_with_their_webhook_and_their_cause(
    desk: Desk,
) -> None:
    lost = {"code": "woocommerce_rest_cannot_view", "message": "", "data": {"status": 403}}
    for topic in ("order.updated", "order.updated", "customer.updated"):
        desk.receive(made(topic, lost, delivery_id=str(desk.clock())))
        desk.advance()
    (problem,) = desk.status()["problems"]
    assert problem["code"] == "webhook-owner-lost-rights"
    assert problem["message"].startswith("3 delivery(ies) of shop")
    assert "customer.updated, order.updated" in problem["message"]
    assert "administrator" in problem["message"]


@ON_SQLITE
def test_changes_of_which_no_delivery_came_show_until_one_comes(desk: Desk) -> None:
    with desk.runtime.database.write() as connection:
        connection.execute(update(stores).values(missed_at=desk.clock()))
    (problem,) = desk.status()["problems"]
    assert (problem["code"], problem["since"]) == ("deliveries-missing", desk.clock().isoformat())
    desk.advance()
    desk.receive(made("retention.rotation-check", {}))
    assert desk.problems() == {"deliveries-missing"}, "this one no store sends"
    desk.receive(delivery(3 + 1))
    assert "deliveries-missing" not in desk.problems()


@ON_SQLITE
def test_topics_that_the_policy_names_no_more_are_forgotten(desk: Desk) -> None:
    look(desk)
    with desk.runtime.database.write() as connection:
        webhooks.save_status(connection, "shop", "action.wc_old", "missing", None, desk.clock())
        webhooks.save_status(connection, "other", "action.wc_old", "missing", None, desk.clock())
    assert "webhook-missing" in desk.problems()
    look(desk)
    assert desk.problems() == set()
    with desk.runtime.database.read() as connection:
        assert set(webhooks.rows_by_topic(connection, "shop")) == set(TOPICS)
        assert set(webhooks.rows_by_topic(connection, "other")) == {"action.wc_old"}


def test_a_secret_is_forgotten_with_its_webhook(desk: Desk) -> None:
    def digests(**seen: Any) -> list[str | None]:
        with desk.runtime.database.write() as connection:
            webhooks.save_status(
                connection, "shop", "order.created", seen["status"], seen["id"], desk.clock()
            )
            return [
                row.secret_digest for row in webhooks.rows_by_topic(connection, "shop").values()
            ]

    with desk.runtime.database.write() as connection:
        webhooks.save_secret(connection, "shop", "order.created", 5, "digest", desk.clock())
    assert digests(status="active", id=5) == ["digest"]
    assert digests(status="disabled", id=5) == ["digest"]
    assert digests(status="active", id=6) == [None]
    assert digests(status="missing", id=None) == [None]


@ON_SQLITE
def test_a_look_that_outlives_its_claim_mends_no_further(desk: Desk, script: Scripted) -> None:
    """Another worker has taken over by then, and mends."""

    def answer(asked: Asked) -> Answer:
        if asked.method == "POST":
            with desk.runtime.database.write() as connection:
                connection.execute(update(rounds_table).values(claim="another worker"))
        return Answer.of({"id": 1}) if asked.method == "POST" else Answer.of([])

    script.answer = answer
    with desk.runtime.database.write() as connection:
        webhooks.note_installed(connection, "shop", desk.clock())
    client = StoreClient(StoreSettings("shop", script.url, "ck_test", "cs_test", (SECRET,)))
    assert watcher_of(desk, client).step() == 0
    client._api.session.close()
    assert [asked.method for asked in script.asked] == ["GET", "POST"], (
        "all were missing, and one was made"
    )
    with desk.runtime.database.read() as connection:
        held = rounds.state(connection, "shop", "watch")
        assert held is not None
        assert (held.claim, held.done_at) == ("another worker", None)
