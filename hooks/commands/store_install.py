"""`flask --app wsgi store install`: this service's webhooks in a store, made and mended."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from hooks.commands.console import check_ledger, stop_without_ledger
from hooks.commands.installations import (
    Report,
    check_without_webhooks,
    hold_lease,
    is_readable,
    lease_message,
    own_installations,
    recorded_survey,
    store_settings,
    webhooks_message,
)
from hooks.errors import LeaseError, StoreError
from hooks.service import current_service
from hooks.store import check
from hooks.store.webhook_registration import TopicState
from hooks.sync.webhook_install import Installation
from hooks.sync.webhook_lease import Lease


@click.command("install")
@click.argument("slug", required=False)
@with_appcontext
def store_install(slug: str | None) -> None:
    """Make or mend this service's webhooks in the store. Safe to repeat.

    Checks the store too, and says what is wrong. Works on all stores if no SLUG is given.
    """
    service = current_service()
    report = Report()
    check_ledger(service)
    for installation in own_installations(service, slug, report):
        results = check_without_webhooks(service, installation)
        report.add(*results)
        if not is_readable(results):
            continue
        try:
            with stop_without_ledger():
                _install(installation, report)
        except StoreError as error:
            report.add_fault(f"{webhooks_message(error)} Then run this command again")
        except LeaseError as error:
            report.add_fault(lease_message(error))
    report.end()


def _install(installation: Installation, report: Report) -> None:
    current_secret = store_settings(installation).webhook_secrets[:1]
    with hold_lease(installation) as lease:
        states = _mend(installation, lease, report)
        is_rotating = installation.with_other_secret(states, current_secret)
    report.add(*check.webhooks(states, installation.url))
    if is_rotating:
        click.echo(
            "  note  some webhooks sign with an older secret; `store rotate-secret` goes on with the rotation"
        )


def _mend(installation: Installation, lease: Lease, report: Report) -> list[TopicState]:
    """Mend what is wrong, give each webhook a secret that is set, and return how the webhooks stand then."""
    states = recorded_survey(installation, lease)
    for state in states:
        if not state.is_active:
            click.echo(f"  found webhook {state.topic} {state.status}")
    if not all(state.is_well for state in states):
        report.add_deeds(installation.mend(lease, states))
        states = recorded_survey(installation, lease)
    secrets = store_settings(installation).signing_secrets
    mismatches = installation.with_other_secret(states, secrets)
    if mismatches:
        report.add_deeds(installation.give_secret(lease, mismatches))
        states = recorded_survey(installation, lease)
    return states
