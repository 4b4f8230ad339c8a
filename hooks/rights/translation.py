"""The words of the answer in English and in Norwegian bokmål, and the function that fills in a sentence."""

from __future__ import annotations

from hooks.rights.entitlements import DecisionReason, Right
from hooks.rights.labels import Language, in_language
from hooks.rights.letter_frame_strings import FRAME_STRINGS
from hooks.rights.letter_strings import LETTER_STRINGS

RIGHT_NAMES: dict[Language, dict[Right, str]] = {
    "en": {
        "access": "access",
        "rectification": "rectification",
        "erasure": "erasure",
        "restriction": "restriction",
        "portability": "data portability",
        "objection": "objection",
        "withdrawal": "withdrawal of consent",
    },
    "no": {
        "access": "innsyn",
        "rectification": "retting",
        "erasure": "sletting",
        "restriction": "begrensning",
        "portability": "dataportabilitet",
        "objection": "protest",
        "withdrawal": "tilbaketrekking av samtykke",
    },
}

RIGHT_MEANINGS: dict[Language, dict[Right, str]] = {
    "en": {
        "access": "to know what we hold about you, and to have a copy of it",
        "rectification": "to have wrong data corrected, and incomplete data completed",
        "erasure": "to have data erased, unless they must stay for one of the reasons given above",
        "restriction": "to have data only stored and not otherwise used, for instance while we check "
        "whether they are right",
        "portability": "to have what you gave us in a machine-readable form, where the basis is consent or a contract",
        "objection": "to object, on grounds relating to your particular situation, where the basis is legitimate "
        "interests; to direct marketing you can object at any time, without giving grounds",
        "withdrawal": "to withdraw a consent at any time; what was done before remains lawful",
    },
    "no": {
        "access": "å få vite hva vi har om deg, og å få en kopi av det",
        "rectification": "å få rettet det som er feil, og utfylt det som er ufullstendig",
        "erasure": "å få opplysninger slettet, med mindre de må beholdes av en av grunnene som er nevnt ovenfor",
        "restriction": "å få opplysninger bare lagret og ikke brukt på annen måte, for eksempel mens det undersøkes om "
        "de er riktige",
        "portability": "å få det du har gitt oss, i maskinlesbar form, der grunnlaget er samtykke eller avtale",
        "objection": "å protestere av grunner knyttet til din særlige situasjon, der grunnlaget er berettigede "
        "interesser; mot direkte markedsføring kan du protestere når som helst, uten begrunnelse",
        "withdrawal": "å trekke et samtykke tilbake når som helst; det som er gjort før, forblir lovlig",
    },
}

STRINGS = {**FRAME_STRINGS, **LETTER_STRINGS}

REASONS: dict[DecisionReason, str] = {
    "any-basis": "It applies whatever the basis is.",
    "basis": "It applies: the basis is {basis}.",
    "other-basis": "It does not apply: the basis is {basis}, and this right exists only on the basis of {bases}.",
    "must-stay": "It does not apply: {grounds}.",
    "for-claims": "It does not apply: the data is needed to establish, exercise or defend legal claims "
    "(GDPR Art. 21(1)).",
    "requested": "It applies, and the person asked for it on {asked}.",
    "law-ended": "It applies: the period for which a legal obligation required the data to be kept has ended.",
    "review": "The data may be erased now, but need not be erased yet; a person must decide.",
    "restricted": "It applies, and is in use: the processing is restricted.",
    "unknown-basis": "This service does not know the basis {basis}; a person must decide.",
}
"""The reasons why a right applies to an entry or does not, for the JSON."""


def translate(language: Language, key: str, **values: object) -> str:
    """Return the sentence `key` in this language, with `values` filled in."""
    return in_language(language, STRINGS[key]).format(**values)
