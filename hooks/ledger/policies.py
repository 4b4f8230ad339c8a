"""Which policy is in force, which ones were before, and which one waits: the ledger keeps the text of each."""

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
"""Any number that nobody else takes as an advisory lock in this database."""


def lock(connection: Connection) -> None:
    """Be the only one who changes which policy is in force, until the transaction ends."""
    if connection.dialect.name == "postgresql":  # SQLite's writer is alone already
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def in_force(connection: Connection) -> Row[Any] | None:
    """The one that tags are made by; None before the first."""
    return connection.execute(select(policies).where(policies.c.state == "in-force")).first()


def digest_in_force(connection: Connection) -> str | None:
    """Which one that is, without its text."""
    found: str | None = connection.execute(
        select(policies.c.digest).where(policies.c.state == "in-force")
    ).scalar()
    return found


def waiting(connection: Connection) -> list[Row[Any]]:
    """Those that are to be put in force and may not yet: each says what it `waits_for`."""
    chosen = select(policies).where(policies.c.state == "proposed")
    return list(connection.execute(chosen.order_by(policies.c.proposed_at)))


def known(connection: Connection, digest: str) -> Row[Any] | None:
    """A policy that was in force or proposed at some time."""
    return connection.execute(select(policies).where(policies.c.digest == digest)).first()


def others_of_id(connection: Connection, policy: Policy) -> bool:
    """Whether a policy that says something else was in force under the same id: tags could not be told apart."""
    chosen = select(policies.c.digest).where(
        policies.c.id == policy.id,
        policies.c.digest != policy.digest,
        policies.c.in_force_at.is_not(None),
    )
    return connection.execute(chosen).first() is not None


def put_in_force(connection: Connection, policy: Policy, now: datetime) -> None:
    """From now on tags are made by this one; what waited, waits no more."""
    lock(connection)
    _have(connection, policy, now)
    forget_waiting(connection, but=policy.digest)
    superseded = update(policies).where(
        policies.c.state == "in-force", policies.c.digest != policy.digest
    )
    connection.execute(superseded.values(state="superseded"))
    chosen = update(policies).where(policies.c.digest == policy.digest)
    connection.execute(chosen.values(state="in-force", in_force_at=now, waits_for=None))


def wait(
    connection: Connection,
    policy: Policy,
    why: str,
    impact: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Have it wait. One that was in force before keeps its place in the past, and says why it is not again."""
    _have(connection, policy, now)
    forget_waiting(connection, but=policy.digest)
    chosen = update(policies).where(
        policies.c.digest == policy.digest, policies.c.state != "in-force"
    )
    told = json.dumps(impact) if impact is not None else None
    connection.execute(chosen.values(state="proposed", waits_for=why, impact=told))


def forget_waiting(connection: Connection, *, but: str = "") -> None:
    """Nothing waits, `but` perhaps one; what was in force before goes back to its place in the past."""
    waits = (policies.c.state == "proposed", policies.c.digest != but)
    before = update(policies).where(*waits, policies.c.in_force_at.is_not(None))
    connection.execute(before.values(state="superseded", waits_for=None))
    connection.execute(delete(policies).where(*waits))


def _have(connection: Connection, policy: Policy, now: datetime) -> None:
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
