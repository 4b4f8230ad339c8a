"""`flask --app wsgi store …`: what an operator does about a store. Exit status as for all commands."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import NoReturn

import click
from flask.cli import AppGroup

from hooks.errors import LeaseError, LedgerNotReadyError, LedgerUnavailableError, StoreError
from hooks.ledger import stores, upgrade
from hooks.service import Service, service
from hooks.settings import StoreSettings
from hooks.settings.webhook_secrets import is_long_enough
from hooks.store import check, probe
from hooks.store.check import Finding
from hooks.store.client import StoreClient
from hooks.store.shop_identity import is_another
from hooks.store.webhook_registration import Deed, TopicState
from hooks.sync import store_observations, webhook_lease
from hooks.sync.rate_limit import SharedPace
from hooks.sync.webhook_install import Installation
from hooks.sync.webhook_lease import Lease

FINDING = 1
WRONG = 2
PROOFS = 5
"""Several processes may answer, of which one may not have been started again."""

store_group = AppGroup("store", help="The stores.")


def stop(message: str, status: int = WRONG) -> NoReturn:
    """End with a message, for wrong usage or a ledger that cannot be used, if no other exit status is given."""
    click.echo(message, err=True)
    sys.exit(status)


@dataclass
class Report:
    """Prints findings as they come, and counts what is wrong."""

    wrong: int = 0

    def add(self, *findings: Finding) -> None:
        """Print them."""
        for finding in findings:
            click.echo(f"  {'ok   ' if finding.fine else 'WRONG'} {finding.words}")
            self.wrong += not finding.fine

    def fault(self, words: str) -> None:
        """Print one that is wrong."""
        self.add(Finding(fine=False, words=words))

    def done(self, words: str) -> None:
        """Print what was done."""
        click.echo(f"  done  {words}")

    def end(self) -> NoReturn:
        """Exit with what the findings come to."""
        sys.exit(FINDING if self.wrong else 0)


@store_group.command("check")
@click.argument("slug", required=False)
def store_check(slug: str | None) -> None:
    """Reach the store, check rights, clock, zone and webhooks, and say how to mend what is wrong; mend nothing."""
    here, report = service(), Report()
    for installation in _installations(here, slug, paced=False):
        if moved := moved_words(here, installation.store):
            report.fault(moved)
        report.add(*check.signing(_reach(installation).webhook_secrets))
        findings = _without_webhooks(here, installation)
        report.add(*findings)
        if not moved:
            _note_observed(here, installation)
        if not _readable(findings):
            continue
        try:
            states = _survey(installation, report)
        except StoreError as error:
            report.fault(_unreadable(error))
            continue
        report.add(*check.webhooks(states, installation.url))
    report.end()


@store_group.command("install")
@click.argument("slug", required=False)
def store_install(slug: str | None) -> None:
    """Make or mend this service's webhooks in the store, and say what is wrong otherwise. Safe to repeat."""
    here, report = service(), Report()
    _assert_ledger(here)
    for installation in _ours(here, slug, report):
        findings = _without_webhooks(here, installation)
        report.add(*findings)
        if not _readable(findings):
            continue
        try:
            _install(installation, report)
        except StoreError as error:
            report.fault(f"{_unmended(error)} Then run this command again")
        except LeaseError as error:
            report.fault(_lease_words(error))
        except LedgerUnavailableError as error:
            stop(str(error))
    report.end()


@store_group.command("rotate-secret")
@click.argument("slug", required=False)
def store_rotate_secret(slug: str | None) -> None:
    """Change the secret of the webhooks without losing a delivery: run it, do what it says, run it again."""
    here, report = service(), Report()
    _assert_ledger(here)
    for installation in _ours(here, slug, report):
        variable = _variable(here, installation.store)
        if len(_reach(installation).webhook_secrets) == 1:
            _propose(_reach(installation), variable)
            continue
        try:
            _rotate(installation, variable, report)
        except StoreError as error:
            report.fault(
                f"{_unmended(error)} Nothing is lost: both secrets count. Then run this command again"
            )
        except LeaseError as error:
            report.fault(_lease_words(error))
        except LedgerUnavailableError as error:
            stop(str(error))
    report.end()


@store_group.command("moved")
@click.argument("slug", required=False)
def store_moved(slug: str | None) -> None:
    """Confirm that a shop has another address now: its records go on, and workers look after it there."""
    here = service()
    _assert_ledger(here)
    for name in chosen(here, slug):
        url = here.settings.stores[name].url
        try:
            with here.database.write() as connection:
                known = stores.row(connection, name)
                stores.moved(connection, name, url)
        except LedgerUnavailableError as error:
            stop(str(error))
        if known and is_another(known.url, url):
            click.echo(f"{name}: the records are of {url} from now on, and no more of {known.url}.")
        else:
            click.echo(f"{name}: the records are of {url}, as before.")


