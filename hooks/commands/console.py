"""The exit statuses of the commands, and the checks that several commands share.

Status 0: all is fine. 1: the command found something that an operator should look at. 2: wrong usage, or a ledger that
cannot be used. 78 (EX_CONFIG): wrong configuration.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from hooks.errors import LedgerUnavailableError
from hooks.ledger import upgrade
from hooks.service import Service

FINDING = 1
WRONG_USAGE = 2


def stop(message: str, status: int = WRONG_USAGE) -> NoReturn:
    """Print a message to standard error, and end the command."""
    click.echo(message, err=True)
    sys.exit(status)


def end_command(*, has_finding: bool) -> NoReturn:
    """End the command: with FINDING where it found something, otherwise with 0."""
    if has_finding:
        sys.exit(FINDING)
    sys.exit(0)


@contextmanager
def stop_without_ledger() -> Iterator[None]:
    """Stop the command where the ledger cannot be used within this block, and say why."""
    try:
        yield
    except LedgerUnavailableError as error:
        stop(str(error))


def check_ledger(service: Service) -> None:
    """Stop the command unless the ledger can be used and is of this version."""
    with stop_without_ledger(), service.database.read() as connection:
        upgrade.check(connection)


def named_stores(service: Service, slug: str | None) -> list[str]:
    """Return the store of this slug, or all stores of the settings, which may be none. Stop for an unknown slug."""
    stores = list(service.settings.stores)
    if slug is None:
        return stores
    if slug not in stores:
        stop(f"There is no store {slug!r}; the settings name {', '.join(stores) or 'none'}.")
    return [slug]


def required_stores(service: Service, slug: str | None) -> list[str]:
    """Return the same as `named_stores`; stop where the settings name no store."""
    stores = named_stores(service, slug)
    if not stores:
        stop("No store is set. Set STORE_URL, or STORES and STORE_…_URL.", os.EX_CONFIG)
    return stores
