"""The topics of a section, recognised by the words of its title, in English or Norwegian."""

from __future__ import annotations

import re
from typing import Literal

from hooks.page.normalized_text import normalize

SectionTopic = Literal[
    "controller",
    "categories",
    "collection",
    "purposes",
    "bases",
    "marketing",
    "cookies",
    "recipients",
    "transfers",
    "security",
    "retention",
    "rights",
    "complaints",
    "children",
    "changes",
]

TOPIC_LABELS: dict[SectionTopic, str] = {
    "controller": "the controller",
    "categories": "the data collected",
    "collection": "their collection",
    "purposes": "the purposes of use",
    "bases": "legal bases",
    "marketing": "marketing",
    "cookies": "cookies",
    "recipients": "the recipients of data",
    "transfers": "international transfers",
    "security": "security",
    "retention": "retention",
    "rights": "rights",
    "complaints": "complaints",
    "children": "children",
    "changes": "changes",
}
"""The words for each topic in a sentence: a section on …"""

_PATTERNS: dict[SectionTopic, str] = {
    "controller": r"\bwho we are\b|\bcontroller\b|\bwho is responsible\b|^about us$|"
    r"\bbehandlingsansvarlig|\bhvem (vi er|er vi|er ansvarlig)\b|^om oss$",
    "categories": r"\b(what|which)\b.*\b(data|information)\b.*\b(collect|process|gather|hold)|"
    r"\bcategor(y|ies) of\b|"
    r"^(the )?(personal )?(data|information) (that )?we (collect|process)|"
    r"\bhvilke\b.*opplysninger\b|\bkategorier\b.*opplysninger|^(person)?opplysninger (som )?vi\b",
    "collection": r"\bhow\b.*\b(collect|obtain|gather)|\bsources? of\b|"
    r"\bhvordan\b.*\b(samler|innhenter|henter)|\bkilder\b",
    "purposes": r"\bwhy\b.*\b(use|process|collect)|\bpurposes?\b|\bhow\b.*\buse\b.*\b(data|information)|"
    r"\bformål|\bhvorfor\b|\bhva vi bruker\b|\bhvordan vi bruker (person)?opplysning",
    "bases": r"\b(legal|lawful) (bas[ei]s|grounds?)\b|\b(retts|behandlings)grunnlag|\brettslige? grunnlag",
    "marketing": r"\bmarketing\b|\bnewsletters?\b|\bmarkedsføring|\bnyhetsbrev",
    "cookies": r"\bcookies?\b|\binformasjonskaps(el|ler)",
    "recipients": r"\bshar(e|ing)\b|\brecipients?\b|\bdisclos|\bwho (receives|gets)\b|\bthird part(y|ies)\b|"
    r"\bdel(ing|er)\b|\bmottaker|\butlever|\btredjepart",
    "transfers": r"\btransfers?\b|\boutside\b.*\b(eea|eu)\b|\bthird countr|\boverføring|\butenfor eøs|\btredjeland",
    "security": r"\bsecur(e|ity)\b|\bprotect\b|\b\w*sikkerhet|\bbeskytter\b",
    "retention": r"\bretention\b|\bhow long\b|\bstorage (period|time|limitation)|\bretain|"
    r"\blagringstid|\blagringsperiode|\blagring(en)? av\b|^lagring( og sletting)?$|\boppbevaring|\bhvor lenge\b|"
    r"\bslett(ing|efrist)",
    "rights": r"\brights?\b|\brettighet",
    "complaints": r"\bcomplain|\bklage",
    "children": r"\bchild(ren)?\b|\bminors\b|\bbarn\b|\bmindreårige",
    "changes": r"\bchang(e|es)\b|\bupdates\b|\bamendments?\b|\bendring",
}
_TITLES = {topic: re.compile(pattern) for topic, pattern in _PATTERNS.items()}

_MAX_LENGTH = 200
_PAGE_TITLE = re.compile(r"\bprivacy (policy|notice|statement)\b|\bpersonvern")


def topics_of(title: str) -> frozenset[SectionTopic]:
    """Return the topics that this title of a section names: one, several, or none that is known."""
    words = normalize(title[:_MAX_LENGTH])
    topics: set[SectionTopic] = set()
    for topic, pattern in _TITLES.items():
        if pattern.search(words):
            topics.add(topic)
    return frozenset(topics)


def is_page_title(title: str) -> bool:
    """Tell whether this is the title of the page itself, not of a section."""
    return bool(_PAGE_TITLE.search(normalize(title[:_MAX_LENGTH])))
