"""The answer to a person as values, and the records that it is built from.

The values name kinds of data and never hold the data. All days are days in the policy's time zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import RecordKind, Subject
from hooks.retention.policy import Policy, Recipient
from hooks.retention.schedule import Entry, Phase
from hooks.rights.complaints import Authority
from hooks.rights.entitlements import Entitlement, RetentionGround

State = Phase | Literal["gone"]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One person's question to one store.

    `subject` is a customer, an order whose buyer asks, or the keyed hash of an e-mail address whose owner asks.
    `requested_on` is the day on which the request was received, where the caller knows it. `uk`: the person is known
    to be in the UK.
    """

    store: str
    subject: Subject
    requested_on: date | None = None
    uk: bool = False


@dataclass(frozen=True, slots=True)
class CurrentRecord:
    """One record as it is now: what an answer is built from.

    `unsuspended` are the same entries in the same order, as they would be without holds and restrictions. `own_events`
    are the requests and decisions about the record, `person_events` those about its `owner`, a customer. `recipients`
    are ids of recipients, or names of methods that have none. `refetch_reason` says why the store must still be asked
    about the record.
    """

    kind: RecordKind
    id: int
    state: State
    name: str = ""
    closed_on: date | None = None
    entries: tuple[Entry, ...] = ()
    unsuspended: tuple[Entry, ...] = ()
    recipients: tuple[str, ...] = ()
    own_events: tuple[RecordEvent, ...] = ()
    person_events: tuple[RecordEvent, ...] = ()
    owner: int | None = None
    holds: tuple[RecordEvent, ...] = ()
    restriction: RecordEvent | None = None
    refetch_reason: str | None = None


@dataclass(frozen=True, slots=True)
class HeldCategory:
    """One category of data of one record, and the rights over it.

    `unsuspended` is its entry as it would be without holds and restrictions.
    """

    entry: Entry
    unsuspended: Entry
    grounds: tuple[RetentionGround, ...]
    rights: tuple[Entitlement, ...]
    restricted_since: date | None


@dataclass(frozen=True, slots=True)
class ReceivedData:
    """A recipient that got data of a record, and the categories that it has of those held."""

    recipient: Recipient
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """One record of which data are held.

    `unmatched_methods` are the payment and shipping methods of the record for which the policy names no recipient, as
    pairs such as (`shipping`, `flat_rate`).
    """

    kind: RecordKind
    id: int
    name: str
    state: State
    closed_on: date | None
    categories: tuple[HeldCategory, ...]
    received: tuple[ReceivedData, ...]
    unmatched_methods: tuple[tuple[str, str], ...]
    refetch_reason: str | None


@dataclass(frozen=True, slots=True)
class ClosedRecord:
    """A record that the store erased (`erased`), or that the store no longer has (`gone`).

    `on` is the day of the erasure, or the day on which the service learnt that the record is gone.
    """

    kind: RecordKind
    id: int
    name: str
    state: State
    on: date | None


@dataclass(frozen=True, slots=True)
class PersonRequest:
    """A request on record, and its object: a record, or the person with all their data.

    A request about the person has the kind `customer` and the id of the account; without an account it has the kind
    `person` and no id. An objection has a `scope`, `marketing` or `all`. `lifted_on` is the day on which a restriction
    was lifted, None while it is in effect.
    """

    type: EventType
    on: date
    kind: RecordKind | Literal["person"]
    id: int | None
    scope: str = ""
    lifted_on: date | None = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day to answer the request, the day on which it was received, and the source of that day."""

    received_on: date
    source: Literal["given", "on-record", "none-on-record"]
    answer_by: date


@dataclass(frozen=True)
class PersonAnswer:
    """The whole answer to an inquiry.

    `subject_state` is the state of the record that was asked about, `unknown` until the store was asked for it.
    `legal_recipients` get data only where the law requires it. `is_complete` is false while the ledger may hold records
    of the person that it cannot find yet. `covers_addresses`: the records include those that the ledger knows only by
    the e-mail addresses of the customer.
    """

    inquiry: Inquiry
    made_on: date
    policy: Policy
    deadline: Deadline
    requests: tuple[PersonRequest, ...]
    subject_state: State
    records: tuple[HeldRecord, ...]
    closed: tuple[ClosedRecord, ...]
    legal_recipients: tuple[Recipient, ...]
    authorities: tuple[Authority, ...]
    is_complete: bool
    covers_addresses: bool

    @property
    def categories(self) -> frozenset[str]:
        """The ids of all categories of data that are held."""
        return frozenset(
            category.entry.data for record in self.records for category in record.categories
        )
