"""Sets of databases that a test runs on, other than SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

ON_EVERY_JOURNAL = pytest.mark.parametrize(
    "database_url", ["sqlite", "sqlite-rollback", "postgresql"], indirect=True
)
"""For tests of crashes and bursts: SQLite in WAL mode, SQLite with a rollback journal, and PostgreSQL."""
