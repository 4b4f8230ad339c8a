"""The policies that the ledger knows, each with its text: proposed, in force, or superseded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, text, update

from hooks.ledger.records import insert_ignore
from hooks.ledger.tables import policies
from hooks.retention.policy import Policy

_LOCK = 7_235_604_118_202
"""The key of an advisory lock: any number that nobody else uses in this database."""


def lock(connection: Connection) -> None:
    """Keep other processes from changing which policy is in force, until the transaction ends."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def in_force(connection: Connection) -> Row[Any] | None:
    """Return the policy in force, by which records are tagged; None before the first one."""
    return connection.execute(select(policies).where(policies.c.state == "in-force")).first()


def digest_in_force(connection: Connection) -> str | None:
    """Return the digest of the policy in force."""
    digest: str | None = connection.execute(
        select(policies.c.digest).where(policies.c.state == "in-force")
    ).scalar()
    return digest


def proposed(connection: Connection) -> list[Row[Any]]:
    """Return the policies that may not be activated yet. Each says what it `waits_for`."""
    query = select(policies).where(policies.c.state == "proposed")
    return list(connection.execute(query.order_by(policies.c.proposed_at)))


def find(connection: Connection, digest: str) -> Row[Any] | None:
    """Return a policy by its digest; None if it was never proposed or in force."""
    return connection.execute(select(policies).where(policies.c.digest == digest)).first()


def is_id_taken(connection: Connection, policy: Policy) -> bool:
    """Tell whether another policy was in force under the same id: nobody could tell the tags of the two apart."""
    query = select(policies.c.digest).where(
        policies.c.id == policy.id,
        policies.c.digest != policy.digest,
        policies.c.in_force_at.is_not(None),
    )
    return connection.execute(query).first() is not None


def put_in_force(connection: Connection, policy: Policy, now: datetime) -> None:
    """Activate a policy: from now on records are tagged by it. No other policy stays proposed."""
    lock(connection)
    _insert(connection, policy, now)
    withdraw_proposed(connection, except_digest=policy.digest)
    superseded = update(policies).where(
        policies.c.state == "in-force", policies.c.digest != policy.digest
    )
    connection.execute(superseded.values(state="superseded"))
    activated = update(policies).where(policies.c.digest == policy.digest)
    connection.execute(activated.values(state="in-force", in_force_at=now, waits_for=None))


def propose(
    connection: Connection,
    policy: Policy,
    waits_for: str,
    impact: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Store a policy as proposed, with the reason that it `waits_for`. A time when it was in force before is kept."""
    _insert(connection, policy, now)
    withdraw_proposed(connection, except_digest=policy.digest)
    statement = update(policies).where(
        policies.c.digest == policy.digest, policies.c.state != "in-force"
    )
    impact_text = None
    if impact is not None:
        impact_text = json.dumps(impact)
    values = {"state": "proposed", "waits_for": waits_for, "impact": impact_text}
    connection.execute(statement.values(values))


def withdraw_proposed(connection: Connection, *, except_digest: str = "") -> None:
    """Withdraw all proposed policies, except perhaps one. One that was in force before is superseded again."""
    is_withdrawn = (policies.c.state == "proposed", policies.c.digest != except_digest)
    was_in_force = update(policies).where(*is_withdrawn, policies.c.in_force_at.is_not(None))
    connection.execute(was_in_force.values(state="superseded", waits_for=None))
    connection.execute(delete(policies).where(*is_withdrawn))


def _insert(connection: Connection, policy: Policy, now: datetime) -> None:
    values = {
        "digest": policy.digest,
        "id": policy.id,
        "version": policy.version,
        "effective_from": policy.effective_from,
        "text": policy.text,
        "state": "proposed",
        "proposed_at": now,
    }
    connection.execute(insert_ignore(connection, policies), values)
