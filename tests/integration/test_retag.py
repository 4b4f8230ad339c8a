"""Re-tagging by the policy in force: the ledger ends as if there had never been another policy, and the history gives
the reason of each date that moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import select, update

from hooks.intake.answers import Answers, Write
from hooks.intake.ingest import Ingest, Result
from hooks.intake.webhook import Content, Delivery, EventNote, OccurrenceReport
from hooks.ledger import records
from hooks.ledger.database import Database
from hooks.ledger.moment import Moment
from hooks.ledger.records import RecordKey
from hooks.ledger.tables import history
from hooks.ledger.tables import records as records_table
from hooks.ledger.unit import Unit
from hooks.ledger.upgrade import upgrade
from hooks.policies import equivalent
from hooks.policies.activate import activate
from hooks.policies.retag import Retagger, next_chunk_size
from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import CustomerFacts, OrderFacts, RecordKind, Subject
from hooks.retention.policy import Policy
from hooks.retention.tags import tagged_by
from hooks.runtime import Runtime
from hooks.sync.push import LEASE
from hooks.tagging.recorder import Recorder, mark_for_refetch
from tests.integration.harness import NOON, ON_SQLITE, Clock, Harness
from tests.support.policies import variant
from tests.unit.builders import at, customer, order
from tests.unit.builders import snapshot as shown

Key = tuple[RecordKind, int]
T = TypeVar("T")

LONGER = {"customer-accounts": "P30M", "support-requests": "P37M", "technical": "P11M"}
"""What these say moves the accounts, the requests and a part of an order, and no paid or unpaid order as a whole."""

BOOKKEEPING = {
    "id", "created_at", "updated_at", "read_at", "known_digest", "known_version", "contests", "contested_at",
    "push_at", "push_since", "push_attempts", "push_error", "claim", "claim_until",
    "reread_at", "reread_since", "reread_reason", "reread_attempts",
}  # fmt: skip
"""Columns that tell of the ledger's own work."""


# --- what comes in -------------------------------------------------------------------------------------------


def seen(number: int, facts: OrderFacts | CustomerFacts, version: str = "2026-11-22") -> Content:
    """Build a state of an order or a customer in which the store holds none of our fields."""
    return replace(shown(facts, version, ours={}), external_id=number)


def event(kind: EventType, day: str = "2026-10-01") -> RecordEvent:
    """Build one record event of each type."""
    reason, owner = ("tax audit", "finance") if kind == "hold" else ("", "")
    return RecordEvent(f"event of {kind}", kind, at(day), reason, owner)


ABOUT_ORDER, ABOUT_CUSTOMER = Subject("order", "11"), Subject("customer", "10")
REQUEST = OccurrenceReport("support-request", 31, "closed", at("2026-08-01"), "31", ABOUT_ORDER)
CONSENT = OccurrenceReport(
    "marketing-consent", 32, "consent-given", at("2026-08-02"), "32", ABOUT_CUSTOMER
)
STANDS: tuple[Key, ...] = (
    ("order", 12),
    ("customer", 20),
    ("order", 21),
    ("customer", 60),
    ("order", 62),
)
"""What is held, or goes within a month, whatever the periods are."""

CAME: tuple[Content, ...] = (
    # Requests come before those whom they are about, so that they are tagged first.
    REQUEST,
    CONSENT,
    seen(10, customer("2025-01-10", last_active_at="2026-06-01")),
    seen(11, order(customer_id=10, kinds="identity shipping note network", paid_at="2026-07-01")),
    # Of another customer, who is held with her order.
    seen(20, customer("2025-02-10", kinds="newsletter", choices={"2025-02-10": True})),
    seen(21, order(customer_id=20, kinds="network")),
    EventNote("customer", 20, event("hold")),
    # Guests: an order held, one trashed, one erased, one that was never paid, one of which nothing is left.
    seen(12, order(kinds="network")),
    EventNote("order", 12, event("hold")),
    seen(13, order(trashed=True, kinds="identity")),
    seen(14, order(kinds="note", erased_at="2026-09-01")),
    seen(15, order(status="pending", created="2026-10-01")),
    seen(16, order(erased_at="2026-09-01")),
    # One who wants to be forgotten, with an order paid and one that was not.
    seen(60, customer("2025-03-10")),
    seen(61, order(customer_id=60, kinds="network note")),
    seen(62, order(status="pending", customer_id=60)),
    EventNote("customer", 60, event("erasure-requested", "2026-11-22")),
    # A member of staff; a customer known by an order alone; cookies of nobody who is known; something deleted.
    seen(40, customer(staff=True)),
    seen(17, order(customer_id=50, paid_at="2026-07-01")),
    OccurrenceReport("cookie-consent", 33, "consent-given", at("2026-08-03"), "33"),
    OccurrenceReport("support-request", 34, "closed", at("2026-08-01"), "34"),
    OccurrenceReport("support-request", 34, "deleted", at("2026-09-01"), "34"),
)


