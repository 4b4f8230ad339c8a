"""The check after a refusal, which tells a closed record from a refused key.

WordPress answers 403 for a record that belongs to another site of the network, or to a user whom the key may not edit.
It answers 401 or 403 for everything to a key that has lost its rights or does not arrive. The answer about one record
is the same in both cases. The answer for the whole collection tells them apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from hooks.errors import CredentialsRefusedError, RecordClosedError, StoreError
from hooks.retention.facts import RecordKind

ENDPOINTS: Mapping[RecordKind, str] = {"order": "orders", "customer": "customers"}

VALID_SECONDS = 60.0
"""A passed check counts for this long, so that a thousand closed records cost a few calls."""

Call = Callable[..., object]


class RefusalCheck:
    """Tells a closed record from a refused key: it asks for what every good key may do, and changes nothing."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._passed_at: dict[tuple[RecordKind, bool], float] = {}

    def judge(
        self, error: CredentialsRefusedError, kind: RecordKind, *, writing: bool
    ) -> StoreError:
        """Return the error to raise for a record of a kind that the store has refused.

        RecordClosedError where the key may read (or write) other records of the kind, else the refusal of the key.
        Raises StoreError where the check itself fails.
        """
        if error.is_about_the_key:
            return error
        passed_at = self._passed_at.get((kind, writing))
        if passed_at is None or time.monotonic() - passed_at > VALID_SECONDS:
            try:
                self._assert_allowed(kind, writing=writing)
            except CredentialsRefusedError as refusal:
                return refusal
            self._passed_at[kind, writing] = time.monotonic()
        return closed()

    def _assert_allowed(self, kind: RecordKind, *, writing: bool) -> None:
        if writing:
            try:
                # An empty batch needs the right to write, and writes nothing.
                self._call("POST", f"{ENDPOINTS[kind]}/batch", body={})
            except CredentialsRefusedError as error:
                if error.code != "cannot-batch" or kind == "order":
                    raise
            else:
                return
        # Reading is checked instead where the key may not write customers in batches, as only administrators may.
        self._call("GET", ENDPOINTS[kind], params={"per_page": "1", "_fields": "id"})


def closed() -> RecordClosedError:
    """Return the error of a record that is closed to a good key."""
    return RecordClosedError("closed", "the store refuses this one record to the key")
