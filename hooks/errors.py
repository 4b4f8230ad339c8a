"""One root, and a class for each failure that a caller treats differently.

No message here ever carries a value that came from a store: only ids, field names and our own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta


class HooksError(Exception):
    """The root of all errors of this service; its text is safe to log and to send to Sentry."""


class ConfigurationError(HooksError):
    """The environment is not one the service can start with; names every fault at once."""


class PolicyError(ConfigurationError):
    """The policy file is not one that can be put in force.

    `faults` are whole sentences, each naming the line, rule or class that it is about.
    """

    def __init__(self, source: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{source}: " + "; ".join(faults))


class PageError(HooksError):
    """The published page could not be got, or is not one; a whole sentence."""


class StoppedError(HooksError):
    """The process is to end, and what it waited for was given up."""


class SignatureRefusedError(HooksError):
    """The body was not signed with any of the store's current secrets."""


class TokenRefusedError(HooksError):
    """The request bears no token of a tool that may report events."""


class TooManyGuessesError(TokenRefusedError):
    """The same, and so many wrong tokens came that this one is answered at once."""


class EventForbiddenError(HooksError):
    """The tool may not send events of this type; nothing of the event was kept."""


class SenderTooSlowError(HooksError):
    """A request did not come within the time limits."""


class OverloadedError(HooksError):
    """There is no place, or no memory, for a request just now; nothing of it was kept."""


class QuarantinedError(HooksError):
    """A signed delivery that cannot be taken as what it says it is.

    `reason` is one of our codes, `detail` our own words; `external_id` is the record that it speaks of,
    where that much could be read.
    """

    def __init__(self, reason: str, detail: str, external_id: int | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.external_id = external_id


class EventRefusedError(HooksError):
    """An event reported, or to be noted, that is not of the shape; `faults` says by field what is wrong."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        wrong = "; ".join(f"{name} {fault}" for name, fault in self.faults.items())
        super().__init__(f"The event was refused, and nothing of it was kept: {wrong}.")


class LedgerUnavailableError(HooksError):
    """The ledger could not be read or written; nothing of the transaction stands."""


class LedgerContendedError(LedgerUnavailableError):
    """Two transactions stood in each other's way, and this one was undone: it may be run again at once."""


class LedgerRefusedError(LedgerUnavailableError):
    """The ledger can be used, but not for this: a value of it does not fit."""


class LedgerNotReadyError(LedgerUnavailableError):
    """The ledger's database is missing, of another version, or unsafe to write to."""


class LeaseError(HooksError):
    """Another process holds the lease on a store's webhooks: it did not release it in time, or took it from us."""


class StoreError(HooksError):
    """A call to the store that did not do what was asked.

    `code` is ours; `permanent` says that the same call will fail again until somebody changes something;
    `whole_store` that it is not about one record; `retry_after` is what the store asked for, if it did.
    """

    permanent = False
    whole_store = True

    def __init__(self, code: str, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class StoreUnreachableError(StoreError):
    """No answer, half an answer, or one that is not the REST API's; may be tried again."""


class CachedAnswerError(StoreUnreachableError):
    """A cache before the store answered in its place; `header` tells it. What it showed may be out of date."""

    whole_store = False

    def __init__(self, header: str) -> None:
        super().__init__("cached", f"a cache before the store answered in its place ({header})")
        self.header = header


class StoreBusyError(StoreError):
    """The store asks to be left alone for a while (429, 503)."""


class CredentialsRefusedError(StoreError):
    """The key is wrong or lacks a right: every further call is in vain until an operator acts.

    `is_about_the_key`: the store named the key itself, so that no single record can be the cause.
    """

    permanent = True
    is_about_the_key = False


class StoreMisconfiguredError(StoreError):
    """The address answers, but not as a WooCommerce REST API at that place (redirect, no such route)."""

    permanent = True


class MethodRefusedError(StoreMisconfiguredError):
    """The web server before the store refuses the HTTP method."""


class RecordRefusedError(StoreError):
    """The store will not take this one write."""

    permanent = True
    whole_store = False


class PostReadRefusedError(StoreError):
    """What stands before the store lets no POST through that asks to be read; caches cannot be ruled out."""

    whole_store = False


class RequestTooLargeError(RecordRefusedError):
    """More in one request than the store takes."""


class RecordClosedError(RecordRefusedError):
    """The store refuses this one record to a key that may read or write others."""


class RecordGoneError(StoreError):
    """The store says that there is no such record."""

    permanent = True
    whole_store = False


class ListingError(StoreError):
    """The store does not list what it was asked for; to go through its records in this way is in vain."""

    permanent = True
    whole_store = False


class WebhookProblemError(HooksError):
    """Webhooks of ours do not deliver; `wrong` says which and how, by topic. Not raised at a caller: reported."""

    def __init__(self, store: str, wrong: Mapping[str, str]) -> None:
        self.wrong = dict(wrong)
        listed = ", ".join(f"{topic} is {status}" for topic, status in sorted(wrong.items()))
        super().__init__(f"webhooks of the store {store}: {listed}")