def take(runtime: Runtime, *contents: Content) -> None:
    """Take these in, in this order."""
    for number, content in enumerate(contents):
        Ingest(runtime).ingest_one(
            "shop", Delivery(f"{number} of {len(contents)}", "of a test", content)
        )


def rows(database: Database) -> dict[Key, dict[str, Any]]:
    """Return all records."""
    with database.read() as connection:
        found = [dict(row._mapping) for row in connection.execute(select(records_table))]
    return {(row["kind"], row["external_id"]): row for row in found}


def told(database: Database, after: int = 0) -> dict[Key, list[Any]]:
    """Return the history of each record, from one row of it on."""
    chosen = select(records_table.c.kind, records_table.c.external_id, history)
    joined = chosen.join(history, history.c.record_id == records_table.c.id).where(
        history.c.id > after
    )
    found: dict[Key, list[Any]] = {}
    with database.read() as connection:
        for row in connection.execute(joined.order_by(history.c.id)):
            found.setdefault((row.kind, row.external_id), []).append(row)
    return found


def last_told(database: Database) -> int:
    """Return the last row of the history."""
    return max(int(row.id) for lines in told(database).values() for row in lines)


def write(database: Database, **columns: Any) -> None:
    """Change columns of all records."""
    with database.write() as connection:
        connection.execute(update(records_table).values(**columns))


def retag(runtime: Runtime, limit: int = 200) -> int:
    """Re-tag until nothing is due. Returns the number of records."""
    done = 0
    while step := Retagger(runtime).step(limit):
        done += step
        assert done < 1000, "it never ends"
    return done


@pytest.fixture
def runtime(database: Database, policy: Policy) -> Runtime:
    """A runtime at noon with the policy in force, and all inputs tagged by it."""
    made_here = Runtime(database, policy, timedelta(0), Clock(NOON))
    activate(made_here, policy)
    take(made_here, *CAME)
    retag(made_here)
    return made_here


def change(runtime: Runtime, policy: Policy) -> Runtime:
    """Activate another policy, a day later."""
    later = Clock(NOON + timedelta(days=1))
    assert activate(replace(runtime, clock=later), policy, yes=True).waits_for is None
    return replace(runtime, policy=policy, clock=later)


# --- as if made anew -----------------------------------------------------------------------------------------


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Database]:
    """An empty second ledger."""
    with closing(Database(f"sqlite:///{tmp_path}/other.db")) as ledger:
        upgrade(ledger)
        yield ledger


@pytest.mark.parametrize("limit", [1, 3, 200])
def test_a_re_tagged_ledger_equals_one_made_by_the_new_policy(
    runtime: Runtime, policy: Policy, other: Database, limit: int
) -> None:
    second = variant(policy, "second", keep=LONGER)
    anew = Runtime(other, second, timedelta(0), Clock(NOON))
    take(anew, *CAME)
    retag(anew)
    changed = change(runtime, second)
    assert retag(changed, limit) > 0
    found, right = rows(runtime.database), rows(other)
    assert found.keys() == right.keys()
    for key, row in right.items():
        wrong = {
            name: (found[key][name], value)
            for name, value in row.items()
            if found[key][name] != value
        }
        assert not wrong.keys() - BOOKKEEPING, (key, wrong)
    assert {row["tagged_by"] for row in found.values()} == {tagged_by(second)}


