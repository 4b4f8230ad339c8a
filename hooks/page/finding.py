"""One difference between the published page and the policy in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hooks.page.published import PublishedPage
from hooks.page.section_titles import SectionTopic

Severity = Literal["drift", "notice"]


@dataclass(frozen=True, slots=True)
class PageFinding:
    """A difference between page and policy.

    `code` is its kind, such as `period-changed`, and `message` a whole sentence. `section` is the number that the page
    prints; None if it prints none, or if the finding is about the whole page. A finding of severity `drift` says that
    page and policy contradict each other. A `notice` is about the page alone, or may be intended.
    """

    code: str
    section: int | None
    message: str
    severity: Severity = "drift"

    @classmethod
    def on(
        cls,
        page: PublishedPage,
        topic: SectionTopic,
        code: str,
        text: str,
        severity: Severity = "drift",
    ) -> PageFinding:
        """Make a finding about the page's section on this topic; the message cites the section before `text`."""
        heading = page.headings.get(topic)
        number = None
        if heading:
            number = heading.number
        message = f"{page.cite(topic)}: {text}"
        return cls(code, number, message, severity)
