"""The lists of the page compared with those of the policy: data, purposes, bases, recipients, safeguards, classes.

A list of which nothing could be read is not compared: `unread` has a sentence on it, and nothing is called missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hooks.page.finding import PageFinding
from hooks.page.normalized_text import lower_first, normalize, slug
from hooks.page.periods import Span
from hooks.page.published import PublishedClass, PublishedPage, PublishedTerm
from hooks.page.section_titles import SectionTopic, topics_of
from hooks.retention.policy import (
    DataSource,
    LegalBasis,
    Policy,
    Recipient,
    RetentionClass,
    Term,
)

PolicyTerm = Term | LegalBasis | DataSource


def compare_lists(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    """Yield the entries that only one side has, and those on which the two sides differ."""
    for comparison in _comparisons(page, policy):
        yield from comparison.findings(page)
    yield from _added_recipients(page, policy)
    yield from _missing_recipients(page, policy)
    yield from _classes(page, policy)
    yield from _authorities(page, policy)
    yield from _children(page, policy)


# --- lists of terms ---


@dataclass(frozen=True, slots=True)
class _ListComparison:
    """The same list on the page and in the policy. `noun` names one of its entries in a sentence."""

    code: str
    noun: str
    topic: SectionTopic
    on_page: Sequence[PublishedTerm]
    in_policy: Mapping[str, PolicyTerm]

    def findings(self, page: PublishedPage) -> Iterator[PageFinding]:
        """Yield the differences; none if nothing of the page's section could be read."""
        if not self.on_page:
            return
        on_page = {term.id: term for term in self.on_page}
        added = on_page.keys() - self.in_policy.keys()
        for name in sorted(added):
            entry = self._entry(name, on_page[name].label)
            text = f"the page names the {entry}, the policy does not."
            yield PageFinding.on(page, self.topic, f"{self.code}-added", text)
        missing = self.in_policy.keys() - on_page.keys()
        for name in sorted(missing):
            entry = self._entry(name, self.in_policy[name].label)
            text = f"the policy has the {entry}, the page does not."
            yield PageFinding.on(page, self.topic, f"{self.code}-gone", text)
        reworded = [term.id for term in self.on_page if self._is_reworded(term)]
        yield from _wording_changed(page, self.topic, self.noun, reworded)

    def _entry(self, name: str, label: str) -> str:
        return f"{self.noun} “{label}” ({name})"

    def _is_reworded(self, published: PublishedTerm) -> bool:
        term = self.in_policy.get(published.id)
        if term is None:
            return False
        if normalize(term.label) != normalize(published.label):
            return True
        if not isinstance(term, LegalBasis):
            return False
        return normalize(term.covers) != normalize(published.text)


def _comparisons(page: PublishedPage, policy: Policy) -> tuple[_ListComparison, ...]:
    sources = page.sources
    if not policy.sources:  # an older policy file has no such table
        sources = ()
    groups = policy.recipient_groups
    return (
        _ListComparison(
            "category", "data category", "categories", page.categories, policy.categories
        ),
        _ListComparison("source", "source of data", "collection", sources, policy.sources),
        _ListComparison("purpose", "purpose", "purposes", page.purposes, policy.purposes),
        _ListComparison("basis", "legal basis", "bases", page.bases, policy.bases),
        _ListComparison("recipient", "group of recipients", "recipients", page.groups, groups),
        _ListComparison("safeguard", "safeguard", "transfers", page.safeguards, policy.safeguards),
    )


def _wording_changed(
    page: PublishedPage, topic: SectionTopic, noun: str, names: Sequence[str]
) -> Iterator[PageFinding]:
    """Yield a notice on entries with other words: only a person can tell whether these mean the same."""
    if names:
        words = ", ".join(names)
        text = f"the page's words for the {noun} {words} differ from the policy's."
        yield PageFinding.on(page, topic, "wording-changed", text, "notice")


# --- recipients ---


