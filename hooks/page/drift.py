"""The drift between the published page and the policy in force, with a whole sentence for each difference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from hooks.page.finding import PageFinding
from hooks.page.list_drift import compare_lists
from hooks.page.normalized_text import normalize
from hooks.page.published import PublishedPage
from hooks.page.section_titles import SectionTopic, topics_of
from hooks.retention.policy import Policy


def drift(page: PublishedPage, policy: Policy) -> tuple[PageFinding, ...]:
    """Return all differences between page and policy.

    Each thing that could not be read is a finding too (`unreadable`). An entry of the policy is not called missing
    while a part of the page that might name it could not be read.
    """
    return tuple(_findings(page, policy))


def _findings(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    yield from _printed_day(page, policy)
    if page.modified is not None:
        yield from _modified(page, page.modified, policy)
    yield from _controller(page, policy)
    yield from compare_lists(page, policy)
    yield from _moved_sections(page, policy)
    for sentence in page.unread:
        yield PageFinding("unreadable", None, sentence)


# --- days ---


def _printed_day(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    printed = page.last_updated
    if printed and policy.last_updated and printed != policy.last_updated:
        message = f"The page was last updated on {printed}, as it prints; the policy has {policy.last_updated}."
        yield PageFinding("updated-date-changed", None, message)


def _modified(page: PublishedPage, modified: datetime, policy: Policy) -> Iterator[PageFinding]:
    """Compare the time at which the page was last changed (UTC). Days are those of the policy's time zone."""
    day = policy.day_of(modified)
    if policy.page_modified and modified > policy.page_modified:
        state = policy.day_of(policy.page_modified)
        message = f"The page was modified on {day}, after the state of {state} that the policy was read from."
        yield PageFinding("page-newer", None, message)
    elif policy.page_modified is None and day > policy.effective_from:
        message = f"The page was modified on {day}, after {policy.effective_from}, from which the policy is in force."
        yield PageFinding("page-newer", None, message, "notice")
    printed = page.last_updated
    if printed and day > printed:
        message = (
            f"The page was modified on {day}, but prints that it was last updated on {printed}."
        )
        yield PageFinding("date-not-updated", None, message, "notice")


# --- the controller ---

_FIELDS = {
    "name": "the controller's name",
    "address": "its address",
    "organisation_number": "its organisation number",
    "privacy_contact": "its privacy contact",
    "phone": "its phone number",
    "dpo": "its data protection officer",
}
_OPTIONAL = ("phone", "dpo")
_NONE = re.compile(r"\b(?:not|no|none|ikke|ingen)\b")


def _controller(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    if "controller" not in page.headings:
        return
    for name, label in _FIELDS.items():
        on_page: str | None = getattr(page.controller, name)
        in_policy: str = getattr(policy.controller, name)
        if on_page is None and name not in _OPTIONAL:
            continue  # `unread` has a sentence on it
        if _comparable(name, on_page or "") != _comparable(name, in_policy):
            text = f"{label} is {_printed(on_page)}, {_stated(in_policy)}."
            yield PageFinding.on(page, "controller", "controller-changed", text)
    if page.controller.uk != policy.controller.uk:
        text = "the policy says that UK GDPR may apply, the page does not."
        if page.controller.uk:
            text = "the page says that UK GDPR may apply, the policy does not."
        yield PageFinding.on(page, "controller", "controller-changed", text)


def _printed(text: str | None) -> str:
    if not text:
        return "not on the page"
    return f"“{text}” on the page"


def _stated(text: str) -> str:
    if not text:
        return "nothing in the policy"
    return f"“{text}” in the policy"


def _comparable(name: str, text: str) -> str:
    """Return the field's text in a form that is equal for equal facts."""
    if name in ("phone", "organisation_number"):
        return re.sub(r"\D", "", text)
    normalized = normalize(text)
    if name == "dpo" and _NONE.search(normalized):
        return "none"
    return re.sub(r"\bnorge\b", "norway", normalized).rstrip(".")


# --- sections ---


def _numbers_in_policy(policy: Policy) -> dict[SectionTopic, int]:
    numbers: dict[SectionTopic, int] = {}
    for number, title in policy.sections.items():
        for topic in topics_of(title):
            numbers[topic] = number
    return numbers


def _moved_sections(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    """Yield the sections of the page that have another number than the one by which the policy cites them."""
    cited = _numbers_in_policy(policy)
    for heading in page.sections:
        topics = topics_of(heading.title)
        numbers = {cited[topic] for topic in topics if topic in cited}
        if not numbers or heading.number is None or heading.number in numbers:
            continue
        expected = " or ".join(map(str, sorted(numbers)))
        message = (
            f"Section {heading.number}, “{heading.title}”, is section {expected} in the policy."
        )
        yield PageFinding("section-moved", heading.number, message, "notice")
