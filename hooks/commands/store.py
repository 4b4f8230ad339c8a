"""`flask --app wsgi store check|moved`: look at a store, and confirm its new address."""

from __future__ import annotations

from contextlib import suppress

import click
from flask.cli import AppGroup

from hooks.commands.console import check_ledger, required_stores, stop_without_ledger
from hooks.commands.installations import (
    Report,
    another_shop_message,
    check_without_webhooks,
    installations,
    is_readable,
    store_settings,
)
from hooks.errors import LedgerUnavailableError, StoreError
from hooks.ledger import stores
from hooks.service import Service, current_service
from hooks.store import check
from hooks.store.shop_identity import is_another_shop
from hooks.store.webhook_registration import TopicState
from hooks.sync import store_observations
from hooks.sync.webhook_install import Installation

store_group = AppGroup("store", help="The stores: check them, and install webhooks in them.")


@store_group.command("check")
@click.argument("slug", required=False)
def store_check(slug: str | None) -> None:
    """Check a store, and say what is wrong.

    Checks the address, the rights of the key, the clock, the time zone and the webhooks, and says how to mend what is
    wrong. Changes nothing in the store. Checks all stores if no SLUG is given.
    """
    service = current_service()
    report = Report()
    for installation in installations(service, slug, paced=False):
        _check(service, installation, report)
    report.end()


def _check(service: Service, installation: Installation, report: Report) -> None:
    moved = another_shop_message(service, installation.store)
    if moved:
        report.add_fault(moved)
    report.add(*check.webhook_secrets(store_settings(installation).webhook_secrets))
    results = check_without_webhooks(service, installation)
    report.add(*results)
    if not moved:
        _save_observations(service, installation)
    if not is_readable(results):
        return
    try:
        states = _survey(installation, report)
    except StoreError as error:
        report.add_fault(
            f"the webhooks cannot be read: {error.detail}. Make the key for an administrator, to read and write"
        )
        return
    report.add(*check.webhooks(states, installation.url))


def _save_observations(service: Service, installation: Installation) -> None:
    """Save how the key arrives, so that workers need not find it out. Without a ledger they do."""
    with suppress(LedgerUnavailableError), service.database.write() as connection:
        store_observations.exchange(
            connection, installation.store, installation.client, service.runtime.clock()
        )


def _survey(installation: Installation, report: Report) -> list[TopicState]:
    """Look at the webhooks. Without a ledger, ours are those that deliver to our address."""
    secrets = store_settings(installation).signing_secrets
    try:
        states = installation.survey()
        mismatches = installation.with_other_secret(states, secrets, unknown=False)
    except LedgerUnavailableError as error:
        report.add_fault(f"{error}: `db upgrade` makes it, or brings it to this version")
        return installation.survey_with({})
    for state in mismatches:
        report.add_fault(
            f"webhook {state.topic} was given a secret that is not set any more, so that its deliveries are refused; "
            "`store install` gives it the one that is"
        )
    return states


@store_group.command("moved")
@click.argument("slug", required=False)
def store_moved(slug: str | None) -> None:
    """Confirm the new address of a shop.

    Use it when a shop has moved to the address that the settings name. Its records are kept, and the workers go on at
    the new address. Until it is confirmed, the workers take it for another shop, and leave it alone.
    """
    service = current_service()
    check_ledger(service)
    for name in required_stores(service, slug):
        url = service.settings.stores[name].url
        with stop_without_ledger(), service.database.write() as connection:
            row = stores.row(connection, name)
            stores.replace_url(connection, name, url)
        if row and is_another_shop(row.url, url):
            click.echo(f"{name}: the records are of {url} from now on, and no more of {row.url}.")
        else:
            click.echo(f"{name}: the records are of {url}, as before.")