def _bare(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["delete_after"], row["part_delete_after"], row["retention_class"], row["legal_basis"]


@pytest.mark.parametrize("limit", [1, 200])
def test_history_explains_each_moved_date_once_and_nothing_else(
    runtime: Runtime, policy: Policy, limit: int
) -> None:
    before, so_far = rows(runtime.database), last_told(runtime.database)
    retag(change(runtime, variant(policy, "second", keep=LONGER)), limit)
    after, lines = rows(runtime.database), told(runtime.database, so_far)
    moved = {key for key, row in after.items() if _bare(row) != _bare(before[key])}
    assert moved >= {("support-request", 31), ("customer", 10), ("order", 11)}
    assert not moved & set(STANDS)
    assert {key: len(found) for key, found in lines.items() if key in moved} == dict.fromkeys(
        moved, 1
    )
    for key, (line,) in lines.items():
        assert (line.policy_id, line.delete_after) == ("second", after[key]["delete_after"])
        assert line.cause in ("tagged anew", "what is linked to it")
    (why,) = lines["support-request", 31]
    assert "37 months later is 2029-09-01" in why.reason
    untouched = [
        ("order", 13),
        ("order", 15),
        ("cookie-consent", 33),
        ("marketing-consent", 32),
        ("customer", 40),
    ]
    assert not [key for key in untouched if key in lines]


@ON_SQLITE
def test_the_same_policy_under_another_id_moves_nothing(runtime: Runtime, policy: Policy) -> None:
    before, so_far = rows(runtime.database), last_told(runtime.database)
    retag(change(runtime, variant(policy, "second")))
    after = rows(runtime.database)
    assert told(runtime.database, so_far) == {}
    assert {key: _bare(row) for key, row in after.items()} == {
        key: _bare(row) for key, row in before.items()
    }
    assert after["order", 11]["policy_id"] == "second"


@pytest.mark.parametrize(
    "name",
    [
        # Every tag names the policy that made it: all that holds something is written anew.
        "second",
        # Under the same id, which takes the operator's word, only what moves is.
        "smartgroup-2026-11-22",
    ],
)
def test_only_changed_fields_are_written_back(runtime: Runtime, policy: Policy, name: str) -> None:
    write(
        runtime.database, known_digest=records_table.c.wanted_digest, push_at=None, push_since=None
    )
    before = rows(runtime.database)
    changed = change(runtime, variant(policy, name, keep=LONGER))
    retag(changed)
    after = rows(runtime.database)
    wanted = {
        key for key, row in after.items() if row["wanted_digest"] != before[key]["wanted_digest"]
    }
    stored = {key for key in wanted if key[0] in ("order", "customer")}
    assert {key for key, row in after.items() if row["push_at"]} == stored
    assert {row["push_at"] for row in after.values()} <= {None, changed.clock()}
    assert (("order", 15) in stored, ("order", 16) in stored) == (name == "second", False)
    assert {("order", 11), ("customer", 10)} <= stored


def test_a_second_re_tag_changes_nothing(runtime: Runtime, policy: Policy) -> None:
    changed = change(runtime, variant(policy, "second", keep=LONGER))
    retag(changed)
    before, so_far = rows(runtime.database), last_told(runtime.database)
    assert Retagger(changed).step() == 0
    assert (rows(runtime.database), told(runtime.database, so_far)) == (before, {})


def test_a_process_with_a_superseded_policy_re_tags_nothing(
    runtime: Runtime, policy: Policy
) -> None:
    """It learns of the new policy only after a while."""
    changed = change(runtime, variant(policy, "second", keep=LONGER))
    retag(changed)
    before = rows(runtime.database)
    assert Retagger(replace(runtime, clock=changed.clock)).step() == 0
    assert rows(runtime.database) == before


# --- what was read with other words in mind ------------------------------------------------------------------

ASKED: set[Key] = {
    *(("order", number) for number in (11, 12, 13, 14, 15, 16, 17, 21, 61, 62)),
    *(("customer", number) for number in (10, 20, 40, 50, 60)),
}


def asked(database: Database) -> set[Key]:
    """Return the records that are due for a refetch under another vocabulary."""
    return {
        key
        for key, row in rows(database).items()
        if row["reread_reason"] == "read-otherwise" and row["reread_at"]
    }


def answer(database: Database) -> None:
    """Settle every due refetch, as if the store had answered."""
    write(database, reread_at=None, reread_since=None, reread_reason=None)


@pytest.mark.parametrize("limit", [1, 200])
def test_another_vocabulary_refetches_every_record_of_the_store(
    runtime: Runtime, policy: Policy, limit: int
) -> None:
    answer(runtime.database)
    retag(change(runtime, variant(policy, "second", keep=LONGER)))
    assert asked(runtime.database) == set()
    retag(change(runtime, variant(policy, "third", newsletter="newsletter_choice")), limit)
    assert asked(runtime.database) == ASKED


FIRST_TOUCHED: dict[str, tuple[Content, Key]] = {
    # An order of the customer comes, which shows nothing of the account itself.
    "an order placed": (seen(99, order(customer_id=20, created="2026-11-23")), ("customer", 20)),
    "a request": (EventNote("customer", 20, event("objection")), ("customer", 20)),
    "a request about an order": (EventNote("order", 13, event("hold")), ("order", 13)),
    # What was under way when something newer came.
    "an older state": (seen(11, order(customer_id=10), "2026-01-01"), ("order", 11)),
}


@ON_SQLITE
@pytest.mark.parametrize(("content", "key"), FIRST_TOUCHED.values(), ids=FIRST_TOUCHED)
def test_another_vocabulary_refetches_records_tagged_meanwhile(
    runtime: Runtime, policy: Policy, content: Content, key: Key
) -> None:
    answer(runtime.database)
    changed = change(runtime, variant(policy, "second", newsletter="newsletter_choice"))
    Ingest(changed).ingest_one("shop", Delivery("first", "of a test", content))
    retag(changed)
    assert key in asked(runtime.database)


def test_a_record_of_an_older_version_is_re_tagged_and_refetched(
    runtime: Runtime,
) -> None:
    """The older version knows neither the owner of a record nor the origin of its tags."""
    before = rows(runtime.database)
    answer(runtime.database)
    write(runtime.database, tagged_by="", customer_id=None, recipients="", part_delete_after=None)
    assert retag(runtime) > 0
    after = rows(runtime.database)
    for key, row in before.items():
        wrong = {
            name: (after[key][name], value)
            for name, value in row.items()
            if after[key][name] != value
        }
        assert not wrong.keys() - BOOKKEEPING, (key, wrong)
    assert after["order", 21]["held"], "as its customer is"
    assert asked(runtime.database) == ASKED


# --- while others are at it ----------------------------------------------------------------------------------


def test_a_record_claimed_by_a_pusher_ends_with_the_new_tags(
    harness: Harness, policy: Policy
) -> None:
    """The pusher writes the schedule of its claim. The new schedule is written after that."""
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    key = RecordKey("shop", "order", number)
    with harness.runtime.database.write() as connection:
        now = harness.clock()
        (row,) = records.claim_pushes(
            connection, "shop", "order", limit=1, now=now, until=now + LEASE, claim="mine"
        )
    second = variant(policy, "second", keep={"orders-accounting": "P6Y"})
    changed = replace(harness.runtime, policy=second)
    assert activate(harness.runtime, second).waits_for is None
    retag(changed)
    assert row.version is not None
    version = row.version + timedelta(seconds=1)
    answered = replace(
        shown(order("processing", paid_at="2026-11-22"), ours={}),
        external_id=number,
        version=version,
    )
    write = Write(row.claim, row.wanted_digest, answered)
    Answers(changed).settle_writes("shop", [write], asked_at=harness.clock())
    with harness.runtime.database.read() as connection:
        found = records.find_by_ids(connection, "shop", "order", [key.external_id])[number]
    assert (found["claim"], found["policy_id"], found["delete_after"]) == (
        None,
        "second",
        date(2032, 12, 31),
    )
    assert found["push_at"] is not None
    assert found["wanted_digest"] != row.wanted_digest


@ON_SQLITE
def test_a_new_policy_is_written_to_the_store_end_to_end(harness: Harness, policy: Policy) -> None:
    newsletter = [{"key": "newsletter_choice", "value": "yes"}]
    wanting = harness.written_order(meta_data=newsletter)
    other = harness.written_order()
    account = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.come_to_rest()
    assert "marketing" not in _schedule(harness, wanting)
    harness.store.log.requests.clear()
    second = variant(
        policy, "second", newsletter="newsletter_choice", keep={"orders-accounting": "P6Y"}
    )
    harness.activate(second)
    harness.work()  # tags are made, and what is to be written waits as long as after any change
    harness.come_to_rest()
    for kind, number in (("order", wanting), ("order", other), ("customer", account)):
        assert harness.held(kind, number) == harness.wanted(kind, number)
        assert harness.held(kind, number)["retention_policy"] == "second"
        assert harness.writes(kind, number) == 1
    assert harness.held("order", other)["retention_delete_after"] == "2032-12-31"
    assert "marketing" in _schedule(harness, wanting)
    assert "marketing" not in _schedule(harness, other)
    assert [row["reread_reason"] for row in rows(harness.runtime.database).values()] == [None] * 3


def _schedule(harness: Harness, number: int) -> str:
    return harness.held("order", number)["retention_schedule"]


# --- what is worked out before the ledger is locked ----------------------------------------------------------


MANY: tuple[Content, ...] = (
    # Alike but for the time of day, whose they are and who got data of them; and others that only seem to be.
    seen(71, order(customer_id=10, paid_at="2026-07-01", kinds="network", payment="klarna")),
    seen(72, order(paid_at="2026-07-01T09:00:00", kinds="network", payment="stripe")),
    seen(73, order(paid_at="2026-07-01T09:00:00", kinds="network", carriers=frozenset({"bring"}))),
    seen(74, order(customer_id=20, paid_at="2026-07-01", kinds="network")),
    seen(75, order(paid_at="2026-07-01T22:30:00", kinds="network")),
    seen(76, order(status="refunded", paid_at="2026-07-01", refunds={5: "2026-07-02"})),
    seen(77, order(status="refunded", paid_at="2026-07-01", refunds={6: None})),
    seen(78, customer("2025-01-10", last_active_at="2026-06-01T08:00:00")),
    OccurrenceReport(
        "cookie-consent",
        79,
        "consent-given",
        at("2026-08-03T09:00:00"),
        "79",
        Subject("email", "k" * 32),
    ),
)


@pytest.mark.parametrize("words", ["", "newsletter_choice"])
def test_re_tagging_in_batches_equals_re_tagging_one_by_one(
    runtime: Runtime, before: Runtime, policy: Policy, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """This holds for records that wait for a push or a refetch, too."""
    second = variant(policy, "second", keep=LONGER, newsletter=words)
    for one in (runtime, before):
        take(one, *MANY)
        write(one.database, known_digest=records_table.c.wanted_digest)
    changed = [change(one, second) for one in (runtime, before)]
    so_far = [last_told(one.database) for one in changed]
    assert retag(changed[0]) > 0
    monkeypatch.setattr(equivalent, "outline_without_context", lambda *_: None)
    assert retag(changed[1]) > 0
    assert rows(runtime.database) == rows(before.database)
    fast, alone = (_said(one.database, after) for one, after in zip(changed, so_far, strict=True))
    assert fast == alone


def _said(database: Database, after: int) -> dict[Key, list[tuple[Any, ...]]]:
    """Return the rows without their ids, which do not follow the order of the records."""
    return {
        key: [(line.at, line.cause, line.delete_after, line.reason) for line in lines]
        for key, lines in told(database, after).items()
    }


@dataclass(frozen=True)
class Overtaken(Runtime):
    """A ledger in which another write comes between the read and the write of a transaction."""

    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def transaction(self, work: Callable[[Unit], T]) -> T:
        while self.meanwhile:
            self.meanwhile.pop()()
        return super().transaction(work)


MEANWHILE: dict[str, Callable[[Runtime], object]] = {
    "a newer state": lambda runtime: take(
        runtime, seen(13, order("processing", kinds="note"), "2026-11-23")
    ),
    "an event on the record": lambda runtime: take(runtime, EventNote("order", 13, event("hold"))),
    "an event on its customer": lambda runtime: take(
        runtime, EventNote("customer", 10, event("objection"))
    ),
    "it is asked about": lambda runtime: runtime.transaction(
        lambda unit: mark_for_refetch(
            unit, RecordKey("shop", "order", 13), "changed", runtime.moment()
        )
    ),
    "it is tagged": retag,
    "it is gone": lambda runtime: write(runtime.database, state="gone"),
    "it was written back": lambda runtime: write(
        runtime.database, known_digest=records_table.c.wanted_digest
    ),
    "its push has failed": lambda runtime: write(
        runtime.database, push_attempts=3, push_error="unreachable"
    ),
}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_event_recorded_during_a_re_tag_is_not_lost(
    runtime: Runtime, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two events comes while an order is re-tagged for the first. The event waits, and the order is
    re-tagged again."""
    take(runtime, EventNote("customer", 10, event("objection")))
    retag_one = Recorder.retag
    with closing(Database(database_url)) as elsewhere, ThreadPoolExecutor(1) as pool:
        others: list[Future[Result]] = []

        def slowly(self: Recorder, unit: Unit, key: RecordKey, moment: Moment) -> bool:
            if not others:
                held = Delivery("meanwhile", "of a test", EventNote("customer", 10, event("hold")))
                others.append(
                    pool.submit(
                        Ingest(replace(runtime, database=elsewhere)).ingest_one, "shop", held
                    )
                )
                wait(others, timeout=1)  # it is free to come first, and to wait
            return retag_one(self, unit, key, moment)

        monkeypatch.setattr(Recorder, "retag", slowly)
        retag(runtime)
        assert [other.result(30) for other in others] == [Result.RECORDED]
        retag(runtime)
    assert rows(runtime.database)["order", 11]["held"]


@pytest.fixture
def before(runtime: Runtime, policy: Policy, other: Database) -> Runtime:
    """A second ledger with the same content."""
    made_here = replace(runtime, database=other)
    activate(made_here, policy)
    take(made_here, *CAME)
    retag(made_here)
    return made_here


@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=MEANWHILE)
def test_a_change_after_the_read_is_not_overwritten(
    runtime: Runtime, before: Runtime, policy: Policy, meanwhile: Callable[[Runtime], object]
) -> None:
    """The result is the same as if the change had come before the read."""
    second = variant(policy, "second", keep=LONGER)
    right, changed = change(before, second), change(runtime, second)
    meanwhile(right)
    retag(right)
    names = {name: getattr(changed, name) for name in ("database", "policy", "settle", "clock")}
    retag(Overtaken(**names, meanwhile=[lambda: meanwhile(changed)]))
    _assert_same(changed, right)


@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=MEANWHILE)
def test_a_change_between_two_batches_is_not_overwritten(
    runtime: Runtime, before: Runtime, policy: Policy, meanwhile: Callable[[Runtime], object]
) -> None:
    """The result is the same as if the second batch had been read when its turn came."""
    second = variant(policy, "second", keep=LONGER)
    right, changed = change(before, second), change(runtime, second)
    both = Retagger(changed, chunk_size=1)
    assert both.step() == 1
    tagged = [
        RecordKey.of(row)
        for row in rows(changed.database).values()
        if row["tagged_by"] == tagged_by(second)
    ]
    assert 1 <= len(tagged) <= 2, "one, and the customer whom it is about"
    right.transaction(
        lambda unit: [Recorder(right.policy).retag(unit, key, right.moment()) for key in tagged]
    )
    for one in (right, changed):
        meanwhile(one)
    retag(right)
    while both.step():
        pass
    retag(changed)
    _assert_same(changed, right)


def _assert_same(one: Runtime, other: Runtime) -> None:
    found, expected = rows(one.database), rows(other.database)
    for key, row in expected.items():
        wrong = {
            name: (found[key][name], value)
            for name, value in row.items()
            if found[key][name] != value
        }
        assert not wrong, (key, wrong)


@pytest.mark.parametrize(
    ("size", "held", "expected"),
    [
        # Just as long as it should be; twice as long; half as long.
        (400, 0.03, 400),
        (400, 0.06, 200),
        (400, 0.015, 800),
        # Never more than twice as many, or less than half, at once: it may have been an accident.
        (400, 0.001, 800),
        (400, 9.0, 200),
        # And never too few to be worth a commit, or more than fit into memory.
        (60, 1.0, 50),
        (1900, 0.001, 2000),
        (400, 0.0, 800),
    ],
)
def test_a_batch_grows_to_what_a_short_time_allows(size: int, held: float, expected: int) -> None:
    assert next_chunk_size(size, held) == expected
