"""The ledger's tables. Instants are UTC; days are in the policy's time zone.

Nowhere a column for a name, an address, an e-mail, a phone number, an IP address, a note or a body.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An aware datetime in UTC, in and out; SQLite, which knows no zones, holds it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """Refuses a naive datetime with a ValueError: which instant it means would be a guess."""
        return _to_text if dialect.name == "sqlite" else _to_utc

    def result_processor(self, dialect: Dialect, _: object) -> Callable[[Any], datetime | None]:
        """Always aware."""
        return _from_text if dialect.name == "sqlite" else _to_utc


def _to_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a naive datetime has no place in the ledger")
    return value.astimezone(UTC)


@lru_cache(maxsize=256)  # what is written at once has one time
def _to_text(value: datetime | None) -> str | None:
    """As SQLAlchemy writes it, in SQLite, where there is no type for it."""
    utc = _to_utc(value)
    return utc.replace(tzinfo=None).isoformat(" ", "microseconds") if utc else None


def _from_text(value: str | None) -> datetime | None:
    return (
        datetime.fromisoformat(value + "+00:00") if value is not None else None
    )  # `replace` takes ten times as long


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Id = BigInteger().with_variant(
    Integer, "sqlite"
)  # SQLite numbers only INTEGER primary keys by itself


OPEN = text("state IN ('active', 'trashed')")
"""Records that are kept: neither unknown, nor none of our business, nor erased or gone."""

KEPT = text("state IN ('active', 'trashed', 'erased')")
"""Records of which at least a part may be left: the store's eraser leaves some."""

IGNORED = text("state = 'ignored'")
"""Accounts that are not those of customers."""

ODD = text("oddities <> ''")
"""Records of which the newest state has parts that make no sense."""

CLOSED_TO_US = text("reread_reason = 'closed' AND reread_at IS NOT NULL")
"""Records that the store refuses to show to the key."""

MAYBE_EARLY = text(
    "(legal_basis = 'legal-obligation' OR held) AND state IN ('trashed', 'erased', 'gone') "
    "AND (held OR state = 'trashed' OR delete_after >= closed_on)"
)
"""Records that the law or a hold wanted kept still when they were erased; of trashed ones, today says whether it does.

These four are said to the database word by word, or it would not know that an index of these records will do.
"""

_DUE = f"delete_after IS NOT NULL AND {OPEN}"
_PART_DUE = f"part_delete_after IS NOT NULL AND {KEPT}"


def _some(name: str, *columns: str) -> Index:
    """An index of those rows only in which its last column holds something."""
    return _those(f"{columns[-1]} IS NOT NULL", name, *columns)


