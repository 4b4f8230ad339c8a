"""Columns that tell whether the service works: the shop of the ledger, the last heartbeat of a worker, the time of the
shop, and a row to try a write on.

Only adds, with defaults: the version before this one goes on working while and after this runs.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add a table, and columns to another."""
    op.add_column("stores", sa.Column("url", sa.Text(), nullable=True))
    for name in ("worker_at", "store_time", "store_time_at"):
        op.add_column("stores", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "write_probe",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_write_probe"),
    )
    op.execute("INSERT INTO write_probe (id, at) VALUES (1, CURRENT_TIMESTAMP)")
