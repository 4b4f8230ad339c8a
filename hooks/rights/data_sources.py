"""The sources of a person's data: GDPR Art. 15(1)(g), by section 3 of the page; and section 14, on children.

The page names sources for each kind of data. The ledger does not know more about a single record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hooks.retention.policy import DataSource, Policy
from hooks.rights.labels import Language, label
from hooks.rights.translation import translate

ARTICLE = "GDPR Art. 15(1)(g)"


@dataclass(frozen=True, slots=True)
class CategorySources:
    """The sources of one category of data; empty where the policy names none for it."""

    category: str
    sources: tuple[DataSource, ...]


def category_sources(categories: Iterable[str], policy: Policy) -> tuple[CategorySources, ...]:
    """Return the sources of each of these categories, in the policy's order; nothing if the policy has no sources."""
    if not policy.sources:
        return ()
    selected = frozenset(categories)
    return tuple(
        CategorySources(category, _sources_of(category, policy))
        for category in policy.categories
        if category in selected
    )


def _sources_of(category: str, policy: Policy) -> tuple[DataSource, ...]:
    return tuple(source for source in policy.sources.values() if category in source.data)


def source_sentences(
    items: Iterable[CategorySources], policy: Policy, language: Language
) -> Iterator[str]:
    """Yield a sentence for each set of sources, with all categories that come from it."""
    groups: dict[tuple[DataSource, ...], list[str]] = {}
    for item in items:
        category = label(language, "category", item.category, policy)
        groups.setdefault(item.sources, []).append(category)
    for sources, categories in groups.items():
        names = "; ".join(label(language, "source", source.id, policy) for source in sources)
        key = "sources.from" if sources else "sources.unsaid"
        yield translate(language, key, data=", ".join(categories), sources=names)


def children_text(policy: Policy, language: Language) -> str:
    """Return the page's statement about children; empty where the policy has none."""
    if policy.children is None:
        return ""
    text = translate(language, "children", age=policy.children.age)
    if policy.children.orders_only:
        text += " " + translate(language, "children.orders-only")
    return text
