"""Tables and columns to find missed changes: rounds, webhooks, and the rate of calls to each store.

Only adds, with defaults: the version before this one goes on working while and after this runs.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _instant() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add two tables, and columns to two others."""
    op.add_column("records", sa.Column("read_at", _instant(), nullable=True))
    op.add_column(
        "records", sa.Column("young", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    for name in ("next_call_at", "installed_at", "missed_at"):
        op.add_column("stores", sa.Column(name, _instant(), nullable=True))
    op.add_column("stores", sa.Column("rate", sa.Float(), nullable=True))
    op.add_column("stores", sa.Column("usual", sa.Text(), nullable=True))
    op.create_table(
        "rounds",
        sa.Column("store", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("due_at", _instant(), nullable=False),
        sa.Column("asked_for_at", _instant(), nullable=True),
        sa.Column("claim", sa.String(length=32), nullable=True),
        sa.Column("claim_until", _instant(), nullable=True),
        sa.Column("began_at", _instant(), nullable=True),
        sa.Column("began_mark", _instant(), nullable=True),
        sa.Column("listing", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("seen", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("mark", _instant(), nullable=True),
        sa.Column("done_at", _instant(), nullable=True),
        sa.Column("error", sa.String(length=64), nullable=True),
        sa.Column("error_since", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("store", "name", name="pk_rounds"),
    )
    op.create_table(
        "webhooks",
        sa.Column("store", sa.String(length=32), nullable=False),
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("external_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("secret_digest", sa.String(length=32), nullable=True),
        sa.Column("checked_at", _instant(), nullable=False),
        sa.Column("wrong_since", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("store", "topic", name="pk_webhooks"),
    )
