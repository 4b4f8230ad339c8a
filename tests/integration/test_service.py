"""A web process follows the policy in force: now and then, and never in the middle of a request."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from structlog.testing import capture_logs

from hooks import service as service_module
from hooks.app import TRACEBACK_SECONDS, LedgerLog
from hooks.errors import LedgerUnavailableError
from hooks.ledger.tables import records
from hooks.policies.activate import activate
from hooks.policies.retag import Retagger
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.service import FOLLOW_SECONDS, Service, current_service
from tests.support.policies import variant
from tests.support.recordings import made, order


class Clock:
    """A monotonic clock that is moved on by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("hooks.service.time.monotonic", lambda: self.now)


def test_an_unavailable_ledger_is_reported_once_a_minute() -> None:
    seconds = iter([0.0, 1.0, TRACEBACK_SECONDS - 1, TRACEBACK_SECONDS])
    ledger_log = LedgerLog(seconds.__next__)
    with capture_logs() as lines:
        for _ in range(4):
            ledger_log.write(LedgerUnavailableError("the disk is full"))
    assert ["exc_info" in line for line in lines] == [True, False, False, True]
    assert {(line["event"], line["reason"]) for line in lines} == {
        ("ledger.unavailable", "the disk is full")
    }


class SlowBody(io.BytesIO):
    """A body that waits for `meanwhile` before its first byte."""

    def __init__(self, body: bytes, meanwhile: Callable[[], None]) -> None:
        super().__init__(body)
        self.meanwhile: Callable[[], None] | None = meanwhile

    def read(self, size: int | None = -1, /) -> bytes:
        if self.meanwhile:
            self.meanwhile()
            self.meanwhile = None
        return super().read(size)

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def test_a_failed_read_of_the_policy_backs_off_from_its_end(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, looks = Clock(monkeypatch), 0

    def follow(_: Runtime) -> Runtime:
        nonlocal looks
        looks += 1
        clock.now += 5 * FOLLOW_SECONDS
        raise LedgerUnavailableError("it does not answer")

    monkeypatch.setattr(service_module, "follow", follow)
    with app.app_context():
        for _ in range(4):
            current_service()
        assert looks == 1
        clock.now += FOLLOW_SECONDS
        current_service()
        assert looks == 2


def test_a_request_that_waited_for_the_ledger_keeps_the_policy_that_another_found(
    app: Flask, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request reads the policy, waits, and answers last. By then a second one follows a newer policy."""
    Clock(monkeypatch)
    newer = replace(app.extensions["retention"], policy=variant(policy, "second"))

    def follow(runtime: Runtime) -> Runtime:
        app.extensions["retention"] = newer
        return runtime

    monkeypatch.setattr(service_module, "follow", follow)
    with app.app_context():
        assert current_service() is newer
        assert app.extensions["retention"] is newer


def test_a_delivery_is_read_and_tagged_by_one_policy(
    app: Flask, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another policy, with other words for consent, is activated while the body arrives."""
    here: Service = app.extensions["retention"]
    clock, second = Clock(monkeypatch), variant(policy, "second", newsletter="newsletter_choice")

    def meanwhile() -> None:
        assert activate(here.runtime, second, yes=True).waits_for is None
        clock.now += FOLLOW_SECONDS

    sent = made(
        "order.updated", order(7, meta_data=[{"id": 1, "key": "newsletter_choice", "value": "yes"}])
    )
    length = {"Content-Length": str(len(sent.body))}
    stream, headers = SlowBody(sent.body, meanwhile), dict(sent.headers) | length
    answer = app.test_client().post("/webhooks/shop", input_stream=stream, headers=headers)
    assert answer.json == {"result": "recorded"}
    runtime = Runtime(here.database, second, timedelta(0))
    while Retagger(runtime).step():
        pass
    with here.database.read() as connection:
        chosen = select(records.c.facts, records.c.reread_reason).where(records.c.kind == "order")
        row = connection.execute(chosen).one()
    assert '"newsletter"' in row.facts or row.reread_reason == "read-otherwise"
