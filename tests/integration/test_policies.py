"""The policy in force: activated when nothing prevents it, and followed by every process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, local
from typing import Any

import pytest
from sqlalchemy import select, text

from hooks.intake.ingest import Ingest
from hooks.intake.webhook import Delivery, EventNote
from hooks.ledger import policies
from hooks.ledger.database import Database
from hooks.ledger.tables import metadata
from hooks.ledger.tables import policies as policies_table
from hooks.policies.activate import activate, follow
from hooks.policies.preview import Impact, preview
from hooks.retention.events import RecordEvent
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.settings import Settings
from hooks.web.status.report import status_of
from tests.integration.harness import NOON, ON_SQLITE, Clock
from tests.support.policies import variant
from tests.support.processes import until
from tests.unit.builders import order
from tests.unit.builders import snapshot as shown

SHORTER, LONGER = {"unpaid-orders": "P11M"}, {"unpaid-orders": "P13M"}


@pytest.fixture
def runtime(database: Database, policy: Policy) -> Runtime:
    """A runtime at noon with the shipped policy, which is not in force yet."""
    return Runtime(database, policy, timedelta(0), Clock(NOON))


def in_force(database: Database) -> list[str]:
    """Return the id of the policy in force, of which there must be one."""
    with database.read() as connection:
        chosen = select(policies_table.c.id).where(policies_table.c.state == "in-force")
        return list(connection.execute(chosen).scalars())


def waiting(database: Database) -> dict[str, str]:
    """Return the policy that waits, and its reason."""
    with database.read() as connection:
        return {row.id: row.waits_for for row in policies.proposed(connection)}


def take(runtime: Runtime, number: int, **facts: Any) -> None:
    """Take in an order."""
    seen = replace(shown(order(**facts), ours={}), external_id=number)
    Ingest(runtime).ingest_one("shop", Delivery(f"order {number}", "order.updated", seen))


def take_paid(runtime: Runtime, many: int) -> None:
    """Take in this many orders that another period for unpaid orders does not move."""
    for number in range(1000, 1000 + many):
        take(runtime, number)


def take_nearly_due(runtime: Runtime) -> None:
    """Take in an order that was never paid: with twelve months it is due in two weeks, with eleven it was due two weeks
    ago."""
    take(runtime, 7, status="pending", created="2025-12-08")


# --- what may come into force --------------------------------------------------------------------------------


def test_the_first_policy_is_activated_before_its_day_too(runtime: Runtime, policy: Policy) -> None:
    first = variant(policy, "first", effective_from="2030-01-01")
    assert activate(runtime, first).waits_for is None
    assert (in_force(runtime.database), waiting(runtime.database)) == (["first"], {})


def test_a_policy_with_another_id_replaces_the_first(runtime: Runtime, policy: Policy) -> None:
    activate(runtime, policy)
    assert activate(runtime, variant(policy, "second")).waits_for is None
    assert (in_force(runtime.database), waiting(runtime.database)) == (["second"], {})


OBSTACLES = [
    # Its id says that it is the one before.
    ({"id": "smartgroup-2026-11-22", "keep": SHORTER}, "same-id", True),
    # Its day has not come; not even the operator's word changes that.
    ({"effective_from": "2026-11-23"}, "effective-date", False),
    # It makes the one record that there is due at once.
    ({"keep": SHORTER}, "due-at-once", True),
    # It keeps it longer than its person was told.
    ({"keep": LONGER}, "kept-longer", True),
]


@pytest.mark.parametrize(
    ("said", "waits_for", "yields"), OBSTACLES, ids=[case[1] for case in OBSTACLES]
)
def test_a_policy_waits_while_something_prevents_it(
    runtime: Runtime, policy: Policy, said: dict[str, Any], waits_for: str, yields: bool
) -> None:
    take_nearly_due(runtime)
    activate(runtime, policy)
    second = variant(policy, **({"id": "second"} | said))
    for _ in range(2):  # as often as a worker tries
        assert activate(runtime, second).waits_for == waits_for
    assert (in_force(runtime.database), waiting(runtime.database)) == (
        [policy.id],
        {second.id: waits_for},
    )
    assert activate(runtime, second, yes=True).waits_for == (None if yields else waits_for)
    assert in_force(runtime.database) == [second.id if yields else policy.id]
    assert bool(waiting(runtime.database)) != yields


@ON_SQLITE
@pytest.mark.parametrize(
    ("others", "is_too_much"),
    [
        # One of a hundred is one in a hundred, and no more.
        (99, False),
        # One of ninety-nine is more.
        (98, True),
    ],
)
@pytest.mark.parametrize(("keep", "waits_for"), [(SHORTER, "due-at-once"), (LONGER, "kept-longer")])
def test_a_policy_that_moves_over_one_percent_of_records_waits(
    runtime: Runtime,
    policy: Policy,
    others: int,
    is_too_much: bool,
    keep: dict[str, str],
    waits_for: str,
) -> None:
    take_nearly_due(runtime)
    take_paid(runtime, others)
    activate(runtime, policy)
    became = activate(runtime, variant(policy, "second", keep=keep))
    assert became.waits_for == (waits_for if is_too_much else None)


@ON_SQLITE
def test_a_record_may_be_due_at_once_and_kept_longer_in_parts(
    runtime: Runtime, policy: Policy
) -> None:
    take_nearly_due(runtime)
    take(runtime, 9, kinds="network", created="2025-12-30")
    activate(runtime, policy)
    both = variant(policy, "second", keep=SHORTER | {"technical": "P24M"})
    assert activate(runtime, both).waits_for == "due-at-once,kept-longer"
    (problem,) = _status(runtime)["problems"]
    assert (
        "since it would make more than 1 % of the records due at once, and it would keep more than 1 % of the records "
        "longer than people were told (GDPR Art. 5(1)(b), 13(2)(a)): 1 of 2 records; people who were told an "
        f"earlier date: up to 1 under {policy.id}. {policy.id} stays in force."
    ) in problem["message"]
    assert activate(runtime, both, yes=True).waits_for is None


def test_a_policy_that_waits_for_its_day_is_activated_on_it(
    runtime: Runtime, policy: Policy
) -> None:
    """The day is one of the policy's own time zone: in Oslo it begins an hour earlier than in UTC."""
    clock = Clock(datetime(2026, 11, 30, 22, 59, tzinfo=UTC))
    runtime = replace(runtime, clock=clock)
    activate(runtime, policy)
    second = variant(policy, "second", effective_from="2026-12-01")
    assert activate(runtime, second).waits_for == "effective-date"
    clock.now += timedelta(minutes=1)
    assert activate(runtime, second).waits_for is None
    assert (in_force(runtime.database), waiting(runtime.database)) == (["second"], {})