def _those(where: str, name: str, *columns: str) -> Index:
    """An index of some rows only."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


records = Table(
    "records",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("store", String(32), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("external_id", BigInteger, nullable=False),
    # unknown | active | trashed | erased | gone | ignored
    Column("state", String(10), nullable=False),
    Column("version", Instant),  # of the state that `facts` tell: the store's date_modified_gmt
    Column("doubtful", Boolean, nullable=False),  # two states of the same second are known
    Column("facts", Text),
    Column("unknown_status", Boolean, nullable=False),
    Column("held", Boolean, nullable=False),
    # The governing tag; of a record that is gone or erased, what stood when that was seen.
    Column("legal_basis", String(64)),
    Column("retention_class", String(64)),
    Column("runs_from", Date),
    Column("review_after", Date),
    Column("delete_after", Date),
    Column("entries", Text, nullable=False),
    Column("policy_id", String(64)),
    Column("closed_on", Date),
    # Which policy, read by which version of this service, made the tags; empty: they are to be made anew.
    Column("tagged_by", String(24), nullable=False, server_default=text("''")),
    # What was asked for and decided about it (JSON), and whose record it is, as far as that is known.
    Column("events", Text, nullable=False, server_default="[]"),
    Column("customer_id", BigInteger),
    Column(
        "subject", String(80)
    ),  # of a request or a consent: `customer:7`, `order:9`, `email:<keyed hash>`
    Column(
        "linked", Boolean, nullable=False, server_default=false()
    ),  # requests or consents name it as subject
    Column(
        "recipients", Text, nullable=False, server_default=text("''")
    ),  # ids, separated by commas
    Column(
        "part_delete_after", Date
    ),  # the first day by which a part of it has to go, where that is before the whole
    # What the store should hold, and what it is known to hold (digests; None where that was never seen).
    Column("wanted", Text),
    Column("wanted_digest", String(32)),
    Column("known_digest", String(32)),
    Column("known_version", Instant),
    Column("push_at", Instant),  # None: nothing to be written
    Column("push_since", Instant),
    Column("push_attempts", Integer, nullable=False),
    Column("push_error", String(64)),
    Column("contests", Integer, nullable=False),
    Column("contested_at", Instant),
    # The store must be asked what became of it.
    Column("reread_at", Instant),
    Column("reread_since", Instant),
    Column("reread_reason", String(32)),
    Column("reread_attempts", Integer, nullable=False),
    Column(
        "read_at", Instant
    ),  # when the store was last asked about this very record, and answered
    Column(
        "young", Boolean, nullable=False, server_default=false()
    ),  # shown within the second of its version
    Column(
        "oddities", String(64), nullable=False, server_default=text("''")
    ),  # codes of its odd parts, by commas
    Column("role", String(64)),  # of an account that is ignored: the role that it has in the store
    Column(
        "email_hash", String(64)
    ),  # the keyed hash of the newest address on an order, or of a newsletter contact
    Column(
        "request_due", Date
    ),  # the first day by whose end a part of it has to go because a person asked for it
    Column("hold_review", Date),  # the first day on which a hold on it is to be reviewed
    Column("claim", String(32)),
    Column("claim_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("uq_records_store_kind_external_id", "store", "kind", "external_id", unique=True),
    _those(_DUE, "ix_records_due", "kind", "retention_class", "delete_after", "id"),
    _those(_PART_DUE, "ix_records_part_due", "kind", "part_delete_after", "id"),
    _those(str(MAYBE_EARLY), "ix_records_early", "id"),
    _those(
        "kind = 'customer' AND state = 'active'",
        "ix_records_approaching",
        "store",
        "delete_after",
        "read_at",
    ),
    Index("ix_records_tagged_by", "tagged_by"),
    _some("ix_records_customer_id", "store", "customer_id"),
    _some("ix_records_subject", "store", "subject"),
    _some("ix_records_push", "store", "kind", "push_at"),
    _those("push_error IS NOT NULL", "ix_records_push_error", "store", "push_error", "external_id"),
    _some("ix_records_reread", "store", "reread_at"),
    _those(str(CLOSED_TO_US), "ix_records_closed", "store", "kind", "external_id"),
    _those(str(ODD), "ix_records_oddities", "store", "oddities", "kind", "external_id"),
    _those(str(IGNORED), "ix_records_ignored", "store", "role"),
    _some("ix_records_email_hash", "store", "email_hash"),
    _those(
        "request_due IS NOT NULL",
        "ix_records_request_due",
        "store",
        "request_due",
        "kind",
        "external_id",
    ),
    _those(
        "hold_review IS NOT NULL",
        "ix_records_hold_review",
        "store",
        "hold_review",
        "kind",
        "external_id",
    ),
)

account_emails = Table(
    "account_emails",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("email_hash", String(64), primary_key=True),
    Index("ix_account_emails_store_email_hash", "store", "email_hash"),
)
"""The keyed hash of each address that an account ever had."""

history = Table(
    "history",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("record_id", _Id, ForeignKey("records.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("cause", String(64), nullable=False),
    Column("state", String(10), nullable=False),
    Column("legal_basis", String(64)),
    Column("retention_class", String(64)),
    Column("delete_after", Date),
    Column("policy_id", String(64)),
    Column("reason", Text, nullable=False),
)

REPORTED = "reported"
"""Topic, in the log of deliveries, of a row that names what was reported without a time, whatever delivery told it."""

UNKNOWN = "unknown"
"""Topic, in the log of deliveries, of a row beside that of a delivery that made a record of which nothing is known."""

NO_WEBHOOKS = ("other", "event", "event.undated", "record-event", REPORTED, UNKNOWN)
"""Topics in the log of deliveries that no webhook of ours has brought."""

# How many records there are. What counts is the sum of a tally and its changes: see `hooks.ledger.tallies`.


def _kinds(name: str, *, counted: bool) -> Table:
    """Records by what they are; an empty text stands for none."""
    return Table(
        name,
        metadata,
        Column("state", String(10), primary_key=counted, nullable=False),
        Column("kind", String(20), primary_key=counted, nullable=False),
        Column("retention_class", String(64), primary_key=counted, nullable=False),
        Column("legal_basis", String(64), primary_key=counted, nullable=False),
        Column("held", Boolean, primary_key=counted, nullable=False),
        Column("unknown_status", Boolean, primary_key=counted, nullable=False),
        Column("recipients", Text, primary_key=counted, nullable=False),
        Column("number", BigInteger, nullable=False),
        sqlite_with_rowid=not counted,
    )


def _days(name: str, *, counted: bool) -> Table:
    """Records by the day after which something is due.

    `what`: whole | part | early; `early` are those that the law wanted kept until that day and the store erased, where
    9999-12-31 is no matter which day. `since` is when the first of these came, and is known of `early` only.
    """
    return Table(
        name,
        metadata,
        Column("what", String(5), primary_key=counted, nullable=False),
        Column("day", Date, primary_key=counted, nullable=False),
        Column("kind", String(20), primary_key=counted, nullable=False),
        Column("retention_class", String(64), primary_key=counted, nullable=False),
        Column("since", Instant),
        Column("number", BigInteger, nullable=False),
        sqlite_with_rowid=not counted,
    )


kind_tally = _kinds("kind_tally", counted=True)
kind_changes = _kinds("kind_changes", counted=False)
day_tally = _days("day_tally", counted=True)
day_changes = _days("day_changes", counted=False)

deliveries = Table(
    "deliveries",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("identity", String(32), primary_key=True),
    Column("topic", String(100), nullable=False),
    Column("result", String(12), nullable=False),
    Column("received_at", Instant, nullable=False),
    Index("ix_deliveries_store_received_at", "store", "received_at"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("store", String(32), nullable=False),
    Column("topic", String(100), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("kind", String(20)),
    Column("external_id", BigInteger),
    Column("received_at", Instant, nullable=False),
    Column("resolved_at", Instant),
    Index("ix_quarantine_store_resolved_at", "store", "resolved_at"),
)

stores = Table(
    "stores",
    metadata,
    Column("slug", String(32), primary_key=True),
    Column("last_pushed_at", Instant),
    Column("last_reconciled_at", Instant),
    # Calls to the store rest until then; `stopped_code` says why, and `permanent` that an operator must act.
    Column("resume_at", Instant),
    Column("stopped_code", String(64)),
    Column("stopped_since", Instant),
    Column("stopped_permanent", Boolean, nullable=False, server_default=false()),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    # Calls are spread over time: the next may go out at `next_call_at`, `rate` a second; `usual` is JSON, the
    # store's usual response time by kind of call, in seconds.
    Column("next_call_at", Instant),
    Column("rate", Float),
    Column("usual", Text),
    Column("installed_at", Instant),  # when our webhooks were first seen in the store
    Column("missed_at", Instant),  # when a change was last found of which no delivery had come
    Column("url", Text),  # the shop that these records are of
    Column("worker_at", Instant),  # when a worker last looked after the store
    # The time that the store had when it last answered, and the time of our own clock then.
    Column("store_time", Instant),
    Column("store_time_at", Instant),
)

store_traits = Table(
    "store_traits",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", String(200), nullable=False),
    Column("since", Instant, nullable=False),  # when it was first seen
)

rounds = Table(
    "rounds",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("name", String(16), primary_key=True),  # watch | changes | orders | customers | unlisted
    Column("due_at", Instant, nullable=False),
    Column(
        "asked_for_at", Instant
    ),  # somebody wants it done from its start, although it may be under way
    Column("claim", String(32)),
    Column("claim_until", Instant),
    # The one under way; None in `began_at` where none is. `began_mark` is what `mark` becomes at its end.
    Column("began_at", Instant),
    Column("began_mark", Instant),
    Column("listing", Integer, nullable=False, server_default=text("0")),
    Column("last_id", BigInteger, nullable=False, server_default=text("0")),
    Column("position", Integer, nullable=False, server_default=text("0")),
    Column("seen", Integer, nullable=False, server_default=text("0")),
    Column("total", Integer),  # as the store has it, for the eye only
    # What the last whole one reached: every change before `mark`, by the store's clock, is in the ledger.
    Column("mark", Instant),
    Column("done_at", Instant),
    Column("error", String(64)),
    Column("error_since", Instant),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("topic", String(100), primary_key=True),
    Column("external_id", BigInteger),  # None: there is none
    Column(
        "status", String(16), nullable=False
    ),  # active | paused | disabled | missing | elsewhere
    Column("secret_digest", String(32)),  # keyed; of the secret that we gave it
    Column("checked_at", Instant, nullable=False),
    Column("wrong_since", Instant),
)

policies = Table(
    "policies",
    metadata,
    Column("digest", String(16), primary_key=True),
    Column("id", String(64), nullable=False),
    Column("version", String(32), nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("text", Text, nullable=False),  # the policy file
    Column("state", String(10), nullable=False),  # proposed | in-force | superseded
    Column("proposed_at", Instant, nullable=False),
    Column("in_force_at", Instant),
    # What stands in its way, where something does, and what it would change (JSON).
    Column("waits_for", String(32)),
    Column("impact", Text),
)

pages = Table(
    "pages",
    metadata,
    Column("url", String(500), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("checked_at", Instant),
    Column("policy_digest", String(16)),  # of the policy that the findings are about
    Column("findings", Text),  # JSON
    Column("since", Instant),  # when a drift was first found
    Column("error", Text),
    Column("error_since", Instant),
    Column("claim_until", Instant),
)

seals = Table(
    "seals",
    metadata,
    Column("number", _Id, primary_key=True, autoincrement=False),
    Column("history_id", _Id, nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
)

seal_head = Table(
    "seal_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, 1
    Column("number", _Id, nullable=False),
    Column("hash", String(64), nullable=False),
)

write_probe = Table(
    "write_probe",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, 1
    Column("at", Instant, nullable=False),
)
"""Written to find out whether the ledger can be."""
