"""The watch over our webhooks: a fault is reported once, mended, and followed by a reconciliation."""

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
from tests.integration.harness import ON_SQLITE, Harness
from tests.integration.scripted_server import Answer, ReceivedRequest, ScriptedServer
from tests.support.processes import TOPICS
from tests.support.recordings import SECRET, delivery, made

ELSEWHERE = "https://staging.example.com/webhooks/shop"


def settings_of(harness: Harness) -> Settings:
    """Return the harness's settings, with the address to which its webhooks deliver as PUBLIC_URL."""
    return replace(harness.settings, public_url=harness.receiver.url.removesuffix("/webhooks/shop"))


def installation_of(harness: Harness) -> Installation:
    return Installation(
        harness.slug, harness.worker.pusher.client, harness.runtime, settings_of(harness)
    )


def watcher_of(harness: Harness, client: StoreClient | None = None) -> WebhookWatch:
    return WebhookWatch(
        harness.slug, client or harness.worker.pusher.client, harness.runtime, settings_of(harness)
    )


def look(harness: Harness, watcher: WebhookWatch | None = None) -> None:
    """Let time pass until the next survey, and take it."""
    watcher = watcher or watcher_of(harness)
    harness.advance(watcher.settings.watch)
    assert watcher.step() == 1


def ours(harness: Harness) -> dict[str, Webhook]:
    """Return our webhooks by topic, of which there must be one each."""
    found = [
        hook for hook in harness.store.webhooks.all() if hook.delivery_url == harness.receiver.url
    ]
    assert sorted(hook.topic for hook in found) == sorted(TOPICS)
    return {hook.topic: hook for hook in found}


def fail(harness: Harness, times: int) -> None:
    """Place this many orders whose deliveries all fail."""
    harness.receiver.status = 500
    for _ in range(times):
        harness.paid_order()
        harness.store.send_deliveries()
    harness.receiver.status = 200
    harness.taken = len(harness.receiver.deliveries)


def writes(harness: Harness) -> int:
    """Count the webhooks that were created, changed or removed over REST."""
    return sum(harness.sent(method, "/webhooks") for method in ("POST", "PUT", "DELETE"))


def asked_for(harness: Harness) -> set[str]:
    """Return the rounds that are to run from their start."""
    with harness.runtime.database.read() as connection:
        rows = connection.execute(
            select(rounds_table).where(rounds_table.c.asked_for_at.is_not(None))
        )
        return {row.name for row in rows}


def statuses(harness: Harness) -> dict[str, str]:
    """Return the status of each topic in `/status`."""
    return {
        shown["topic"]: shown["status"] for shown in harness.status()["stores"]["shop"]["webhooks"]
    }


# --- all is well -------------------------------------------------------------------------------------------


def test_a_survey_of_good_webhooks_writes_nothing(harness: Harness) -> None:
    assert set(statuses(harness).values()) == {"not checked"}
    for _ in range(3):
        look(harness)
    assert writes(harness) == 0
    assert statuses(harness) == dict.fromkeys(TOPICS, "active")
    assert harness.problems() == set()
    assert asked_for(harness) == set()


@ON_SQLITE
def test_a_survey_runs_only_when_due(harness: Harness) -> None:
    watcher = watcher_of(harness)
    assert watcher.step() == 1, "the first at once"
    asked = len(harness.store.log.requests)
    harness.advance(watcher.settings.watch - timedelta(seconds=1))
    assert watcher.step() == 0
    assert len(harness.store.log.requests) == asked
    harness.advance(timedelta(seconds=1))
    assert watcher.step() == 1


def test_of_two_workers_one_takes_the_survey(harness: Harness) -> None:
    taken: list[int] = []
    together = Barrier(2)

    def work() -> None:
        client = StoreClient(harness.settings.stores["shop"])
        together.wait()
        taken.append(watcher_of(harness, client).step())
        client._api.session.close()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [0, 1]


# --- something is wrong ------------------------------------------------------------------------------------


