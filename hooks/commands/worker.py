"""`flask --app wsgi worker`: the worker process."""

from __future__ import annotations

import signal
from threading import Event

import click
from flask.cli import with_appcontext

from hooks.commands.console import check_ledger, stop_without_ledger
from hooks.gc_tuning import collect_less
from hooks.service import current_service
from hooks.worker import loop


@click.command("worker")
@with_appcontext
def run_worker() -> None:
    """Run a worker until SIGTERM or SIGINT.

    A worker fetches from the stores what the webhooks missed, writes schedules back to them, and keeps their webhooks
    working. Any number of workers may run.
    """
    service = current_service()
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    check_ledger(service)
    collect_less()
    with stop_without_ledger():
        loop.run(
            service.settings, service.runtime, stopping, configured_policy=service.configured_policy
        )
