"""The ledger as it begins: records, their history, deliveries, quarantine, stores.

History is append-only, and the database itself sees to it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _instant() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "deliveries",
        sa.Column("store", sa.String(length=32), nullable=False),
        sa.Column("identity", sa.String(length=32), nullable=False),
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("result", sa.String(length=12), nullable=False),
        sa.Column("received_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("store", "identity", name="pk_deliveries"),
    )
    op.create_index(
        "ix_deliveries_store_received_at", "deliveries", ["store", "received_at"], unique=False
    )
    op.create_table(
        "quarantine",
        sa.Column("id", _id(), nullable=False),
        sa.Column("store", sa.String(length=32), nullable=False),
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=True),
        sa.Column("external_id", sa.BigInteger(), nullable=True),
        sa.Column("received_at", _instant(), nullable=False),
        sa.Column("resolved_at", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )
    op.create_index(
        "ix_quarantine_store_resolved_at", "quarantine", ["store", "resolved_at"], unique=False
    )
    op.create_table(
        "records",
        sa.Column("id", _id(), nullable=False),
        sa.Column("store", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("external_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("version", _instant(), nullable=True),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("unknown_status", sa.Boolean(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("legal_basis", sa.String(length=64), nullable=True),
        sa.Column("retention_class", sa.String(length=64), nullable=True),
        sa.Column("runs_from", sa.Date(), nullable=True),
        sa.Column("review_after", sa.Date(), nullable=True),
        sa.Column("delete_after", sa.Date(), nullable=True),
        sa.Column("entries", sa.Text(), nullable=False),
        sa.Column("policy_id", sa.String(length=64), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("wanted", sa.Text(), nullable=True),
        sa.Column("wanted_digest", sa.String(length=32), nullable=True),
        sa.Column("known_digest", sa.String(length=32), nullable=True),
        sa.Column("known_version", _instant(), nullable=True),
        sa.Column("push_at", _instant(), nullable=True),
        sa.Column("push_since", _instant(), nullable=True),
        sa.Column("push_attempts", sa.Integer(), nullable=False),
        sa.Column("push_error", sa.String(length=64), nullable=True),
        sa.Column("contests", sa.Integer(), nullable=False),
        sa.Column("contested_at", _instant(), nullable=True),
        sa.Column("reread_at", _instant(), nullable=True),
        sa.Column("reread_since", _instant(), nullable=True),
        sa.Column("reread_reason", sa.String(length=32), nullable=True),
        sa.Column("reread_attempts", sa.Integer(), nullable=False),
        sa.Column("claim", sa.String(length=32), nullable=True),
        sa.Column("claim_until", _instant(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_records"),
    )
    op.create_index("ix_records_delete_after", "records", ["delete_after"], unique=False)
    op.create_index(
        "ix_records_push",
        "records",
        ["store", "push_at"],
        unique=False,
        sqlite_where=sa.text("push_at IS NOT NULL"),
        postgresql_where=sa.text("push_at IS NOT NULL"),
    )
    op.create_index(
        "ix_records_reread",
        "records",
        ["store", "reread_at"],
        unique=False,
        sqlite_where=sa.text("reread_at IS NOT NULL"),
        postgresql_where=sa.text("reread_at IS NOT NULL"),
    )
    op.create_index(
        "uq_records_store_kind_external_id",
        "records",
        ["store", "kind", "external_id"],
        unique=True,
    )
    op.create_table(
        "stores",
        sa.Column("slug", sa.String(length=32), nullable=False),
        sa.Column("last_pushed_at", _instant(), nullable=True),
        sa.Column("last_reconciled_at", _instant(), nullable=True),
        sa.Column("resume_at", _instant(), nullable=True),
        sa.Column("stopped_code", sa.String(length=64), nullable=True),
        sa.Column("stopped_since", _instant(), nullable=True),
        sa.Column("stopped_permanent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_stores"),
    )
    op.create_table(
        "history",
        sa.Column("id", _id(), nullable=False),
        sa.Column("record_id", _id(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("legal_basis", sa.String(length=64), nullable=True),
        sa.Column("retention_class", sa.String(length=64), nullable=True),
        sa.Column("delete_after", sa.Date(), nullable=True),
        sa.Column("policy_id", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name="fk_history_record_id"),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
    )
    op.create_index("ix_history_record_id", "history", ["record_id"], unique=False)
    _make_history_append_only()


def _make_history_append_only() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER history_no_{change.lower()} BEFORE {change} ON history "
                "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'history is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON history "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only()"
    )