def test_disabled_webhooks_are_recreated_without_failures(
    harness: Harness,
) -> None:
    look(harness)
    before = ours(harness)
    fail(harness, times=7)
    assert before["order.created"].status == "disabled"
    assert before["customer.created"].failure_count == 0
    look(harness)
    after = ours(harness)
    assert {(hook.status, hook.failure_count) for hook in after.values()} == {("active", 0)}
    assert not {hook.id for hook in before.values()} & {hook.id for hook in after.values()}, (
        "also those that may fail"
    )
    assert statuses(harness) == dict.fromkeys(TOPICS, "active")
    assert harness.problems() == set()
    assert asked_for(harness) == {"changes", "orders", "customers"}
    harness.paid_order()
    assert Result.RECORDED in harness.deliver(), "the new ones sign with a secret that counts"
    written = writes(harness)
    look(harness)
    assert writes(harness) == written


def pause(harness: Harness, hook: Webhook) -> None:
    harness.store.webhooks.update(hook, {"status": "paused"})


def remove(harness: Harness, hook: Webhook) -> None:
    harness.store.webhooks.delete(hook)


def move(harness: Harness, hook: Webhook) -> None:
    harness.store.webhooks.update(hook, {"delivery_url": ELSEWHERE})


HARM = {"paused": (pause, 9), "missing": (remove, 1), "elsewhere": (move, 1)}
"""By the status that it leads to: what is done to one webhook, and how many are then made anew."""


@ON_SQLITE
@pytest.mark.parametrize(
    ("status", "harm", "number"), [(name, *harm) for name, harm in HARM.items()], ids=HARM
)
def test_a_fault_is_reported_once_and_mended(
    harness: Harness, status: str, harm: Callable[[Harness, Webhook], None], number: int
) -> None:
    look(harness)
    harm(harness, ours(harness)["order.deleted"])
    with capture_logs() as lines:
        look(harness)
        look(harness)
    wrong = {
        "event": "webhook.wrong",
        "log_level": "error",
        "store": "shop",
        "topic": "order.deleted",
    }
    assert [line for line in lines if line["log_level"] == "error"] == [wrong | {"status": status}]
    assert harness.sent("POST", "/webhooks") == number
    assert {(hook.status, hook.failure_count) for hook in ours(harness).values()} == {("active", 0)}
    assert not any(hook.delivery_url == ELSEWHERE for hook in harness.store.webhooks.all()), (
        "the old one is gone"
    )
    assert asked_for(harness) == {"changes", "orders", "customers"}
    assert harness.problems() == set()


@ON_SQLITE
def test_the_new_webhook_exists_before_the_old_one_is_removed(harness: Harness) -> None:
    look(harness)
    pause(harness, ours(harness)["order.created"])
    before = len(harness.store.log.requests)
    look(harness)
    methods = [
        entry.method for entry in harness.store.log.requests[before:] if entry.method != "GET"
    ]
    assert methods == ["POST", "DELETE"] * len(TOPICS)


@ON_SQLITE
def test_duplicates_of_our_webhooks_are_removed(harness: Harness) -> None:
    look(harness)
    kept = {hook.id for hook in ours(harness).values()}
    for topic in TOPICS[:2]:
        harness.store.create_webhook(topic, harness.receiver.url, SECRET)
    look(harness)
    assert {hook.id for hook in ours(harness).values()} == kept, "the ones that were known"
    assert (harness.sent("DELETE", "/webhooks"), harness.sent("POST", "/webhooks")) == (2, 0)
    assert asked_for(harness) == set()


@ON_SQLITE
def test_webhooks_of_others_are_never_touched(harness: Harness) -> None:
    look(harness)
    for topic in TOPICS:
        made_there = harness.store.create_webhook(topic, ELSEWHERE, "another secret")
        hook = harness.store.webhooks.get(made_there["id"])
        harness.store.webhooks.update(
            hook, {"name": f"Retention Hooks: {topic}", "status": "paused"}
        )
    harness.store.create_webhook("order.created", f"{harness.receiver.url}2", "another secret")
    pause(harness, ours(harness)["order.created"])
    theirs = [
        vars(hook).copy()
        for hook in harness.store.webhooks.all()
        if hook.delivery_url != harness.receiver.url
    ]
    look(harness)
    assert {hook.status for hook in ours(harness).values()} == {"active"}
    after = [
        vars(hook)
        for hook in harness.store.webhooks.all()
        if hook.delivery_url != harness.receiver.url
    ]
    assert after == theirs


