"""The databases that a test runs on, where these are others than SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

ON_EVERY_JOURNAL = pytest.mark.parametrize(
    "database_url", ["sqlite", "sqlite-rollback", "postgresql"], indirect=True
)
"""For what a crash or a burst could spoil: SQLite in WAL mode and with a rollback journal, and PostgreSQL."""
