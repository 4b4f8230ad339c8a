"""Problems of the policy: it waits, it cannot be read, or it says something else than the published page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from hooks.ledger import page_checks, policies
from hooks.policies.activate import is_unreadable, waiting_words
from hooks.retention.iso import iso_or_none
from hooks.retention.policy import Policy
from hooks.web.status import Problem

DIFF = "flask --app wsgi policy diff"


def problems(connection: Connection, policy: Policy, now: datetime) -> Iterator[Problem]:
    """Find the problems of the policy that this process works with. `now` is an instant."""
    yield from _waiting_policies(connection, policy, now)
    if is_unreadable(connection, policy):
        yield {
            "code": "policy-unreadable",
            "message": "This version of the service cannot read the policy in force. It works with the policy "
            f"{policy.id}, and re-tags nothing. Put a policy in force that it can read: `policy apply --yes`.",
            "since": None,
        }
    for page in page_checks.latest_checks(connection, policy):
        yield from _page_problems(page, policy)


def _waiting_policies(connection: Connection, policy: Policy, now: datetime) -> Iterator[Problem]:
    for row in policies.proposed(connection):
        if row.waits_for == "effective-date" and row.effective_from > policy.day_of(now):
            continue
        yield {
            "code": "policy-waits",
            "message": f"The policy {row.id} that POLICY_FILE names is not in force, since {waiting_words(row)}. "
            f"{policy.id} stays in force. `{DIFF}` says what would change, `policy apply --yes` puts it in force.",
            "since": iso_or_none(row.proposed_at),
        }


def _page_problems(page: page_checks.PageCheck, policy: Policy) -> Iterator[Problem]:
    drift = [finding["message"] for finding in page.findings if finding["severity"] == "drift"]
    if drift:
        yield {
            "code": "policy-drift",
            "message": f"The page {page.url} and the policy {policy.id} say different things. {' '.join(drift)}",
            "since": iso_or_none(page.since),
        }
    if page.error:
        yield {
            "code": "policy-page-unreadable",
            "message": f"{page.error} Is POLICY_PAGE_URL right? The service tries again within the hour.",
            "since": iso_or_none(page.error_since),
        }
