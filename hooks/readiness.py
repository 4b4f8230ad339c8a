"""Whether a delivery could be taken now: found out by a write, as nothing else tells."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.ledger import upgrade
from hooks.ledger.database import Database
from hooks.ledger.probe import write_once

VALID_SECONDS = 3.0
"""For so long what was found stands, for all who ask this process."""


@dataclass
class Readiness:
    """What this process last found. `clock` tells the time of day."""

    database: Database
    clock: Callable[[], datetime]
    _fault: LedgerUnavailableError | None = None
    _since: datetime | None = None
    _found_at: float | None = None
    _is_probing: bool = False

    def fault(self) -> tuple[LedgerUnavailableError, datetime] | None:
        """Why no delivery can be taken, and since when this process has found so; None where one can.

        A LedgerNotReadyError where the ledger can be used, but not by this version. It takes as long as a write may
        wait at most. Who asks while another one waits is told what was found before.
        """
        is_old = self._found_at is None or time.monotonic() - self._found_at > VALID_SECONDS
        if is_old and not self._is_probing:
            self._is_probing = True
            try:
                self._find()
            finally:
                self._is_probing = False
        return (self._fault, self._since) if self._fault and self._since else None

    def _find(self) -> None:
        found = self._try()
        self._since = (self._since or self.clock()) if found else None
        self._fault, self._found_at = found, time.monotonic()

    def _try(self) -> LedgerUnavailableError | None:
        try:
            with self.database.read() as connection:
                upgrade.check(connection)
            with self.database.write() as connection:
                write_once(connection, self.clock())
        except LedgerUnavailableError as error:
            return error
        return None


def checks(fault: LedgerUnavailableError | None) -> dict[str, str]:
    """What `/readyz` says of each part."""
    found = {"database": "ok", "policy": "ok", "migrations": "ok"}  # without a policy there is no process
    if isinstance(fault, LedgerNotReadyError):
        return found | {"migrations": str(fault)}
    if fault:
        return found | {"database": str(fault), "migrations": "unknown"}
    return found
