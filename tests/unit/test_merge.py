"""Merge the same deliveries in any order and any number of times: the facts are the same."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.retention.consent import MAX_CHOICES
from hooks.retention.facts import (
    META_KINDS,
    Choice,
    CustomerFacts,
    OrderFacts,
    Refund,
    Snapshot,
)
from hooks.retention.merge import (
    MergeResult,
    StoreAnswer,
    StoreFacts,
    merge,
    with_placed_order,
)
from tests.unit.builders import at, customer, order, snapshot

DAY = datetime(2026, 11, 22, tzinfo=UTC)


def fold(shown: list[Snapshot]) -> MergeResult:
    """Merge the snapshots in this order, as the ledger does, starting without facts."""
    first, *rest = shown
    merged = merge(None, None, first, doubtful=False)
    for one in rest:
        merged = merge(merged.facts, merged.version, one, doubtful=merged.doubtful)
    return merged


def _end(merged: MergeResult) -> tuple[StoreFacts, datetime, bool]:
    """The merge result without `stale`, which describes only the last delivery."""
    return merged.facts, merged.version, merged.doubtful


seconds = st.integers(0, 4).map(lambda number: DAY + timedelta(seconds=number))
earlier = st.none() | st.integers(-3, 0).map(lambda number: DAY + timedelta(days=number))
choices = st.sampled_from([None, True, False])


def _meta_kinds(newsletter: bool | None, attribution: bool) -> frozenset[str]:
    held = {"newsletter": newsletter is not None, "attribution": attribution}
    return frozenset(kind for kind, there in held.items() if there)


def _refund(number: int, dated: bool) -> Refund:
    """A refund with a fixed day, whichever snapshot shows it."""
    return Refund(number, DAY + timedelta(days=number) if dated else None)


def _day_shown_by(version: datetime) -> datetime:
    """The day that the snapshots of one version show, if any. Another version may show another day."""
    return DAY - timedelta(days=(version - DAY).seconds % 3)


@st.composite
def orders(draw: st.DrawFn) -> Snapshot:
    """A snapshot of an order as a delivery may show it: with or without `meta_data`, erased or not."""
    version, shows_meta = draw(seconds), draw(st.booleans())
    newsletter, attribution = draw(choices), draw(st.booleans())
    # A refund stays: a later version has the refunds of the earlier versions.
    half, odd = divmod((version - DAY).seconds, 2)
    sure = half + odd
    ids = range(1, 1 + (sure if odd else half + draw(st.integers(0, 1))))
    facts = OrderFacts(
        status=draw(st.sampled_from(["pending", "processing", "completed", "cancelled"])),
        created_at=DAY - timedelta(days=4),
        # Two snapshots of one second never show two different days: each save sets a day once.
        paid_at=draw(st.sampled_from([None, _day_shown_by(version)])),
        completed_at=draw(st.sampled_from([None, _day_shown_by(version)])),
        customer_id=draw(st.sampled_from([0, 5])),
        trashed=draw(st.booleans()),
        # Only a refetch shows the day of a refund, and then all snapshots of that second have the refund.
        refunds=tuple(_refund(number, number <= sure and draw(st.booleans())) for number in ids),
        kinds=draw(st.frozensets(st.sampled_from(["note", "identity"])))
        | (_meta_kinds(newsletter, attribution) if shows_meta else frozenset()),
        choices=(Choice(version, newsletter),) if shows_meta and newsletter is not None else (),
        erased_at=version if shows_meta and draw(st.integers(0, 3)) == 0 else None,
        meta_at=version if shows_meta else None,
    )
    return Snapshot(facts, 7, version, {} if shows_meta else None)


@st.composite
def customers(draw: st.DrawFn) -> Snapshot:
    """A snapshot of an account as a delivery may show it."""
    version, shows_meta, newsletter = draw(seconds), draw(st.booleans()), draw(choices)
    facts = CustomerFacts(
        created_at=draw(st.sampled_from([DAY - timedelta(days=9), DAY - timedelta(days=8)])),
        staff=draw(st.booleans()),
        last_active_at=draw(earlier) if shows_meta else None,
        kinds=_meta_kinds(newsletter, attribution=False) if shows_meta else frozenset(),
        choices=(Choice(version, newsletter),) if shows_meta and newsletter is not None else (),
        meta_at=version if shows_meta else None,
    )
    return Snapshot(facts, 7, version, {} if shows_meta else None)


histories = st.lists(orders(), min_size=1, max_size=5) | st.lists(
    customers(), min_size=1, max_size=5
)


@given(histories, st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_give_the_same_facts(
    shown: list[Snapshot], dice: random.Random
) -> None:
    again = [*shown, *dice.choices(shown, k=len(shown))]
    dice.shuffle(again)
    assert _end(fold(again)) == _end(fold(shown))


@given(histories, st.integers(0, 4))
def test_a_repeated_snapshot_changes_nothing(shown: list[Snapshot], which: int) -> None:
    """An immediate repetition does not change the ledger's row either."""
    merged = fold(shown)
    again = merge(merged.facts, merged.version, shown[which % len(shown)], doubtful=merged.doubtful)
    assert _end(again) == _end(merged)


