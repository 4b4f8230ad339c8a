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
    for recipient in source.template["recipients"]:
        if "name" in recipient:
            continue
        label = group_labels.get(recipient["group"])
        if label is not None:
            yield from _from_template(source, recipient, label, "recipients")
    for recipient in source.unpublished_recipients():
        yield from _from_template(source, recipient, recipient["name"], "recipients")
    by_id = {recipient["id"]: recipient for recipient in source.template["recipients"]}
    for published in source.page.recipients:
        if published.group not in group_labels:
            yield ""
            yield toml_writer.ask(f"To which group of recipients does {published.name} belong?")
        elif published.id in by_id:
            yield from _from_template(source, by_id[published.id], published.name, published.topic)
        else:
            yield from _unknown(source, published)


def _from_template(
    source: DraftSource, recipient: Entries, name: str, topic: SectionTopic
) -> Iterator[str]:
    """Yield the table of a recipient that the template knows. `topic` is that of the section that names it."""
    safeguards = _safeguards(source, recipient)
    is_outside = recipient.get("outside", False)
    yield ""
    if is_outside and not safeguards:
        yield toml_writer.ask(
            f"{name} may process outside the EEA and the UK (`outside`); which of the safeguards apply?"
        )
    category_ids = source.category_ids()
    entries: dict[str, Any] = {"id": recipient["id"], "name": name, **recipient}
    entries["data"] = [category for category in recipient["data"] if category in category_ids]
    entries["outside"] = None
    if is_outside and safeguards:
        entries["outside"] = True
    entries["safeguards"] = safeguards or None
    if recipient in source.unpublished_recipients():
        entries["published"] = False
    else:
        entries["gap"] = None
        entries["section"] = source.section(topic)
    yield from toml_writer.table("[[recipients]]", entries)


def _safeguards(source: DraftSource, recipient: Entries) -> list[str]:
    names = recipient.get("safeguards", ())
    return [safeguard.id for safeguard in source.page.safeguards if safeguard.id in names]


def _unknown(source: DraftSource, published: PublishedRecipient) -> Iterator[str]:
    yield ""
    yield toml_writer.ask(
        f"Which data does {published.name} get (`data`)? On which payment methods, shipping methods or "
        "contents of a record does that depend (`payment`, `shipping`, `holding`)? Is it a processor or a "
        "controller (`role`), and in which country?"
    )
    entries: dict[str, Any] = {
        "id": published.id,
        "name": published.name,
        "group": published.group,
        "data": [],
        "section": source.section(published.topic),
    }
    yield from toml_writer.table("[[recipients]]", entries)
