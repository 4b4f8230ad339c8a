"""Columns for the address of a record, and for the days that requests and holds set.

Only adds columns that may be empty, and a table: the version before this one goes on working while and after this runs.
What tools reported of an address before goes by its hash now, too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add three columns, three indexes and a table."""
    op.add_column("records", sa.Column("email_hash", sa.String(64), nullable=True))
    op.add_column("records", sa.Column("request_due", sa.Date, nullable=True))
    op.add_column("records", sa.Column("hold_review", sa.Date, nullable=True))
    _index("email_hash IS NOT NULL", "ix_records_email_hash", "store", "email_hash")
    _index(
        "request_due IS NOT NULL",
        "ix_records_request_due",
        "store",
        "request_due",
        "kind",
        "external_id",
    )
    _index(
        "hold_review IS NOT NULL",
        "ix_records_hold_review",
        "store",
        "hold_review",
        "kind",
        "external_id",
    )
    op.create_table(
        "account_emails",
        sa.Column("store", sa.String(32), nullable=False),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.Column("email_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("store", "customer_id", "email_hash", name="pk_account_emails"),
    )
    op.create_index("ix_account_emails_store_email_hash", "account_emails", ["store", "email_hash"])
    op.execute("UPDATE records SET email_hash = substr(subject, 7) WHERE subject LIKE 'email\\:%'")


def _index(where: str, name: str, *columns: str) -> None:
    """Add an index of some records only."""
    chosen = sa.text(where)
    op.create_index(name, "records", list(columns), sqlite_where=chosen, postgresql_where=chosen)
