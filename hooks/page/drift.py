"""Where the published page and the policy in force have come apart, a whole sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hooks.page.finding import PageFinding
from hooks.page.list_drift import compare_lists
from hooks.page.normalized_text import normalize
from hooks.page.published import PublishedPage
from hooks.page.section_titles import topics_of
from hooks.retention.policy import Policy


def drift(page: PublishedPage, policy: Policy) -> tuple[PageFinding, ...]:
    """All that differs between the page and the policy. What of the page could not be read is a finding of its own
    (`unreadable`), and nothing is said to be gone that might stand there."""
    return tuple(_findings(page, policy))


def _findings(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    yield from _days(page, policy)
    yield from _controller(page, policy)
    yield from compare_lists(page, policy)
    yield from _moved(page, policy)
    yield from (PageFinding("unreadable", None, sentence) for sentence in page.unread)


# --- days ---


def _days(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    printed, modified = page.last_updated, page.modified
    if printed and policy.last_updated and printed != policy.last_updated:
        yield PageFinding(
            "updated-date-changed",
            None,
            f"The page was last updated on {printed}, as it prints; the policy has {policy.last_updated}.",
        )
    if modified is None:
        return
    day = policy.day_of(modified)
    if policy.page_modified and modified > policy.page_modified:
        read = policy.day_of(policy.page_modified)
        words_of = f"The page was modified on {day}, after the state of {read} that the policy was read from."
        yield PageFinding("page-newer", None, words_of)
    elif policy.page_modified is None and day > policy.effective_from:
        words_of = f"The page was modified on {day}, after {policy.effective_from}, from which the policy is in force."
        yield PageFinding("page-newer", None, words_of, "notice")
    if printed and day > printed:
        words_of = (
            f"The page was modified on {day}, but prints that it was last updated on {printed}."
        )
        yield PageFinding("date-not-updated", None, words_of, "notice")


# --- the controller ---

_FACTS = {
    "name": "the controller's name",
    "address": "its address",
    "organisation_number": "its organisation number",
    "privacy_contact": "its privacy contact",
    "phone": "its phone number",
    "dpo": "its data protection officer",
}
_NONE = re.compile(r"\b(?:not|no|none|ikke|ingen)\b")


def _controller(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    if "controller" not in page.headings:
        return
    place = page.headings["controller"]
    for name, what in _FACTS.items():
        on_page, in_policy = getattr(page.controller, name), getattr(policy.controller, name)
        if on_page is None and (name not in ("phone", "dpo") or not in_policy):
            continue  # of the others `unread` speaks
        if _comparable(name, on_page or "") != _comparable(name, in_policy):
            said = f"“{on_page}” on the page" if on_page else "not on the page"
            message = f"{place}: {what} is {said}, {f'“{in_policy}”' if in_policy else 'nothing'} in the policy."
            yield PageFinding("controller-changed", place.number, message)
    if page.controller.uk != policy.controller.uk:
        does, does_not = (
            ("the page", "the policy") if page.controller.uk else ("the policy", "the page")
        )
        message = f"{place}: {does} says that UK GDPR may apply, {does_not} does not."
        yield PageFinding("controller-changed", place.number, message)


def _comparable(name: str, text: str) -> str:
    if name in ("phone", "organisation_number"):
        return re.sub(r"\D", "", text)
    if name == "dpo" and _NONE.search(normalize(text)):
        return "none"
    return re.sub(r"\bnorge\b", "norway", normalize(text)).rstrip(".")


def _moved(page: PublishedPage, policy: Policy) -> Iterator[PageFinding]:
    """Sections that the policy cites by a number that is another one's on the page."""
    cited = {
        topic: number for number, title in policy.sections.items() for topic in topics_of(title)
    }
    for place in page.sections:
        numbers = {cited[topic] for topic in topics_of(place.title) if topic in cited}
        if numbers and place.number is not None and place.number not in numbers:
            was = " or ".join(map(str, sorted(numbers)))
            message = f"Section {place.number}, “{place.title}”, is section {was} in the policy."
            yield PageFinding("section-moved", place.number, message, "notice")
