"""A cache of computed values has a limited size."""

from __future__ import annotations

from dataclasses import replace

from hooks.retention.cache import BoundedCache
from hooks.retention.policy import Policy
from tests.unit.builders import governing, order


def test_a_full_cache_starts_again_empty() -> None:
    cache: BoundedCache[int, str] = BoundedCache(2)
    assert [cache.put(number, str(number)) for number in (1, 2)] == ["1", "2"]
    assert cache == {1: "1", 2: "2"}
    cache.put(3, "3")
    assert cache == {3: "3"}


def test_each_policy_has_its_own_cache(policy: Policy) -> None:
    """This holds also for a copy of a policy with one rule less."""
    paid = order("completed", paid_at="2026-11-22")
    before = governing(paid, policy)
    longer = {
        **policy.classes,
        "orders-accounting": replace(
            policy.classes["orders-accounting"], label="other", keep=None, until="x"
        ),
    }
    assert governing(paid, replace(policy, classes=longer)) != before
    assert governing(paid, policy) is before
