"""What the page names and the policy lists, compared: data, purposes, bases, recipients, safeguards, periods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hooks.page.finding import PageFinding
from hooks.page.normalized_text import lower_first, normalize, slug
from hooks.page.periods import Span
from hooks.page.published import PublishedClass, PublishedPage, PublishedTerm, SectionHeading
from hooks.page.section_titles import SectionTopic, topics_of
from hooks.retention.policy import DataSource, LegalBasis, Policy, RetentionClass, Term

PolicyTerm = Term | LegalBasis | DataSource


def compare_lists(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    """What only one of them has, or has otherwise. Where a section could not be read, nothing of it is said to be
    gone."""
    for comparison in _comparisons(page, policy):
        yield from comparison.findings(page)
    yield from _recipients(page, policy)
    yield from _classes(page, policy)
    yield from _authorities(page, policy)
    yield from _children(page, policy)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Ids with names, on both sides; `what` is one of them in words."""

    code: str
    what: str
    topic: SectionTopic
    on_page: Mapping[str, PublishedTerm]
    in_policy: Mapping[str, PolicyTerm]

    def findings(self, page: PublishedPage) -> Iterator[PageFinding]:
        """What only one side has; nothing, where the page's section could not be read."""
        if not self.on_page:
            return
        place = page.headings[self.topic]
        for name in sorted(self.on_page.keys() - self.in_policy.keys()):
            message = (
                f"{place}: the page names the {self.what} "
                f"“{self.on_page[name].label}” ({name}), the policy does not."
            )
            yield PageFinding(f"{self.code}-added", place.number, message)
        for name in sorted(self.in_policy.keys() - self.on_page.keys()):
            message = (
                f"{place}: the policy has the {self.what} "
                f"“{self.in_policy[name].label}” ({name}), the page does not."
            )
            yield PageFinding(f"{self.code}-gone", place.number, message)
        yield from _otherwise(
            self.what, place, [name for name in self.on_page if self._is_worded_otherwise(name)]
        )

    def _is_worded_otherwise(self, name: str) -> bool:
        term = self.in_policy.get(name)
        if term is None:
            return False
        said = self.on_page[name]
        covers = isinstance(term, LegalBasis) and normalize(term.covers) != normalize(said.text)
        return covers or normalize(term.label) != normalize(said.label)


def _otherwise(what: str, place: SectionHeading, names: Sequence[str]) -> Iterator[PageFinding]:
    """The same things in other words: it takes a person to tell whether they still mean the same."""
    if names:
        message = (
            f"{place}: the page words the {what} {', '.join(names)} otherwise than the policy."
        )
        yield PageFinding("wording-changed", place.number, message, "notice")


def _comparisons(page: PublishedPage, policy: Policy) -> Iterator[_Comparison]:
    compared: tuple[
        tuple[str, str, SectionTopic, tuple[PublishedTerm, ...], Mapping[str, PolicyTerm]], ...
    ] = (
        ("category", "data category", "categories", page.categories, policy.categories),
        (
            "source",
            "source of data",
            "collection",
            page.sources if policy.sources else (),
            policy.sources,
        ),
        ("purpose", "purpose", "purposes", page.purposes, policy.purposes),
        ("basis", "legal basis", "bases", page.bases, policy.bases),
        ("recipient", "group of recipients", "recipients", page.groups, policy.recipient_groups),
        ("safeguard", "safeguard", "transfers", page.safeguards, policy.safeguards),
    )
    for code, what, topic, said, terms in compared:
        yield _Comparison(code, what, topic, {one.id: one for one in said}, terms)


