"""`flask --app wsgi store rotate-secret`: a new secret for the webhooks, without losing a delivery.

The danger: a webhook that signs with a secret which the web processes do not know has its deliveries refused.

The rule: the new secret is set beside the old one first. The command then proves that the web processes accept it, and
only then gives it to the webhooks. The old secret is taken out last, when no delivery that it signed is under way.
"""

from __future__ import annotations

import secrets

import click
from flask.cli import with_appcontext

from hooks.commands.console import check_ledger, stop_without_ledger
from hooks.commands.installations import (
    Report,
    hold_lease,
    lease_message,
    own_installations,
    recorded_survey,
    store_settings,
    webhooks_message,
)
from hooks.errors import LeaseError, StoreError
from hooks.service import Service, current_service
from hooks.settings import StoreSettings
from hooks.settings.environment import SINGLE_STORE, variable_prefix
from hooks.settings.webhook_secrets import is_long_enough
from hooks.store import check, probe
from hooks.store.check import CheckResult
from hooks.sync.webhook_install import Installation
from hooks.sync.webhook_lease import Lease

PROOFS = 5
"""Several web processes may answer, of which one may still run with the old settings."""


@click.command("rotate-secret")
@click.argument("slug", required=False)
@with_appcontext
def store_rotate_secret(slug: str | None) -> None:
    """Change the secret of the webhooks.

    No delivery is lost. Run it, do what it says, and run it again, until it says that this is all.
    """
    service = current_service()
    report = Report()
    check_ledger(service)
    for installation in own_installations(service, slug, report):
        variable = _variable(service, installation.store)
        if len(store_settings(installation).webhook_secrets) == 1:
            _propose(store_settings(installation), variable)
            continue
        try:
            with stop_without_ledger():
                _rotate(installation, variable, report)
        except StoreError as error:
            report.add_fault(
                f"{webhooks_message(error)} Nothing is lost: both secrets count. Then run this command again"
            )
        except LeaseError as error:
            report.add_fault(lease_message(error))
    report.end()


def _variable(service: Service, slug: str) -> str:
    """Return the name of the setting that holds the secrets of a store."""
    if slug == SINGLE_STORE and len(service.settings.stores) == 1:
        return "STORE_WEBHOOK_SECRETS"
    return f"{variable_prefix(slug)}WEBHOOK_SECRETS"


def _propose(store: StoreSettings, variable: str) -> None:
    """Print the setting with a new secret before the old one. Nothing is saved: each run makes another secret."""
    new = secrets.token_hex(32)
    old = store.webhook_secrets[0]
    click.echo(
        "  step 1 of 3: one secret is set. Set a new one before it, so that deliveries of both are accepted:\n"
    )
    if store.secret_readings or "," in old or not is_long_enough(old):
        click.echo(f"{new}\n{old}\n")
        click.echo(
            "  These are the two lines of a file: the old secret is short, or has commas, blanks or quotes, and needs\n"
            f"  a line of its own, as it was set. Let {variable}_FILE name the file, and do not set {variable}.\n"
            "  Then restart all web processes and workers, and run this command again. Nothing was changed so far."
        )
        return
    click.echo(f"{variable}={new},{old}\n")
    click.echo(
        f"  If {variable}_FILE names a file, write the part after the = into that file. Then restart all web\n"
        "  processes and workers, and run this command again. Nothing was changed so far."
    )


def _rotate(installation: Installation, variable: str, report: Report) -> None:
    new_secret = store_settings(installation).webhook_secrets[0]
    wrong_before = report.wrong
    click.echo("  step 2 of 3: several secrets are set; the first is the new one")
    for _ in range(PROOFS):
        proof = probe.prove(installation.url, new_secret)
        if proof.verdict != "well":
            report.add_fault(
                f"it is not proved that the new secret is accepted: {proof.words}. Nothing was changed. Set {variable} "
                "alike for all web processes, restart them, and run this command again where PUBLIC_URL can be reached"
            )
            return
    report.add(
        CheckResult(fine=True, words="the web process accepts deliveries that the new secret signs")
    )
    with hold_lease(installation) as lease:
        is_changed = _give_new_secret(installation, lease, new_secret, report)
    if report.wrong == wrong_before:
        _conclude(variable, is_changed=is_changed)


def _give_new_secret(
    installation: Installation, lease: Lease, new_secret: str, report: Report
) -> bool:
    """Let all webhooks sign with the new secret. Report how they stand then; return True if one was changed."""
    states = recorded_survey(installation, lease)
    outdated = installation.with_other_secret(states, [new_secret])
    report.add_deeds(installation.give_secret(lease, outdated, new_secret))
    if outdated:
        states = recorded_survey(installation, lease)
    report.add(*check.webhooks(states, installation.url))
    if installation.with_other_secret(states, [new_secret]):
        report.add_fault("not all webhooks have the new secret yet; run this command again")
    return bool(outdated)


def _conclude(variable: str, *, is_changed: bool) -> None:
    if not is_changed:
        click.echo("  All webhooks had the new secret already; nothing was changed.")
    click.echo(
        "  step 3 of 3: every webhook signs with the new secret. Deliveries that the old one signed are under way for\n"
        f"  a minute at most. Then take the old one out of {variable}, or of its file, and restart all\n"
        "  web processes and workers. That is all."
    )
