"""The parts of a draft in which what the page says and what no page says are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hooks.page import toml_writer
from hooks.page.normalized_text import lower_first, slug
from hooks.page.periods import Span
from hooks.page.published import PublishedClass, PublishedPage, PublishedRecipient
from hooks.page.section_titles import SectionTopic
from hooks.retention.clock import Period


@dataclass(frozen=True, slots=True)
class DraftParts:
    """`section` gives the number of the section on something, None where the page has none."""

    page: PublishedPage
    template: Mapping[str, Any]
    section: Callable[[SectionTopic], int | None]

    # --- recipients ---

    def recipients(self) -> Iterator[str]:
        """Those that the page names, with what is known of them; and those of its groups that no page need name."""
        known = {one["id"]: one for one in self.template["recipients"]}
        groups = {one.id: one.label for one in self.page.groups}
        for one in known.values():
            if "name" not in one and one["group"] in groups:
                yield from self._recipient(one, groups[one["group"]], "recipients")
        for one in self._unpublished():
            yield from self._recipient(one, one["name"], "recipients")
        for named in self.page.recipients:
            if named.group not in groups:
                yield from [
                    "",
                    toml_writer.ask(f"To which group of recipients does {named.name} belong?"),
                ]
            elif named.id in known:
                yield from self._recipient(known[named.id], named.name, named.topic)
            else:
                yield from self._unknown(named)

    def _unpublished(self) -> list[Mapping[str, Any]]:
        """Those with a gap of their own, of a group that the page has, and not by name."""
        groups = {one.id for one in self.page.groups}
        named = {one.id for one in self.page.recipients}
        own = [
            one for one in self.template["recipients"] if "gap" in one and one["group"] in groups
        ]
        return [one for one in own if not named & {one["id"], slug(one["name"])}]

    def _recipient(self, known: Mapping[str, Any], name: str, place: SectionTopic) -> Iterator[str]:
        safeguards = [
            one.id for one in self.page.safeguards if one.id in known.get("safeguards", ())
        ]
        outside = known.get("outside", False)
        yield ""
        if outside and not safeguards:
            yield toml_writer.ask(
                f"{name} may process outside the EEA and the UK (`outside`); under which of the safeguards?"
            )
        categories = {one.id for one in self.page.categories}
        entries = {"id": known["id"], "name": name} | dict(known)
        entries["data"] = [one for one in known["data"] if one in categories]
        entries |= {
            "outside": (outside and bool(safeguards)) or None,
            "safeguards": safeguards or None,
        }
        if known in self._unpublished():
            entries |= {"published": False}
        else:
            entries |= {"gap": None, "section": self.section(place)}
        yield from toml_writer.table("[[recipients]]", entries)

    def _unknown(self, named: PublishedRecipient) -> Iterator[str]:
        yield ""
        yield toml_writer.ask(
            f"What does {named.name} get (`data`), with which ways of payment or shipping, or with what that is held "
            "(`payment`, `shipping`, `holding`), as processor or controller (`role`), and in which country?"
        )
        entries = {"id": named.id, "name": named.name, "group": named.group, "data": []}
        yield from toml_writer.table(
            "[[recipients]]", entries | {"section": self.section(named.topic)}
        )

    # --- children, complaints ---

    def children(self) -> Iterator[str]:
        """What the page says of children."""
        said = self.page.children
        if said:
            entries = {
                "label": said.label,
                "age": said.age,
                "orders_only": said.orders_only or None,
            }
            yield from [
                "",
                *toml_writer.table("[children]", entries | {"section": self.section("children")}),
            ]

    def authorities(self) -> Iterator[str]:
        """The supervisory authorities that the page names, with their addresses."""
        for one in self.template["authorities"]:
            if one["id"] in self.page.authorities:
                entries = dict(one) | {"section": self.section("complaints")}
                yield from ["", *toml_writer.table("[[authorities]]", entries)]

    # --- classes ---

    def classes(self) -> Iterator[str]:
        """Those of the page, those that it should have, and the operator's own."""
        known = self.template["classes"]
        for one in self.page.classes:
            yield from self._class(one, known.get(one.id))
        on_page = {one.id for one in self.page.classes}
        for name, own in known.items():
            if name in on_page:
                continue
            yield ""
            if "gap" in own:
                yield from toml_writer.table(f"[classes.{name}]", own | {"published": False})
            else:
                yield toml_writer.ask(
                    f"The page names no retention class {name}; for how long is that kept?"
                )
                yield from toml_writer.comment_out(
                    [*toml_writer.table(f"[classes.{name}]", own), 'keep = "P…"']
                )

    def _class(self, one: PublishedClass, known: Mapping[str, Any] | None) -> Iterator[str]:
        yield ""
        about = dict(known or {"clock": "created", "at_end": "erase"})
        if known is None:
            yield toml_writer.ask(
                f"From when does the period of “{one.label}” run (`clock`)? No rule refers to this class, so that the "
                "clock given here runs for nothing."
            )
        by_law = about.pop("by_law", None)
        if by_law and one.span and not one.span.same_as(Span(Period.from_iso(by_law))):
            source = about.pop("source")
            yield toml_writer.ask(
                f"{source} asks for {Period.from_iso(by_law)}, the page says {one.span}; is that meant?"
            )
        entries = {
            "label": f"{one.label}: {lower_first(one.text)}",
            "clock": about["clock"],
            **_ends(one.span),
        }
        entries |= {
            "at_end": about["at_end"],
            "source": about.get("source"),
            "proof": about.get("proof"),
        }
        entries |= {"section": self.section("retention")}
        yield from toml_writer.table(f"[classes.{one.id}]", entries)
        if one.span is None:
            yield from [*self._questions(one), '# keep = "P…"']

    def _questions(self, one: PublishedClass) -> Iterator[str]:
        for sentence in self.page.unread:
            if f"“{one.label}: {one.text}”" in sentence:
                yield toml_writer.ask(f"{sentence} For how long is it kept?")

    # --- gaps and rules ---

    def deletion(self) -> Iterator[str]:
        """How soon what is due is deleted, which no page says. Nothing, where the page has no section on retention."""
        if self.section("retention") is not None:
            yield from [
                "",
                *toml_writer.table("[deletion]", self.template["deletion"] | {"published": False}),
            ]

    def gaps(self) -> Iterator[str]:
        """What the page does not say of what it has; a gap that the page has filled is none."""
        on_page = {one.id for one in self.page.classes}
        for name, gap in self.template["gaps"].items():
            section = self.section(gap["about"]) or self.section("retention")
            if (
                name in self._filled()
                or gap.get("class", "") not in {"", *on_page}
                or section is None
            ):
                continue
            yield ""
            yield from toml_writer.table(
                f"[gaps.{name}]",
                {"section": section, "choice": gap["choice"], "publish": gap["publish"]},
            )

    def _filled(self) -> set[str]:
        """Gaps of the operator's own classes that the page names; and of recipients, where it names all or none."""
        on_page = {one.id for one in self.page.classes}
        filled = {
            own["gap"]
            for name, own in self.template["classes"].items()
            if "gap" in own and name in on_page
        }
        of_recipients = {one["gap"] for one in self.template["recipients"] if "gap" in one}
        return filled | (of_recipients - {one["gap"] for one in self._unpublished()})

    def rules(self) -> Iterator[str]:
        """Rules for what the page has; one that needs what the page does not have is asked about."""
        for rule in self.template["rules"]:
            lacking = list(self._lacking(rule))
            gap = rule.get("gap")
            entries = {name: thing for name, thing in rule.items() if name != "gap"}
            if gap and gap not in self._filled():
                entries |= {"published": False, "gap": gap}
            else:
                entries |= {"section": self.section("retention")}
            lines = toml_writer.table("[[rules]]", entries)
            yield ""
            if lacking:
                yield toml_writer.ask(
                    f"The rule {rule['id']} needs {' and '.join(lacking)}, which the page does not have; what applies?"
                )
            yield from toml_writer.comment_out(lines) if lacking else lines

    def _lacking(self, rule: Mapping[str, Any]) -> Iterator[str]:
        own = {name for name, one in self.template["classes"].items() if "gap" in one}
        for what, name, there in (
            ("the data category", rule["data"], {one.id for one in self.page.categories}),
            ("the purpose", rule["purpose"], {one.id for one in self.page.purposes}),
            ("the legal basis", rule["basis"], {one.id for one in self.page.bases}),
            ("the retention class", rule["class"], own | {one.id for one in self.page.classes}),
        ):
            if name not in there:
                yield f"{what} {name}"

    def rest(self) -> Iterator[str]:
        """How the store says what the rules ask."""
        yield from ["", *toml_writer.table("[no_recipient]", self.template["no_recipient"])]
        consent = dict(self.template["consent"])
        newsletter = consent.pop("newsletter")
        yield from [
            "",
            *toml_writer.table("[consent]", consent),
            "",
            *toml_writer.table("[consent.newsletter]", newsletter),
        ]
        for action in self.template["actions"]:
            yield from ["", *toml_writer.table("[[actions]]", action)]


def _ends(span: Span | None) -> dict[str, str | None]:
    """The span as a class has it."""
    if span is None:
        return {}
    return {"review": _iso(span.review), "keep": _iso(span.keep), "until": span.until}


def _iso(period: Period | None) -> str | None:
    if period is None:
        return None
    parts = ((period.years, "Y"), (period.months, "M"), (period.days, "D"))
    return "P" + "".join(f"{number}{unit}" for number, unit in parts if number)
