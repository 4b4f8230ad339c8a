"""Move the file of an SQLite ledger away for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def moved_away(path: Path) -> Iterator[None]:
    """Move the database file and its WAL files into another folder until the block ends."""
    away = path.parent / "away"
    away.mkdir()
    files = list(path.parent.glob(f"{path.name}*"))
    for file in files:
        file.rename(away / file.name)
    yield
    for file in files:
        (away / file.name).rename(file)
