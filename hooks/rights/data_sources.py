"""Where a person's data come from: GDPR Art. 15(1)(g), by section 3 of the page; and what section 14 says of children.

The page speaks of kinds of data. Of a single record the ledger does not know more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hooks.retention.policy import DataSource, Policy
from hooks.rights.labels import Language, label
from hooks.rights.translation import say

ARTICLE = "GDPR Art. 15(1)(g)"


@dataclass(frozen=True, slots=True)
class Origin:
    """The sources of one category of data; none where the policy does not say where it comes from."""

    data: str
    sources: tuple[DataSource, ...]


def origins(held: Iterable[str], policy: Policy) -> tuple[Origin, ...]:
    """The sources of each category that is held, in the policy's order; nothing by a policy that names no source."""
    if not policy.sources:
        return ()
    wanted = frozenset(held)
    return tuple(
        Origin(name, _sources(name, policy)) for name in policy.categories if name in wanted
    )


def _sources(data: str, policy: Policy) -> tuple[DataSource, ...]:
    return tuple(source for source in policy.sources.values() if data in source.data)


def origin_words(found: Iterable[Origin], policy: Policy, language: Language) -> Iterator[str]:
    """A sentence for each set of sources, with all categories that come from them."""
    alike: dict[tuple[DataSource, ...], list[str]] = {}
    for origin in found:
        alike.setdefault(origin.sources, []).append(
            label(language, "category", origin.data, policy)
        )
    for sources, names in alike.items():
        names_of = "; ".join(label(language, "source", one.id, policy) for one in sources)
        key = "sources.from" if sources else "sources.unsaid"
        yield say(language, key, data=", ".join(names), sources=names_of)


def children_words(policy: Policy, language: Language) -> str:
    """What the page says of children; empty where the policy says nothing of it."""
    if policy.children is None:
        return ""
    words = say(language, "children", age=policy.children.age)
    return words + (
        " " + say(language, "children.orders-only") if policy.children.orders_only else ""
    )
