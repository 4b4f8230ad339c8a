"""One difference between the published page and the policy in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PageFinding:
    """A difference between page and policy.

    `code` is its kind, such as `period-changed`, and `message` a whole sentence. `section` is the number that the page
    prints; None where it prints none, or where the finding is about the whole page. A finding of the severity `drift`
    has to be mended. A `notice` is about the page alone, or may be intended.
    """

    code: str
    section: int | None
    message: str
    severity: Literal["drift", "notice"] = "drift"
