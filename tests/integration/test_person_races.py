"""Two concurrent transactions: one decides something about a person, the other makes a record the person's.

In PostgreSQL neither sees the uncommitted work of the other. Whichever commits first, the record gets the decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Connection, text

from hooks.intake.email_hash import email_subject
from hooks.intake.ingest import Ingest
from hooks.intake.webhook import Content, Delivery, EventNote, OccurrenceReport
from hooks.ledger.codec import read_entries
from hooks.ledger.database import Database
from hooks.ledger.persons import CONTACT
from hooks.ledger.records import RecordKey
from hooks.ledger.upgrade import upgrade
from hooks.policies.retag import Retagger
from hooks.retention.events import RecordEvent
from hooks.retention.policy import Policy
from hooks.retention.tool_reports import number_of
from hooks.runtime import Runtime
from hooks.settings.webhook_secrets import signing_keys
from tests.integration.harness import NOON, ON_SQLITE
from tests.support.ledger import find
from tests.support.processes import until
from tests.support.recordings import SECRET, customer, made, order

KEY = "a key of at least thirty-two characters"
EMAIL = "kari@example.test"
CONTACT_OF_KARI = email_subject(EMAIL, KEY)
ACCOUNT, ORDER = 8001, 9001
NOW = NOON + timedelta(days=1)
HOLD = RecordEvent("hold", "hold", NOON, "chargeback", "finance")

WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class PausingDatabase(Database):
    """A ledger in which the first transaction that is ready runs a callback before it commits."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.before_commit: Callable[[], None] | None = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Write as usual, except for the pause."""
        with super().write() as connection:
            yield connection
            pause, self.before_commit = self.before_commit, None
            if pause:
                pause()


@pytest.fixture
def runtime(database_url: str, policy: Policy) -> Iterator[Runtime]:
    """A runtime that takes deliveries into a ledger of its own."""
    with closing(PausingDatabase(database_url)) as database:
        upgrade(database)
        yield Runtime(database, policy, timedelta(seconds=10), lambda: NOW, KEY)


def _shown(topic: str, payload: dict[str, Any], policy: Policy) -> Delivery:
    sent = made(topic, payload)
    keys = signing_keys(SECRET)
    return Delivery.from_http(sent.headers, sent.body, keys=keys, policy=policy, subject_key=KEY)


def _guest_order(policy: Policy) -> Delivery:
    billing = {"first_name": "Kari", "email": EMAIL}
    attribution = [{"key": "_wc_order_attribution_source_type", "value": "organic"}]
    return _shown(
        "order.created", order(ORDER, customer_id=0, billing=billing, meta_data=attribution), policy
    )


def _account(policy: Policy, email: str = EMAIL) -> Delivery:
    return _shown("customer.updated", customer(ACCOUNT, email=email, billing={}), policy)


def _delivery(content: Content) -> Delivery:
    return Delivery(f"content-{type(content).__name__}", "event", content)


def _withdrawal() -> Delivery:
    number = number_of(str(CONTACT_OF_KARI))
    return _delivery(
        OccurrenceReport(CONTACT, number, "consent-withdrawn", NOON, "contact", CONTACT_OF_KARI)
    )


def _hold_on_contact() -> Delivery:
    return _delivery(EventNote(CONTACT, number_of(str(CONTACT_OF_KARI)), HOLD, CONTACT_OF_KARI))


def _hold_on_account() -> Delivery:
    return _delivery(EventNote("customer", ACCOUNT, HOLD))


def _row(runtime: Runtime) -> Any:
    with runtime.database.write() as connection:
        return find(connection, RecordKey("shop", "order", ORDER))


def _is_held(runtime: Runtime) -> bool:
    return bool(_row(runtime)["held"])


def _is_withdrawn(runtime: Runtime) -> bool:
    entries = read_entries(_row(runtime)["entries"])
    return NOON.date().isoformat() in {
        entry["delete_after"] for entry in entries if entry["class"] == "marketing"
    }


def _tag(runtime: Runtime) -> None:
    while Retagger(runtime).step():
        pass


def _at_once(runtime: Runtime, first: Delivery, second: Delivery) -> None:
    """Commit the first transaction once the second has begun, and waits for it or has committed."""
    other = Thread(target=Ingest(runtime).ingest_one, args=("shop", second))

    def waits() -> bool:
        with runtime.database.read() as connection:
            return bool(connection.execute(WAITING).scalar_one()) or not other.is_alive()

    def start_the_other() -> None:
        other.start()
        until(waits, "the second transaction waits for the first, or has ended")

    assert isinstance(runtime.database, PausingDatabase)
    runtime.database.before_commit = start_the_other
    Ingest(runtime).ingest_one("shop", first)
    other.join()


# What is there before; what is decided, or what makes the decision bear on the order; and what the order then shows.
Before = Callable[[Policy], list[Delivery]]
DECISIONS = [
    pytest.param(
        lambda _: [], lambda _: _withdrawal(), _is_withdrawn, id="the contact's withdrawal"
    ),
    pytest.param(lambda _: [], lambda _: _hold_on_contact(), _is_held, id="a hold on the contact"),
    pytest.param(
        lambda policy: [_account(policy)],
        lambda _: _hold_on_account(),
        _is_held,
        id="a hold on who has the address",
    ),
    pytest.param(
        lambda policy: [_account(policy, "before@example.test"), _hold_on_account()],
        _account,
        _is_held,
        id="an account that is held gets the address",
    ),
]


@dataclass(frozen=True)
class FixedBatch:
    """These deliveries in one transaction."""

    pairs: Sequence[tuple[str, Delivery]]

    def deliveries(self) -> Sequence[tuple[str, Delivery]]:
        return self.pairs


def _begin(runtime: Runtime, deliveries: Iterable[Delivery]) -> None:
    """Take in the state before the two transactions."""
    for delivery in deliveries:
        Ingest(runtime).ingest_one("shop", delivery)
    _tag(runtime)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("order_first", [True, False], ids=["the order first", "the order second"])
@pytest.mark.parametrize(("before", "decide", "is_so"), DECISIONS)
def test_a_decision_reaches_an_order_created_at_the_same_time(
    runtime: Runtime,
    policy: Policy,
    order_first: bool,
    before: Before,
    decide: Callable[[Policy], Delivery],
    is_so: Callable[[Runtime], bool],
) -> None:
    _begin(runtime, before(policy))
    both = _guest_order(policy), decide(policy)
    _at_once(runtime, *(both if order_first else both[::-1]))
    _tag(runtime)
    assert is_so(runtime)


@ON_SQLITE
@pytest.mark.parametrize("order_first", [True, False], ids=["the order first", "the order second"])
@pytest.mark.parametrize(("before", "decide", "is_so"), DECISIONS)
def test_a_decision_reaches_an_order_of_the_same_transaction(
    runtime: Runtime,
    policy: Policy,
    order_first: bool,
    before: Before,
    decide: Callable[[Policy], Delivery],
    is_so: Callable[[Runtime], bool],
) -> None:
    _begin(runtime, before(policy))
    both = [("shop", _guest_order(policy)), ("shop", decide(policy))]
    batch = FixedBatch(both if order_first else both[::-1])
    Ingest(runtime).ingest_batch(batch)
    _tag(runtime)
    assert is_so(runtime)
