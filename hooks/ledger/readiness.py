"""Whether a delivery could be taken now. That the ledger can be written, only a write tells."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.ledger import upgrade
from hooks.ledger.database import Database
from hooks.ledger.write_probe import write_once

VALID_SECONDS = 2.0
"""For so long what a write has shown stands, for all who ask this process."""


@dataclass
class Readiness:
    """The findings of one process. `clock` tells the time of day."""

    database: Database
    clock: Callable[[], datetime]
    _since: datetime | None = None
    _write_fault: LedgerUnavailableError | None = None
    _wrote_at: float = float("-inf")
    _is_writing: bool = False

    def fault(self) -> tuple[LedgerUnavailableError, datetime] | None:
        """Find why no delivery can be taken, and since when this process has found so; None where one can.

        A LedgerNotReadyError where the ledger can be used, but not by this version. Takes as long as a write waits at
        most; who asks while another write is tried is told what the one before has shown.
        """
        found = self._read() or self._write()
        self._since = (self._since or self.clock()) if found else None
        return (found, self._since) if found and self._since else None

    def _read(self) -> LedgerUnavailableError | None:
        try:
            with self.database.read() as connection:
                upgrade.check(connection)
        except LedgerUnavailableError as error:
            return error
        return None

    def _write(self) -> LedgerUnavailableError | None:
        if self._is_writing or time.monotonic() - self._wrote_at < VALID_SECONDS:
            return self._write_fault
        self._is_writing = True
        try:
            with self.database.write() as connection:
                write_once(connection, self.clock())
            self._write_fault = None
        except LedgerUnavailableError as error:
            self._write_fault = error
        finally:
            self._is_writing, self._wrote_at = False, time.monotonic()
        return self._write_fault


def checks(fault: LedgerUnavailableError | None) -> dict[str, str]:
    """Say of each part how it is, for `/readyz`."""
    found = {
        "database": "ok",
        "policy": "ok",
        "migrations": "ok",
    }  # without a policy there is no process
    if isinstance(fault, LedgerNotReadyError):
        return found | {"migrations": str(fault)}
    if fault:
        return found | {"database": str(fault), "migrations": "unknown"}
    return found
