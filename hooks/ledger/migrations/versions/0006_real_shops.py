"""Columns that real shops need: the odd parts of records, the roles of staff, and the traits of each store.

Only adds, with defaults: the version before this one goes on working while and after this runs. An order that its
history shows as paid, and that a later state made unpaid, is paid again: its facts say so, and it is re-tagged.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add two columns, three indexes and a table."""
    op.add_column(
        "records",
        sa.Column("oddities", sa.String(64), nullable=False, server_default=sa.text("''")),
    )
    op.add_column("records", sa.Column("role", sa.String(64), nullable=True))
    _index("oddities <> ''", "ix_records_oddities", "store", "oddities", "kind", "external_id")
    _index(
        "reread_reason = 'closed' AND reread_at IS NOT NULL",
        "ix_records_closed",
        "store",
        "kind",
        "external_id",
    )
    _index("state = 'ignored'", "ix_records_ignored", "store", "role")
    op.create_table(
        "store_traits",
        sa.Column("store", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store", "name", name="pk_store_traits"),
    )
    op.execute(_PAID_ONCE)


_PAID_ONCE = """
UPDATE records
SET facts = substr(facts, 1, length(facts) - 1) || ',"was_paid"\\:true}',
    tagged_by = CASE WHEN tagged_by = '' OR tagged_by LIKE '~%' THEN tagged_by ELSE '~' || tagged_by END
WHERE kind = 'order' AND facts LIKE '{%}' AND state IN ('active', 'trashed', 'erased')
  AND (legal_basis IS NULL OR legal_basis <> 'legal-obligation')
  AND EXISTS (
    SELECT 1 FROM history WHERE history.record_id = records.id AND history.legal_basis = 'legal-obligation'
  )
"""
"""Facts are JSON with sorted names, of which `was_paid` comes last. Only paid orders rest on a legal obligation."""


def _index(where: str, name: str, *columns: str) -> None:
    """Add an index of some records only."""
    chosen = sa.text(where)
    op.create_index(name, "records", list(columns), sqlite_where=chosen, postgresql_where=chosen)
