"""The recipients of a draft: their names from the page, all other facts of them from the template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hooks.page import toml_writer
from hooks.page.draft_source import DraftSource, Entries
from hooks.page.published import PublishedRecipient
from hooks.page.section_titles import SectionTopic


def recipient_tables(source: DraftSource) -> Iterator[str]:
    """Yield a table for each recipient.

    First come the recipients that the page names by their group only, then those that fill a gap, then those that the
    page names.
    """
    group_labels = {group.id: group.label for group in source.page.groups}
    for known in source.template["recipients"]:
        if "name" not in known and known["group"] in group_labels:
            yield from _known(source, known, group_labels[known["group"]], "recipients")
    for known in source.unpublished_recipients():
        yield from _known(source, known, known["name"], "recipients")
    by_id = {known["id"]: known for known in source.template["recipients"]}
    for recipient in source.page.recipients:
        if recipient.group not in group_labels:
            yield ""
            yield toml_writer.ask(f"To which group of recipients does {recipient.name} belong?")
        elif recipient.id in by_id:
            yield from _known(source, by_id[recipient.id], recipient.name, recipient.topic)
        else:
            yield from _unknown(source, recipient)


def _known(source: DraftSource, known: Entries, name: str, topic: SectionTopic) -> Iterator[str]:
    """Yield the table of a recipient that the template knows. `topic` is that of the section that names it."""
    safeguards = _safeguards(source, known)
    is_outside = known.get("outside", False)
    yield ""
    if is_outside and not safeguards:
        yield toml_writer.ask(
            f"{name} may process outside the EEA and the UK (`outside`); which of the safeguards apply?"
        )
    category_ids = source.category_ids()
    entries: dict[str, Any] = {"id": known["id"], "name": name, **known}
    entries["data"] = [category for category in known["data"] if category in category_ids]
    entries["outside"] = None
    if is_outside and safeguards:
        entries["outside"] = True
    entries["safeguards"] = safeguards or None
    if known in source.unpublished_recipients():
        entries["published"] = False
    else:
        entries["gap"] = None
        entries["section"] = source.section(topic)
    yield from toml_writer.table("[[recipients]]", entries)


def _safeguards(source: DraftSource, known: Entries) -> list[str]:
    names = known.get("safeguards", ())
    return [safeguard.id for safeguard in source.page.safeguards if safeguard.id in names]


def _unknown(source: DraftSource, recipient: PublishedRecipient) -> Iterator[str]:
    yield ""
    yield toml_writer.ask(
        f"Which data does {recipient.name} get (`data`)? On which payment methods, shipping methods or "
        "contents of a record does that depend (`payment`, `shipping`, `holding`)? Is it a processor or a "
        "controller (`role`), and in which country?"
    )
    entries: dict[str, Any] = {
        "id": recipient.id,
        "name": recipient.name,
        "group": recipient.group,
        "data": [],
        "section": source.section(recipient.topic),
    }
    yield from toml_writer.table("[[recipients]]", entries)
