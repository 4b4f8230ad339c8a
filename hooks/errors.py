"""The errors of the service: one root, and a class for each failure that a caller treats differently.

No message carries a value that came from a store or a sender. A message has ids, field names and our own words only, so
that it is safe in logs, answers and error reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta


class HooksError(Exception):
    """The root of all errors of this service. Its text is safe to log and to send to Sentry."""


class ConfigurationError(HooksError):
    """A configuration with which the service cannot start. The message names every fault."""


class PolicyError(ConfigurationError):
    """A policy file that cannot be put in force.

    Each of the `faults` is a whole sentence, and names the line, rule or class that it is about.
    """

    def __init__(self, source: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{source}: " + "; ".join(faults))


class PageError(HooksError):
    """A published page that could not be fetched, or a document that is no such page. The message is a sentence."""


class StoppedError(HooksError):
    """The end of a wait, because the process is to stop."""


class SignatureRefusedError(HooksError):
    """A body that none of the store's current secrets signed."""


class TokenRefusedError(HooksError):
    """A request without the token of a tool that may report events."""


class TooManyGuessesError(TokenRefusedError):
    """A request with a wrong token after too many others with one. It is refused at once."""


class EventForbiddenError(HooksError):
    """An event of a type that the tool may not send. Nothing of the event was kept."""


class SenderTooSlowError(HooksError):
    """A request that did not arrive within the time limits."""


class OverloadedError(HooksError):
    """A request for which there is no connection or no memory just now. Nothing of it was kept."""


class QuarantinedError(HooksError):
    """A signed delivery that cannot be read, so that it goes into quarantine.

    `reason` is one of our codes, `detail` our own words. `external_id` is the record that the delivery is about, where
    that much could be read.
    """

    def __init__(self, reason: str, detail: str, external_id: int | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.external_id = external_id


class EventRefusedError(HooksError):
    """An event of a tool or of an operator that has not the right shape. `faults` names the fault of each field."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        message = "; ".join(f"{name} {fault}" for name, fault in self.faults.items())
        super().__init__(f"The event was refused, and nothing of it was kept: {message}.")


class LedgerUnavailableError(HooksError):
    """A ledger that could not be read or written. Nothing of the transaction was stored."""


class LedgerContendedError(LedgerUnavailableError):
    """A transaction that was undone because of another one. It may be retried at once."""


class LedgerRefusedError(LedgerUnavailableError):
    """A value that does not fit the ledger. The ledger can be used otherwise."""


class LedgerNotReadyError(LedgerUnavailableError):
    """A database that is missing, of another version, or unsafe to write to."""


class LeaseError(HooksError):
    """A lease on a store's webhooks that another process did not release in time, or took over from this process."""


class StoreError(HooksError):
    """A call to the store that failed.

    `code` is one of our codes, `detail` our own words. A `permanent` error comes again until somebody changes
    something. With `whole_store` the error is not about a single record. `retry_after` is the wait that the store asked
    for, if it did.
    """

    permanent = False
    whole_store = True

    def __init__(self, code: str, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class StoreUnreachableError(StoreError):
    """No answer, half an answer, or an answer that is not from the REST API. The call may be retried."""


class CachedAnswerError(StoreUnreachableError):
    """An answer from a cache in front of the store, as `header` shows. It may be out of date."""

    whole_store = False

    def __init__(self, header: str) -> None:
        super().__init__("cached", f"a cache before the store answered in its place ({header})")
        self.header = header


class StoreBusyError(StoreError):
    """An answer that asks for fewer calls (429, 503)."""


class CredentialsRefusedError(StoreError):
    """A key that is wrong or lacks a right. Every further call fails until an operator acts.

    With `is_about_the_key` the store named the key itself, so that no single record can be the cause.
    """

    permanent = True
    is_about_the_key = False


class StoreMisconfiguredError(StoreError):
    """An address that answers, but not as a WooCommerce REST API does (a redirect, no such route)."""

    permanent = True


class MethodRefusedError(StoreMisconfiguredError):
    """A refusal of the HTTP method by the web server in front of the store."""


class RecordRefusedError(StoreError):
    """A refusal by the store of one write."""

    permanent = True
    whole_store = False


class PostReadRefusedError(StoreError):
    """A refusal of a POST with `_method=GET` by something in front of the store.

    The service uses such a POST to read past caches. Without it an answer may come from a cache.
    """

    whole_store = False


class RequestTooLargeError(RecordRefusedError):
    """A refusal by the store of a request that is too large."""


class RecordClosedError(RecordRefusedError):
    """A refusal by the store of one record, to a key that may read or write others."""


class RecordGoneError(StoreError):
    """An answer of the store that there is no such record."""

    permanent = True
    whole_store = False


class ListingError(StoreError):
    """A list of the store that does not hold what was asked for, so that records cannot be found through it."""

    permanent = True
    whole_store = False


class WebhookProblemError(HooksError):
    """Webhooks of ours that do not deliver. `wrong` holds their states by topic.

    Nobody catches this error: it is sent as an error report.
    """

    def __init__(self, store: str, wrong: Mapping[str, str]) -> None:
        self.wrong = dict(wrong)
        states = ", ".join(f"{topic} is {status}" for topic, status in sorted(wrong.items()))
        super().__init__(f"webhooks of the store {store}: {states}")
