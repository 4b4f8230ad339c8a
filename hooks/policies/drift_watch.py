"""Drift watch: the published page is compared daily with the policy in force.

A comparison takes up to half a minute, since the page's server may be slow. So a worker has a thread for it. Each page
is fetched and read in a process of its own: see `hooks.page.subprocess_reader`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from threading import Event

import structlog

from hooks.errors import PageError, StoppedError
from hooks.ledger import page_checks
from hooks.page.finding import PageFinding
from hooks.page.subprocess_reader import compare_page, run_confined
from hooks.retention.policy import Policy
from hooks.runtime import Runtime
from hooks.settings import Settings

HOURLY = timedelta(hours=1)
"""The wait after a page that could not be read."""

log = structlog.get_logger(__name__)


Compare = Callable[[str, Policy, Event], tuple[PageFinding, ...]]


def compare(source: str, policy: Policy, stopping: Event) -> tuple[PageFinding, ...]:
    """Find the differences between a page and the policy. Raises PageError, and StoppedError once `stopping` is set."""
    return run_confined(compare_page, source, policy, stopping=stopping)


@dataclass(frozen=True)
class PageWatch:
    """Compares the pages that the settings name with the policy in force, until `stopping` is set."""

    runtime: Runtime
    settings: Settings
    stopping: Event = field(default_factory=Event)
    compare: Compare = compare

    def step(self) -> int:
        """Compare the page that is due, if any. Returns the number of pages: 0 or 1. Raises LedgerUnavailableError."""
        if not self.settings.policy_pages:
            return 0
        policy = self.runtime.policy
        with self.runtime.database.read() as connection:  # does not wait for other writers
            if not page_checks.is_any_due(connection, policy, self.runtime.clock()):
                return 0
        with self.runtime.database.write() as connection:
            url = page_checks.claim(connection, policy, self.runtime.clock())
        if url is None:
            return 0
        self._compare_page(url, policy)
        return 1

    def _compare_page(self, url: str, policy: Policy) -> None:
        try:
            findings = self.compare(url, policy, self.stopping)
        except StoppedError:
            with self.runtime.database.write() as connection:
                page_checks.release(connection, url)
            return
        except PageError as error:
            log.warning("page.unreadable", page=url, error=str(error))
            self._save_failure(url, str(error))
            return
        except Exception:
            log.exception("page.failed", page=url)
            self._save_failure(
                url, f"{url} could not be compared with the policy; the log says where that failed."
            )
            return
        now = self.runtime.clock()
        as_json = [asdict(finding) for finding in findings]
        with self.runtime.database.write() as connection:
            page_checks.save_findings(connection, url, policy, as_json, now)
        has_drift = any(finding.severity == "drift" for finding in findings)
        log.info("page.compared", page=url, findings=len(findings), drift=has_drift)

    def _save_failure(self, url: str, message: str) -> None:
        now = self.runtime.clock()
        with self.runtime.database.write() as connection:
            page_checks.save_failure(connection, url, message, now=now, due=now + HOURLY)