@given(histories)
def test_the_newest_version_wins(shown: list[Snapshot]) -> None:
    merged = fold(shown)
    assert merged.version == max(one.version for one in shown)
    newest = [one.facts for one in shown if one.version == merged.version]
    if isinstance(merged.facts, OrderFacts):
        assert merged.facts.status in {
            facts.status for facts in newest if isinstance(facts, OrderFacts)
        }
    else:
        assert merged.facts.staff in {
            facts.staff for facts in newest if isinstance(facts, CustomerFacts)
        }


@given(histories)
def test_facts_that_can_only_grow_never_shrink(shown: list[Snapshot]) -> None:
    merged = fold(shown).facts
    assert {choice.at for choice in merged.choices} == {
        c.at for one in shown for c in one.facts.choices
    }
    if isinstance(merged, CustomerFacts):
        visits = [one.facts.last_active_at for one in shown if isinstance(one.facts, CustomerFacts)]
        assert merged.last_active_at == max(filter(None, visits), default=None)
    else:
        erased = [one.facts.erased_at for one in shown if isinstance(one.facts, OrderFacts)]
        assert merged.erased_at == min(filter(None, erased), default=None)


@given(histories)
def test_missing_meta_data_is_unknown_and_not_empty(shown: list[Snapshot]) -> None:
    """Facts that only `meta_data` shows come from the newest version that showed any."""
    merged = fold(shown).facts
    seen = [one.facts for one in shown if one.facts.meta_at is not None]
    last = max((facts.meta_at for facts in seen if facts.meta_at), default=None)
    assert merged.meta_at == last
    told = {facts.kinds & META_KINDS for facts in seen if facts.meta_at == last}
    assert merged.kinds & META_KINDS in (told or {frozenset()})


# --- examples --------------------------------------------------------------------------------------------


def test_older_never_overwrites_newer() -> None:
    new, old = snapshot(order("completed"), "2026-11-22"), snapshot(order("pending"), "2026-11-21")
    merged = merge(new.facts, new.version, old, doubtful=False)
    assert (merged.facts, merged.version, merged.stale, merged.doubtful) == (
        new.facts,
        new.version,
        True,
        False,
    )


def test_newer_overwrites_older_and_ends_a_tie() -> None:
    new, old = snapshot(order("completed"), "2026-11-22"), snapshot(order("pending"), "2026-11-21")
    merged = merge(old.facts, old.version, new, doubtful=True)
    assert (merged.facts, merged.version, merged.stale, merged.doubtful) == (
        new.facts,
        new.version,
        False,
        False,
    )


