"""The tables of records, of their history with its seals, and of the deliveries that changed them.

Instants are UTC; days are in the policy's time zone. No column holds a name, an address, an e-mail, a phone number, an
IP address, a note or a body.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    text,
)

from hooks.ledger.columns import Instant, RowId, index_of_present, metadata, partial_index
from hooks.retention.schedule import KEPT_PHASES, OPEN_PHASES


def _is_in(states: Iterable[str]) -> str:
    return f"state IN ({', '.join(repr(state) for state in states)})"


# The conditions below are literal SQL, without parameters: only then can the planner see that a partial index fits.

IS_OPEN = text(_is_in(OPEN_PHASES))
"""The record is kept, as a whole."""

IS_KEPT = text(_is_in(KEPT_PHASES))
"""At least a part of the record may be left."""

IS_IGNORED = text("state = 'ignored'")
"""The record is an account of somebody who is no customer."""

IS_ODD = text("oddities <> ''")
"""The newest state of the record has parts that make no sense."""

IS_CLOSED_TO_US = text("reread_reason = 'closed' AND reread_at IS NOT NULL")
"""The store refuses to show the record to our key."""

MAY_BE_EARLY = text(
    "(legal_basis = 'legal-obligation' OR held) AND state IN ('trashed', 'erased', 'gone') "
    "AND (held OR state = 'trashed' OR delete_after >= closed_on)"
)
"""The law or a hold still wanted the record kept when it was erased. For a trashed record that depends on today."""

records = Table(
    "records",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("store", String(32), nullable=False),
    Column("kind", String(20), nullable=False),
    # The store's own id of the record.
    Column("external_id", BigInteger, nullable=False),
    # unknown | active | trashed | erased | gone | ignored
    Column("state", String(10), nullable=False),
    # The date_modified_gmt that the store gave the snapshot in `facts`.
    Column("version", Instant),
    # Two snapshots of the same second differ; the store has to be asked which one is right.
    Column("doubtful", Boolean, nullable=False),
    # JSON: see `hooks.ledger.codec`. None: nothing is known of the record.
    Column("facts", Text),
    # The order has a status that this service does not know.
    Column("unknown_status", Boolean, nullable=False),
    # An operator's hold is in effect.
    Column("held", Boolean, nullable=False),
    # The governing tag. For a record that is gone or erased: the tag at the time when that was noticed.
    Column("legal_basis", String(64)),
    Column("retention_class", String(64)),
    Column("runs_from", Date),
    Column("review_after", Date),
    Column("delete_after", Date),
    # JSON: all entries of the schedule.
    Column("entries", Text, nullable=False),
    Column("policy_id", String(64)),
    # The day on which the record was erased or deleted.
    Column("closed_on", Date),
    # The policy, and the version of this service, that made the tags. Empty, or with a `~` before it: the record waits
    # to be re-tagged.
    Column("tagged_by", String(24), nullable=False, server_default=text("''")),
    # JSON: the record events, that is, requests and decisions about the record.
    Column("events", Text, nullable=False, server_default="[]"),
    # The account that owns the record, as far as it is known.
    Column("customer_id", BigInteger),
    # The subject of a request or a consent: `customer:7`, `order:9` or `email:<keyed hash>`.
    Column("subject", String(80)),
    # Requests or consents name this record as their subject.
    Column("linked", Boolean, nullable=False, server_default=false()),
    # The ids of the recipients, separated by commas.
    Column("recipients", Text, nullable=False, server_default=text("''")),
    # The first day by which a part has to be deleted, where that is before the whole record.
    Column("part_delete_after", Date),
    # JSON and digest of what the store should hold; digest and version of what it is known to hold.
    # `known_digest` is None where nobody has seen what the store holds.
    Column("wanted", Text),
    Column("wanted_digest", String(32)),
    Column("known_digest", String(32)),
    Column("known_version", Instant),
    # When the next push is due. None: there is nothing to push.
    Column("push_at", Instant),
    # When the change came that has to be pushed.
    Column("push_since", Instant),
    Column("push_attempts", Integer, nullable=False),
    # The code of the error of the last push.
    Column("push_error", String(64)),
    # The number of times that somebody else has edited our keys, and the last time.
    Column("contests", Integer, nullable=False),
    Column("contested_at", Instant),
    # When the refetch is due. None: there is nothing to ask the store.
    Column("reread_at", Instant),
    Column("reread_since", Instant),
    Column("reread_reason", String(32)),
    Column("reread_attempts", Integer, nullable=False),
    # When the store last answered a request for this very record.
    Column("read_at", Instant),
    # The snapshot was taken within the second of its version, so that another change may follow in that second.
    Column("young", Boolean, nullable=False, server_default=false()),
    # The codes of the parts that make no sense, separated by commas.
    Column("oddities", String(64), nullable=False, server_default=text("''")),
    # The role that an ignored account has in the store.
    Column("role", String(64)),
    # The keyed hash of the newest address of an order or of a newsletter contact.
    Column("email_hash", String(64)),
    # The first day by whose end a part has to be deleted because a person asked for it.
    Column("request_due", Date),
    # The first day on which a hold on the record is to be reviewed.
    Column("hold_review", Date),
    # The token of the worker that has claimed the record, and the end of the claim.
    Column("claim", String(32)),
    Column("claim_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("uq_records_store_kind_external_id", "store", "kind", "external_id", unique=True),
    partial_index(
        "ix_records_due",
        f"delete_after IS NOT NULL AND {IS_OPEN}",
        ("kind", "retention_class", "delete_after", "id"),
    ),
    partial_index(
        "ix_records_part_due",
        f"part_delete_after IS NOT NULL AND {IS_KEPT}",
        ("kind", "part_delete_after", "id"),
    ),
    partial_index("ix_records_early", str(MAY_BE_EARLY), ("id",)),
    partial_index(
        "ix_records_approaching",
        "kind = 'customer' AND state = 'active'",
        ("store", "delete_after", "read_at"),
    ),
    Index("ix_records_tagged_by", "tagged_by"),
    index_of_present("ix_records_customer_id", "store", "customer_id"),
    index_of_present("ix_records_subject", "store", "subject"),
    index_of_present("ix_records_push", "store", "kind", "push_at"),
    partial_index(
        "ix_records_push_error",
        "push_error IS NOT NULL",
        ("store", "push_error", "external_id"),
    ),
    index_of_present("ix_records_reread", "store", "reread_at"),
    partial_index("ix_records_closed", str(IS_CLOSED_TO_US), ("store", "kind", "external_id")),
    partial_index("ix_records_oddities", str(IS_ODD), ("store", "oddities", "kind", "external_id")),
    partial_index("ix_records_ignored", str(IS_IGNORED), ("store", "role")),
    index_of_present("ix_records_email_hash", "store", "email_hash"),
    partial_index(
        "ix_records_request_due",
        "request_due IS NOT NULL",
        ("store", "request_due", "kind", "external_id"),
    ),
    partial_index(
        "ix_records_hold_review",
        "hold_review IS NOT NULL",
        ("store", "hold_review", "kind", "external_id"),
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

# --- the history and its seals ---

history = Table(
    "history",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("record_id", RowId, ForeignKey("records.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    # The topic of the delivery, or the name of the task, that changed the schedule.
    Column("cause", String(64), nullable=False),
    Column("state", String(10), nullable=False),
    Column("legal_basis", String(64)),
    Column("retention_class", String(64)),
    Column("delete_after", Date),
    Column("policy_id", String(64)),
    # A sentence that says why the record is tagged so.
    Column("reason", Text, nullable=False),
)
"""The times and the reasons of the changes of a schedule. Rows are appended and never changed."""

seals = Table(
    "seals",
    metadata,
    Column("number", RowId, primary_key=True, autoincrement=False),
    Column("history_id", RowId, nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
)
"""The chain of seals on the rows of the history."""

seal_head = Table(
    "seal_head",
    metadata,
    # There is one row, with the id 1.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", RowId, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""The number and the hash of the last seal."""

