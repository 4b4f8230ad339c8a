"""The closed vocabulary of the page, English and Norwegian: the words for each data category, basis, class, recipient.

Nothing is guessed: a text that could name several concepts of a list names none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hooks.page.normalized_text import slug, word_set, words_of

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
    """An id and the words that name it.

    A text names the concept if it has a word of each set in `required`, and no other words than those and `allowed`.
    `allowed` is None where any other words may stand beside them.
    """

    id: str
    required: tuple[frozenset[str], ...]
    allowed: frozenset[str] | None

    def matches(self, words: frozenset[str]) -> bool:
        """Tell whether these words name the concept."""
        if not all(words & alternatives for alternatives in self.required):
            return False
        if self.allowed is None:
            return True
        return words <= self.allowed.union(*self.required)


def _concept(name: str, *required: str, allowed: str | None = None) -> Concept:
    allowed_words = None
    if allowed is not None:
        allowed_words = word_set(allowed)
    return Concept(name, tuple(map(word_set, required)), allowed_words)


def identify(text: str, concepts: Iterable[Concept]) -> str | None:
    """Return the id of the concept that the text names; None if it names none or several."""
    plain = without_citations(text)
    words = frozenset(words_of(plain)) - _FILLERS
    ids = [concept.id for concept in concepts if concept.matches(words)]
    if len(ids) != 1:
        return None
    return ids[0]


def id_for(text: str, concepts: Iterable[Concept]) -> str:
    """Return the id of the concept that the text names, or an id made of the text's words."""
    return identify(text, concepts) or slug(without_citations(text))


def without_citations(text: str) -> str:
    """Return the text without articles of the law and without parentheses, up to two levels of them."""
    text = _ARTICLE.sub(" ", text)
    text = _PARENTHESES.sub(" ", text)
    return _PARENTHESES.sub(" ", text)


CATEGORIES = (
    _concept(
        "identity-contact",
        "identity contact identitet identitets kontakt kontaktopplysninger kontaktinformasjon identitetsopplysninger",
        allowed="",
    ),
    _concept(
        "account",
        "account accounts konto kontoopplysninger kontodata kundekonto brukerkonto",
        allowed="customer user kunde",
    ),
    _concept(
        "order-payment",
        "order orders payment payments purchase purchases ordre ordrer bestilling bestillinger betaling betalinger "
        "betalingsopplysninger ordreopplysninger kjøp",
        allowed="",
    ),
    _concept(
        "shipping",
        "shipping delivery frakt levering leveranse leveringsopplysninger forsendelse",
        allowed="",
    ),
    _concept(
        "support",
        "support kundeservice kundestøtte kundesupport henvendelser kundehenvendelser",
        allowed="customer requests kunde",
    ),
    _concept(
        "marketing", "marketing markedsføring markedsføringsdata", allowed="direct communications"
    ),
    _concept("technical", "technical teknisk tekniske", allowed="device usage"),
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
        allowed="performance fulfilment with oppfyllelse",
    ),
    _concept(
        "legal-obligation",
        "legal rettslig rettslige juridisk",
        "obligation obligations forpliktelse plikt",
        allowed="a",
    ),
    _concept(
        "legitimate-interests",
        "legitimate berettiget berettigede",
        "interest interests interesse interesser",
        allowed="",
    ),
    _concept("consent", "consent samtykke", allowed="explicit"),
    _concept("vital-interests", "vital vitale", "interests interest interesser", allowed=""),
    _concept("public-task", "public offentlig", "task interest myndighet interesse", allowed=""),
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
        allowed="ordredata purchase invoice invoices faktura fakturaer",
    ),
    _concept(
        "customer-accounts",
        "account accounts konto kontoer kundekonto kundekontoer brukerkonto brukerkontoer kontoopplysninger",
        allowed="customer customers user users kunde kunders",
    ),
    _concept(
        "support-requests",
        "support kundeservice kundestøtte kundesupport kundehenvendelser supporthenvendelser henvendelser "
        "kundeservicehenvendelser supportsaker",
        allowed="customer requests request tickets ticket enquiries inquiries messages kunde",
    ),
    _concept(
        "marketing",
        "marketing markedsføring markedsføringsdata newsletter newsletters nyhetsbrev",
        allowed="communications direct",
    ),
    _concept(
        "cookie-consent-logs",
        "cookie cookies informasjonskapsler informasjonskapsel cookiesamtykke cookiesamtykker cookiesamtykkelogger",
        "consent consents samtykke samtykker samtykkelogg samtykkelogger cookiesamtykke cookiesamtykker "
        "cookiesamtykkelogger",
        allowed="log logs logg logger over",
    ),
    _concept(
        "unpaid-orders",
        "unpaid never ubetalte aldri",
        "order orders ordre ordrer bestilling bestillinger",
        allowed="paid were that which are ble betalt som",
    ),
    _concept(
        "technical", "technical teknisk tekniske", allowed="order orders ordre ordrer bestilling"
    ),
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
"""The ways in which data is collected."""

AUTHORITIES = (
    _concept("datatilsynet", "datatilsynet"),
    _concept("ico", "ico"),
)

CONTROLLER_FIELDS = (
    _concept(
        "name",
        "controller company behandlingsansvarlig selskap virksomhet firma",
        allowed="navn name is",
    ),
    _concept(
        "address",
        "address adresse postadresse besøksadresse forretningsadresse",
        allowed="postal business registered",
    ),
    _concept(
        "organisation_number",
        "organisation organization org company orgnr organisasjonsnummer",
        "number no nr nummer orgnr organisasjonsnummer",
        allowed="registration",
    ),
    _concept("email", "email e epost", allowed="mail post address"),
    _concept("support", "support kundeservice", allowed="customer"),
    _concept("phone", "phone telephone tel telefon tlf telefonnummer", allowed="number"),
    _concept(
        "privacy_contact",
        "privacy protection personvern personvernkontakt",
        allowed="contact kontakt kontaktperson spørsmål",
    ),
    _concept("dpo", "dpo personvernombud protection", allowed="officer ombud"),
)
"""The labels of section 1, on the controller."""

TOOLS = frozenset({"tool", "tools", "verktøy", "providers", "leverandører"})
"""The words in the label of a line that names tools."""

KNOWN_NAMES = (
    "Brevo", "Mailchimp", "Klaviyo", "HubSpot", "ActiveCampaign", "Visa", "Mastercard", "American Express", "Klarna",
    "PayPal", "Vipps", "Stripe", "Nets", "Nexi", "Adyen", "UPS", "DHL", "FedEx", "Posten", "Bring", "PostNord",
    "Google Analytics", "Zendesk",
)  # fmt: skip
"""Companies that are recognised by their name in running text."""
