"""The answer to a person as values: records, what each holds, why, until when, and the rights over it.

Kinds of data only, never the data. Made from records as plain values; days are days in the policy's time zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from hooks.retention.classify import Entry, Phase
from hooks.retention.effects import answer_by
from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import RecordKind, Subject
from hooks.retention.policy import Policy, Recipient
from hooks.retention.recipients import UNNAMED
from hooks.rights.complaints import Authority, authorities
from hooks.rights.entitlements import Entitlement, Stay, entitlements, stays

State = Phase | Literal["gone"]
ORDER: tuple[RecordKind, ...] = (
    "customer",
    "order",
    "support-request",
    "marketing-consent",
    "cookie-consent",
)
"""In which kinds of records are told."""

REQUESTS: tuple[EventType, ...] = ("erasure-requested", "objection", "restriction")


@dataclass(frozen=True, slots=True)
class Known:
    """One record as it stands now. `otherwise` are its entries as they would be without holds and restrictions, the
    same ones in the same order. `own` and `person` are what was asked for and decided about the record and about its
    `owner`. `in_question`: why the shop is still to be asked about it."""

    kind: RecordKind
    id: int
    state: State
    name: str = ""
    closed_on: date | None = None
    entries: tuple[Entry, ...] = ()
    otherwise: tuple[Entry, ...] = ()
    recipients: tuple[str, ...] = ()
    own: tuple[RecordEvent, ...] = ()
    person: tuple[RecordEvent, ...] = ()
    owner: int | None = None
    holds: tuple[RecordEvent, ...] = ()
    restriction: RecordEvent | None = None
    in_question: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """One category of one record: as it stands, as it would stand `otherwise`, and the rights over it."""

    entry: Entry
    otherwise: Entry
    stays: tuple[Stay, ...]
    rights: tuple[Entitlement, ...]
    restricted_since: date | None


@dataclass(frozen=True, slots=True)
class Receives:
    """Who got data of a record, and which categories of those it holds."""

    recipient: Recipient
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One record that is held. `unnamed`: ways (`shipping`, `flat_rate`) of which nobody is named who gets data by
    them."""

    kind: RecordKind
    id: int
    name: str
    state: State
    closed_on: date | None
    held: tuple[Held, ...]
    recipients: tuple[Receives, ...]
    unnamed: tuple[tuple[str, str], ...]
    in_question: str | None


@dataclass(frozen=True, slots=True)
class Closed:
    """A record that the shop has erased (`erased`), or that is no more there (`gone`, first heard of `on`)."""

    kind: RecordKind
    id: int
    name: str
    state: State
    on: date | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is on record, and what it is about: a record, or the person with all that is theirs, by the
    account (`customer`) or, where there is none, without an id. An objection has a `scope`, `marketing` or `all`; a
    restriction was `lifted_on` a day, or stands (None)."""

    type: EventType
    on: date
    kind: RecordKind | Literal["person"]
    id: int | None
    scope: str = ""
    lifted_on: date | None = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the request was received, how that is known, and by the end of which day it is to be answered."""

    received_on: date
    source: Literal["given", "on-record", "none-on-record"]
    answer_by: date


@dataclass(frozen=True)
class Answer:
    """All that a person is told. `main` is the record asked about: its state, `unknown` while it was not read.

    `complete` is false while the ledger may hold records of theirs that it cannot find yet. `guests_told_apart`: what
    is known by the addresses of a customer alone is among the records.
    """

    subject: Subject
    store: str
    made_on: date
    policy: Policy
    deadline: Deadline
    asked: tuple[Asked, ...]
    main: State
    records: tuple[Record, ...]
    closed: tuple[Closed, ...]
    where_required: tuple[Recipient, ...]
    authorities: tuple[Authority, ...]
    uk: bool
    complete: bool
    guests_told_apart: bool

    @property
    def categories(self) -> frozenset[str]:
        """All categories of data that are held."""
        return frozenset(held.entry.data for record in self.records for held in record.held)


def answer_of(
    subject: Subject,
    store: str,
    known: Iterable[Known],
    policy: Policy,
    now: datetime,
    *,
    requested_on: date | None = None,
    uk: bool = False,
    complete: bool = True,
    guests_told_apart: bool = False,
) -> Answer:
    """The answer as of `now`. `requested_on`: when the request was received, where the caller knows it."""
    rows = sorted(known, key=lambda row: (ORDER.index(row.kind), row.id))
    today = policy.day_of(now)
    asked = requests(rows, policy)
    return Answer(
        subject=subject,
        store=store,
        made_on=today,
        policy=policy,
        deadline=_deadline(requested_on, asked, today),
        asked=asked,
        main=_state_of(subject, rows),
        records=tuple(_record(row, policy, today) for row in rows if row.entries),
        closed=tuple(_closed(row) for row in rows if row.state in ("erased", "gone")),
        where_required=tuple(
            item for item in policy.recipients.values() if _only_where_required(item)
        ),
        authorities=authorities(policy, uk=uk),
        uk=uk,
        complete=complete,
        guests_told_apart=guests_told_apart,
    )


