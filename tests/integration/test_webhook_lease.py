"""The lease on a store's webhooks: its holders, and the limits of a holder that lost it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any, cast

import pytest
from sqlalchemy import Row, delete, select, update
from structlog.testing import capture_logs

from hooks.errors import LeaseError, StoreUnreachableError
from hooks.ledger import rounds, webhooks
from hooks.ledger.tables import rounds as rounds_table
from hooks.settings import StoreSettings
from hooks.store.client import StoreClient
from hooks.sync import webhook_lease
from hooks.sync.webhook_install import Installation
from hooks.sync.webhook_lease import PATIENCE, Lease
from hooks.sync.webhook_watch import AGAIN, WebhookWatch
from tests.integration.harness import ON_SQLITE, SECOND, Harness
from tests.integration.scripted_server import Answer, ReceivedRequest, ScriptedServer
from tests.integration.test_webhook_watch import (
    installation_of,
    look,
    ours,
    pause,
    remove,
    statuses,
    watcher_of,
    writes,
)
from tests.support.processes import TOPICS
from tests.support.recordings import SECRET

LEASE = rounds.LEASE
OTHER = "another process"


def watch_round(harness: Harness) -> Row[Any]:
    """Return the row of the round whose claim is the lease."""
    with harness.runtime.database.read() as connection:
        row = rounds.state(connection, harness.slug, "watch")
    assert row is not None
    return row


def write_round(harness: Harness, **columns: Any) -> None:
    """Change the row of that round."""
    with harness.runtime.database.write() as connection:
        connection.execute(
            update(rounds_table).where(rounds_table.c.name == "watch").values(**columns)
        )


def take_away(harness: Harness) -> None:
    """Let the lease lapse, and let another process take it."""
    write_round(harness, claim=OTHER, claim_until=harness.clock() + LEASE)


class Wait:
    """Count the messages of a wait for the lease, and let time pass while it sleeps; `meanwhile` happens, too."""

    def __init__(
        self, harness: Harness, meanwhile: Callable[[timedelta], None] = lambda _: None
    ) -> None:
        self.harness = harness
        self.meanwhile = meanwhile
        self.lasted = timedelta(0)
        self.sentences = 0

    def tell(self) -> None:
        self.sentences += 1

    def sleep(self, seconds: float) -> None:
        self.harness.clock.now += timedelta(seconds=seconds)
        self.lasted += timedelta(seconds=seconds)
        self.meanwhile(self.lasted)

    def hold(self) -> Any:
        return webhook_lease.hold(self.harness.slug, self.harness.runtime, self.tell, self.sleep)


# --- who gets it, and when ---------------------------------------------------------------------------------


CLAIMS = {
    "nobody's": (None, timedelta(0)),
    "lapsed": (timedelta(0), timedelta(0)),
    "of a holder that died": (LEASE, LEASE),
    "of a clock that is ahead": (2 * LEASE, 2 * LEASE),
    "of a clock that was set back": (2 * LEASE + SECOND, timedelta(0)),
}
"""By the kind of claim: how far ahead it lasts, and how long a command waits for it."""


@pytest.mark.parametrize(("ahead", "lasts"), CLAIMS.values(), ids=CLAIMS)
def test_a_command_takes_the_lease_as_soon_as_nobody_holds_it(
    harness: Harness, ahead: timedelta | None, lasts: timedelta
) -> None:
    if ahead is not None:
        write_round(harness, claim=OTHER, claim_until=harness.clock() + ahead)
    wait = Wait(harness)
    with wait.hold() as lease:
        row = watch_round(harness)
        assert (row.claim, row.claim_until) == (lease.claim.token, harness.clock() + LEASE)
    assert (wait.lasted, wait.sentences) == (lasts, lasts > timedelta(0))
    assert watch_round(harness).claim is None


@ON_SQLITE
def test_a_command_waits_for_a_holder_that_renews(harness: Harness) -> None:
    other = harness.lease()
    held = other.__enter__()

    def meanwhile(lasted: timedelta) -> None:
        if lasted == 2 * LEASE:
            other.__exit__(None, None, None)
        elif lasted < 2 * LEASE and lasted % timedelta(minutes=1) == timedelta(0):
            held.renew()

    wait = Wait(harness, meanwhile)
    with wait.hold():
        assert (wait.lasted, wait.sentences) == (2 * LEASE, 1)


@ON_SQLITE
def test_a_command_gives_up_on_a_holder_that_never_releases(harness: Harness) -> None:
    with harness.lease() as other:

        def renew(lasted: timedelta) -> None:
            if lasted % timedelta(minutes=1) == timedelta(0):
                other.renew()

        wait = Wait(harness, renew)
        with pytest.raises(LeaseError, match=r"has held the lease .* for 5 minutes"), wait.hold():
            raise AssertionError("two hold the lease")
        assert (wait.lasted, wait.sentences) == (PATIENCE, 1)
        assert watch_round(harness).claim == other.claim.token
    assert PATIENCE > LEASE


@ON_SQLITE
def test_a_clock_set_back_does_not_prolong_a_wait(
    harness: Harness,
) -> None:
    def set_back(_: timedelta) -> None:
        harness.clock.now -= SECOND
        take_away(harness)

    wait = Wait(harness, set_back)
    take_away(harness)
    with pytest.raises(LeaseError), wait.hold():
        raise AssertionError("two hold the lease")
    assert wait.lasted == PATIENCE


def test_before_the_first_worker_one_command_holds_the_lease(
    harness: Harness,
) -> None:
    """The round has no row yet. Each command inserts it, and one of them takes it."""
    with harness.runtime.database.write() as connection:
        connection.execute(delete(rounds_table))
    together, present, most = Barrier(3), list[str](), list[int]()

    def work() -> None:
        together.wait()
        with webhook_lease.hold(harness.slug, harness.runtime, lambda: None) as lease:
            present.append(lease.claim.token)
            most.append(len(present))
            lease.renew()
            present.remove(lease.claim.token)

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]
    with harness.runtime.database.read() as connection:
        rows = connection.execute(select(rounds_table)).all()
        assert sorted(row.name for row in rows) == sorted(rounds.NAMES)
        assert rounds.due(connection, harness.slug, harness.clock()) == set(rounds.NAMES), (
            "a worker begins with all of them"
        )


# --- the watch ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [None, "credentials-refused"])
def test_a_command_keeps_the_times_and_the_error_of_the_watch(
    harness: Harness, error: str | None
) -> None:
    look(harness)
    write_round(harness, error=error, error_since=harness.clock() if error else None)
    before = watch_round(harness)
    harness.advance()
    pause(harness, ours(harness)["order.created"])
    with harness.lease() as lease:
        installation = installation_of(harness)
        for _ in installation.mend(lease, installation.survey()):
            harness.advance()
        installation.note(lease, installation.survey())
    assert watch_round(harness) == before
    watcher = watcher_of(harness)
    harness.clock.now = before.due_at - SECOND
    assert watcher.step() == 0
    harness.clock.now = before.due_at
    assert watcher.step() == 1


@ON_SQLITE
def test_the_watch_does_nothing_while_a_command_has_the_lease(
    harness: Harness,
) -> None:
    look(harness)
    remove(harness, ours(harness)["order.deleted"])
    watcher = watcher_of(harness)
    harness.advance(watcher.settings.watch)
    asked = len(harness.store.log.requests)
    with capture_logs() as lines:
        with harness.lease():
            assert watcher.step() == 0
        assert len(harness.store.log.requests) == asked
        assert statuses(harness) == dict.fromkeys(TOPICS, "active")
        assert lines == []
        assert watcher.step() == 1, "it is due still"
    assert [line["event"] for line in lines] == ["webhook.wrong", "webhook.mended"]
    ours(harness)


@ON_SQLITE
def test_a_command_waits_while_the_watch_holds_the_lease(
    harness: Harness, script: ScriptedServer
) -> None:
    waits: list[int] = []

    def answer(_: ReceivedRequest) -> Answer:
        def interrupt(_: timedelta) -> None:
            raise InterruptedError

        wait = Wait(harness, interrupt)
        with pytest.raises(InterruptedError), wait.hold():
            raise AssertionError("two hold the lease")
        waits.append(wait.sentences)
        return Answer.of([])

    script.answer = answer
    assert watching(harness, script) == (1, ["webhooks.not-installed"])
    assert waits == [1]


@ON_SQLITE
def test_a_watch_that_loses_the_lease_records_nothing(
    harness: Harness, script: ScriptedServer
) -> None:
    """A command has taken it, and the survey shows webhooks that the command has yet to make."""
    look(harness)

    def answer(_: ReceivedRequest) -> Answer:
        take_away(harness)
        return Answer.of([])

    script.answer = answer
    harness.advance(watcher_of(harness).settings.watch)
    assert watching(harness, script) == (0, ["webhooks.lease-lost"])
    assert [asked.method for asked in script.requests] == ["GET"]
    assert statuses(harness) == dict.fromkeys(TOPICS, "active")
    assert watch_round(harness).claim == OTHER


def watching(harness: Harness, script: ScriptedServer) -> tuple[int, list[str]]:
    """Let the watch survey the scripted store once. Returns the number of completed surveys, and the log."""
    client = client_of(script)
    with capture_logs() as lines:
        done = watcher_of(harness, client).step()
    client._api.session.close()
    return done, [line["event"] for line in lines]


def client_of(script: ScriptedServer) -> StoreClient:
    return StoreClient(StoreSettings("shop", script.url, "ck_test", "cs_test", (SECRET,)))


@ON_SQLITE
def test_a_bug_in_a_survey_releases_the_lease_and_postpones_it(
    harness: Harness,
) -> None:
    watcher = WebhookWatch(
        harness.slug, cast("StoreClient", None), harness.runtime, harness.settings
    )
    with pytest.raises(AttributeError):
        watcher.step()
    assert watch_round(harness).claim is None
    assert watcher.step() == 0, "other work has its turn first"
    harness.advance(AGAIN)
    assert watcher_of(harness).step() == 1


# --- the end of it -----------------------------------------------------------------------------------------


ERRORS = [StoreUnreachableError("unreachable", "no answer"), KeyboardInterrupt(), AssertionError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_lease_is_released_however_the_work_ends(
    harness: Harness, error: BaseException
) -> None:
    look(harness)
    before = watch_round(harness)
    with pytest.raises(type(error)), harness.lease():
        raise error
    assert watch_round(harness) == before


@ON_SQLITE
def test_a_command_stopped_in_its_wait_leaves_the_lease(
    harness: Harness,
) -> None:
    def end(_: timedelta) -> None:
        raise KeyboardInterrupt

    with harness.lease() as other:
        with pytest.raises(KeyboardInterrupt), Wait(harness, end).hold():
            raise AssertionError("two hold the lease")
        assert watch_round(harness).claim == other.claim.token


@ON_SQLITE
def test_a_failed_release_hides_no_error_and_the_lease_lapses(
    harness: Harness,
) -> None:
    ledger = Path(harness.runtime.database.url.database or "")

    def lose_both() -> None:
        ledger.rename(ledger.with_suffix(".away"))
        raise ERRORS[0]

    with pytest.raises(StoreUnreachableError), harness.lease():
        lose_both()
    ledger.with_suffix(".away").rename(ledger)
    assert watch_round(harness).claim is not None
    harness.advance(LEASE)
    with harness.lease():
        pass


# --- lost in the middle ------------------------------------------------------------------------------------


Work = Callable[[Installation, Lease], Iterator[object]]


def mend(installation: Installation, lease: Lease) -> Iterator[object]:
    yield from installation.mend(lease, installation.survey())


def give_secret(installation: Installation, lease: Lease) -> Iterator[object]:
    yield from installation.give_secret(lease, installation.survey(), "new")


def note(installation: Installation, lease: Lease) -> Iterator[object]:
    states = installation.survey()
    yield states
    yield installation.note(lease, states)


@ON_SQLITE
@pytest.mark.parametrize(("work", "deeds"), [(mend, 1), (give_secret, 1), (note, 0)])
def test_work_stops_once_the_lease_is_lost(harness: Harness, work: Work, deeds: int) -> None:
    look(harness)
    pause(harness, ours(harness)["order.created"])
    with pytest.raises(LeaseError, match="lease on the webhooks of shop lapsed"):
        lose_it_at_the_first_step(harness, work)
    assert writes(harness) == deeds
    assert statuses(harness) == dict.fromkeys(TOPICS, "active"), "nothing was recorded"
    assert watch_round(harness).claim == OTHER, "nor is it released, which is another's now"


def lose_it_at_the_first_step(harness: Harness, work: Work) -> None:
    with harness.lease() as lease:
        steps = work(installation_of(harness), lease)
        assert next(steps)
        take_away(harness)
        list(steps)


@ON_SQLITE
@pytest.mark.parametrize("work", [mend, give_secret])
def test_work_after_the_release_of_the_lease_changes_nothing(harness: Harness, work: Work) -> None:
    pause(harness, ours(harness)["order.created"])
    with harness.lease() as lease:
        pass
    with pytest.raises(LeaseError):
        list(work(installation_of(harness), lease))
    assert writes(harness) == 0


@ON_SQLITE
def test_a_step_done_as_the_lease_was_lost_is_remembered(harness: Harness) -> None:
    """The next process then knows which secret that webhook was given."""
    with pytest.raises(LeaseError):
        lose_it_at_the_first_step(harness, give_secret)
    with harness.runtime.database.read() as connection:
        rows = webhooks.rows_by_topic(connection, "shop").values()
    changed = {hook.id for hook in ours(harness).values() if hook.secret == "new"}
    assert {row.external_id for row in rows if row.secret_digest} == changed
    assert len(changed) == 1


@ON_SQLITE
def test_a_lapsed_lease_that_nobody_took_is_renewed(harness: Harness) -> None:
    with harness.lease() as lease:
        harness.advance(2 * LEASE)
        lease.renew()
        assert watch_round(harness).claim_until == harness.clock() + LEASE
