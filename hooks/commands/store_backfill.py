"""`flask --app wsgi store backfill`: the first run over a shop, with a progress bar that shows speed and time left."""

from __future__ import annotations

import logging
import time

import click
from flask.cli import with_appcontext

from hooks.commands.console import check_ledger, end_command, required_stores, stop_without_ledger
from hooks.commands.installations import another_shop_message
from hooks.gc_tuning import collect_less
from hooks.service import Service, current_service
from hooks.sync.backfill import Backfill, Progress


@click.command("backfill")
@click.argument("slug", required=False)
@click.option(
    "--anew",
    is_flag=True,
    help="Begin at the start, even where a run is under way. For use after a backup was restored.",
)
@with_appcontext
def store_backfill(slug: str | None, *, anew: bool) -> None:
    """Read all orders and customers of a store, and tag them.

    It may be stopped at any time. The next run, or a worker, goes on where it stopped. Without a SLUG it reads all
    stores.
    """
    service = current_service()
    logging.getLogger().setLevel(logging.WARNING)  # lines of the log would tear the bar
    check_ledger(service)
    collect_less()
    is_complete = True
    with stop_without_ledger():
        for name in required_stores(service, slug):
            is_complete &= _backfill(service, name, anew=anew)
    end_command(has_finding=not is_complete)


def _backfill(service: Service, name: str, *, anew: bool) -> bool:
    """Read one store. Return False where it needs an operator before it can go on."""
    moved = another_shop_message(service, name)
    if moved:
        click.echo(f"{name}: not begun: {moved}.")
        return False
    started = time.monotonic()
    progress = _run_with_bar(Backfill.of(name, service.settings, service.runtime), anew=anew)
    if progress.is_stuck:
        counts = f"{progress.seen} of {progress.total}"
        click.echo(
            f"{name}: stopped at {counts}: {progress.trouble}. `store check {name}` says more."
        )
        return False
    seconds = time.monotonic() - started
    click.echo(f"{name}: {progress.seen} orders and accounts gone through in {seconds:.0f} s.")
    return True


def _run_with_bar(backfill: Backfill, *, anew: bool) -> Progress:
    """Show the progress until the backfill is over, or stuck. Return the last progress."""
    started = time.monotonic()
    progress = Progress(0, 0, is_done=False, trouble=None, is_stuck=False)
    label = f"{backfill.store}  "
    with click.progressbar(length=1, label=label, show_pos=True, item_show_func=_bar_text) as bar:
        for progress in backfill.run(restart=anew):
            bar.length = max(progress.total, 1)
            bar.update(progress.seen - bar.pos, (progress, time.monotonic() - started))
            if progress.is_stuck:
                break
    return progress


def _bar_text(item: tuple[Progress, float] | None) -> str:
    """Return the text behind the bar: the records per second, or the reason for waiting."""
    if item is None:
        return ""
    progress, seconds = item
    if progress.trouble:
        return f"waiting: {progress.trouble}"
    return f"{progress.seen / max(seconds, 0.1):.0f}/s"
