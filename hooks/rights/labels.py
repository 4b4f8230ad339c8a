"""Names in the languages of the letter: of the policy's ids, of articles, countries and days.

English names are the policy's own labels. Norwegian names come from the tables below, by the policy's ids. An id that
is not in a table has the policy's label, in whatever language that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal

from hooks.retention.policy import Policy
from hooks.retention.schedule import Entry

Language = Literal["en", "no"]
Table = Literal[
    "category", "purpose", "basis", "class", "safeguard", "recipient", "source", "authority"
]

# The names of classes state no period: a later policy may change the period of a class and keep its name.
NORWEGIAN: dict[Table, dict[str, str]] = {
    "category": {
        "identity-contact": "Identitet og kontakt",
        "account": "Kontoopplysninger",
        "order-payment": "Ordre og betaling",
        "shipping": "Levering",
        "support": "Kundeservice",
        "marketing": "Markedsføring",
        "technical": "Tekniske opplysninger",
    },
    "purpose": {
        "run-and-secure": "Drive og sikre nettstedet og nettbutikken vår",
        "orders": "Behandle ordrer, betalinger, leveringer, returer og reklamasjoner",
        "customer-support": "Yte kundeservice",
        "accounting": "Oppfylle rettslige plikter og regnskapsplikter",
        "improve": "Forbedre nettstedet og tjenestene våre",
        "marketing": "Sende markedsføring der det er tillatt",
    },
    "basis": {
        "contract": "Avtale",
        "legal-obligation": "Rettslig forpliktelse",
        "legitimate-interests": "Berettigede interesser",
        "consent": "Samtykke",
    },
    "class": {
        "orders-accounting": "Ordrer og regnskap",
        "customer-accounts": "Kundekontoer",
        "support-requests": "Henvendelser til kundeservice",
        "consent-evidence": "Bevis for samtykke til markedsføring, og for at det er avsluttet",
        "marketing": "Markedsføring",
        "cookie-consent-logs": "Logg over samtykke til informasjonskapsler",
        "unpaid-orders": "Ordrer som aldri ble betalt",
        "technical": "Tekniske opplysninger om en ordre",
    },
    "safeguard": {
        "eu-scc": "EUs standard personvernbestemmelser (SCC)",
        "uk-idta": "det britiske tillegget om overføring / IDTA (der det er aktuelt)",
    },
    "recipient": {
        "hosting": "Leverandører av drift og netthandel",
        "advisers-and-authorities": "Rådgivere og offentlige myndigheter der loven krever det",
    },
    "source": {
        "person": "Direkte fra deg (kassen, skjemaer, e-post, telefon)",
        "automatic": "Automatisk (informasjonskapsler og lignende teknologi)",
        "providers": "Fra tjenesteleverandører (betalingsbekreftelser, leveringsoppdateringer)",
    },
    "authority": {
        "datatilsynet": "Datatilsynet",
        "ico": "Information Commissioner’s Office (ICO), den britiske tilsynsmyndigheten",
    },
}

PARTS: dict[str, tuple[str, str]] = {
    "identity": ("name and postal address", "navn og postadresse"),
    "contact": ("e-mail and phone", "e-post og telefon"),
    "item-meta": (
        "details entered with the items ordered",
        "opplysninger oppgitt med varene i ordren",
    ),
    "refund-reason": ("the reason given for a refund", "begrunnelsen for en refusjon"),
}
"""The names of parts of categories. A part that is not in the table has the policy's id."""

LAWS: dict[Language, dict[str, str]] = {
    "en": {"bokføringsloven § 13": "bokføringsloven § 13, the Norwegian Bookkeeping Act"},
    "no": {},
}

_COUNTRIES = {
    "CH": ("Switzerland", "Sveits"),
    "DE": ("Germany", "Tyskland"),
    "DK": ("Denmark", "Danmark"),
    "FI": ("Finland", "Finland"),
    "FR": ("France", "Frankrike"),
    "GB": ("United Kingdom", "Storbritannia"),
    "IE": ("Ireland", "Irland"),
    "LU": ("Luxembourg", "Luxembourg"),
    "NL": ("Netherlands", "Nederland"),
    "NO": ("Norway", "Norge"),
    "SE": ("Sweden", "Sverige"),
    "US": ("United States", "USA"),
}

_MONTHS: dict[Language, str] = {
    "en": "January February March April May June July August September October November December",
    "no": "januar februar mars april mai juni juli august september oktober november desember",
}

AND: dict[Language, str] = {"en": "and", "no": "og"}

_ARTICLE = re.compile(r"GDPR Art\. (\d+)(?:\((\d+)\))?(?:\(([a-z])\))?")


def in_language(language: Language, texts: tuple[str, str]) -> str:
    """Return the text in this language, of an English and a Norwegian one."""
    english, norwegian = texts
    return norwegian if language == "no" else english


def label(language: Language, table: Table, name: str, policy: Policy) -> str:
    """Return the name of something that the policy knows by an id."""
    english = _policy_label(table, name, policy)
    return NORWEGIAN[table].get(name, english) if language == "no" else english


def entry_label(language: Language, entry: Entry, policy: Policy) -> str:
    """Name the data that an entry is about: its category, and its part where the category is split."""
    category = label(language, "category", entry.data, policy)
    if not entry.part:
        return category
    part = in_language(language, PARTS.get(entry.part, (entry.part, entry.part)))
    return f"{category} ({part})"


def _policy_label(table: Table, name: str, policy: Policy) -> str:
    if table == "recipient":
        return policy.recipients[name].name
    if table == "class":
        return policy.classes[name].label
    if table == "basis":
        return policy.bases[name].label
    if table == "source":
        return policy.sources[name].label
    terms = {
        "category": policy.categories,
        "purpose": policy.purposes,
        "safeguard": policy.safeguards,
    }
    return terms[table][name].label


def country(language: Language, code: str) -> str:
    """Return the name of a country, or its code where the table does not have it."""
    return in_language(language, _COUNTRIES.get(code, (code, code)))


def article(language: Language, law: str) -> str:
    """Return an article such as `GDPR Art. 6(1)(c)`, or another source of law, as the language writes it."""
    if language == "en":
        return LAWS["en"].get(law, law)
    return _ARTICLE.sub(_norwegian_article, law)


def _norwegian_article(match: re.Match[str]) -> str:
    number, paragraph, letter = match.groups()
    words = f"personvernforordningen art. {number}"
    if paragraph:
        words += f" nr. {paragraph}"
    if letter:
        words += f" bokstav {letter}"
    return words


def day(language: Language, value: date) -> str:
    """Return a day as `22 November 2026` or `22. november 2026`."""
    month = _MONTHS[language].split()[value.month - 1]
    number = f"{value.day}." if language == "no" else str(value.day)
    return f"{number} {month} {value.year}"


def joined(words: Iterable[str], conjunction: str) -> str:
    """Return `a, b and c`, where `and` is the conjunction."""
    *first, last = words
    return f"{', '.join(first)} {conjunction} {last}" if first else last
