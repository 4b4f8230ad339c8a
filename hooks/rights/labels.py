"""The names of things in the languages of the letter: the policy's ids, articles, countries, days.

English names are the policy's own labels. Norwegian ones are from the tables below, by the policy's ids; an id that is
not there has the policy's label, whatever its language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal

from hooks.retention.classify import Entry
from hooks.retention.policy import Policy

Language = Literal["en", "no"]
Table = Literal[
    "category", "purpose", "basis", "class", "safeguard", "recipient", "source", "authority"
]

# No periods in these: what the class is called stays, while a policy may change for how long it keeps.
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
"""What a part of a category is; a part that is not here has the policy's id."""

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

_ARTICLE = re.compile(r"GDPR Art\. (\d+)(?:\((\d+)\))?(?:\(([a-z])\))?")


def label(language: Language, table: Table, name: str, policy: Policy) -> str:
    """What something of the policy is called, by its id."""
    own = _own_label(table, name, policy)
    return NORWEGIAN[table].get(name, own) if language == "no" else own


def held_label(language: Language, entry: Entry, policy: Policy) -> str:
    """Name what an entry holds: its category, and its part where the category is split."""
    name = label(language, "category", entry.data, policy)
    if not entry.part:
        return name
    return f"{name} ({PARTS.get(entry.part, (entry.part, entry.part))[language == 'no']})"


def _own_label(table: Table, name: str, policy: Policy) -> str:
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
    """A country by its code, which stands where the name is not known here."""
    return _COUNTRIES.get(code, (code, code))[language == "no"]


def article(language: Language, words: str) -> str:
    """An article such as `GDPR Art. 6(1)(c)`, or another source of law, as the language writes it."""
    if language == "en":
        return LAWS["en"].get(words, words)
    return _ARTICLE.sub(_norwegian, words)


def _norwegian(found: re.Match[str]) -> str:
    number, paragraph, letter = found.groups()
    parts = [
        f"personvernforordningen art. {number}",
        paragraph and f"nr. {paragraph}",
        letter and f"bokstav {letter}",
    ]
    return " ".join(part for part in parts if part)


def day(language: Language, value: date) -> str:
    """`22 November 2026`, `22. november 2026`."""
    month = _MONTHS[language].split()[value.month - 1]
    return f"{value.day}{'.' if language == 'no' else ''} {month} {value.year}"


def listed(language: Language, words: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = words
    joint = "og" if language == "no" else "and"
    return f"{', '.join(first)} {joint} {last}" if first else last