def test_a_tie_is_doubtful_and_the_further_status_wins() -> None:
    one = snapshot(order("pending"))
    other = snapshot(order("processing", paid_at="2026-11-22"))
    for shown in permutations([one, other]):
        merged = fold(list(shown))
        assert (merged.facts, merged.doubtful) == (other.facts, True)


@pytest.mark.parametrize(
    ("less", "further"),
    [
        # One difference each, the further snapshot last, whatever the status.
        (order("processing", paid_at="2026-11-21"), order("cancelled", trashed=True)),
        (order("processing"), order("cancelled", refunds={1: None})),
        (order("processing"), order("cancelled", completed_at="2026-11-21")),
        (order("processing"), order("cancelled", paid_at="2026-11-21")),
        (order("cancelled", customer_id=0), order("cancelled", customer_id=5)),
        (customer(), customer(staff=True)),
    ],
)
def test_further_status_of_a_tie(less: StoreFacts, further: StoreFacts) -> None:
    for shown in permutations([snapshot(less), snapshot(further)]):
        merged = fold(list(shown))
        assert (bare(merged.facts), merged.doubtful) == (bare(further), True)


def bare(facts: StoreFacts) -> StoreFacts:
    """The facts without those that snapshots other than the newest showed."""
    if isinstance(facts, CustomerFacts):
        return facts
    lacking: dict[str, Any] = {name: () if name == "refunds" else None for name, _ in facts.carried}
    lacking |= {"former_customer_id": 0, "was_paid": False, "carried": ()}
    return replace(facts, **lacking)


@pytest.mark.parametrize("known_doubtful", [False, True])
def test_a_refetch_resolves_a_tie(known_doubtful: bool) -> None:
    """This holds also if the answer is less far on, and for any tie."""
    known = snapshot(order("completed", paid_at="2026-11-22"))
    answer = snapshot(order("pending"))
    merged = merge(
        known.facts, known.version, answer, doubtful=known_doubtful, answer=StoreAnswer()
    )
    assert (bare(merged.facts), merged.stale, merged.doubtful) == (answer.facts, False, False)


def test_a_refetch_resolves_a_tie_of_meta_data() -> None:
    known = order(kinds="newsletter", meta_at="2026-11-22", choices={"2026-11-22": True})
    answer = snapshot(order(kinds="", meta_at="2026-11-22"), ours={})
    merged = merge(known, at("2026-11-22"), answer, doubtful=True, answer=StoreAnswer())
    assert (merged.facts.kinds, merged.doubtful) == (frozenset(), False)


def test_a_refetch_without_meta_data_keeps_the_known_meta_data() -> None:
    known = customer(kinds="newsletter", meta_at="2026-11-22", choices={"2026-11-22": True})
    merged = merge(
        known, at("2026-11-22"), snapshot(customer()), doubtful=True, answer=StoreAnswer()
    )
    assert (merged.facts, merged.doubtful) == (known, False)


def test_a_stale_refetch_resolves_nothing() -> None:
    """A delivery overtook the refetch, and its snapshot is newer."""
    known_facts = order("completed")
    merged = merge(
        known_facts,
        at("2026-11-22"),
        snapshot(order("pending"), "2026-11-21"),
        doubtful=True,
        answer=StoreAnswer(),
    )
    assert (merged.facts, merged.stale, merged.doubtful) == (known_facts, True, True)


def test_a_delivery_without_meta_data_keeps_the_known_meta_data() -> None:
    known_facts = customer(
        kinds="newsletter",
        meta_at="2026-11-21",
        choices={"2026-11-21": True},
        last_active_at="2026-11-20",
    )
    merged = merge(known_facts, at("2026-11-21"), snapshot(customer()), doubtful=False)
    assert (merged.facts, merged.version, merged.doubtful) == (known_facts, at("2026-11-22"), False)


def test_empty_meta_data_clears_the_known_meta_data() -> None:
    known = customer(kinds="newsletter", meta_at="2026-11-21", choices={"2026-11-21": True})
    merged = merge(
        known, at("2026-11-21"), snapshot(customer(meta_at="2026-11-22"), ours={}), doubtful=False
    )
    assert (merged.facts.kinds, merged.facts.choices) == (frozenset(), known.choices)


