"""How many calls a second a store bears, worked out from how long it takes to answer them. No IO, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hooks.store.pace import Outcome

START_RATE = 2.0
"""Calls a second to a store of which nothing is known: a small shop bears this beside its customers."""

MIN_RATE = 0.2
"""Calls a second that are always allowed, so that it shows when the store is well again: one in five seconds."""

GROWTH = 0.5
"""Calls a second more, after each call that took about as long as usual."""

NEAR = 1.5
"""Up to this many times the usual is about as long as usual. From here to SLOW the rate stays."""

SLOW = 2.0
"""More than this many times the usual is slow."""

SLACK = 0.1
"""Seconds more than usual that say nothing: a network, or our own machine, takes as long now and then."""

LEARNT = 0.05
"""The part of the way to each new time that the usual one goes: some twenty calls make a habit."""

LEARNT_OF_SLOW = 0.05
"""The part of itself (of SLACK, if that is more) by which the usual time grows at most after a slow call.

So a minute's overload does not pass for normal, nor does one answer that took a minute; but a store that is ten
times slower for ever is taken as it is after some forty calls."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One call: which kind (calls of a kind take about as long), how many seconds it took, how it went."""

    call: str
    seconds: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Load:
    """What a store bears: calls a second, and by kind of call the seconds that it usually takes."""

    rate: float = START_RATE
    usual: Mapping[str, float] = field(default_factory=dict)


def adapted(load: Load, observed: Sequence[Observation], ceiling: float) -> Load:
    """The load after these calls, the oldest first.

    The rate grows step by step while the store answers as fast as it usually does, and is halved by each call
    that is slow, times out, or is answered that the store is busy. It is never above `ceiling` (calls a second),
    nor below MIN_RATE where the ceiling is not. Only answers teach what is usual.
    """
    rate, usual = _within(load.rate, ceiling), dict(load.usual)
    for one in observed:
        known = usual.get(one.call)
        rate = _within(_next_rate(rate, one, known), ceiling)
        if one.outcome is Outcome.ANSWERED:
            usual[one.call] = one.seconds if known is None else _next_usual(known, one.seconds)
    return Load(rate, usual)


def _within(rate: float, ceiling: float) -> float:
    return min(max(rate, MIN_RATE), ceiling)


def _next_rate(rate: float, one: Observation, usual: float | None) -> float:
    if one.outcome in (Outcome.BUSY, Outcome.TIMED_OUT):
        return rate / 2
    if one.outcome is Outcome.OTHER or usual is None:
        return rate
    if _is_slow(one.seconds, usual):
        return rate / 2
    return rate + GROWTH if one.seconds <= max(NEAR * usual, usual + SLACK / 2) else rate


def _next_usual(usual: float, seconds: float) -> float:
    if _is_slow(seconds, usual):
        return usual + min(seconds - usual, max(usual, SLACK)) * LEARNT_OF_SLOW
    return usual + (seconds - usual) * LEARNT


def _is_slow(seconds: float, usual: float) -> bool:
    return seconds > SLOW * usual and seconds > usual + SLACK
