"""A draft of a policy file: the statements of the page, and from `template.toml` all that no page says.

A comment that begins with `# ASK:` asks for a thing that could not be read. If nothing is missing that a policy must
have, the draft can be put in force as it is, and then does not differ from the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from hooks.page import toml_writer
from hooks.page.draft_classes import class_tables
from hooks.page.draft_recipients import recipient_tables
from hooks.page.draft_rules import consent_tables, gap_tables, rule_tables
from hooks.page.draft_source import DraftSource
from hooks.page.normalized_text import slug
from hooks.page.published import PublishedPage, PublishedTerm
from hooks.page.vocabulary import ARTICLES

_COMPANY_FORM = re.compile(
    r"\s+(?:ASA?|AB|A/S|ApS|Oy|Ltd\.?|Limited|GmbH|Inc\.?|ENK|DA|SA|B\.?V\.?|LLC|PLC)$",
    re.IGNORECASE,
)


def draft(page: PublishedPage, *, today: date | None = None) -> str:
    """Return the text of a policy file.

    The day of the version is the one that the page prints, or else that of its last change, or else `today`.
    """
    lines = _lines(DraftSource.of(page), today)
    return "\n".join(lines) + "\n"


def _lines(source: DraftSource, today: date | None) -> Iterator[str]:
    yield from _questions(source)
    yield from _head(source, today)
    yield from _controller(source)
    yield from _sections(source)
    yield from _terms(source)
    yield from recipient_tables(source)
    yield from _security(source)
    yield from _children(source)
    yield from _authorities(source)
    yield from class_tables(source)
    yield from gap_tables(source)
    yield from rule_tables(source)
    yield from consent_tables(source)


# --- head ---


def _questions(source: DraftSource) -> Iterator[str]:
    origin = source.page.link or "a privacy policy page"
    yield f"# Drafted from {origin}. Answer each comment that begins with ASK."
    for sentence in source.page.unread:
        if not _is_on_class(sentence, source.page):
            yield toml_writer.ask(sentence)


def _is_on_class(sentence: str, page: PublishedPage) -> bool:
    """Tell whether the sentence is on the period of a class; the draft then asks for it beside that class."""
    unread = (published for published in page.classes if published.span is None)
    return any(published.quotation in sentence for published in unread)


def _head(source: DraftSource, today: date | None) -> Iterator[str]:
    page = source.page
    yield ""
    yield from _version(page, today)
    if page.last_updated:
        yield toml_writer.line("last_updated", page.last_updated)
    if page.modified:
        yield toml_writer.line("page_modified", page.modified)
    if page.link:
        yield toml_writer.line("page", page.link)
    else:
        yield toml_writer.ask("What is the address of the page?")
        yield '# page = "https://…"'
    for name in ("time_zone", "accounting_year_start"):
        yield toml_writer.line(name, source.template[name])


def _version(page: PublishedPage, today: date | None) -> Iterator[str]:
    day = _day_of_version(page, today)
    company = _COMPANY_FORM.sub("", page.controller.name or "policy")
    policy_id = slug(company)[:50].strip("-")
    if day:
        policy_id = f"{policy_id}-{day}"
    yield toml_writer.line("id", policy_id)
    yield toml_writer.line("version", "1")
    if page.last_updated is None:
        yield toml_writer.ask(
            "From which day does this version apply? Its id and this day must be those of the page."
        )
    if day:
        yield toml_writer.line("effective_from", day)
    else:
        yield "# effective_from = 2026-01-01"


def _day_of_version(page: PublishedPage, today: date | None) -> date | None:
    if page.last_updated:
        return page.last_updated
    if page.modified:
        return page.modified.date()
    return today


def _controller(source: DraftSource) -> Iterator[str]:
    controller = source.page.controller
    yield ""
    yield "[controller]"
    for name in ("name", "address", "organisation_number", "privacy_contact", "phone", "dpo"):
        value = getattr(controller, name)
        if value is not None:
            yield toml_writer.line(name, value)
        elif name not in ("phone", "dpo"):
            yield f'# {name} = "…"'
    yield toml_writer.line("uk", controller.uk)


# --- sections and terms ---


def _sections(source: DraftSource) -> Iterator[str]:
    yield ""
    yield "[sections]"
    for number, title in sorted(source.section_titles.items()):
        yield toml_writer.line(str(number), title)


def _terms(source: DraftSource) -> Iterator[str]:
    page = source.page
    yield from _term_table("categories", page.categories, source.section("categories"))
    yield from _source_table(source)
    yield from _term_table("purposes", page.purposes, source.section("purposes"))
    yield from _basis_table(source)
    yield from _term_table("safeguards", page.safeguards, source.section("transfers"))
    yield from _term_table("recipient_groups", page.groups, source.section("recipients"))
    for origin in page.sources:
        if not _data_from(source, origin):
            yield toml_writer.ask(
                f"Which data comes to the shop this way (`[sources]`): “{origin.label}”?"
            )


def _term_table(name: str, terms: Sequence[PublishedTerm], section: int | None) -> Iterator[str]:
    yield ""
    yield f"[{name}]"
    for term in terms:
        yield toml_writer.inline(term.id, {"label": term.label, "section": section})


def _source_table(source: DraftSource) -> Iterator[str]:
    """Yield the sources of data whose data is known; the draft asks about the others."""
    yield ""
    yield "[sources]"
    section = source.section("collection")
    for origin in source.page.sources:
        data = _data_from(source, origin)
        if data:
            entries = {"label": origin.label, "data": data, "section": section}
            yield toml_writer.inline(origin.id, entries)


def _data_from(source: DraftSource, origin: PublishedTerm) -> list[str]:
    """Return the data categories of the page that come from this source of data."""
    template_source = source.template["sources"].get(origin.id, {"data": []})
    category_ids = source.category_ids()
    return [name for name in template_source["data"] if name in category_ids]


def _basis_table(source: DraftSource) -> Iterator[str]:
    yield ""
    yield "[bases]"
    for basis in source.page.bases:
        letter = ARTICLES.get(basis.id)
        article = f"GDPR Art. 6(1)({letter})"
        if not letter:
            article = ""
            yield toml_writer.ask(f"Which article of the GDPR is the legal basis “{basis.label}”?")
        entries = {
            "label": basis.label,
            "covers": basis.text or None,
            "article": article,
            "section": source.section("bases"),
        }
        yield toml_writer.inline(basis.id, entries)


# --- security, children, complaints ---


def _security(source: DraftSource) -> Iterator[str]:
    measures = source.page.security
    if measures:
        entries = {"measures": measures, "section": source.section("security")}
        yield ""
        yield from toml_writer.table("[security]", entries)


def _children(source: DraftSource) -> Iterator[str]:
    statement = source.page.children
    if statement:
        entries = {
            "label": statement.label,
            "age": statement.age,
            "orders_only": statement.orders_only or None,
            "section": source.section("children"),
        }
        yield ""
        yield from toml_writer.table("[children]", entries)


def _authorities(source: DraftSource) -> Iterator[str]:
    """Yield the supervisory authorities that the page names. Their addresses come from the template."""
    for authority in source.template["authorities"]:
        if authority["id"] in source.page.authorities:
            entries = {**authority, "section": source.section("complaints")}
            yield ""
            yield from toml_writer.table("[[authorities]]", entries)