@ON_SQLITE
def test_a_webhook_mended_by_hand_leads_to_a_reconciliation(harness: Harness) -> None:
    """So does a webhook mended by a worker that died before it could say so."""
    look(harness)
    hook = ours(harness)["order.updated"]
    pause(harness, hook)
    installation = installation_of(harness)
    with harness.lease() as lease:
        assert installation.note(lease, installation.survey())
    assert statuses(harness)["order.updated"] == "paused"
    (problem,) = harness.status()["problems"]
    assert problem["code"] == "webhook-paused"
    assert "order.updated" in problem["message"]
    assert problem["since"] == harness.clock().isoformat()
    assert asked_for(harness) == set()
    harness.store.webhooks.update(hook, {"status": "active"})
    look(harness)
    assert writes(harness) == 0
    assert asked_for(harness) == {"changes", "orders", "customers"}
    assert harness.problems() == set()


# --- the store fails meanwhile -----------------------------------------------------------------------------


@ON_SQLITE
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_interrupted_repair_is_done_again_whole(harness: Harness, method: str) -> None:
    """Webhooks that are active still, and have failed before, are recreated too."""
    look(harness)
    number = harness.paid_order()
    fail(harness, times=7)
    harness.store.delete_order(number)
    harness.receiver.status = 500
    harness.store.send_deliveries()
    harness.receiver.status = 200
    failing = ours(harness)["action.woocommerce_delete_order"]
    assert (failing.status, failing.failure_count) == ("active", 1)
    harness.store.add_fault(
        "slow", times=4, seconds=0, path="/wp-json/wc/v3/webhooks", method=method
    )
    harness.store.add_fault("500", path="/wp-json/wc/v3/webhooks", method=method)
    watcher = watcher_of(harness)
    harness.advance(watcher.settings.watch)
    with pytest.raises(StoreError):
        watcher.step()
    assert harness.status()["stores"]["shop"]["webhooks"] != []
    assert "webhook-disabled" in harness.problems()
    harness.advance(AGAIN)
    assert watcher.step() == 1
    assert {(hook.status, hook.failure_count) for hook in ours(harness).values()} == {("active", 0)}
    assert asked_for(harness) == {"changes", "orders", "customers"}
    assert harness.problems() == set()


@ON_SQLITE
@pytest.mark.parametrize("kind", ["500", "503", "reset", "half", "html"])
def test_a_silent_store_is_surveyed_again_soon(harness: Harness, kind: str) -> None:
    look(harness)
    harness.store.add_fault(kind, path="/wp-json/wc/v3/webhooks")
    watcher = watcher_of(harness)
    harness.advance(watcher.settings.watch)
    with pytest.raises(StoreError):
        watcher.step()
    assert watcher.step() == 0, "other work has its turn first"
    assert statuses(harness) == dict.fromkeys(TOPICS, "active"), "nothing was learnt"
    harness.advance(AGAIN)
    assert watcher.step() == 1
    assert writes(harness) == 0


@ON_SQLITE
def test_a_list_of_webhooks_in_many_pages_is_read_whole(harness: Harness) -> None:
    for _ in range(15):
        harness.store.create_webhook("order.created", ELSEWHERE, "another secret")
    harness.store.add_fault("short-pages", times=0)
    look(harness)
    assert writes(harness) == 0
    assert harness.problems() == set()


def key_of(harness: Harness, permissions: str) -> StoreClient:
    key = harness.store.create_key("administrator", permissions)
    return StoreClient(
        StoreSettings(
            "shop", harness.store.url, key["consumer_key"], key["consumer_secret"], (SECRET,)
        )
    )