def _state_of(subject: Subject, rows: Iterable[Known]) -> State:
    for row in rows:
        if (row.kind, str(row.id)) == (subject.kind, subject.value):
            return row.state
    return "unknown"


def requests(known: Iterable[Known], policy: Policy) -> tuple[Asked, ...]:
    """The requests on record, in order of time, each once; not those that were reported by mistake.

    What bears on several records is told of the record about which it was noted, as far as that is among them. A
    newsletter contact stands for the person, and so does whatever bears on a record of a guest.
    """
    found: dict[tuple[str, str, datetime], tuple[datetime, Asked]] = {}
    rows = tuple(known)
    about: list[tuple[_About, tuple[RecordEvent, ...]]] = [(_about(row), row.own) for row in rows]
    about += [(_person(row), row.person) for row in rows]
    for what, events in about:
        for event in _standing_requests(events):
            asked = event.at, _asked(event, events, what, policy)
            found.setdefault((event.id, event.type, event.at), asked)
    return tuple(asked for _, asked in sorted(found.values(), key=lambda one: one[0]))


_About = tuple[RecordKind | Literal["person"], int | None]


def _about(row: Known) -> _About:
    """What the events that were noted about a record are about."""
    return _person(row) if row.kind == "marketing-consent" else (row.kind, row.id)


def _person(row: Known) -> _About:
    return ("customer", row.owner) if row.owner else ("person", None)


def _asked(
    event: RecordEvent, events: tuple[RecordEvent, ...], about: _About, policy: Policy
) -> Asked:
    on = policy.day_of(event.at)
    if event.type == "objection":
        return Asked(event.type, on, *about, scope=event.scope or "all")
    return Asked(event.type, on, *about, lifted_on=_lifted_on(event, events, policy))


def _lifted_on(
    request: RecordEvent, events: tuple[RecordEvent, ...], policy: Policy
) -> date | None:
    """The day on which a restriction was lifted first; None while it stands, and for any other request."""
    mistakes = _mistakes(events)
    lifts = [
        event.at
        for event in events
        if event.type == "restriction-lifted" and event.id not in mistakes
    ]
    later = [at for at in lifts if at > request.at and request.type == "restriction"]
    return policy.day_of(min(later)) if later else None


def _mistakes(events: tuple[RecordEvent, ...]) -> set[str]:
    return {event.about for event in events if event.type == "retracted"}


def _standing_requests(events: tuple[RecordEvent, ...]) -> Iterator[RecordEvent]:
    mistakes = _mistakes(events)
    yield from (event for event in events if event.type in REQUESTS and event.id not in mistakes)


def _deadline(requested_on: date | None, asked: tuple[Asked, ...], today: date) -> Deadline:
    """One month from the request: GDPR Art. 12(3)."""
    if requested_on:
        return Deadline(requested_on, "given", answer_by(requested_on))
    if asked:
        return Deadline(asked[-1].on, "on-record", answer_by(asked[-1].on))
    return Deadline(today, "none-on-record", answer_by(today))


def _record(row: Known, policy: Policy, today: date) -> Record:
    data = {entry.data for entry in row.entries}
    named = [policy.recipients[name] for name in row.recipients if name in policy.recipients]
    ways = [
        name.removeprefix(UNNAMED).split(":", 1)
        for name in row.recipients
        if name.startswith(UNNAMED)
    ]
    return Record(
        kind=row.kind,
        id=row.id,
        name=row.name,
        state=row.state,
        closed_on=row.closed_on,
        held=tuple(
            _held(*pair, row, policy, today)
            for pair in zip(row.entries, row.otherwise, strict=True)
        ),
        recipients=tuple(Receives(item, tuple(sorted(item.data & data))) for item in named),
        unnamed=tuple((what, way) for what, way in ways),
        in_question=row.in_question,
    )


def _held(entry: Entry, otherwise: Entry, row: Known, policy: Policy, today: date) -> Held:
    since = policy.day_of(row.restriction.at) if row.restriction else None
    staying = stays(otherwise, row.holds, policy, today)
    rights = entitlements(otherwise, staying, today, restricted=since is not None)
    return Held(entry, otherwise, staying, rights, since)


def _closed(row: Known) -> Closed:
    return Closed(row.kind, row.id, row.name, row.state, row.closed_on)


def _only_where_required(recipient: Recipient) -> bool:
    return not (recipient.always or recipient.payment or recipient.shipping or recipient.holding)