def test_a_superseded_policy_returns_only_with_yes(runtime: Runtime, policy: Policy) -> None:
    second = variant(policy, "second")
    for each in (policy, second):
        assert activate(runtime, each).waits_for is None
    assert activate(runtime, policy).waits_for == "superseded"
    assert (in_force(runtime.database), waiting(runtime.database)) == (
        ["second"],
        {policy.id: "superseded"},
    )
    assert activate(runtime, policy, yes=True).waits_for is None
    assert (in_force(runtime.database), waiting(runtime.database)) == ([policy.id], {})
    assert activate(runtime, second).waits_for == "superseded"


def test_an_id_stays_taken_while_its_policy_waits_to_return(
    runtime: Runtime, policy: Policy
) -> None:
    for each in (policy, variant(policy, "second")):
        activate(runtime, each)
    assert activate(runtime, policy).waits_for == "superseded"
    assert (
        activate(runtime, variant(policy, policy.id, keep={"technical": "P13M"})).waits_for
        == "same-id"
    )


@ON_SQLITE
def test_of_two_policies_only_the_last_one_waits(runtime: Runtime, policy: Policy) -> None:
    activate(runtime, policy)
    for name in ("second", "third"):
        activate(runtime, variant(policy, name, effective_from="2027-01-01"))
    assert waiting(runtime.database) == {"third": "effective-date"}
    activate(runtime, policy)
    assert waiting(runtime.database) == {}