@ON_SQLITE
@pytest.mark.parametrize("permissions", ["read", "write"])
def test_a_key_without_rights_on_webhooks_stops_nothing_else(
    harness: Harness, permissions: str
) -> None:
    look(harness)
    pause(harness, ours(harness)["order.updated"])
    weak = watcher_of(harness, key_of(harness, permissions))
    with capture_logs() as lines:
        for _ in range(2):
            harness.advance(weak.settings.watch)
            assert weak.step() == 0
    weak.client._api.session.close()
    events = [line["event"] for line in lines]
    assert events.count("webhooks.unreadable") == 1, "once, not at each look"
    assert events.count("webhook.wrong") == (permissions == "read")
    assert "webhooks-unreadable" in harness.problems()
    assert ("webhook-paused" in harness.problems()) is (permissions == "read"), (
        "what is seen is said"
    )
    assert harness.pause() is None
    assert asked_for(harness) == set(), "nothing was mended"
    look(harness)
    assert harness.problems() == set()
    assert asked_for(harness) == {"changes", "orders", "customers"}


# --- never installed ---------------------------------------------------------------------------------------


@ON_SQLITE
def test_without_an_install_the_watch_names_the_command(
    harness: Harness,
) -> None:
    for hook in ours(harness).values():
        harness.store.webhooks.delete(hook)
    harness.store.create_webhook("order.created", ELSEWHERE, "another secret")
    for _ in range(2):
        look(harness)
    assert writes(harness) == 0
    (problem,) = harness.status()["problems"]
    assert problem["code"] == "webhooks-not-installed"
    assert "store install" in problem["message"]
    installation = installation_of(harness)
    with harness.lease() as lease:
        acts = [deed.act for deed in installation.mend(lease, installation.survey())]
    assert acts == ["made"] * len(TOPICS)
    look(harness)
    assert harness.problems() == set()


# --- webhooks that change while we work ---------------------------------------------------------------------


@ON_SQLITE
def test_a_webhook_deleted_before_its_repair_is_gone(harness: Harness) -> None:
    installation = installation_of(harness)
    pause(harness, ours(harness)["order.created"])
    states = installation.survey()
    for hook in ours(harness).values():
        harness.store.webhooks.delete(hook)
    with harness.lease() as lease:
        acts = [deed.act for deed in installation.mend(lease, states)]
    assert acts == ["made", "removed"] * len(TOPICS)
    assert {hook.status for hook in ours(harness).values()} == {"active"}


@ON_SQLITE
def test_a_webhook_deleted_before_its_secret_is_recreated(harness: Harness) -> None:
    installation = installation_of(harness)
    states = installation.survey()
    harness.store.webhooks.delete(ours(harness)["order.created"])
    with harness.lease() as lease:
        acts = [deed.act for deed in installation.give_secret(lease, states, "new")]
    assert acts == ["made", "removed", *["secret"] * (len(TOPICS) - 1)]
    assert {hook.secret for hook in ours(harness).values()} == {"new"}


@ON_SQLITE
def test_during_a_rotation_new_webhooks_use_the_current_secret(harness: Harness) -> None:
    """Only `store rotate-secret` proves that every process accepts the new secret."""
    installation = installation_of(harness)
    with harness.lease() as lease:
        list(installation.give_secret(lease, installation.survey(), SECRET))
    reach = replace(harness.settings.stores["shop"], webhook_secrets=("new", SECRET))
    rotating = replace(
        installation, settings=replace(installation.settings, stores={"shop": reach})
    )
    pause(harness, ours(harness)["order.created"])
    with harness.lease() as lease:
        list(rotating.mend(lease, rotating.survey()))
        assert {hook.secret for hook in ours(harness).values()} == {SECRET}
        list(rotating.give_secret(lease, rotating.survey(), "new"))
        pause(harness, ours(harness)["order.created"])
        list(rotating.mend(lease, rotating.survey()))
    assert {hook.secret for hook in ours(harness).values()} == {"new"}


@ON_SQLITE
def test_a_duplicate_that_cannot_be_removed_is_reported(harness: Harness) -> None:
    installation = installation_of(harness)
    harness.store.create_webhook("order.created", harness.receiver.url, SECRET)
    harness.store.add_fault("404", times=0, path="/wp-json/wc/v3/webhooks", method="DELETE")
    states = installation.survey()
    with harness.lease() as lease:
        deeds = list(installation.mend(lease, states))
    assert [(deed.act, deed.topic, deed.error is not None) for deed in deeds] == [
        ("kept", "order.created", True)
    ]
    assert installation.survey() == states, "and seen again"


