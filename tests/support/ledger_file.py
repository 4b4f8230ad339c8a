"""The file of an SQLite ledger, out of the way for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def moved_away(path: Path) -> Iterator[None]:
    """Move the file, and what SQLite keeps beside it, into a folder beside them for as long as the block lasts."""
    away = path.parent / "away"
    away.mkdir()
    files = list(path.parent.glob(f"{path.name}*"))
    for file in files:
        file.rename(away / file.name)
    yield
    for file in files:
        (away / file.name).rename(file)
