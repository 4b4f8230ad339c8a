"""A new policy comes into force over 100,000 records amid deliveries and kills, and all is as if made anew."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import select

from hooks.intake.webhook import Delivery
from hooks.ledger import policies
from hooks.ledger.codec import read_facts
from hooks.ledger.database import Database
from hooks.ledger.records import count_to_retag
from hooks.ledger.tables import deliveries, history, records
from hooks.retention.policy import Policy
from hooks.retention.tags import tagged_by
from hooks.settings.webhook_secrets import signing_keys
from hooks.tagging.changes import is_rescheduled
from hooks.tagging.context import LedgerContext, context_of
from hooks.tagging.tagger import tag
from schemas.policy import load_policy
from tests.acceptance import expected_state
from tests.support.large_ledger import FAMILY_SIZE, STORES, Key, family_rows, fill_ledger, key_of
from tests.support.processes import ROOT, Process, Stack, Web, until
from tests.support.recordings import SECRET, Recorded, made, order

FAMILIES = {"sqlite": int(os.environ.get("RETAG_RECORDS", "20000")) // 20, "postgresql": 300}
"""Of twenty records each. `RETAG_RECORDS=100000` takes three minutes; where only what locks differently is of interest,
six thousand records are enough."""

KILLS = 3
MOST = 5000
"""Deliveries at most, however long the re-tag takes."""

PAUSE = 0.02
LONG = 600.0
"""Seconds: a slow machine takes some minutes for so many."""

NEW_ORDERS = 10_000_000
"""From here on are the ids of orders that the deliveries bring."""

TAGS = ("state", "held", "facts", "unknown_status", "legal_basis", "retention_class", "runs_from", "review_after",
        "delete_after", "part_delete_after", "entries", "policy_id", "tagged_by", "customer_id", "recipients",
        "closed_on", "wanted", "wanted_digest")  # fmt: skip
KEPT = ("events", "subject", "linked", "email_hash")

EDITS = {
    'id = "smartgroup-2026-11-22"': 'id = "smartgroup-2026-11-01"',
    "effective_from = 2026-11-22": "effective_from = 2026-11-01",
    'clock = "last-activity"\nkeep = "P24M"': 'clock = "last-activity"\nkeep = "P30M"',
    'never paid"\nclock = "created"\nkeep = "P12M"': 'never paid"\nclock = "created"\nkeep = "P11M"',
}
"""Accounts are kept for longer, and orders that were never paid less long."""


def edited(policy: Policy, path: Path) -> Policy:
    """The policy that is to take the place of the one shipped, in a file of its own."""
    text = policy.text
    for before, after in EDITS.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path.write_text(text)
    return load_policy(path)


# --- deliveries that never stop ------------------------------------------------------------------------------


@dataclass
class Postman:
    """Brings one delivery after the other: new orders of guests and of customers, and changes of known ones."""

    web: Web
    families: int
    dice: random.Random
    statuses: Counter[int] = field(default_factory=Counter)
    sent: list[tuple[str, Recorded]] = field(default_factory=list)
    touched: set[Key] = field(default_factory=set)
    stopping: Event = field(default_factory=Event)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """For as long as the block lasts."""
        thread = Thread(target=self._work)
        thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            thread.join()

    def _work(self) -> None:
        for number in count():
            if self.stopping.wait(PAUSE) or number >= MOST:
                return
            slug, sent = self._next(number)
            self.sent.append((slug, sent))
            self.statuses[self.web.post(sent, slug).status_code] += 1

    def _next(self, number: int) -> tuple[str, Recorded]:
        family = self.dice.randrange(self.families)
        slug, first = STORES[family // 2 % 2], FAMILY_SIZE * (family + 1)
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0).isoformat()
        match number % 3:
            case 0:
                order_id, customer_id, topic = NEW_ORDERS + number, 0, "order.created"
            case 1:
                order_id, customer_id, topic = NEW_ORDERS + number, first, "order.created"
                self.touched.add((slug, "customer", first))
            case _:
                order_id, customer_id, topic = (
                    first + self.dice.randrange(3, 17),
                    0,
                    "order.updated",
                )
        self.touched.add((slug, "order", order_id))
        payload = order(order_id, customer_id=customer_id, date_modified_gmt=now)
        return slug, made(topic, payload, delivery_id=f"{number:032}")

    def identities(self, policy: Policy) -> set[tuple[str, str]]:
        """By what the ledger knows the deliveries."""
        keys = signing_keys(SECRET)
        return {
            (slug, Delivery.from_http(sent.headers, sent.body, keys=keys, policy=policy).identity)
            for slug, sent in self.sent
        }


# --- what is in the ledger -----------------------------------------------------------------------------------


def left(ledger: Database, policy: Policy) -> int:
    """How many records something else than this policy has tagged."""
    with ledger.read() as connection:
        return count_to_retag(connection, tagged_by(policy))


def rows_of(ledger: Database) -> Iterator[Any]:
    """Every record, in the order in which they were made."""
    chosen = select(
        *(
            records.c[name]
            for name in ("id", "store", "kind", "external_id", "version", *TAGS, *KEPT)
        )
    )
    with ledger.read() as connection:
        for row in connection.execution_options(yield_per=1000).execute(
            chosen.order_by(records.c.id)
        ):
            yield dict(row._mapping)


def known_deliveries(ledger: Database) -> set[tuple[str, str]]:
    """Every delivery in the ledger."""
    with ledger.read() as connection:
        return {
            tuple(row)
            for row in connection.execute(select(deliveries.c.store, deliveries.c.identity))
        }


def told(ledger: Database) -> dict[int, list[Any]]:
    """What the history says, by row id of the record."""
    found: dict[int, list[Any]] = {}
    with ledger.read() as connection:
        for row in connection.execute(select(history).order_by(history.c.id)):
            found.setdefault(row.record_id, []).append(row)
    return found


@dataclass
class Made:
    """The crowd by two policies: what stood, and what must stand."""

    before: list[Any]
    after: list[Any]

    def changes(self, today: date) -> dict[str, Any]:
        """Counted without the service: how many records move, and which way."""
        found: Counter[str] = Counter(total=len(self.before))
        for old, new in zip(self.before, self.after, strict=True):
            found["moved"] += old["delete_after"] != new["delete_after"]
            ends = [(_ends(old)[name], last) for name, last in _ends(new).items()]
            found["earlier"] += any(was > last for was, last in ends)
            found["later"] += any(was < last for was, last in ends)
            found["due_at_once"] += bool(_due(new, today) - _due(old, today))
        return dict(found)


def _ends(row: dict[str, Any]) -> dict[str, str]:
    """By rule, the last day of each kind of data; of what only an event ends, or a hold suspends, later than any."""
    return {entry["rule"]: entry["delete_after"] or "until" for entry in json.loads(row["entries"])}


def _due(row: dict[str, Any], today: date) -> set[str]:
    """What is due: all by their rules where the record as a whole is, or else the parts."""
    ends = _ends(row)
    if row["delete_after"] is not None and row["delete_after"] < today:
        return {"the whole", *ends}
    return {rule for rule, last in ends.items() if last < today.isoformat()}


def assert_as_made_anew(ledger: Database, crowds: Made, new: Policy, touched: set[Key]) -> None:
    """Each record is as a ledger would have it that knew no other policy, and no record is too many."""
    seen: set[Key] = set()
    expected = {key_of(row): row for row in crowds.after}
    with ledger.read() as connection:
        for row in rows_of(ledger):
            key = key_of(row)
            seen.add(key)
            if key not in touched:
                right = {name: expected[key][name] for name in (*TAGS, *KEPT)}
            else:
                facts = read_facts(row["kind"], row["facts"])
                bears = context_of(LedgerContext.of_rows(connection, [row]), row, facts)
                right = {**tag(facts, new, bears).columns}
            wrong = {
                name: (row[name], value)
                for name, value in right.items()
                if name in row and row[name] != value
            }
            assert not wrong, (key, wrong)
    assert seen == expected.keys() | touched


def assert_told_once(ledger: Database, crowds: Made, new: Policy, touched: set[Key]) -> None:
    """The history says of each date that moved why, once, and of nothing else."""
    lines = told(ledger)
    for number, (old, right) in enumerate(zip(crowds.before, crowds.after, strict=True), 1):
        said = lines.pop(number, [])
        if key_of(right) in touched:
            assert not any(one[2:] == other[2:] for one, other in pairwise(said)), (
                key_of(right),
                said,
            )
            continue
        assert len(said) == is_rescheduled(old, right), (key_of(right), said)
        for line in said:
            assert (line.policy_id, line.delete_after) == (new.id, right["delete_after"])
            assert line.reason


# --- the change ----------------------------------------------------------------------------------------------


def two_stores() -> dict[str, str]:
    """Stores that nobody can reach: what is written back is not of interest here."""
    env = {"STORES": ",".join(STORES)} | dict.fromkeys(
        ("WATCH_SECONDS", "RECONCILE_SECONDS", "SWEEP_SECONDS"), "86400"
    )
    given = {
        "URL": "http://127.0.0.1:1",
        "CONSUMER_KEY": "ck",
        "CONSUMER_SECRET": "cs",
        "WEBHOOK_SECRETS": SECRET,
    }
    return env | {
        f"STORE_{slug.upper()}_{name}": value for slug in STORES for name, value in given.items()
    }


def diff(processes: Stack) -> dict[str, Any]:
    """What `policy diff` says, which changes nothing."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "policy", "diff", "--json"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=processes._env(),
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert done.returncode == 1, done.stderr or "much is kept longer"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def apply(processes: Stack) -> None:
    """Put the policy that the settings name in force, as an operator who has read what `policy diff` says."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "policy", "apply", "--yes"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=processes._env(),
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def kill_amid(
    ledger: Database, new: Policy, worker: Process, number: int, dice: random.Random
) -> None:
    """Kill the worker as often as is asked, each time with less left to do, and start it again."""
    for still in sorted(
        (int(number * dice.uniform(0.2, 0.95)) for _ in range(KILLS)), reverse=True
    ):
        until(lambda still=still: left(ledger, new) <= still, f"all but {still} to be tagged", LONG)  # type: ignore[misc]
        assert left(ledger, new) > 0, "killed too late to show anything"
        worker.send(signal.SIGKILL)
        worker.wait()
        worker.start()


def assert_previewed(preview: dict[str, Any], changes: dict[str, int], policy: Policy) -> None:
    """Compare the preview with the real changes, some of which go in each direction."""
    assert {name: preview[name] for name in changes} == changes
    assert 0 < changes["due_at_once"] < changes["total"] / 100
    assert min(changes["earlier"], changes["later"]) > 0
    assert preview["told"] == {policy.id: changes["later"]}, "of each account its own person"


@pytest.mark.timeout(3 * LONG)
def test_a_new_policy_re_tags_all_records_amid_kills(
    processes: Stack, policy: Policy, tmp_path: Path
) -> None:
    dice, now = random.Random(20261123), datetime.now(UTC).replace(microsecond=0)
    with expected_state.ledger_of(processes) as ledger:
        families = FAMILIES["sqlite" if ledger.is_sqlite else "postgresql"]
        new = edited(policy, tmp_path / "new.toml")
        crowds = Made(
            list(family_rows(policy, families, now)), list(family_rows(new, families, now))
        )
        fill_ledger(ledger, iter(crowds.before))
        with ledger.write() as connection:
            policies.put_in_force(connection, policy, now - timedelta(days=30))
        processes.env |= two_stores()
        web = processes.web(WEB_CONCURRENCY="1")
        worker = processes.worker()
        until(lambda: "worker.started" in worker.log(), "the worker to follow the first policy")
        assert worker.stop() == 0

        processes.env["POLICY_FILE"] = str(tmp_path / "new.toml")
        changes = crowds.changes(now.astimezone(new.time_zone).date())
        assert_previewed(diff(processes), changes, policy)
        assert left(ledger, policy) == 0, "nothing is changed by asking"

        postman = Postman(web, families, dice)
        with postman.at_work():
            apply(processes)
            worker = processes.worker()
            kill_amid(ledger, new, worker, len(crowds.before), dice)
            until(lambda: left(ledger, new) == 0, "all to be tagged", LONG)
        until(lambda: left(ledger, new) == 0, "what came last to be tagged")
        assert web.status()["policy"]["to_be_tagged"] == 0
        assert worker.stop() == 0

        assert postman.statuses.keys() == {200}
        assert postman.identities(new) <= known_deliveries(ledger)
        assert_as_made_anew(ledger, crowds, new, postman.touched)
        assert_told_once(ledger, crowds, new, postman.touched)