# --- what is reported --------------------------------------------------------------------------------------


@ON_SQLITE
def test_signed_errors_are_reported_with_webhook_and_cause(
    harness: Harness,
) -> None:
    lost = {"code": "woocommerce_rest_cannot_view", "message": "", "data": {"status": 403}}
    for topic in ("order.updated", "order.updated", "customer.updated"):
        harness.receive(made(topic, lost, delivery_id=str(harness.clock())))
        harness.advance()
    (problem,) = harness.status()["problems"]
    assert problem["code"] == "webhook-owner-lost-rights"
    assert problem["message"].startswith("3 delivery(ies) of shop")
    assert "customer.updated, order.updated" in problem["message"]
    assert "administrator" in problem["message"]


@ON_SQLITE
def test_missing_deliveries_show_until_one_arrives(harness: Harness) -> None:
    with harness.runtime.database.write() as connection:
        connection.execute(update(stores).values(missed_at=harness.clock()))
    (problem,) = harness.status()["problems"]
    assert (problem["code"], problem["since"]) == (
        "deliveries-missing",
        harness.clock().isoformat(),
    )
    harness.advance()
    harness.receive(made("retention.rotation-check", {}))
    assert harness.problems() == {"deliveries-missing"}, "this one no store sends"
    harness.receive(delivery(3 + 1))
    assert "deliveries-missing" not in harness.problems()


@ON_SQLITE
def test_topics_dropped_by_the_policy_are_forgotten(harness: Harness) -> None:
    look(harness)
    with harness.runtime.database.write() as connection:
        webhooks.save_status(connection, "shop", "action.wc_old", "missing", None, harness.clock())
        webhooks.save_status(connection, "other", "action.wc_old", "missing", None, harness.clock())
    assert "webhook-missing" in harness.problems()
    look(harness)
    assert harness.problems() == set()
    with harness.runtime.database.read() as connection:
        assert set(webhooks.rows_by_topic(connection, "shop")) == set(TOPICS)
        assert set(webhooks.rows_by_topic(connection, "other")) == {"action.wc_old"}


def test_a_secret_is_forgotten_with_its_webhook(harness: Harness) -> None:
    def digests(**seen: Any) -> list[str | None]:
        with harness.runtime.database.write() as connection:
            webhooks.save_status(
                connection, "shop", "order.created", seen["status"], seen["id"], harness.clock()
            )
            return [
                row.secret_digest for row in webhooks.rows_by_topic(connection, "shop").values()
            ]

    with harness.runtime.database.write() as connection:
        webhooks.save_secret(connection, "shop", "order.created", 5, "digest", harness.clock())
    assert digests(status="active", id=5) == ["digest"]
    assert digests(status="disabled", id=5) == ["digest"]
    assert digests(status="active", id=6) == [None]
    assert digests(status="missing", id=None) == [None]


@ON_SQLITE
def test_a_survey_that_outlives_its_claim_mends_no_further(
    harness: Harness, script: ScriptedServer
) -> None:
    """Another worker has taken over by then, and mends."""

    def answer(asked: ReceivedRequest) -> Answer:
        if asked.method == "POST":
            with harness.runtime.database.write() as connection:
                connection.execute(update(rounds_table).values(claim="another worker"))
        return Answer.of({"id": 1}) if asked.method == "POST" else Answer.of([])

    script.answer = answer
    with harness.runtime.database.write() as connection:
        webhooks.note_installed(connection, "shop", harness.clock())
    client = StoreClient(StoreSettings("shop", script.url, "ck_test", "cs_test", (SECRET,)))
    assert watcher_of(harness, client).step() == 0
    client._api.session.close()
    assert [asked.method for asked in script.requests] == ["GET", "POST"], (
        "all were missing, and one was made"
    )
    with harness.runtime.database.read() as connection:
        held = rounds.state(connection, "shop", "watch")
        assert held is not None
        assert (held.claim, held.done_at) == ("another worker", None)