# --- deliveries ---

REPORTED = "reported"
"""Topic, in the log of deliveries, of a row for a report without a time. Its identity names what was reported, not the
delivery that brought it."""

UNKNOWN = "unknown"
"""Topic, in the log of deliveries, of an extra row: the delivery has created a record of which nothing is known."""

NO_WEBHOOKS = ("other", "event", "event.undated", "record-event", REPORTED, UNKNOWN)
"""Topics in the log of deliveries that no webhook of ours has brought."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("identity", String(32), primary_key=True),
    Column("topic", String(100), nullable=False),
    # The `result` that the answer to the delivery had.
    Column("result", String(12), nullable=False),
    Column("received_at", Instant, nullable=False),
    Index("ix_deliveries_store_received_at", "store", "received_at"),
)
"""The deliveries that were taken, so that a repeated one is noticed."""

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("store", String(32), nullable=False),
    Column("topic", String(100), nullable=False),
    # A code, and a sentence of our own; never a part of the body.
    Column("reason", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    # The record that the delivery was about, as far as it is known.
    Column("kind", String(20)),
    Column("external_id", BigInteger),
    Column("received_at", Instant, nullable=False),
    # When the record was refetched, which makes up for the delivery.
    Column("resolved_at", Instant),
    Index("ix_quarantine_store_resolved_at", "store", "resolved_at"),
)
"""Genuine deliveries that cannot be read."""
