"""The readiness of this process to take a delivery. Only a real write shows that the ledger can be written."""

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
"""The time for which the result of a write is used again, for all requests to this process."""


@dataclass
class Readiness:
    """The readiness of one process. `clock` returns the time in UTC."""

    database: Database
    clock: Callable[[], datetime]
    _since: datetime | None = None
    _write_fault: LedgerUnavailableError | None = None
    _wrote_at: float = float("-inf")
    _is_writing: bool = False

    def fault(self) -> tuple[LedgerUnavailableError, datetime] | None:
        """Return the reason why no delivery can be taken, and since when; None where one can be taken.

        A LedgerNotReadyError means that the ledger can be used, but not by this version. The call takes at most as long
        as a write may wait. While another call tries a write, this one returns the result of the write before.
        """
        error = self._read() or self._write()
        if error is None:
            self._since = None
            return None
        self._since = self._since or self.clock()
        return error, self._since

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
            self._is_writing = False
            self._wrote_at = time.monotonic()
        return self._write_fault


def checks(fault: LedgerUnavailableError | None) -> dict[str, str]:
    """Say for each part whether it is ready, for `/readyz`. The policy always is: no process starts without one."""
    results = {"database": "ok", "policy": "ok", "migrations": "ok"}
    if isinstance(fault, LedgerNotReadyError):
        results["migrations"] = str(fault)
    elif fault:
        results["database"] = str(fault)
        results["migrations"] = "unknown"
    return results
