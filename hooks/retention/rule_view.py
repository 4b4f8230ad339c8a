"""What the rules see of instants: on which day each falls, and which of two came first. Nothing else.

Records that differ in nothing but the time of day, or in who they belong to, have the same schedule: it is worked out
once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from hooks.retention.facts import Choice, CustomerFacts, OrderFacts, Refund

_NOON = 12


def rule_view(facts: OrderFacts | CustomerFacts, zone: tzinfo) -> OrderFacts | CustomerFacts:
    """The same facts with instants that stand for their days in `zone`, and keep their order within a day.

    Facts which give the same result have the same schedule under any policy of that zone. What no rule asks for (ids,
    who got data of it, and when `meta_data` was seen) is left out.
    """
    stands_for = _stand_ins(_instants(facts), zone)
    choices = tuple(Choice(stands_for[choice.at], choice.given) for choice in facts.choices)
    if isinstance(facts, CustomerFacts):
        return CustomerFacts(
            created_at=_of(stands_for, facts.created_at),
            staff=facts.staff,
            last_active_at=_of(stands_for, facts.last_active_at),
            last_order_at=_of(stands_for, facts.last_order_at),
            kinds=facts.kinds,
            choices=choices,
            oddities=facts.oddities,
            first_seen_at=_of(stands_for, facts.first_seen_at),
        )
    return OrderFacts(
        status=facts.status,
        created_at=_of(stands_for, facts.created_at),
        paid_at=_of(stands_for, facts.paid_at),
        completed_at=_of(stands_for, facts.completed_at),
        kinds=facts.kinds,
        trashed=facts.trashed,
        refunds=tuple(Refund(0, _of(stands_for, refund.at)) for refund in facts.refunds),
        choices=choices,
        erased_at=_of(stands_for, facts.erased_at),
        oddities=facts.oddities,
        was_paid=facts.was_paid,
        first_seen_at=_of(stands_for, facts.first_seen_at),
    )


def _instants(facts: OrderFacts | CustomerFacts) -> Iterable[datetime | None]:
    yield from (facts.created_at, facts.first_seen_at)
    yield from (choice.at for choice in facts.choices)
    if isinstance(facts, CustomerFacts):
        yield from (facts.last_active_at, facts.last_order_at)
    else:
        yield from (facts.paid_at, facts.completed_at, facts.erased_at)
        yield from (refund.at for refund in facts.refunds)


def _stand_ins(instants: Iterable[datetime | None], zone: tzinfo) -> dict[datetime, datetime]:
    """Noon of each instant's day, and a microsecond more for each other instant of the day that came before it."""
    stands_for: dict[datetime, datetime] = {}
    last = None
    for instant in sorted({instant for instant in instants if instant}):
        local = instant.astimezone(zone)
        rank = last.microsecond + 1 if last and last.date() == local.date() else 0
        last = datetime(local.year, local.month, local.day, _NOON, 0, 0, rank, zone)
        stands_for[instant] = last
    return stands_for


def _of(stands_for: dict[datetime, datetime], instant: datetime | None) -> datetime | None:
    return stands_for[instant] if instant else None