def test_a_late_delivery_fills_in_missing_meta_data() -> None:
    late = snapshot(
        customer(kinds="newsletter", meta_at="2026-11-20", last_active_at="2026-11-19"),
        "2026-11-20",
    )
    merged = merge(customer(), at("2026-11-22"), late, doubtful=False)
    assert merged.stale
    assert merged.facts == customer(
        kinds="newsletter", meta_at="2026-11-20T12:00:00", last_active_at="2026-11-19T12:00:00"
    )


def test_a_known_refund_day_survives_deliveries_without_it() -> None:
    known = order(refunds={1: "2026-11-23", 2: None})
    later = snapshot(order(refunds={1: None, 2: None, 3: None}), "2026-11-24")
    merged = merge(known, at("2026-11-23"), later, doubtful=False)
    assert merged.facts == order(refunds={1: "2026-11-23", 2: None, 3: None})


def test_an_erasure_keeps_the_day_of_the_first_snapshot_with_it() -> None:
    erased = snapshot(order(erased_at="2026-11-21", meta_at="2026-11-21"), "2026-11-21", ours={})
    later = snapshot(order(erased_at="2026-11-22", meta_at="2026-11-22"), "2026-11-22", ours={})
    for shown in permutations([erased, later]):
        facts = fold(list(shown)).facts
        assert isinstance(facts, OrderFacts)
        assert facts.erased_at == at("2026-11-21")


def test_a_repeated_delivery_of_an_erased_order_is_no_tie() -> None:
    """The second delivery shows no `meta_data`, and so no erasure."""
    erased = snapshot(order(erased_at="2026-11-21", meta_at="2026-11-21"), "2026-11-21", ours={})
    plain = snapshot(order(), "2026-11-22")
    assert not fold([erased, plain, plain]).doubtful


def test_two_choices_of_one_second_count_as_a_refusal() -> None:
    yes = snapshot(customer(choices={"2026-11-22": True}))
    no = snapshot(customer(choices={"2026-11-22": False}))
    for shown in permutations([yes, no, yes]):
        assert fold(list(shown)).facts.choices == (Choice(at("2026-11-22"), given=False),)


@pytest.mark.parametrize(
    ("given", "telling"),
    [
        # Up to the limit every choice is kept.
        ([True] * MAX_CHOICES, range(MAX_CHOICES)),
        # Beyond the limit: the first, the last, and those at which the choice changed.
        ([True] * 40, [0, 39]),
        ([True] * 20 + [False] * 20, [0, 20, 39]),
        ([False] * 35 + [True] * 65, [0, 35, 99]),
        # If the choice changed more often than the limit: the last changes.
        ([number % 2 == 0 for number in range(40)], range(8, 40)),
    ],
)
def test_many_choices_are_reduced_to_the_significant_ones(
    given: list[bool], telling: Iterable[int]
) -> None:
    days = [at("2026-01-01") + timedelta(days=number) for number in range(len(given))]
    shown = [
        Snapshot(CustomerFacts(created_at=DAY, choices=(Choice(day, choice),)), 7, day, None)
        for day, choice in zip(days, given, strict=True)
    ]
    kept = [days.index(choice.at) for choice in fold(shown).facts.choices]
    assert kept == sorted(set(kept))
    assert len(kept) <= MAX_CHOICES
    assert set(telling) <= set(kept)


def test_the_last_order_counts_in_any_order_of_arrival() -> None:
    late, early = at("2026-11-22"), at("2026-11-20")
    unknown = with_placed_order(None, early)
    assert unknown == CustomerFacts(last_order_at=early)
    assert with_placed_order(with_placed_order(unknown, late), early).last_order_at == late
    account = merge(unknown, None, snapshot(customer()), doubtful=False)
    assert account.facts == customer(last_order_at="2026-11-20T12:00:00")
