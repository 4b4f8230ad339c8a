"""The closed vocabulary of the page, English and Norwegian: which words name which data, basis, class, recipient.

A text that more than one of a list could be meant by is none of them: it is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hooks.page.normalized_text import slug, word_set, words

_FILLERS = word_set(
    "a an the and or of for your our you we us data information personal details records record about regarding",
    "related og eller en et ei av til for om din ditt dine vår vårt våre opplysninger opplysning personopplysninger",
    "informasjon",
)
_ARTICLE = re.compile(
    r",? ?\b(?:GDPR,? ?)?(?:Art|Article|Artikkel|artikkel|art|article)\b\.? ?\d+(?:\(\w\))*(?: GDPR)?"
)
_PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


@dataclass(frozen=True, slots=True)
class Concept:
    """An id, and the words that name it: one of each of `needs`; and beside them only those of `may`, unless that is
    None."""

    id: str
    needs: tuple[frozenset[str], ...]
    may: frozenset[str] | None

    def is_meant(self, said: frozenset[str]) -> bool:
        """Whether these words name it."""
        if not all(said & need for need in self.needs):
            return False
        return self.may is None or said <= self.may.union(*self.needs)


def _concept(name: str, *needs: str, may: str | None = None) -> Concept:
    return Concept(name, tuple(map(word_set, needs)), None if may is None else word_set(may))


def identify(text: str, concepts: Iterable[Concept]) -> str | None:
    """The id of the one that the text names; None where it names none, or more than one."""
    said = frozenset(words(bare(text))) - _FILLERS
    found = [concept.id for concept in concepts if concept.is_meant(said)]
    return found[0] if len(found) == 1 else None


def named(text: str, concepts: Iterable[Concept]) -> str:
    """The id of the one that the text names, or else one made of its words."""
    return identify(text, concepts) or slug(bare(text))


def bare(text: str) -> str:
    """The text without articles of the law, and without what stands in parentheses."""
    return _PARENTHESES.sub(" ", _PARENTHESES.sub(" ", _ARTICLE.sub(" ", text)))


CATEGORIES = (
    _concept(
        "identity-contact",
        "identity contact identitet identitets kontakt kontaktopplysninger kontaktinformasjon identitetsopplysninger",
        may="",
    ),
    _concept(
        "account",
        "account accounts konto kontoopplysninger kontodata kundekonto brukerkonto",
        may="customer user kunde",
    ),
    _concept(
        "order-payment",
        "order orders payment payments purchase purchases ordre ordrer bestilling bestillinger betaling betalinger "
        "betalingsopplysninger ordreopplysninger kjøp",
        may="",
    ),
    _concept(
        "shipping",
        "shipping delivery frakt levering leveranse leveringsopplysninger forsendelse",
        may="",
    ),
    _concept(
        "support",
        "support kundeservice kundestøtte kundesupport henvendelser kundehenvendelser",
        may="customer requests kunde",
    ),
    _concept(
        "marketing", "marketing markedsføring markedsføringsdata", may="direct communications"
    ),
    _concept("technical", "technical teknisk tekniske", may="device usage"),
)

PURPOSES = (
    _concept("run-and-secure", "run operate secure drifte drive driften sikre"),
    _concept("orders", "order orders bestilling bestillinger ordre ordrer"),
    _concept("customer-support", "support kundeservice kundestøtte kundesupport"),
    _concept(
        "accounting",
        "accounting regnskap regnskapsplikt regnskapsmessige bokføring lovpålagte rettslige",
    ),
    _concept("improve", "improve develop forbedre utvikle"),
    _concept("marketing", "marketing markedsføring newsletters nyhetsbrev"),
)

BASES = (
    _concept(
        "contract",
        "contract contracts agreement kontrakt avtale",
        may="performance fulfilment with oppfyllelse",
    ),
    _concept(
        "legal-obligation",
        "legal rettslig rettslige juridisk",
        "obligation obligations forpliktelse plikt",
        may="a",
    ),
    _concept(
        "legitimate-interests",
        "legitimate berettiget berettigede",
        "interest interests interesse interesser",
        may="",
    ),
    _concept("consent", "consent samtykke", may="explicit"),
    _concept("vital-interests", "vital vitale", "interests interest interesser", may=""),
    _concept("public-task", "public offentlig", "task interest myndighet interesse", may=""),
)
ARTICLES = {
    "consent": "a",
    "contract": "b",
    "legal-obligation": "c",
    "vital-interests": "d",
    "public-task": "e",
    "legitimate-interests": "f",
}
"""The letter of GDPR Art. 6(1) for each legal basis."""

CLASSES = (
    _concept(
        "orders-accounting",
        "order orders accounting ordre ordrer bestilling bestillinger regnskap regnskapsopplysninger regnskapsdata "
        "regnskapsmateriale",
        may="ordredata purchase invoice invoices faktura fakturaer",
    ),
    _concept(
        "customer-accounts",
        "account accounts konto kontoer kundekonto kundekontoer brukerkonto brukerkontoer kontoopplysninger",
        may="customer customers user users kunde kunders",
    ),
    _concept(
        "support-requests",
        "support kundeservice kundestøtte kundesupport kundehenvendelser supporthenvendelser henvendelser "
        "kundeservicehenvendelser supportsaker",
        may="customer requests request tickets ticket enquiries inquiries messages kunde",
    ),
    _concept(
        "marketing",
        "marketing markedsføring markedsføringsdata newsletter newsletters nyhetsbrev",
        may="communications direct",
    ),
    _concept(
        "cookie-consent-logs",
        "cookie cookies informasjonskapsler informasjonskapsel cookiesamtykke cookiesamtykker cookiesamtykkelogger",
        "consent consents samtykke samtykker samtykkelogg samtykkelogger cookiesamtykke cookiesamtykker "
        "cookiesamtykkelogger",
        may="log logs logg logger over",
    ),
    _concept(
        "unpaid-orders",
        "unpaid never ubetalte aldri",
        "order orders ordre ordrer bestilling bestillinger",
        may="paid were that which are ble betalt som",
    ),
    _concept("technical", "technical teknisk tekniske", may="order orders ordre ordrer bestilling"),
)

SAFEGUARDS = (
    _concept(
        "eu-scc",
        "scc sccs clauses standardavtaler standardkontrakter personvernbestemmelser standardvilkår",
    ),
    _concept("uk-idta", "idta addendum tilleggsavtale"),
    _concept("adequacy", "adequacy tilstrekkelighetsbeslutning tilstrekkelig beskyttelsesnivå"),
    _concept("bcr", "bcr bcrs binding bindende"),
    _concept("data-privacy-framework", "framework dpf rammeverk"),
)

GROUPS = (
    _concept(
        "hosting",
        "hosting webhotell nettbutikkleverandører driftsleverandører drift hostingleverandører",
    ),
    _concept(
        "payment",
        "payment payments betaling betalingsleverandører betalingstjenester betalingsløsninger",
    ),
    _concept(
        "carriers",
        "shipping logistics carriers frakt logistikk transportører fraktleverandører fraktselskaper",
    ),
    _concept("tools", "analytics tools analyse analyseverktøy verktøy"),
    _concept("advisers", "advisers advisors authorities rådgivere myndigheter"),
)

RIGHTS = (
    _concept("access", "access innsyn"),
    _concept(
        "rectification", "correct rectify rectification correction rette retting rettet korrigere"
    ),
    _concept("erasure", "deletion delete erasure erase sletting slettet slette"),
    _concept("restriction", "restrict restriction begrense begrensning begrenset"),
    _concept("objection", "object objection protestere innsigelse protest"),
    _concept("portability", "portability dataportabilitet portabilitet overføre"),
    _concept("withdrawal", "withdraw withdrawal trekke tilbakekalle"),
)

SOURCES = (
    _concept("person", "directly you direkte deg"),
    _concept("automatic", "automatically automatic automatisk"),
    _concept("providers", "providers partners leverandører tjenesteleverandører partnere"),
)
"""How data is collected."""

AUTHORITIES = (
    _concept("datatilsynet", "datatilsynet"),
    _concept("ico", "ico"),
)

FACTS = (
    _concept(
        "name",
        "controller company behandlingsansvarlig selskap virksomhet firma",
        may="navn name is",
    ),
    _concept(
        "address",
        "address adresse postadresse besøksadresse forretningsadresse",
        may="postal business registered",
    ),
    _concept(
        "organisation_number",
        "organisation organization org company orgnr organisasjonsnummer",
        "number no nr nummer orgnr organisasjonsnummer",
        may="registration",
    ),
    _concept("email", "email e epost", may="mail post address"),
    _concept("support", "support kundeservice", may="customer"),
    _concept("phone", "phone telephone tel telefon tlf telefonnummer", may="number"),
    _concept(
        "privacy_contact",
        "privacy protection personvern personvernkontakt",
        may="contact kontakt kontaktperson spørsmål",
    ),
    _concept("dpo", "dpo personvernombud protection", may="officer ombud"),
)
"""What section 1 says of the controller."""

TOOLS = frozenset({"tool", "tools", "verktøy", "providers", "leverandører"})
"""What a line that names tools is labelled with."""

KNOWN_NAMES = (
    "Brevo", "Mailchimp", "Klaviyo", "HubSpot", "ActiveCampaign", "Visa", "Mastercard", "American Express", "Klarna",
    "PayPal", "Vipps", "Stripe", "Nets", "Nexi", "Adyen", "UPS", "DHL", "FedEx", "Posten", "Bring", "PostNord",
    "Google Analytics", "Zendesk",
)  # fmt: skip
"""Names by which a company is recognised in running text."""
