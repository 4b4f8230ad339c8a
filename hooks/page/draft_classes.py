"""The retention classes of a draft: periods from the page, clocks and sources of law from the template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hooks.page import toml_writer
from hooks.page.draft_source import DraftSource, Entries
from hooks.page.normalized_text import lower_first
from hooks.page.periods import Span
from hooks.page.published import PublishedClass
from hooks.retention.clock import Period


def class_tables(source: DraftSource) -> Iterator[str]:
    """Yield the classes of the page, then those that only the template has, then the time within which to delete."""
    classes = source.template["classes"]
    for published in source.page.classes:
        yield from _class(source, published, classes.get(published.id))
    class_ids = source.class_ids()
    for name, template_class in classes.items():
        if name not in class_ids:
            yield from _missing_class(name, template_class)
    if source.section("retention") is not None:
        entries = {**source.template["deletion"], "published": False}
        yield ""
        yield from toml_writer.table("[deletion]", entries)


def _missing_class(name: str, template_class: Entries) -> Iterator[str]:
    """Yield a class that the page does not name: the operator's own, or one that the page should name."""
    yield ""
    if "gap" in template_class:
        entries = {**template_class, "published": False}
        yield from toml_writer.table(f"[classes.{name}]", entries)
        return
    yield toml_writer.ask(f"The page names no retention class {name}; for how long is that kept?")
    lines = toml_writer.table(f"[classes.{name}]", template_class)
    yield from toml_writer.comment_out([*lines, 'keep = "P…"'])


def _class(
    source: DraftSource, published: PublishedClass, template_class: Entries | None
) -> Iterator[str]:
    yield ""
    if template_class is None:
        template_class = {"clock": "created", "at_end": "erase"}
        yield toml_writer.ask(
            f"From when does the period of “{published.label}” run (`clock`)? "
            "No rule refers to this class, so the clock given here has no effect."
        )
    law = template_class.get("source")
    by_law = _other_period_of_law(published, template_class)
    if by_law:
        yield toml_writer.ask(
            f"{law} asks for {by_law}, the page says {published.span}; is that intended?"
        )
        law = None  # it is no source of this period
    text = lower_first(published.text)
    entries: dict[str, Any] = {
        "label": f"{published.label}: {text}",
        "clock": template_class["clock"],
        **_span_entries(published.span),
        "at_end": template_class["at_end"],
        "source": law,
        "proof": template_class.get("proof"),
        "section": source.section("retention"),
    }
    yield from toml_writer.table(f"[classes.{published.id}]", entries)
    if published.span is None:
        yield from _period_questions(source, published)
        yield '# keep = "P…"'


def _other_period_of_law(published: PublishedClass, template_class: Entries) -> Period | None:
    """Return the period that the law asks for, if the page has another one."""
    if "by_law" not in template_class or published.span is None:
        return None
    by_law = Period.from_iso(template_class["by_law"])
    if published.span.same_as(Span(by_law)):
        return None
    return by_law


def _period_questions(source: DraftSource, published: PublishedClass) -> Iterator[str]:
    for sentence in source.page.unread:
        if published.quotation in sentence:
            yield toml_writer.ask(f"{sentence} For how long is it kept?")


def _span_entries(span: Span | None) -> dict[str, str | None]:
    if span is None:
        return {}
    return {"review": _iso(span.review), "keep": _iso(span.keep), "until": span.until}


def _iso(period: Period | None) -> str | None:
    """Return the period as ISO 8601 writes it, such as `P12M`."""
    if period is None:
        return None
    text = "P"
    if period.years:
        text += f"{period.years}Y"
    if period.months:
        text += f"{period.months}M"
    if period.days:
        text += f"{period.days}D"
    return text