@ON_SQLITE
def test_another_comment_does_not_make_another_policy(runtime: Runtime, policy: Policy) -> None:
    commented = variant(
        policy, policy.id, effective_from=str(policy.effective_from), comment="said anew"
    )
    assert (commented.digest, commented.text == policy.text) == (policy.digest, False)
    activate(runtime, policy)
    found = activate(runtime, commented)
    assert (found.waits_for, found.impact) == (None, None)


# --- who follows ---------------------------------------------------------------------------------------------


def test_every_process_follows_the_policy_in_force(runtime: Runtime, policy: Policy) -> None:
    assert follow(runtime) is runtime, "nothing is in force yet"
    activate(runtime, policy)
    assert follow(runtime) is runtime
    second = variant(policy, "second", keep={"technical": "P13M"})
    activate(runtime, second)
    followed = follow(runtime)
    assert followed.policy == second
    assert follow(followed) is followed
    activate(runtime, variant(policy, "third", effective_from="2027-01-01"))
    assert follow(followed) is followed, "what waits is not in force"


@ON_SQLITE
def test_an_unreadable_policy_is_not_followed(runtime: Runtime, policy: Policy) -> None:
    activate(runtime, policy)
    activate(runtime, replace(variant(policy, "second"), text="id = 7"))
    assert follow(runtime) is runtime


def _status(runtime: Runtime) -> dict[str, Any]:
    with runtime.database.read() as connection:
        return status_of(
            connection, Settings(), runtime.policy, started_at=NOON, now=runtime.clock()
        )


WAITS = [
    # Nothing is wrong with a policy whose day has not come.
    ({"effective_from": "2026-11-23"}, "effective-date", []),
    ({"keep": SHORTER}, "due-at-once", ["policy-waits"]),
    ({"keep": LONGER}, "kept-longer", ["policy-waits"]),
    ({"id": "smartgroup-2026-11-22", "version": "3"}, "same-id", ["policy-waits"]),
]


@ON_SQLITE
@pytest.mark.parametrize(("said", "waits_for", "problems"), WAITS, ids=[case[1] for case in WAITS])
def test_status_names_the_waiting_policy_and_its_reason(
    runtime: Runtime, policy: Policy, said: dict[str, Any], waits_for: str, problems: list[str]
) -> None:
    take_nearly_due(runtime)
    activate(runtime, policy)
    second = variant(policy, **({"id": "second"} | said))
    activate(runtime, second)
    found = _status(runtime)
    (shown_as,) = found["policy"]["waiting"]
    assert shown_as == {
        "id": second.id,
        "digest": second.digest,
        "effective_from": str(second.effective_from),
        "waits_for": waits_for,
    }
    assert [problem["code"] for problem in found["problems"]] == problems
    assert all(second.id in problem["message"] for problem in found["problems"])
    assert found["policy"]["to_be_tagged"] == 0


@ON_SQLITE
def test_status_counts_the_records_to_re_tag(runtime: Runtime, policy: Policy) -> None:
    take_paid(runtime, 3)
    activate(runtime, policy)
    activate(runtime, variant(policy, "second"))
    assert _status(follow(runtime))["policy"]["to_be_tagged"] == 3
    assert _status(follow(runtime))["policy"]["id"] == "second"


# --- two at once ---------------------------------------------------------------------------------------------


