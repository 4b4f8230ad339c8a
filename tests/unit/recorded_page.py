"""The recorded page, and functions that alter it and fail if there is nothing to alter."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache

from hooks.page.published import PublishedPage
from hooks.page.reader import read_page
from tests.support.processes import ROOT

RECORDED = json.loads((ROOT / "tests/recordings/privacy-policy-page.json").read_text())
HTML: str = RECORDED["content"]["rendered"]
MODIFIED = datetime(2026, 4, 27, 17, 12, 13, tzinfo=UTC)
LINK: str = RECORDED["link"]


@cache
def page(html: str = HTML) -> PublishedPage:
    """The page as it is read with this HTML."""
    return read_page(html, modified=MODIFIED, link=LINK)


def put(html: str, before: str, after: str, *, count: int = 1) -> str:
    """The page with `before` replaced by `after`; `before` must occur in it."""
    assert html.count(before) >= count, f"{before!r} is not there to be altered"
    return html.replace(before, after)


def section(title: str, html: str = HTML) -> str:
    """The HTML from a section's heading to the next one."""
    match = re.search(
        rf'<h2 class="wp-block-heading"><strong>{re.escape(title)}</strong></h2>.*?(?=<h2|\Z)',
        html,
        re.DOTALL,
    )
    assert match, f"{title!r} is not there"
    return match[0]


def retention(body: str) -> str:
    """The page with this HTML below the heading of its section 11."""
    old = section("11. Retention")
    heading = old[: old.index("</h2>") + len("</h2>")]
    return put(HTML, old, f"{heading}\n{body}\n")


CLASSES = (
    ("Orders and accounting", "typically 5 years as required by law"),
    ("Customer accounts", "While active, then deleted after 24 months of inactivity"),
    ("Support requests", "12–36 months"),
    ("Marketing data", "until you unsubscribe or withdraw consent"),
    ("Cookie consent logs", "12–24 months"),
)


def each(form: str, classes: tuple[tuple[str, str], ...] = CLASSES) -> str:
    """The five classes, each in this form with `{label}` and `{value}`."""
    return "\n".join(form.format(label=label, value=value) for label, value in classes)
