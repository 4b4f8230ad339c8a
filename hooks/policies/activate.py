"""Activation: a policy is put in force. The ledger says which one is, the same for all processes.

The danger: a policy with a mistake deletes records too early, or keeps them longer than people were told.

The rules: `POLICY_FILE` names the desired policy. The first one is put in force at once. Another one waits until

- its effective date has come,
- it has an id of its own, and was not in force before,
- the preview shows that few records would be due at once or kept longer (`preview.ALARM_SHARE`), or an operator
  confirms it.

While it waits, the previous policy stays in force, and `/status` says so.
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
"""The obstacles for which a policy may wait, by code. A policy with both alarms has both codes, joined by a comma."""


@dataclass(frozen=True)
class Activation:
    """The outcome of an activation. `waits_for`: codes of `WAITS`; None where the policy is in force now.

    `impact`: None where the policy was in force already.
    """

    waits_for: str | None
    impact: Impact | None


def activate(runtime: Runtime, policy: Policy, *, yes: bool = False) -> Activation:
    """Put a policy in force, unless an obstacle makes it wait. With `yes`, the operator confirms it in spite of that.

    Before its effective date a policy is put in force only if it is the first. Raises LedgerUnavailableError.
    """
    for _ in range(RACES):
        try:
            return _activate(runtime, policy, yes=yes)
        except LedgerContendedError:
            continue
    return _activate(runtime, policy, yes=yes)


def _activate(runtime: Runtime, policy: Policy, *, yes: bool) -> Activation:
    with runtime.database.read() as connection:
        current = policies.digest_in_force(connection)
    impact = None
    if current != policy.digest:
        impact = preview(runtime.database, policy, policy.day_of(runtime.clock()))
    with runtime.database.write() as connection:
        policies.lock(connection)
        # Where another process was faster, the preview compared with a policy that is not in force any more.
        if policies.digest_in_force(connection) != current:
            raise LedgerContendedError("another policy was put in force at the same time")
        if impact is None:
            policies.withdraw_proposed(connection)
            return Activation(None, None)
        now = runtime.clock()
        waits_for = _waits_for(connection, policy, impact, now, yes=yes)
        _save(connection, policy, impact, waits_for, now)
    return Activation(waits_for, impact)


def _waits_for(
    connection: Connection, policy: Policy, impact: Impact, now: datetime, *, yes: bool
) -> str | None:
    """Return what a policy must wait for; None where it can be put in force.

    The day is taken from the stores where our clock is ahead of theirs: a wrong clock makes no policy effective.
    """
    if policies.digest_in_force(connection) is None:
        return None
    today = policy.day_of(stores.not_ahead_of_stores(connection, now))
    obstacle = _obstacle(connection, policy, today)
    if obstacle == "effective-date":
        return obstacle
    if yes:
        return None
    return obstacle or ",".join(impact.alarms) or None


def _save(
    connection: Connection, policy: Policy, impact: Impact, waits_for: str | None, now: datetime
) -> None:
    if waits_for:
        policies.propose(connection, policy, waits_for, impact.as_dict(), now)
        log.info("policy.waits", policy=policy.id, waits_for=waits_for)
    else:
        policies.put_in_force(connection, policy, now)
        log.info("policy.in_force", policy=policy.id, waits_for=None)


def _obstacle(connection: Connection, policy: Policy, today: date) -> str | None:
    """Return the obstacle that can be seen without the records."""
    if policy.effective_from > today:
        return "effective-date"
    if policies.is_id_taken(connection, policy):
        return "same-id"
    row = policies.find(connection, policy.digest)
    if row is not None and row.in_force_at is not None:
        return "superseded"
    return None


def waiting_words(row: Row[Any]) -> str:
    """Say why a waiting policy is not in force."""
    impact = json.loads(row.impact) if row.impact else {}
    return reasons(row.waits_for, row.effective_from, impact)


def reasons(waits_for: str, effective_from: date, impact: Mapping[str, Any]) -> str:
    """Say what these codes mean for a policy with this impact."""
    values = {"effective_from": effective_from, "told": told_words(impact)}
    return ", and ".join(WAITS[code].format_map(values) for code in waits_for.split(","))


def told_words(impact: Mapping[str, Any]) -> str:
    """Say how many records would be kept longer, and who was told an earlier date, under which policy."""
    people = " and ".join(
        f"up to {number} under {policy_id}" for policy_id, number in impact.get("told", {}).items()
    )
    counts = f"{impact.get('later', 0)} of {impact.get('total', 0)} records"
    return f"{counts}; people who were told an earlier date: {people or 'not counted'}"


def follow(runtime: Runtime) -> Runtime:
    """Return the runtime with the policy that is in force.

    It stays as it is where no policy is in force, or where this version cannot read it. Raises LedgerUnavailableError.
    """
    with runtime.database.read() as connection:
        digest = policies.digest_in_force(connection)
        if digest is None or digest == runtime.policy.digest:
            return runtime
        current = policies.in_force(connection)
    if current is None:
        return runtime
    try:
        policy = read_policy(current.text, "the policy in force")
    except PolicyError:
        log.exception("policy.unreadable", policy=digest)
        return runtime
    return replace(runtime, policy=policy)


def is_unreadable(connection: Connection, used: Policy) -> bool:
    """Tell whether the policy in force is one that this version cannot read, so that it uses another one."""
    current = policies.in_force(connection)
    if current is None or current.digest == used.digest:
        return False
    try:
        read_policy(current.text, "the policy in force")
    except PolicyError:
        return True
    return False
