"""The published page, looked at daily: does it still say what the policy in force says?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog

from hooks.errors import PageError
from hooks.ingest import Ingest
from hooks.ledger import pages
from hooks.page.drift import Finding, drift
from hooks.page.fetch import read_source
from hooks.page.reading import read_page
from hooks.retention.policy import Policy
from hooks.settings import Settings

HOURLY = timedelta(hours=1)
"""After a page that could not be read."""

log = structlog.get_logger(__name__)


def compared(source: str, policy: Policy) -> tuple[Finding, ...]:
    """What the page (a file or an address) says otherwise than the policy. Raises PageError."""
    found = read_source(source)
    return drift(read_page(found.html, modified=found.modified, link=found.link), policy)


@dataclass(frozen=True)
class PageWatch:
    """Compares the pages that the settings name with the policy in force."""

    ingest: Ingest
    settings: Settings

    def step(self) -> int:
        """Look at the page that is due, if one is. Returns how many those were. Raises LedgerUnavailableError."""
        if not self.settings.policy_pages:
            return 0
        policy = self.ingest.policy
        with self.ingest.database.read() as connection:  # a look that waits for nobody
            if not pages.any_due(connection, policy, self.ingest.clock()):
                return 0
        with self.ingest.database.write() as connection:
            url = pages.claim(connection, policy, self.ingest.clock())
        if url is None:
            return 0
        self._look(url, policy)
        return 1

    def _look(self, url: str, policy: Policy) -> None:
        try:
            found = compared(url, policy)
        except PageError as error:
            log.warning("page.unreadable", page=url, error=str(error))
            self._failed(url, str(error))
            return
        except Exception:
            log.exception("page.failed", page=url)
            self._failed(url, f"{url} could not be compared with the policy; the log says where that failed.")
            return
        now, drifts = self.ingest.clock(), any(finding.severity == "drift" for finding in found)
        with self.ingest.database.write() as connection:
            told = [asdict(finding) for finding in found]
            pages.settle(connection, url, policy, told, drift=drifts, now=now, due=now + pages.DAILY)
        log.info("page.compared", page=url, findings=len(found), drift=drifts)

    def _failed(self, url: str, words: str) -> None:
        now = self.ingest.clock()
        with self.ingest.database.write() as connection:
            pages.failed(connection, url, words, now=now, due=now + HOURLY)