# --- what they have in common ---


def chosen(here: Service, slug: str | None) -> list[str]:
    """The stores that are meant: that one, or all. Stops the command where there is none."""
    known = here.settings.stores
    if slug is not None and slug not in known:
        stop(f"There is no store {slug!r}; the settings name {', '.join(known) or 'none'}.")
    if not known:
        stop("No store is set. Set STORE_URL, or STORES and STORE_…_URL.", os.EX_CONFIG)
    return [slug] if slug else list(known)


def _installations(
    here: Service, slug: str | None, *, paced: bool = True
) -> Iterator[Installation]:
    """One for each store that is meant; its heading is printed first. Without a ledger none can be `paced`."""
    for name in chosen(here, slug):
        reach = here.settings.stores[name]
        click.echo(f"{name}  {reach.url}")
        pace = _pace(here, name) if paced else None
        yield Installation(name, StoreClient(reach, pace), here.runtime, here.settings)


def _ours(here: Service, slug: str | None, report: Report) -> Iterator[Installation]:
    """The installations in shops that the ledger is for; of others it is said that nothing was changed."""
    for installation in _installations(here, slug):
        if moved := moved_words(here, installation.store):
            report.fault(f"{moved}. Nothing was changed")
        else:
            yield installation


def moved_words(here: Service, name: str) -> str | None:
    """Say that the ledger is another shop's than the settings name; None where it is not, or cannot be read."""
    url = here.settings.stores[name].url
    try:
        with here.database.read() as connection:
            row = stores.row(connection, name)
    except LedgerUnavailableError:
        return None
    if row is None or not is_another(row.url, url):
        return None
    return (
        f"the records of {name} are of the shop {row.url}, and the settings name {url}: if the shop has moved, run "
        f"`store moved {name}`; if not, set the address right"
    )


def _pace(here: Service, name: str) -> SharedPace:
    """The one that the workers keep to."""
    return SharedPace(here.database, name, here.settings.store_requests_per_second)


def _reach(installation: Installation) -> StoreSettings:
    return installation.settings.stores[installation.store]


def _without_webhooks(here: Service, installation: Installation) -> list[Finding]:
    now, client = here.runtime.clock(), installation.client
    findings = check.everything_but_webhooks(client, here.settings, installation.store, now)
    if _readable(findings):
        findings.append(check.time_zone(client, here.runtime.policy.time_zone))
    return findings


def _note_observed(here: Service, installation: Installation) -> None:
    """Note how the key arrives, so that workers need not find it out; without a ledger they do."""
    with suppress(LedgerUnavailableError), here.database.write() as connection:
        store_observations.exchange(
            connection, installation.store, installation.client, here.runtime.clock()
        )


def _readable(findings: list[Finding]) -> bool:
    return not any("cannot be read" in finding.words for finding in findings)


def _assert_ledger(here: Service) -> None:
    try:
        with here.database.read() as connection:
            upgrade.check(connection)
    except (LedgerUnavailableError, LedgerNotReadyError) as error:
        stop(str(error))


def _survey(installation: Installation, report: Report) -> list[TopicState]:
    """How the webhooks stand; without a ledger, as far as their addresses tell."""
    try:
        states = installation.survey()
        strange = _strange(installation, states)
    except LedgerUnavailableError as error:
        report.fault(f"{error}: `db upgrade` makes it, or brings it to this version")
        return installation.survey_with({})
    for state in strange:
        report.fault(
            f"webhook {state.topic} was given a secret that is not set any more, so that its deliveries are refused; "
            "`store install` gives it the one that is"
        )
    return states


def _strange(installation: Installation, states: list[TopicState]) -> list[TopicState]:
    """Webhooks that are known to sign with a secret that is not set."""
    return installation.with_other_secret(
        states, _reach(installation).signing_secrets, unknown=False
    )


def _unreadable(error: StoreError) -> str:
    return f"the webhooks cannot be read: {error.detail}. Make the key for an administrator, to read and write"


def _unmended(error: StoreError) -> str:
    return (
        f"the webhooks cannot be read, or not be written: {error.detail}. "
        "Webhooks need the key of an administrator, with read and write permission."
    )


def _lease_words(error: LeaseError) -> str:
    return f"{error}; run this command again, which is safe at any time"


def _lease(installation: Installation) -> AbstractContextManager[Lease]:
    """The lease on the webhooks; says so, once, if it must be waited for."""

    def tell() -> None:
        words = f"another process holds the lease on the webhooks of {installation.store}"
        click.echo(f"  wait  {words}; this command goes on once that is released")

    return webhook_lease.hold(installation.store, installation.runtime, tell)


