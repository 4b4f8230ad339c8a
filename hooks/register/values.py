"""The register as values: ids with their labels, and from where on the published page each of them comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from hooks.retention.facts import RecordKind
from hooks.retention.policy import Clock

Role = Literal["processor", "controller"]


@dataclass(frozen=True, slots=True)
class Source:
    """A section of the published page, with its title; or, where the page is silent, the gap that the operator filled,
    with their choice. With neither the policy does not say where it comes from."""

    section: int | None
    title: str = ""
    gap: str = ""
    choice: str = ""

    @property
    def published(self) -> bool:
        """Whether the page says so."""
        return self.section is not None

    def __str__(self) -> str:
        if self.published:
            return f"policy section {self.section} ({self.title})"
        return (
            f"not published (gap {self.gap})"
            if self.gap
            else "the policy does not say where it comes from"
        )


@dataclass(frozen=True, slots=True)
class Named:
    """A purpose, a category of data, a group of recipients or a safeguard, as the page calls it."""

    id: str
    label: str
    source: Source


@dataclass(frozen=True, slots=True)
class Basis:
    """A legal basis with its article, such as GDPR Art. 6(1)(b)."""

    id: str
    label: str
    article: str
    source: Source


@dataclass(frozen=True, slots=True)
class Subjects:
    """A category of data subjects: those whom records of `kind` are about."""

    kind: RecordKind
    label: str


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How long is kept what is of a retention class: Art. 30(1)(f). `period` and `runs_from` are in words, the latter
    one phrase for each kind of record; `law` is the source in law, where the policy names one."""

    id: str
    label: str
    clock: Clock
    period: str
    runs_from: tuple[str, ...]
    at_end: str
    law: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A recipient: Art. 30(1)(d). `gets` are all the categories that it gets, `when` says in words in which case; of
    several that are not `certain`, one at least has the data."""

    id: str
    name: str
    group: Named
    role: Role
    country: str | None
    gets: tuple[Named, ...]
    when: str
    certain: bool
    outside: bool
    safeguards: tuple[Named, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Holding:
    """A category of data that an activity keeps as one retention class: whose, on which bases, for how long,
    and who else gets it.

    `sources` say where the rules come from that keep it; `rules` are their ids.
    """

    category: Named
    subjects: tuple[Subjects, ...]
    bases: tuple[Basis, ...]
    time_limit: TimeLimit
    recipients: tuple[Disclosure, ...]
    rules: tuple[str, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """All that is done for one purpose. Without `holdings` no rule keeps a record for it, which `note` then says."""

    purpose: Named
    holdings: tuple[Holding, ...]
    recipients: tuple[Disclosure, ...]
    note: str = ""

    @property
    def transfers(self) -> tuple[Disclosure, ...]:
        """The recipients that may process outside the EEA and the UK: Art. 30(1)(e)."""
        return tuple(item for item in self.recipients if item.outside)

    @property
    def categories(self) -> tuple[Named, ...]:
        """The categories of data, each once."""
        return tuple(dict.fromkeys(holding.category for holding in self.holdings))

    @property
    def subjects(self) -> tuple[Subjects, ...]:
        """The categories of data subjects, each once."""
        return tuple(dict.fromkeys(one for holding in self.holdings for one in holding.subjects))

    @property
    def bases(self) -> tuple[Basis, ...]:
        """The legal bases, each once."""
        return tuple(dict.fromkeys(one for holding in self.holdings for one in holding.bases))


@dataclass(frozen=True, slots=True)
class Answerable:
    """The controller: Art. 30(1)(a). `dpo` and `uk` are whole sentences; `uk` is empty where UK GDPR is not spoken
    of."""

    name: str
    address: str
    organisation_number: str
    privacy_contact: str
    phone: str
    dpo: str
    uk: str
    source: Source


@dataclass(frozen=True, slots=True)
class Measures:
    """The technical and organisational measures of security, for all activities: Art. 30(1)(g)."""

    measures: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Collected:
    """A way in which data comes to the shop, and the categories that do."""

    way: Named
    gets: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class AboutChildren:
    """What the page says of children, and the age under which a parent is to take part."""

    label: str
    age: int
    source: Source


@dataclass(frozen=True, slots=True)
class Ledger:
    """What of a person the ledger of this service holds, in words; `has_hashes`: keyed hashes of e-mail addresses."""

    has_hashes: bool
    words: str


@dataclass(frozen=True, slots=True)
class Open:
    """Something that the page does not say, what the operator chose, and a sentence that could be published."""

    id: str
    section: int
    choice: str
    publish: str


@dataclass(frozen=True, slots=True)
class Register:
    """The register as of `made_on`, by one version of the policy. `stores` are the shops as (name, address);
    `unanswered` are what Art. 30 asks for and the policy does not say, a whole sentence each."""

    made_on: date
    policy_id: str
    policy_version: str
    effective_from: date
    page: str
    controller: Answerable
    stores: tuple[tuple[str, str], ...]
    activities: tuple[Activity, ...]
    collected: tuple[Collected, ...]
    children: AboutChildren | None
    recipients: tuple[Disclosure, ...]
    security: Measures
    ledger: Ledger
    gaps: tuple[Open, ...]
    unanswered: tuple[str, ...]
