"""The published page as values: what it says in each of its sections, and what of it could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from hooks.page.periods import Span
from hooks.page.section_titles import TOPIC_LABELS, SectionTopic


@dataclass(frozen=True, slots=True)
class SectionHeading:
    """A section of the page by the number and the title that it prints."""

    number: int | None
    title: str

    def __str__(self) -> str:
        """As a sentence begins with it."""
        return f"The section “{self.title}”" if self.number is None else f"Section {self.number}"


@dataclass(frozen=True, slots=True)
class PublishedTerm:
    """Something that the page names: an id for it, its name and all else that is said of it, as printed."""

    id: str
    label: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class PublishedClass:
    """How long something is kept; `span` is None where that could not be read."""

    id: str
    label: str
    text: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class PublishedRecipient:
    """A recipient by name; `group` is the id of the group that it is named in, `tools` where section 6 names it."""

    id: str
    name: str
    group: str
    topic: SectionTopic


@dataclass(frozen=True, slots=True)
class PublishedController:
    """Who answers for the data; None is what the page does not say."""

    name: str | None = None
    address: str | None = None
    organisation_number: str | None = None
    privacy_contact: str | None = None
    phone: str | None = None
    dpo: str | None = None
    email: str | None = None
    support: str | None = None
    uk: bool = False


@dataclass(frozen=True, slots=True)
class ChildrenStatement:
    """What the page says of children: its words, the age that it names, and whether an order's data is the most."""

    label: str
    age: int
    orders_only: bool


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """What the page says. `unread` are whole sentences, each about something that could not be read.

    `last_updated` is the day that it prints, `modified` when it was last changed (UTC), as far as that is known.
    A list is empty where its section is not there, or nothing in it could be read; then `unread` says so.
    """

    controller: PublishedController
    headings: Mapping[SectionTopic, SectionHeading]
    last_updated: date | None = None
    modified: datetime | None = None
    link: str | None = None
    sections: tuple[SectionHeading, ...] = ()
    categories: tuple[PublishedTerm, ...] = ()
    sources: tuple[PublishedTerm, ...] = ()
    purposes: tuple[PublishedTerm, ...] = ()
    bases: tuple[PublishedTerm, ...] = ()
    cookies: tuple[str, ...] = ()
    groups: tuple[PublishedTerm, ...] = ()
    recipients: tuple[PublishedRecipient, ...] = ()
    safeguards: tuple[PublishedTerm, ...] = ()
    security: tuple[str, ...] = ()
    classes: tuple[PublishedClass, ...] = ()
    rights: tuple[str, ...] = ()
    authorities: tuple[str, ...] = ()
    children: ChildrenStatement | None = None
    unread: tuple[str, ...] = ()

    def cite(self, topic: SectionTopic) -> str:
        """The section of this topic, as a sentence begins with it."""
        place = self.headings.get(topic)
        return str(place) if place else f"The section on {TOPIC_LABELS[topic]}"
