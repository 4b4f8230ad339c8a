"""Putting a policy in force: which one tags are made by stands in the ledger, the same for all processes.

`POLICY_FILE` names the one that is wanted. The first is put in force at once; another one once it is effective, has an
id of its own, was not in force before, and neither makes a large part of the records due at once nor keeps one longer
than people were told. Otherwise it waits: the one before stays in force, and `/status` says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from hooks.errors import LedgerContendedError, PolicyError
from hooks.ledger import policies, stores
from hooks.policies.preview import DUE_AT_ONCE, KEPT_LONGER, Impact, preview
from hooks.retention.policy import Policy
from hooks.runtime import RACES, Runtime
from schemas.policy import read_policy

log = structlog.get_logger(__name__)

WAITS = {
    "effective-date": "it is in force only from {effective_from} on",
    "same-id": "a policy that says something else was in force under its id: give it a new `id`, so that tags tell "
    "them apart",
    "superseded": "it was in force before, and another one took its place",
    DUE_AT_ONCE: "it would make more than 1 % of the records due at once",
    KEPT_LONGER: "it would keep more than 1 % of the records longer than people were told "
    "(GDPR Art. 5(1)(b), 13(2)(a)): {told}",
}
"""What a policy may wait for, in words. What is to be said of the records may be said of both, the codes by commas."""


@dataclass(frozen=True)
class Activation:
    """What became of a policy that was wanted: `waits_for` is None if it is in force now."""

    waits_for: str | None
    impact: Impact | None


def activate(runtime: Runtime, wanted: Policy, *, yes: bool = False) -> Activation:
    """Put the policy in force, unless something stands in its way; `yes`: the operator wants it all the same.

    Nothing puts a policy in force before its effective date, but the first of all. Raises LedgerUnavailableError.
    """
    for _ in range(RACES):
        try:
            return _activate(runtime, wanted, yes=yes)
        except LedgerContendedError:
            continue
    return _activate(runtime, wanted, yes=yes)


def _activate(runtime: Runtime, wanted: Policy, *, yes: bool) -> Activation:
    with runtime.database.read() as connection:
        current = policies.digest_in_force(connection)
    impact = None
    if current != wanted.digest:
        impact = preview(runtime.database, wanted, wanted.day_of(runtime.clock()))
    with runtime.database.write() as connection:
        policies.lock(connection)
        if (
            policies.digest_in_force(connection) != current
        ):  # another one was faster: judge by what is in force now
            raise LedgerContendedError("another policy was put in force at the same time")
        return _settled(connection, wanted, impact, runtime.clock(), yes=yes)


def _settled(
    connection: Connection, wanted: Policy, impact: Impact | None, now: datetime, *, yes: bool
) -> Activation:
    """Put it in force or have it wait; `impact` is None where it is in force already.

    A clock that is ahead makes no policy effective.
    """
    if impact is None:
        policies.withdraw_proposed(connection)
        return Activation(None, None)
    first = policies.digest_in_force(connection) is None
    today = wanted.day_of(stores.not_ahead_of_stores(connection, now))
    obstacle = _obstacle(connection, wanted, today)
    obstacle = obstacle or ",".join(impact.alarms) or None
    waits_for = obstacle if not first and (obstacle == "effective-date" or not yes) else None
    if waits_for:
        policies.propose(connection, wanted, waits_for, impact.as_dict(), now)
    else:
        policies.put_in_force(connection, wanted, now)
    log.info(
        "policy.waits" if waits_for else "policy.in_force", policy=wanted.id, waits_for=waits_for
    )
    return Activation(waits_for, impact)


def _obstacle(connection: Connection, wanted: Policy, today: date) -> str | None:
    """What can be told without looking at the records."""
    if wanted.effective_from > today:
        return "effective-date"
    if policies.is_id_taken(connection, wanted):
        return "same-id"
    known = policies.find(connection, wanted.digest)
    return "superseded" if known is not None and known.in_force_at is not None else None


def waiting_words(row: Row[Any]) -> str:
    """Why a policy that waits is not in force."""
    return reasons(row.waits_for, row.effective_from, json.loads(row.impact) if row.impact else {})


def reasons(waits_for: str, effective_from: date, impact: Mapping[str, Any]) -> str:
    """Say what these codes mean for a policy with this impact."""
    told = told_words(impact)
    return ", and ".join(
        WAITS[code].format(effective_from=effective_from, told=told)
        for code in waits_for.split(",")
    )


def told_words(impact: Mapping[str, Any]) -> str:
    """Say how many records would be kept longer, and who was told an earlier date, under which policy."""
    people = " and ".join(
        f"up to {number} under {policy_id}" for policy_id, number in impact.get("told", {}).items()
    )
    counts = f"{impact.get('later', 0)} of {impact.get('total', 0)} records"
    return f"{counts}; people who were told an earlier date: {people or 'not counted'}"


def follow(runtime: Runtime) -> Runtime:
    """The same, with the policy that the ledger says is in force; as it was, where it says none.

    Raises LedgerUnavailableError.
    """
    with runtime.database.read() as connection:
        digest = policies.digest_in_force(connection)
        if digest is None or digest == runtime.policy.digest:
            return runtime
        current = policies.in_force(connection)
    try:
        return (
            replace(runtime, policy=read_policy(current.text, "the policy in force"))
            if current
            else runtime
        )
    except PolicyError:
        log.exception("policy.unreadable", policy=digest)
        return runtime


def is_unreadable(connection: Connection, worked_by: Policy) -> bool:
    """Whether another policy is in force than the one that is worked by, since this version cannot read it."""
    current = policies.in_force(connection)
    if current is None or current.digest == worked_by.digest:
        return False
    try:
        read_policy(current.text, "the policy in force")
    except PolicyError:
        return True
    return False
