"""Run by Python at its start: hide the SQLite wheel, and let Python's own SQLite report an unsafe version."""

from __future__ import annotations

import sqlite3
import sys

sys.modules["pysqlite3"] = None  # type: ignore[assignment]  # so that no import finds it
sqlite3.sqlite_version_info = min(sqlite3.sqlite_version_info, (3, 44, 5))  # type: ignore[misc]