def _together(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let this many processes read the policy in force before any of them changes it; a late process reads it again."""
    barrier, seen = Barrier(number), local()

    def looked(database: Database, wanted: Policy, today: date) -> Impact:
        found = preview(database, wanted, today)
        if not hasattr(seen, "once"):
            seen.once = True
            barrier.wait(10)
        return found

    monkeypatch.setattr("hooks.policies.activate.preview", looked)


@pytest.mark.parametrize("names", [("second", "second"), ("second", "third")])
def test_two_concurrent_activations_activate_one_policy(
    runtime: Runtime, policy: Policy, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str]
) -> None:
    activate(runtime, policy)
    _together(monkeypatch, 2)
    with ThreadPoolExecutor(2) as adopters:
        done = list(adopters.map(lambda name: activate(runtime, variant(policy, name)), names))
    assert None in [each.waits_for for each in done]
    assert len(in_force(runtime.database)) == 1
    assert in_force(runtime.database)[0] in names


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("before", [True, False], ids=["another before", "the first"])
def test_of_two_policies_activated_at_once_one_is_in_force(
    runtime: Runtime, policy: Policy, before: bool
) -> None:
    """The second activation waits for the first to end, and sees it then."""
    database = runtime.database
    if before:
        activate(runtime, policy)

    def put(name: str) -> None:
        with database.write() as connection:
            policies.put_in_force(connection, variant(policy, name), NOON)

    with ThreadPoolExecutor(1) as other:
        with database.write() as connection:
            policies.put_in_force(connection, variant(policy, "second"), NOON)
            late = other.submit(put, "third")
            until(lambda: late.done() or _blocked(database), "the other to wait")
        late.result()
    assert in_force(database) == ["third"]


def _blocked(database: Database) -> bool:
    """Tell whether a transaction waits for a lock."""
    with database.read() as connection:
        return bool(
            connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()
        )


# --- what a policy would change ------------------------------------------------------------------------------


def dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables."""
    with database.read() as connection:
        return {
            table.name: [
                tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in metadata.sorted_tables
        }


def test_a_preview_counts_and_writes_nothing(runtime: Runtime, policy: Policy) -> None:
    take_paid(runtime, 3)  # technical data: none, so that nothing of these moves
    take_nearly_due(runtime)
    take(runtime, 8, status="pending", created="2026-11-01")  # earlier, and not due
    take(runtime, 9, kinds="network", created="2025-11-30")  # only a part moves, to later
    take(runtime, 10, status="pending", created="2025-01-01")  # due already, by both
    take(
        runtime, 11, status="pending", created="2025-12-08", erased_at="2026-01-01"
    )  # gone but for its tag: not due
    before = dump(runtime.database)
    second = variant(policy, "second", keep=SHORTER | {"technical": "P24M"})
    found = preview(runtime.database, second, date(2026, 11, 22)).as_dict()
    assert dump(runtime.database) == before
    examples = found.pop("examples")
    by_class = found.pop("by_class")
    assert found == {
        "total": 8,
        "moved": 4,
        "parts_moved": 1,
        "earlier": 3,  # of what is gone, nothing goes earlier
        "later": 1,
        "due_at_once": 1,
        "told": {policy.id: 1},
    }
    assert {
        name: {what: n for what, n in counts.items() if n} for name, counts in by_class.items()
    } == {
        "unpaid-orders": {"moved": 4, "earlier": 3, "due_at_once": 1},
        "orders-accounting": {"parts_moved": 1, "later": 1},
    }
    assert examples[0] == {
        "store": "shop",
        "kind": "order",
        "id": 7,
        "from": ["unpaid-orders", "2026-12-08", None],
        "to": ["unpaid-orders", "2026-11-08", None],
        "due_at_once": True,
    }
    assert [one["id"] for one in examples] == [7, 8, 9, 10, 11]
    assert not any(one["due_at_once"] for one in examples[1:])


@ON_SQLITE
def test_a_preview_has_few_examples_with_due_records_first(
    runtime: Runtime, policy: Policy
) -> None:
    for number in range(30):
        take(runtime, 100 + number, status="pending", created="2026-11-01")
    for number in range(3):
        take(runtime, 500 + number, status="pending", created="2025-12-08")
    found = preview(runtime.database, variant(policy, "second", keep=SHORTER), date(2026, 11, 22))
    assert [one["due_at_once"] for one in found.examples] == [True] * 3 + [False] * 7


ALL_LONGER = {
    "unpaid-orders": "P13M",
    "technical": "P13M",
    "support-requests": "P37M",
    "customer-accounts": "P25M",
}
FREE = {"created": "2026-11-20", "status": "pending"}
PAID = {"created": "2026-11-20"}
HELD = RecordEvent("hold", "hold", NOON, "litigation", "legal", date(2027, 5, 1))

DIRECTIONS = [
    # The record as a whole, and with it its name.
    (FREE, {"unpaid-orders": "P13M"}, (False, True)),
    (FREE, {"unpaid-orders": "P11M"}, (True, False)),
    (FREE, {"technical": "P13M"}, (False, False)),
    # A part alone.
    (PAID | {"kinds": "network"}, {"technical": "P13M"}, (False, True)),
    # Not the part that goes first.
    (PAID | {"kinds": "network note"}, {"support-requests": "P48M"}, (False, True)),
    (PAID | {"kinds": "network note"}, {"support-requests": "P24M"}, (True, False)),
    # The record goes earlier, and a part of it later.
    (FREE | {"kinds": "network"}, {"unpaid-orders": "P11M", "technical": "P13M"}, (True, True)),
    # What the store erased is gone; a note and a shortened IP address that its eraser left are there.
    (FREE | {"erased_at": "2026-11-21"}, {"unpaid-orders": "P13M"}, (False, False)),
    (
        PAID | {"kinds": "note network", "erased_at": "2026-11-21"},
        {"technical": "P13M"},
        (False, True),
    ),
    (
        PAID | {"kinds": "note", "erased_at": "2026-11-21"},
        {"support-requests": "P48M"},
        (False, True),
    ),
    # Marketing data have no day before and none after.
    (PAID | {"kinds": "attribution"}, ALL_LONGER, (False, False)),
]


@ON_SQLITE
@pytest.mark.parametrize(("facts", "keep", "directions"), DIRECTIONS)
def test_the_direction_in_which_a_record_and_its_parts_move(
    runtime: Runtime,
    policy: Policy,
    facts: dict[str, Any],
    keep: dict[str, str],
    directions: tuple[bool, bool],
) -> None:
    take(runtime, 7, **facts)
    found = preview(runtime.database, variant(policy, "second", keep=keep), date(2026, 11, 22))
    assert (bool(found.earlier), bool(found.later)) == directions
    assert found.told == ({policy.id: 1} if found.later else {})


@ON_SQLITE
def test_a_part_that_is_due_already_hides_no_move(runtime: Runtime, policy: Policy) -> None:
    """The order's IP address is due since long. Under the other policy the whole order would be due, too."""
    take(runtime, 7, created="2024-05-01", kinds="network")
    second = variant(policy, "second", keep={"orders-accounting": "P6M"})
    assert preview(runtime.database, second, date(2026, 11, 22)).due_at_once == 1


@ON_SQLITE
def test_a_suspended_record_is_not_counted_as_kept_longer(runtime: Runtime, policy: Policy) -> None:
    """The same holds for a record that still waits to be re-tagged for the hold."""
    for number in (7, 8):
        take(runtime, number, **FREE, customer_id=3)
    for kind, number in (("order", 7), ("customer", 3)):
        hold = EventNote(kind, number, HELD)  # type: ignore[arg-type]
        Ingest(runtime).ingest_one("shop", Delivery(f"hold {kind}", "event", hold))
    found = preview(runtime.database, variant(policy, "second", keep=LONGER), date(2026, 11, 22))
    assert (found.total, found.later, found.told) == (2, 0, {})


@ON_SQLITE
def test_persons_count_once_under_the_policy_that_informed_them(
    runtime: Runtime, policy: Policy
) -> None:
    """Two orders of one account are of one person. Each guest's order counts as one person."""
    for number, customer_id in ((7, 3), (8, 3), (9, 4), (10, 0), (11, 0)):
        take(runtime, number, **FREE, customer_id=customer_id)
    second = variant(policy, "second", keep={"unpaid-orders": "P13M"})
    activate(runtime, policy)
    activate(runtime, second, yes=True)
    take(follow(runtime), 12, **FREE, customer_id=4)
    found = preview(
        runtime.database,
        variant(policy, "third", keep={"unpaid-orders": "P14M"}),
        date(2026, 11, 22),
    )
    assert found.told == {policy.id: 4, "second": 1}
