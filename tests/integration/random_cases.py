"""Small worlds for property tests: what is shown, reported and noted of a few records, in any order, and again.

What carries no time is left out: hints (`{"id": 5}`), on whose word alone nothing is closed, and reports without `at`,
which are dated by their arrival.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from hooks.intake.ingest import Ingest
from hooks.intake.webhook import Content, Delivery, EventNote, OccurrenceReport
from hooks.policies.activate import activate
from hooks.policies.retag import Retagger
from hooks.retention.events import TYPES, EventType, RecordEvent
from hooks.retention.facts import EVENT_TYPES, RecordKind, Snapshot, Subject
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from tests.integration.policy_variants import policies
from tests.unit.builders import at, customer, order

ORDERS = {101: "2025-12-31", 102: "2026-11-20"}
"""By number, the day on which it was placed."""

CUSTOMERS = {7: "2026-01-10", 8: "2025-06-01"}
"""By number, the day of sign-up."""

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23")
"""Few, so that two states or two events of one second are met often."""

SUBJECTS = (
    *(Subject("order", str(number)) for number in ORDERS),
    *(Subject("customer", str(number)) for number in CUSTOMERS),
    Subject("email", "ab" * 32),
    None,
)
REPORTED: dict[RecordKind, int] = {
    "support-request": 1,
    "cookie-consent": 3,
    "marketing-consent": 4,
}
TARGETS: tuple[tuple[RecordKind, int], ...] = (
    ("support-request", 1),
    ("customer", 7),
    ("order", 101),
    ("customer", 8),
)
EVENT_IDS = tuple(f"event-{number}" for number in range(6))
ENOUGH = 60
"""More chunks than so small a case can need."""

days = st.sampled_from(DAYS)


# What comes


def _order(
    number: int, day: str, opted: str | None, *, meta: bool, erased: bool, **facts: Any
) -> Snapshot:
    """A state of an order; `opted` is the newsletter choice, which shows only where `meta_data` does."""
    kinds = facts.pop("kinds")
    if not facts.pop("is_guest"):
        facts["customer_id"] = _owner_on(number, day)
    more: dict[str, Any] = {"erased_at": day if erased else None}
    if meta:
        kinds = kinds | {"attribution"} | ({"newsletter"} if opted else set())
        more |= {"meta_at": day, "choices": {day: opted == "yes"} if opted else {}}
    known = order(facts.pop("status"), ORDERS[number], kinds=" ".join(kinds), **facts, **more)
    return Snapshot(known, number, at(day), {} if meta else None)


def _owner_on(number: int, day: str) -> int:
    """Return the customer whose order it is on a day. States of one second never show two customers."""
    return 7 + (number + int(day[8:10])) % 2


def _account(
    number: int, day: str, opted: str | None, *, staff: bool, active: str | None
) -> Snapshot:
    choices = {day: opted == "yes"} if opted else {}
    kinds = "newsletter" if opted else ""
    known = customer(
        CUSTOMERS[number],
        staff=staff,
        last_active_at=active,
        kinds=kinds,
        choices=choices,
        meta_at=day,
    )
    return Snapshot(known, number, at(day), {})


def _happened(what: str, day: str, subject: Subject | None) -> OccurrenceReport:
    kind, occurrence = EVENT_TYPES[what]
    return OccurrenceReport(kind, REPORTED[kind], occurrence, at(day), subject=subject)


def _noted(
    target: tuple[RecordKind, int], type_: EventType, day: str, own: str, about: str
) -> EventNote:
    if type_ == "hold":
        return EventNote(
            *target, RecordEvent(own, type_, at(day), "litigation", "legal", date(2027, 5, 1))
        )
    names = about if type_ == "retracted" or (type_ == "hold-lifted" and about != own) else ""
    return EventNote(*target, RecordEvent(own, type_, at(day), about=names))


opted = st.sampled_from(["yes", "no", None])
orders = st.builds(
    _order,
    st.sampled_from([101, 101, 102]),  # so that its owner changes now and then
    days,
    opted,
    meta=st.booleans(),
    erased=st.sampled_from([False, False, True]),
    status=st.sampled_from(["pending", "processing", "completed", "cancelled", "checkout-draft"]),
    is_guest=st.sampled_from([False, False, False, False, True]),
    kinds=st.sets(st.sampled_from(["identity", "shipping", "note", "network"])),
    paid_at=st.sampled_from([None, "2026-11-20"]),
    trashed=st.sampled_from([False, False, True]),
    payment=st.sampled_from(["", "stripe", "klarna_payments"]),
    carriers=st.sampled_from(
        [frozenset[str](), frozenset({"flat_rate"}), frozenset({"local_pickup", "bring"})]
    ),
)
accounts = st.builds(
    _account,
    st.sampled_from(sorted(CUSTOMERS)),
    days,
    opted,
    staff=st.sampled_from([False, False, False, True]),
    active=st.none() | days,
)
closings = st.builds(
    _happened,
    st.just("support-request.closed"),
    days,
    st.sampled_from((*SUBJECTS[:1] * 4, *SUBJECTS)),
)
reports = st.builds(
    _happened, st.sampled_from(sorted(EVENT_TYPES)), days, st.sampled_from(SUBJECTS)
)


@st.composite
def notes(draw: DrawFn) -> list[Content]:
    """Events of all types, each under an id of its own; what they are about, is perhaps another one of these."""
    many = draw(st.integers(1, len(EVENT_IDS)))
    return [
        _noted(
            draw(st.sampled_from(TARGETS)),
            draw(st.sampled_from(TYPES)),
            draw(days),
            own,
            draw(st.sampled_from(EVENT_IDS)),
        )
        for own in EVENT_IDS[:many]
    ]


# What is done meanwhile


@dataclass(frozen=True, slots=True)
class Take:
    """A delivery comes, under this identity; `late`: to a process that still works by the policy before."""

    content: Content
    identity: str
    late: bool


@dataclass(frozen=True, slots=True)
class PutInForce:
    """Another policy is put in force."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class TagSome:
    """A worker tags some records anew."""

    limit: int