def _noted(installation: Installation, lease: Lease) -> list[TopicState]:
    """How the webhooks stand, which is recorded."""
    states = installation.survey()
    installation.note(lease, states)
    return states


# --- install ---


def _install(installation: Installation, report: Report) -> None:
    with _lease(installation) as lease:
        states = _mend(installation, lease, report)
        is_rotating = installation.with_other_secret(
            states, _reach(installation).webhook_secrets[:1]
        )
    report.add(*check.webhooks(states, installation.url))
    if is_rotating:
        click.echo(
            "  note  webhooks sign with an older secret of those that are set; `store rotate-secret` goes on"
        )


def _mend(installation: Installation, lease: Lease, report: Report) -> list[TopicState]:
    """Mend what is wrong, and give each webhook a secret that is set. How they stand then."""
    states = _noted(installation, lease)
    for state in states:
        if not state.works:
            click.echo(f"  found webhook {state.topic} {state.status}")
    if not all(state.well for state in states):
        _tell(installation.mend(lease, states), report)
        states = _noted(installation, lease)
    others = installation.with_other_secret(states, _reach(installation).signing_secrets)
    if others:
        _tell(installation.give_secret(lease, others), report)
        states = _noted(installation, lease)
    return states


def _tell(deeds: Iterator[Deed], report: Report) -> None:
    for deed in deeds:
        if deed.act == "kept":
            detail = deed.error.detail if deed.error else ""
            report.fault(f"webhook {deed.hook_id} for {deed.topic} could not be removed: {detail}")
        else:
            words = {"made": "made", "removed": "removed", "secret": "gave the secret to"}[deed.act]
            report.done(f"{words} webhook {deed.hook_id} for {deed.topic}")


# --- rotate-secret ---


def _variable(here: Service, slug: str) -> str:
    """The setting that holds a store's secrets."""
    alone = slug == "shop" and len(here.settings.stores) == 1
    return (
        "STORE_WEBHOOK_SECRETS"
        if alone
        else f"STORE_{slug.upper().replace('-', '_')}_WEBHOOK_SECRETS"
    )


def _propose(reach: StoreSettings, variable: str) -> None:
    new, (old, *_) = secrets.token_hex(32), reach.webhook_secrets
    click.echo(
        "  step 1 of 3: one secret is set. Set a new one before it, so that deliveries of both are taken:\n"
    )
    if reach.secret_readings or "," in old or not is_long_enough(old):
        click.echo(f"{new}\n{old}\n")
        click.echo(
            "  These are the two lines of a file: the old secret is short, or has commas, blanks or quotes, and needs\n"
            f"  a line of its own, as it was set. Let {variable}_FILE name the file, and do not set {variable}.\n"
            "  Then restart all web processes and workers, and run this command again. Nothing was changed so far."
        )
        return
    click.echo(f"{variable}={new},{old}\n")
    click.echo(
        f"  Where {variable}_FILE names a file, what stands after the = goes into that. Then restart all web\n"
        "  processes and workers, and run this command again. Nothing was changed so far."
    )


def _rotate(installation: Installation, variable: str, report: Report) -> None:
    new, wrong_before = _reach(installation).webhook_secrets[0], report.wrong
    click.echo("  step 2 of 3: several secrets are set; the first is the new one")
    for _ in range(PROOFS):
        answered = probe.prove(installation.url, new)
        if answered.verdict != "well":
            report.fault(
                f"the new secret is not known to be taken: {answered.words}. Nothing was changed. Set {variable} alike "
                "for all web processes, restart them, and run this command again where PUBLIC_URL can be reached"
            )
            return
    report.add(
        Finding(fine=True, words="the web process takes deliveries that the new secret signs")
    )
    with _lease(installation) as lease:
        is_changed = _give_new_secret(installation, lease, new, report)
    if report.wrong == wrong_before:
        _conclude(variable, changed=is_changed)


def _give_new_secret(installation: Installation, lease: Lease, new: str, report: Report) -> bool:
    """Let all webhooks sign with the new secret; True if one did not yet. How they stand then is reported."""
    states = _noted(installation, lease)
    others = installation.with_other_secret(states, [new])
    _tell(installation.give_secret(lease, others, new), report)
    states = _noted(installation, lease) if others else states
    report.add(*check.webhooks(states, installation.url))
    if installation.with_other_secret(states, [new]):
        report.fault("not all webhooks have the new secret yet; run this command again")
    return bool(others)


def _conclude(variable: str, *, changed: bool) -> None:
    if not changed:
        click.echo("  All webhooks had the new secret already; nothing was changed.")
    click.echo(
        "  step 3 of 3: every webhook signs with the new secret. What the old one signed is under way for a minute at\n"
        f"  most; then take the old one out of {variable}, or of its file, and restart all web\n"
        "  processes and workers. That is all."
    )