def _added_recipients(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    by_name = _by_slug(policy)
    for published in page.recipients:
        name = published.name
        recipient = policy.recipients.get(published.id) or by_name.get(published.id)
        if recipient is None:
            text = f"the page names the recipient “{name}”, the policy does not."
            yield PageFinding.on(page, published.topic, "recipient-added", text)
        elif recipient.published.section is None:
            text = (
                f"the page names “{name}”, and the policy says that it does not ({recipient.id})."
            )
            yield PageFinding.on(page, published.topic, "recipient-added", text, "notice")


def _missing_recipients(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    on_page = {recipient.id for recipient in page.recipients}
    for name, recipient in _by_slug(policy).items():
        section = recipient.published.section
        if section is None or _has_name_of_its_group(recipient, policy):
            continue
        if name in on_page or recipient.id in on_page:
            continue
        topic = _topic_of(policy, section)
        if topic == "recipients" and not page.groups:
            continue  # nothing of that section could be read
        text = f"the policy has the recipient “{recipient.name}”, the page does not name it."
        yield PageFinding.on(page, topic, "recipient-gone", text)


def _by_slug(policy: Policy) -> dict[str, Recipient]:
    return {slug(recipient.name): recipient for recipient in policy.recipients.values()}


def _has_name_of_its_group(recipient: Recipient, policy: Policy) -> bool:
    """Tell whether the page names the recipient by naming its group."""
    group = policy.recipient_groups.get(recipient.group)
    return group is not None and group.label == recipient.name


def _topic_of(policy: Policy, section: int) -> SectionTopic:
    """Return the topic of a section in which the policy has a recipient: marketing, or else recipients."""
    topics = topics_of(policy.sections.get(section, ""))
    if "marketing" in topics:
        return "marketing"
    return "recipients"


# --- complaints and children; a policy without them is an older file, and is not compared ---


def _authorities(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    in_policy = {authority.id: authority.name for authority in policy.authorities}
    if not in_policy or not page.authorities:
        return
    for name in sorted(set(page.authorities) - in_policy.keys()):
        text = f"the page names the supervisory authority {name}, the policy does not."
        yield PageFinding.on(page, "complaints", "authority-added", text)
    for name in sorted(in_policy.keys() - set(page.authorities)):
        entry = f"supervisory authority “{in_policy[name]}” ({name})"
        text = f"the policy has the {entry}, the page does not."
        yield PageFinding.on(page, "complaints", "authority-gone", text)


def _children(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    on_page = page.children
    in_policy = policy.children
    if in_policy is None:
        return
    if on_page is None:
        text = f"the policy has an age of children, {in_policy.age}; the page names none."
        yield PageFinding.on(page, "children", "children-gone", text)
    elif on_page.age != in_policy.age:
        text = f"the age of children is {on_page.age} on the page, {in_policy.age} in the policy."
        yield PageFinding.on(page, "children", "children-changed", text)
    elif normalize(on_page.label) != normalize(in_policy.label):
        text = "the page's words on children differ from the policy's."
        yield PageFinding.on(page, "children", "wording-changed", text, "notice")


# --- retention ---


def _classes(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    if not page.classes:
        return
    reworded = []
    for published in page.classes:
        in_policy = policy.classes.get(published.id)
        if in_policy is None:
            yield _added_class(page, published)
            continue
        yield from _class(page, published, in_policy)
        words = f"{published.label}: {published.text}"
        if normalize(words) != normalize(in_policy.label):
            reworded.append(published.id)
    yield from _wording_changed(page, "retention", "retention class", reworded)
    yield from _missing_classes(page, policy)


def _added_class(page: PublishedPage, published: PublishedClass) -> PageFinding:
    entry = f"retention class “{published.label}” ({published.id})"
    if published.span:
        entry += f", kept {published.span}"
    text = f"the page has the {entry}; the policy does not."
    return PageFinding.on(page, "retention", "class-added", text)


def _class(
    page: PublishedPage, published: PublishedClass, in_policy: RetentionClass
) -> Iterator[PageFinding]:
    span = Span(in_policy.keep, in_policy.review, in_policy.until)
    if published.span and not published.span.same_as(span):
        text = (
            f"{lower_first(published.label)} are kept {published.span} on the page, "
            f"{span} in the policy (class {published.id})."
        )
        yield PageFinding.on(page, "retention", "period-changed", text)
    if in_policy.published.section is None:
        text = (
            f"the page names “{published.label}”, "
            f"which is the operator's own choice in the policy ({published.id})."
        )
        yield PageFinding.on(page, "retention", "class-added", text, "notice")


def _missing_classes(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    """Yield the classes that the page does not name; none if a line that could not be read might name them."""
    section = page.cite("retention")
    beginnings = (f"{section},", f"{section}:")
    if any(sentence.startswith(beginnings) for sentence in page.unread):
        return
    on_page = {published.id for published in page.classes}
    for item in policy.classes.values():
        if item.id not in on_page and item.published.section is not None:
            text = f"the policy keeps “{item.label}” ({item.id}); the page does not name it."
            yield PageFinding.on(page, "retention", "class-gone", text)
