"""The state that must hold at the end: the ledger equals one that was filled from the same shop, and the shop holds its
tags."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import Table, func, or_, select, update

from hooks.errors import LedgerContendedError
from hooks.ledger.database import Database
from hooks.ledger.rounds import LISTS
from hooks.ledger.tables import history, records, rounds
from hooks.ledger.upgrade import upgrade
from hooks.retention.policy import Policy
from hooks.retention.store_meta import KEYS
from hooks.runtime import Runtime
from hooks.settings import StoreSettings
from hooks.store.client import StoreClient
from hooks.sync.backfill import Backfill
from hooks.sync.reconcile import OVERLAP, Reconciler
from hooks.sync.refetch import Refetcher
from hooks.tagging.changes import TAG_COLUMNS
from tests.support.processes import Sandbox, Stack, until
from tests.support.recordings import SECRET

Key = tuple[str, int]
Tags = dict[str, Any]

COLUMNS = (*TAG_COLUMNS, "policy_id", "wanted")
HISTORY = ("state", "legal_basis", "retention_class", "delete_after", "policy_id", "reason")


@contextmanager
def ledger_of(processes: Stack) -> Iterator[Database]:
    """Open the ledger of the processes."""
    with closing(Database(processes.database_url)) as ledger:
        yield ledger


# --- the ledger --------------------------------------------------------------------------------------------


def tagged(ledger: Database, store: str = "shop") -> dict[Key, Tags]:
    """How every record is tagged that the store has, as far as the ledger knows; accounts of staff left out."""
    there = records.c.store == store, records.c.state.not_in(("unknown", "gone", "ignored"))
    with ledger.read() as connection:
        rows = [dict(row._mapping) for row in connection.execute(select(records).where(*there))]
    return {
        (row["kind"], row["external_id"]): {name: row[name] for name in COLUMNS} for row in rows
    }


def states(ledger: Database, store: str = "shop") -> dict[Key, str]:
    """Return the state of every record, gone records included."""
    chosen = select(records.c.kind, records.c.external_id, records.c.state).where(
        records.c.store == store
    )
    with ledger.read() as connection:
        return {(row.kind, row.external_id): row.state for row in connection.execute(chosen)}


def anew(sandbox: Sandbox, folder: Path, policy: Policy) -> dict[Key, Tags]:
    """Return the tags by a service that gets no delivery, and reads the shop as it is now."""
    reach = StoreSettings(
        "shop", sandbox.url, sandbox.consumer_key, sandbox.consumer_secret, (SECRET,)
    )
    with closing(Database(f"sqlite:///{folder}/anew.db")) as ledger:
        upgrade(ledger)
        # Lists and records are read at the same time: each of the two threads needs a client of its own.
        lister, reader = StoreClient(reach), StoreClient(reach)
        runtime = Runtime(ledger, policy, timedelta(0))
        reconciler = Reconciler(
            "shop", lister, runtime, every=timedelta(hours=1), sweep=timedelta(hours=1)
        )
        refetcher = Refetcher("shop", reader, runtime)
        with closing(lister._api.session), closing(reader._api.session):
            for progress in Backfill("shop", runtime, reconciler, refetcher).run():
                assert progress.trouble is None
        return tagged(ledger)


def histories(ledger: Database, store: str = "shop") -> dict[Key, list[tuple[Any, ...]]]:
    """Return the history of each record, the oldest line first."""
    chosen = select(records.c.kind, records.c.external_id, *(history.c[name] for name in HISTORY))
    joined = chosen.join(records, history.c.record_id == records.c.id).where(
        records.c.store == store
    )
    found: dict[Key, list[tuple[Any, ...]]] = {}
    with ledger.read() as connection:
        for kind, number, *row in connection.execute(joined.order_by(history.c.id)):
            found.setdefault((kind, number), []).append(tuple(row))
    return found


def assert_nothing_told_twice(ledger: Database) -> None:
    """No two neighbours in the history of a record are the same."""
    told = histories(ledger)
    assert told
    twice = [
        key for key, rows in told.items() if any(one == other for one, other in pairwise(rows))
    ]
    assert not twice, f"told twice of {twice}"


# --- the shop ----------------------------------------------------------------------------------------------


def held(sandbox: Sandbox) -> dict[Key, dict[str, str]]:
    """What the shop holds under our keys, of all records."""
    state = sandbox.state()
    listed = [("order", one) for one in state["orders"]] + [
        ("customer", one) for one in state["customers"]
    ]
    return {
        (kind, one["id"]): {
            item["key"]: item["value"] for item in one["meta_data"] if item["key"] in KEYS
        }
        for kind, one in listed
    }


def wanted(tags: Tags) -> dict[str, str]:
    """What the shop should hold under our keys of a record that is tagged like this."""
    return {key: value for key, value in json.loads(tags["wanted"]).items() if value is not None}


def out_of_step(sandbox: Sandbox, right: dict[Key, Tags]) -> set[Key]:
    """Return the records for which the shop holds other values than it should."""
    should = {key: wanted(tags) for key, tags in right.items()}
    there = held(sandbox)
    assert should.keys() <= there.keys()
    return {key for key, meta in there.items() if meta != should.get(key, {})}


def written(sandbox: Sandbox) -> dict[Key, int]:
    """Count the writes of each order and customer over REST since the log was cleared."""
    return {key: number for key, number in sandbox.writes().items() if key[0] != "webhook"}


def clear_log(sandbox: Sandbox) -> None:
    """Let the shop count anew."""
    assert requests.delete(f"{sandbox.url}/sandbox/log", timeout=60).status_code == 200


def assert_true(ledger: Database, sandbox: Sandbox, right: dict[Key, Tags]) -> None:
    """The ledger is `right`, record by record, and the shop holds what follows from it."""
    found = tagged(ledger)
    both = found.keys() | right.keys()
    wrong = {
        key: (found.get(key), right.get(key)) for key in both if found.get(key) != right.get(key)
    }
    assert not wrong, f"found, and right: {wrong}"
    missing = out_of_step(sandbox, right)
    assert not missing, f"the shop holds something else for {missing}"


# --- coming to rest ----------------------------------------------------------------------------------------


def busy(ledger: Database, store: str = "shop") -> int:
    """Count the records that wait for a push or a refetch, or are claimed."""
    due = or_(
        records.c.push_at.is_not(None),
        records.c.reread_at.is_not(None),
        records.c.claim.is_not(None),
    )
    with ledger.read() as connection:
        return int(
            connection.execute(
                select(func.count()).where(records.c.store == store, due)
            ).scalar_one()
        )


def at_rest(ledger: Database, sandbox: Sandbox, store: str = "shop") -> bool:
    """Tell whether the shop has nothing to send, and no push or refetch is due."""
    if busy(ledger, store) or not sandbox.do("wait_until_idle", timeout=1)["idle"]:
        return False
    return busy(ledger, store) == 0


def reconciled_since(ledger: Database, moment: datetime, store: str = "shop") -> bool:
    """Tell whether each of the shop's lists was read whole, from a start later than `moment`."""
    chosen = select(rounds.c.mark).where(rounds.c.store == store, rounds.c.name.in_(LISTS))
    with ledger.read() as connection:
        marks = connection.execute(chosen).scalars().all()
    return len(marks) == len(LISTS) and all(
        mark is not None and mark + OVERLAP >= moment for mark in marks
    )


def let_claims_lapse(ledger: Database) -> None:
    """Let the claims of killed workers lapse at once, as if their time had passed."""
    for table in (records, rounds):
        until(partial(_have_lapsed, ledger, table), "the claims to lapse")


def _have_lapsed(ledger: Database, table: Table) -> bool:
    """False where this and the service at work stood in each other's way."""
    lapsed = update(table).where(table.c.claim.is_not(None)).values(claim_until=datetime.now(UTC))
    try:
        with ledger.write() as connection:
            connection.execute(lapsed)
    except LedgerContendedError:
        return False
    return True
