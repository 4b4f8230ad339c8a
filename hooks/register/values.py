"""The register as values: ids with their labels, and a citation of the published page for each part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from hooks.retention.facts import RecordKind
from hooks.retention.policy import Clock, Gap

Role = Literal["processor", "controller"]


@dataclass(frozen=True, slots=True)
class Citation:
    """The origin of a part of the register: a section of the published page, with its title.

    Where the page is silent: the gap that the operator filled, with the operator's choice. Where neither a section nor
    a gap is set, the policy does not say where the part comes from.
    """

    section: int | None
    title: str = ""
    gap: str = ""
    choice: str = ""

    @property
    def is_published(self) -> bool:
        """Tell whether the page says this."""
        return self.section is not None

    def __str__(self) -> str:
        if self.is_published:
            return f"policy section {self.section} ({self.title})"
        if self.gap:
            return f"not published (gap {self.gap})"
        return "the policy does not say where it comes from"


@dataclass(frozen=True, slots=True)
class CitedTerm:
    """A purpose, category of data, group of recipients, safeguard or source of data, in the words of the page."""

    id: str
    label: str
    source: Citation


@dataclass(frozen=True, slots=True)
class Basis:
    """A legal basis with its article, such as GDPR Art. 6(1)(b)."""

    id: str
    label: str
    article: str
    source: Citation


@dataclass(frozen=True, slots=True)
class DataSubjects:
    """A category of data subjects: the people whom records of one `kind` are about."""

    kind: RecordKind
    label: str


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """The time limit for erasure of one retention class: Art. 30(1)(f).

    `period` is a phrase. `runs_from` has one phrase for each kind of record. `law` is the source in law, where the
    policy names one.
    """

    id: str
    label: str
    clock: Clock
    period: str
    runs_from: tuple[str, ...]
    at_end: str
    law: str | None
    source: Citation


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A recipient: Art. 30(1)(d).

    `categories` are all the categories of data that it gets. `when` is a phrase that says in which case it gets them.
    Of several recipients that are not `certain`, at least one has the data. `outside`: it may process data outside the
    EEA and the UK, under `safeguards`.
    """

    id: str
    name: str
    group: CitedTerm
    role: Role
    country: str | None
    categories: tuple[CitedTerm, ...]
    when: str
    certain: bool
    outside: bool
    safeguards: tuple[CitedTerm, ...]
    source: Citation


@dataclass(frozen=True, slots=True)
class Holding:
    """One category of data that an activity keeps as one retention class.

    It says whose data they are, on which bases and for how long they are kept, and who else gets them. `rules` are the
    ids of the rules that keep them, `sources` the citations of those rules.
    """

    category: CitedTerm
    subjects: tuple[DataSubjects, ...]
    bases: tuple[Basis, ...]
    time_limit: TimeLimit
    recipients: tuple[Disclosure, ...]
    rules: tuple[str, ...]
    sources: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class ProcessingActivity:
    """All processing for one purpose. If no rule keeps a record for it, `holdings` is empty and `note` says so."""

    purpose: CitedTerm
    holdings: tuple[Holding, ...]
    recipients: tuple[Disclosure, ...]
    note: str = ""

    @property
    def transfers(self) -> tuple[Disclosure, ...]:
        """The recipients that may process data outside the EEA and the UK: Art. 30(1)(e)."""
        return tuple(recipient for recipient in self.recipients if recipient.outside)

    @property
    def categories(self) -> tuple[CitedTerm, ...]:
        """The categories of data, each once."""
        return tuple(dict.fromkeys(holding.category for holding in self.holdings))

    @property
    def subjects(self) -> tuple[DataSubjects, ...]:
        """The categories of data subjects, each once."""
        return tuple(dict.fromkeys(item for holding in self.holdings for item in holding.subjects))

    @property
    def bases(self) -> tuple[Basis, ...]:
        """The legal bases, each once."""
        return tuple(dict.fromkeys(basis for holding in self.holdings for basis in holding.bases))


@dataclass(frozen=True, slots=True)
class ControllerDetails:
    """The controller: Art. 30(1)(a). `dpo` and `uk` are whole sentences; `uk` is empty unless UK GDPR may apply."""

    name: str
    address: str
    organisation_number: str
    privacy_contact: str
    phone: str
    dpo: str
    uk: str
    source: Citation


@dataclass(frozen=True, slots=True)
class SecurityMeasures:
    """The technical and organisational security measures, for all activities: Art. 30(1)(g)."""

    measures: tuple[str, ...]
    source: Citation


@dataclass(frozen=True, slots=True)
class CollectionSource:
    """A source from which the shop collects data, and the categories of data that come from it."""

    term: CitedTerm
    categories: tuple[CitedTerm, ...]


@dataclass(frozen=True, slots=True)
class ChildrenClause:
    """The statement of the page about children. Below `age`, a parent must take part."""

    label: str
    age: int
    source: Citation


@dataclass(frozen=True, slots=True)
class LedgerContents:
    """The personal data that the ledger of this service holds, described in a paragraph.

    `has_hashes`: the ledger holds keyed hashes of e-mail addresses.
    """

    has_hashes: bool
    description: str


@dataclass(frozen=True, slots=True)
class Register:
    """The register as of the day `made_on`, by one version of the policy.

    `stores` are the shops as pairs of name and address. `gaps` are the questions on which the page is silent.
    `unanswered` has a whole sentence for each thing that Art. 30 asks for and the policy does not say.
    """

    made_on: date
    policy_id: str
    policy_version: str
    effective_from: date
    page: str
    controller: ControllerDetails
    stores: tuple[tuple[str, str], ...]
    activities: tuple[ProcessingActivity, ...]
    collected: tuple[CollectionSource, ...]
    children: ChildrenClause | None
    recipients: tuple[Disclosure, ...]
    security: SecurityMeasures
    ledger: LedgerContents
    gaps: tuple[Gap, ...]
    unanswered: tuple[str, ...]
