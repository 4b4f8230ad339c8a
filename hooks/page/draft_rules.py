"""The gaps, the rules and the tables on the store's own data of a draft. All of them come from the template."""

from __future__ import annotations

from collections.abc import Iterator

from hooks.page import toml_writer
from hooks.page.draft_source import DraftSource, Entries


def gap_tables(source: DraftSource) -> Iterator[str]:
    """Yield a table for each gap that the page leaves. A gap on a class counts only if the page names that class."""
    filled = source.filled_gaps()
    for name, gap in source.template["gaps"].items():
        section = source.section(gap["about"]) or source.section("retention")
        is_on_class = "class" in gap
        if is_on_class and gap["class"] not in source.class_ids():
            continue
        if name in filled or section is None:
            continue
        entries = {"section": section, "choice": gap["choice"], "publish": gap["publish"]}
        yield ""
        yield from toml_writer.table(f"[gaps.{name}]", entries)


def rule_tables(source: DraftSource) -> Iterator[str]:
    """Yield a table for each rule.

    A rule that needs a thing that the page does not have becomes a comment, with a question before it.
    """
    filled = source.filled_gaps()
    for rule in source.template["rules"]:
        entries = dict(rule)
        gap = entries.pop("gap", None)
        if gap and gap not in filled:
            entries["published"] = False
            entries["gap"] = gap
        else:
            entries["section"] = source.section("retention")
        lines = toml_writer.table("[[rules]]", entries)
        missing = " and ".join(_missing(source, rule))
        yield ""
        if missing:
            yield toml_writer.ask(
                f"The rule {rule['id']} needs {missing}, which the page does not have; what applies?"
            )
            lines = toml_writer.comment_out(lines)
        yield from lines


def _missing(source: DraftSource, rule: Entries) -> Iterator[str]:
    """Yield the things that the rule names and the page does not have, each as a sentence says it."""
    category = rule["data"]
    purpose = rule["purpose"]
    basis = rule["basis"]
    class_id = rule["class"]
    if category not in source.category_ids():
        yield f"the data category {category}"
    if purpose not in source.purpose_ids():
        yield f"the purpose {purpose}"
    if basis not in source.basis_ids():
        yield f"the legal basis {basis}"
    template_class = source.template["classes"].get(class_id, {})
    if "gap" not in template_class and class_id not in source.class_ids():
        yield f"the retention class {class_id}"


def consent_tables(source: DraftSource) -> Iterator[str]:
    """Yield the tables on the store's own data: orders without a recipient, consents, and custom actions."""
    yield ""
    yield from toml_writer.table("[no_recipient]", source.template["no_recipient"])
    consent = dict(source.template["consent"])
    newsletter = consent.pop("newsletter")
    yield ""
    yield from toml_writer.table("[consent]", consent)
    yield ""
    yield from toml_writer.table("[consent.newsletter]", newsletter)
    for action in source.template["actions"]:
        yield ""
        yield from toml_writer.table("[[actions]]", action)