Step = Take | PutInForce | TagSome


@dataclass(frozen=True, slots=True)
class RandomCase:
    """What is told of it, in no order; and the steps in which the ledger learns of it."""

    contents: tuple[Content, ...]
    steps: tuple[Step, ...]

    @property
    def policy(self) -> Policy:
        """The last one that was put in force."""
        chosen = [step.policy for step in self.steps if isinstance(step, PutInForce)]
        return chosen[-1] if chosen else policies()[0]


def _meanwhile() -> SearchStrategy[list[Step]]:
    put = st.builds(PutInForce, st.sampled_from(policies()))
    return st.lists(put, max_size=2).flatmap(
        lambda some: st.lists(st.builds(TagSome, st.integers(1, 4)), max_size=2).map(
            lambda more: [*some, *more]
        )
    )


def _is_note(step: Step) -> bool:
    return isinstance(step, Take) and isinstance(step.content, EventNote)


ORDERINGS: tuple[Callable[[Step], bool], ...] = (
    lambda _: False,  # anything at any time
    _is_note,  # what people ask for comes last, as it mostly does
    lambda step: not _is_note(step),
)
"""What of the steps comes first."""


@st.composite
def random_cases(draw: DrawFn) -> RandomCase:
    """Deliveries and events, some of them twice (as the same delivery, or as another one), and all else, shuffled."""
    more = st.lists(orders | orders | accounts | reports, min_size=2, max_size=6)
    contents: list[Content] = [
        draw(accounts),
        draw(orders),
        draw(closings),
        *draw(more),
        *draw(notes()),
    ]
    places = range(len(contents))
    repeated = draw(
        st.lists(st.tuples(st.sampled_from(places), st.sampled_from(["", "again"])), max_size=3)
    )
    taken = [(place, "") for place in places] + repeated
    takes = [
        Take(contents[place], f"{place}{again}", draw(st.booleans())) for place, again in taken
    ]
    steps = draw(st.permutations([*takes, *draw(_meanwhile())]))
    return RandomCase(tuple(contents), tuple(sorted(steps, key=draw(st.sampled_from(ORDERINGS)))))


def play(runtime: Runtime, store: str, case: RandomCase) -> Runtime:
    """Have a new ledger learn of it, step by step, and then tag all that is due. Gives what it ends with."""
    activate(runtime, runtime.policy)
    before = runtime
    for step in case.steps:
        match step:
            case PutInForce(policy):
                assert activate(runtime, policy, yes=True).waits_for is None
                before, runtime = runtime, replace(runtime, policy=policy)
            case TagSome(limit):
                Retagger(runtime).step(limit)
            case Take(content, identity, late):
                Ingest(before if late else runtime).ingest_one(
                    store, Delivery(identity, "made.here", content)
                )
    for _ in range(ENOUGH):
        if not Retagger(runtime).step(3):
            return runtime
    raise AssertionError("the tags are never all as they should be")
