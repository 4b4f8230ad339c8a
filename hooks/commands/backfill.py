"""`flask --app wsgi store backfill`: the first run over a shop, with a bar that says how fast and how long still."""

from __future__ import annotations

import logging
import sys
import time

import click
from flask.cli import with_appcontext

from hooks.commands.store import FINDING, chosen, moved_words, stop
from hooks.errors import LedgerNotReadyError, LedgerUnavailableError
from hooks.gc_tuning import collect_less
from hooks.ledger import upgrade
from hooks.service import Service, service
from hooks.sync.backfill import Backfill, Progress


@click.command("backfill")
@click.argument("slug", required=False)
@click.option(
    "--anew",
    is_flag=True,
    help="From the start, also where one is under way: after a backup was restored.",
)
@with_appcontext
def store_backfill(slug: str | None, *, anew: bool) -> None:
    """Read all orders and customers of a store and tag them. May be stopped, and goes on where it was."""
    here, well = service(), True
    logging.getLogger().setLevel(logging.WARNING)  # lines of the log would tear the bar
    try:
        with here.database.read() as connection:
            upgrade.check(connection)
        collect_less()
        for store in chosen(here, slug):
            well = _fill(here, store, anew=anew) and well
    except (LedgerUnavailableError, LedgerNotReadyError) as error:
        stop(str(error))
    sys.exit(0 if well else FINDING)


def _fill(here: Service, store: str, *, anew: bool) -> bool:
    """One store; False where only an operator can help it on."""
    if moved := moved_words(here, store):
        click.echo(f"{store}: not begun: {moved}.")
        return False
    began, last = time.monotonic(), Progress(0, 0, is_done=False, trouble=None, is_stuck=False)
    with click.progressbar(
        length=1, label=f"{store}  ", show_pos=True, item_show_func=_words
    ) as bar:
        for progress in Backfill.of(store, here.settings, here.runtime).run(restart=anew):
            bar.length = max(progress.total, 1)
            bar.update(progress.seen - bar.pos, (progress, time.monotonic() - began))
            last = progress
            if progress.is_stuck:
                break
    if last.is_stuck:
        click.echo(
            f"{store}: stopped at {last.seen} of {last.total}: {last.trouble}. `store check {store}` says more."
        )
        return False
    click.echo(
        f"{store}: {last.seen} orders and accounts gone through in {time.monotonic() - began:.0f} s."
    )
    return True


def _words(item: tuple[Progress, float] | None) -> str:
    """What stands behind the bar: how many a second, or what is in the way."""
    if item is None:
        return ""
    progress, seconds = item
    if progress.trouble:
        return f"waiting: {progress.trouble}"
    return f"{progress.seen / max(seconds, 0.1):.0f}/s"
