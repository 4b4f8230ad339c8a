"""The stores that a `store` command works on, and the report that it prints of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NoReturn

import click

from hooks.commands.console import end_command, required_stores
from hooks.errors import LeaseError, LedgerUnavailableError, StoreError
from hooks.ledger import stores
from hooks.service import Service
from hooks.settings import StoreSettings
from hooks.store import check
from hooks.store.check import CheckResult
from hooks.store.client import StoreClient
from hooks.store.shop_identity import is_another_shop
from hooks.store.webhook_registration import Deed, TopicState
from hooks.sync import webhook_lease
from hooks.sync.rate_limit import SharedPace
from hooks.sync.webhook_install import Installation
from hooks.sync.webhook_lease import Lease

_DEEDS = {"made": "made", "removed": "removed", "secret": "gave the secret to"}


@dataclass
class Report:
    """Prints results as they come, and counts those that are wrong."""

    wrong: int = 0

    def add(self, *results: CheckResult) -> None:
        """Print the results of checks."""
        for result in results:
            if result.fine:
                click.echo(f"  ok    {result.words}")
            else:
                click.echo(f"  WRONG {result.words}")
                self.wrong += 1

    def add_fault(self, message: str) -> None:
        """Print something that is wrong."""
        self.add(CheckResult(fine=False, words=message))

    def add_deeds(self, deeds: Iterable[Deed]) -> None:
        """Print each deed, as soon as it is done to a webhook."""
        for deed in deeds:
            webhook = f"webhook {deed.hook_id} for {deed.topic}"
            if deed.act == "kept":
                detail = deed.error.detail if deed.error else ""
                self.add_fault(f"{webhook} could not be removed: {detail}")
            else:
                click.echo(f"  done  {_DEEDS[deed.act]} {webhook}")

    def end(self) -> NoReturn:
        """End the command with the exit status that the results come to."""
        end_command(has_finding=self.wrong > 0)


def installations(
    service: Service, slug: str | None, *, paced: bool = True
) -> Iterator[Installation]:
    """Print the heading of each selected store, and yield its installation.

    With `paced` the calls count towards the rate limit that all processes share. It is kept in the ledger, so a command
    that must work without a ledger is not paced.
    """
    for name in required_stores(service, slug):
        store = service.settings.stores[name]
        click.echo(f"{name}  {store.url}")
        pace = None
        if paced:
            pace = _shared_pace(service, name)
        yield Installation(name, StoreClient(store, pace), service.runtime, service.settings)


def _shared_pace(service: Service, name: str) -> SharedPace:
    return SharedPace(service.database, name, service.settings.store_requests_per_second)


def own_installations(service: Service, slug: str | None, report: Report) -> Iterator[Installation]:
    """Yield the installations in the shops that the ledger's records are of. Report a fault for any other shop."""
    for installation in installations(service, slug):
        message = another_shop_message(service, installation.store)
        if message:
            report.add_fault(f"{message}. Nothing was changed")
        else:
            yield installation


def another_shop_message(service: Service, name: str) -> str | None:
    """Say that the ledger's records are of another shop than the settings name.

    Return None where they are of the same shop, or where the ledger cannot be read.
    """
    url = service.settings.stores[name].url
    try:
        with service.database.read() as connection:
            row = stores.row(connection, name)
    except LedgerUnavailableError:
        return None
    if row is None or not is_another_shop(row.url, url):
        return None
    return (
        f"the records of {name} are of the shop {row.url}, but the settings name {url}: if the shop has moved, run "
        f"`store moved {name}`; if it has not, correct the address in the settings"
    )


def store_settings(installation: Installation) -> StoreSettings:
    """Return the settings of the installation's store."""
    return installation.settings.stores[installation.store]


def check_without_webhooks(service: Service, installation: Installation) -> list[CheckResult]:
    """Check the store and the way to it. The webhooks are checked later, if the store can be read."""
    client = installation.client
    now = service.runtime.clock()
    results = check.everything_but_webhooks(client, service.settings, installation.store, now)
    if is_readable(results):
        results.append(check.time_zone(client, service.runtime.policy.time_zone))
    return results


def is_readable(results: Iterable[CheckResult]) -> bool:
    """Tell whether the store could be read, so that it makes sense to go on."""
    return not any(result.is_unreadable for result in results)


def webhooks_message(error: StoreError) -> str:
    """Say that the webhooks could not be read or written, and how to mend it."""
    return (
        f"the webhooks cannot be read, or not be written: {error.detail}. "
        "Webhooks need the key of an administrator, with read and write permission."
    )


def lease_message(error: LeaseError) -> str:
    """Say that the lease was not to be had, or was lost, and what to do."""
    return f"{error}; run this command again, which is safe at any time"


def hold_lease(installation: Installation) -> AbstractContextManager[Lease]:
    """Hold the lease on the store's webhooks. Say so once if the command must wait for it."""

    def tell() -> None:
        message = f"another process holds the lease on the webhooks of {installation.store}"
        click.echo(f"  wait  {message}; this command goes on once that is released")

    return webhook_lease.hold(installation.store, installation.runtime, tell)


def recorded_survey(installation: Installation, lease: Lease) -> list[TopicState]:
    """Look at the webhooks in the store, and record in the ledger how they stand."""
    states = installation.survey()
    installation.note(lease, states)
    return states
