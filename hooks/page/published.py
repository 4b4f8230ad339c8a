"""The published page as values: the statements of each section, and sentences on whatever could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from hooks.page.periods import Span
from hooks.page.section_titles import TOPIC_LABELS, SectionTopic


@dataclass(frozen=True, slots=True)
class SectionHeading:
    """A section of the page by the number and the title that it prints; `number` is None where it prints none."""

    number: int | None
    title: str

    def __str__(self) -> str:
        """Return the words that cite the section at the beginning of a sentence."""
        if self.number is None:
            return f"The section “{self.title}”"
        return f"Section {self.number}"


@dataclass(frozen=True, slots=True)
class PublishedTerm:
    """A thing that the page names, such as a purpose or a legal basis.

    `label` is its name and `text` the words that explain it, both as printed.
    """

    id: str
    label: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class PublishedClass:
    """A retention class of the page. `text` prints its period; `span` is that period, None if it could not be read."""

    id: str
    label: str
    text: str
    span: Span | None

    @property
    def quotation(self) -> str:
        """Return the class with its period as a sentence in `unread` quotes them."""
        return f"“{self.label}: {self.text}”"


@dataclass(frozen=True, slots=True)
class PublishedRecipient:
    """A recipient that the page names.

    `group` is the id of the group of recipients that it belongs to: `tools` if the section on marketing names it.
    `topic` is the topic of the section that names it.
    """

    id: str
    name: str
    group: str
    topic: SectionTopic


@dataclass(frozen=True, slots=True)
class PublishedController:
    """The controller as the page presents it; None for a fact that could not be read.

    `uk` tells whether the page speaks of UK GDPR.
    """

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
    """The statement of the page about children.

    `label` has its words, and `age` the age under which it wants a parent to take part. `orders_only` tells whether the
    page says that no more data of children is knowingly collected than an order needs.
    """

    label: str
    age: int
    orders_only: bool


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """All that was read from the page.

    `headings` has the first section on each topic, `sections` all sections in their order. `last_updated` is the day
    that the page prints. `modified` is the time of its last change (UTC), None if that is not known. A list is empty
    if its section is missing or nothing in it could be read. `unread` has a whole sentence for each thing that could
    not be read.
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
        """Return the words that cite the section on this topic at the beginning of a sentence."""
        heading = self.headings.get(topic)
        if heading:
            return str(heading)
        return f"The section on {TOPIC_LABELS[topic]}"
