"""Tables and columns for policy versions, people's requests, holds, recipients, and the seals of the history.

Only adds, with defaults: the version before this one goes on working while and after this runs. The records that
it tags in the meantime have no `tagged_by`, and are re-tagged.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _instant() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns and indexes to the records, and four tables."""
    _add_to_records()
    _add_policies()
    _add_pages()
    op.create_table(
        "seals",
        sa.Column("number", _id(), autoincrement=False, nullable=False),
        sa.Column("history_id", _id(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_seals"),
        sa.UniqueConstraint("history_id", name="uq_seals_history_id"),
    )
    op.create_table(
        "seal_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", _id(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_seal_head"),
    )


def _add_to_records() -> None:
    for column in (
        sa.Column("tagged_by", sa.String(length=24), server_default=sa.text("''"), nullable=False),
        sa.Column("events", sa.Text(), server_default="[]", nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.String(length=80), nullable=True),
        sa.Column("linked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("recipients", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("part_delete_after", sa.Date(), nullable=True),
    ):
        op.add_column("records", column)
    op.create_index("ix_records_tagged_by", "records", ["tagged_by"])
    _index_some("ix_records_part_delete_after", "part_delete_after")
    _index_some("ix_records_customer_id", "store", "customer_id")
    _index_some("ix_records_subject", "store", "subject")


def _index_some(name: str, *columns: str) -> None:
    there = sa.text(f"{columns[-1]} IS NOT NULL")
    op.create_index(name, "records", list(columns), sqlite_where=there, postgresql_where=there)


def _add_policies() -> None:
    op.create_table(
        "policies",
        sa.Column("digest", sa.String(length=16), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("proposed_at", _instant(), nullable=False),
        sa.Column("in_force_at", _instant(), nullable=True),
        sa.Column("waits_for", sa.String(length=32), nullable=True),
        sa.Column("impact", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_policies"),
    )


def _add_pages() -> None:
    op.create_table(
        "pages",
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("due_at", _instant(), nullable=False),
        sa.Column("checked_at", _instant(), nullable=True),
        sa.Column("policy_digest", sa.String(length=16), nullable=True),
        sa.Column("findings", sa.Text(), nullable=True),
        sa.Column("since", _instant(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_since", _instant(), nullable=True),
        sa.Column("claim_until", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("url", name="pk_pages"),
    )