def _recipients(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    """Recipients by name; one that bears the name of its whole group is named where that is."""
    listed = {slug(one.name): one for one in policy.recipients.values()}
    groups = {one.id for one in page.groups}
    named = {one.id for one in page.recipients}
    for one in page.recipients:
        known, place = policy.recipients.get(one.id) or listed.get(one.id), page.headings[one.topic]
        if known is None:
            message = f"{place}: the page names the recipient “{one.name}”, the policy does not."
            yield PageFinding("recipient-added", place.number, message)
        elif known.published.section is None:
            message = f"{place}: the page names “{one.name}”, of whom the policy says that it does not ({known.id})."
            yield PageFinding("recipient-added", place.number, message, "notice")
    for name, recipient in listed.items():
        group = policy.recipient_groups.get(recipient.group)
        if (
            {name, recipient.id} & named
            or recipient.published.section is None
            or (group and group.label == recipient.name)
        ):
            continue
        topic = _meaning(policy, recipient.published.section)
        place_of = page.headings.get(topic)
        if topic == "recipients" and not groups:
            continue  # that nothing of it could be read is said already
        message = f"{page.cite(topic)}: the policy has the recipient “{recipient.name}”, the page does not name it."
        yield PageFinding("recipient-gone", place_of.number if place_of else None, message)


def _meaning(policy: Policy, section: int) -> SectionTopic:
    """What a section that the policy cites is about: marketing, or else recipients."""
    return (
        "marketing" if "marketing" in topics_of(policy.sections.get(section, "")) else "recipients"
    )


# --- complaints and children: of what the policy does not speak, nothing is compared ---


def _authorities(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    in_policy = {one.id: one.name for one in policy.authorities}
    if not in_policy or not page.authorities:
        return
    place = page.headings["complaints"]
    for name in sorted(set(page.authorities) - in_policy.keys()):
        message = f"{place}: the page names the supervisory authority {name}, the policy does not."
        yield PageFinding("authority-added", place.number, message)
    for name in sorted(in_policy.keys() - set(page.authorities)):
        message = f"{place}: the policy has the supervisory authority “{in_policy[name]}” ({name}), the page does not."
        yield PageFinding("authority-gone", place.number, message)


def _children(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    there, known = page.children, policy.children
    if known is None:
        return
    place = page.headings.get("children")
    number, where = place.number if place else None, page.cite("children")
    if there is None:
        message = f"{where}: the policy has an age of children, {known.age}; the page names none."
        yield PageFinding("children-gone", number, message)
    elif there.age != known.age:
        message = (
            f"{where}: the age of children is {there.age} on the page, {known.age} in the policy."
        )
        yield PageFinding("children-changed", number, message)
    elif normalize(there.label) != normalize(known.label):
        message = f"{where}: the page words what it says of children otherwise than the policy."
        yield PageFinding("wording-changed", number, message, "notice")


# --- retention ---


def _classes(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    if not page.classes:
        return
    place = page.headings["retention"]
    for one in page.classes:
        known = policy.classes.get(one.id)
        if known is None:
            period = f", kept {one.span}" if one.span else ""
            message = (
                f"{place}: the page has the retention class “{one.label}” "
                f"({one.id}){period}; the policy does not."
            )
            yield PageFinding("class-added", place.number, message)
        else:
            yield from _class(one, known, place.number, str(place))
    yield from _otherwise(
        "retention class", place, [one.id for one in page.classes if _is_otherwise(one, policy)]
    )
    yield from _gone(page, policy, place)


def _is_otherwise(one: PublishedClass, policy: Policy) -> bool:
    known = policy.classes.get(one.id)
    return known is not None and normalize(f"{one.label}: {one.text}") != normalize(known.label)


def _gone(page: PublishedPage, policy: Policy, place: SectionHeading) -> Iterator[PageFinding]:
    """Classes that the page does not name; none, where a line that could not be read might name them."""
    if any(sentence.startswith((f"{place},", f"{place}:")) for sentence in page.unread):
        return
    names = {one.id for one in page.classes}
    for known in policy.classes.values():
        if known.id not in names and known.published.section is not None:
            message = f"{place}: the policy keeps “{known.label}” ({known.id}); the page does not name it."
            yield PageFinding("class-gone", place.number, message)


def _class(
    one: PublishedClass, known: RetentionClass, section: int | None, place: str
) -> Iterator[PageFinding]:
    kept = Span(known.keep, known.review, known.until)
    if one.span and not one.span.same_as(kept):
        message = (
            f"{place}: {lower_first(one.label)} are kept {one.span} on the "
            f"page, {kept} in the policy (class {one.id})."
        )
        yield PageFinding("period-changed", section, message)
    if known.published.section is None:
        message = f"{place}: the page names “{one.label}”, which is the operator's own choice in the policy ({one.id})."
        yield PageFinding("class-added", section, message, "notice")
