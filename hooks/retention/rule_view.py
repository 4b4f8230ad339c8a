"""The facts as the rules see them: of each instant only its day, and the order of the instants of a day.

Records that differ only in the time of day, or in whose they are, have the same schedule. It is computed once for all
of them.

`hooks/ledger/facts_outline.py` does the same on the stored text of facts, without reading it. A fact that is added or
that a new rule asks for must be added to both; `tests/unit/test_facts_outline.py` compares them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from hooks.retention.facts import Choice, CustomerFacts, OrderFacts, Refund

_NOON = 12


def rule_view(facts: OrderFacts | CustomerFacts, zone: tzinfo) -> OrderFacts | CustomerFacts:
    """Return the facts with each instant replaced by a stand-in on the same day in `zone`.

    Stand-ins keep the order of the instants within a day. Facts with the same view have the same schedule under any
    policy of that zone. Facts that no rule asks for are left out: ids, payment and shipping methods, and the time at
    which `meta_data` was seen.
    """
    stand_ins = _stand_ins(_instants(facts), zone)
    choices = tuple(Choice(stand_ins[choice.at], choice.given) for choice in facts.choices)
    if isinstance(facts, CustomerFacts):
        return CustomerFacts(
            created_at=_view(stand_ins, facts.created_at),
            staff=facts.staff,
            last_active_at=_view(stand_ins, facts.last_active_at),
            last_order_at=_view(stand_ins, facts.last_order_at),
            kinds=facts.kinds,
            choices=choices,
            oddities=facts.oddities,
            first_seen_at=_view(stand_ins, facts.first_seen_at),
        )
    refunds = tuple(Refund(0, _view(stand_ins, refund.at)) for refund in facts.refunds)
    return OrderFacts(
        status=facts.status,
        created_at=_view(stand_ins, facts.created_at),
        paid_at=_view(stand_ins, facts.paid_at),
        completed_at=_view(stand_ins, facts.completed_at),
        kinds=facts.kinds,
        trashed=facts.trashed,
        refunds=refunds,
        choices=choices,
        erased_at=_view(stand_ins, facts.erased_at),
        oddities=facts.oddities,
        was_paid=facts.was_paid,
        first_seen_at=_view(stand_ins, facts.first_seen_at),
    )


def _instants(facts: OrderFacts | CustomerFacts) -> Iterable[datetime | None]:
    yield facts.created_at
    yield facts.first_seen_at
    for choice in facts.choices:
        yield choice.at
    if isinstance(facts, CustomerFacts):
        yield facts.last_active_at
        yield facts.last_order_at
        return
    yield facts.paid_at
    yield facts.completed_at
    yield facts.erased_at
    for refund in facts.refunds:
        yield refund.at


def _stand_ins(instants: Iterable[datetime | None], zone: tzinfo) -> dict[datetime, datetime]:
    """Return the stand-in of each instant: noon of its day in `zone`.

    It is a microsecond later for each different instant of the same day that came before.
    """
    stand_ins: dict[datetime, datetime] = {}
    last = None
    different = set(filter(None, instants))
    for instant in sorted(different):
        local = instant.astimezone(zone)
        rank = 0
        if last and last.date() == local.date():
            rank = last.microsecond + 1
        last = datetime(local.year, local.month, local.day, _NOON, 0, 0, rank, zone)
        stand_ins[instant] = last
    return stand_ins


def _view(stand_ins: dict[datetime, datetime], instant: datetime | None) -> datetime | None:
    if instant is None:
        return None
    return stand_ins[instant]
