"""The lease on a store's webhooks: who gets it and when, and what its holder may do once it is lost."""

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
from tests.integration.desk import ON_SQLITE, SECOND, Desk
from tests.integration.scripted import Answer, Asked, Scripted
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


def watch_round(desk: Desk) -> Row[Any]:
    """The row of the round whose claim is the lease."""
    with desk.runtime.database.read() as connection:
        row = rounds.state(connection, desk.slug, "watch")
    assert row is not None
    return row


def write_round(desk: Desk, **columns: Any) -> None:
    """Make the row of the round say something else."""
    with desk.runtime.database.write() as connection:
        connection.execute(
            update(rounds_table).where(rounds_table.c.name == "watch").values(**columns)
        )


def take_away(desk: Desk) -> None:
    """Let the lease lapse, and let another process take it."""
    write_round(desk, claim=OTHER, claim_until=desk.clock() + LEASE)


class Wait:
    """Counts what a wait for the lease says, and lets time pass while it sleeps; `meanwhile` happens, too."""

    def __init__(self, desk: Desk, meanwhile: Callable[[timedelta], None] = lambda _: None) -> None:
        self.desk = desk
        self.meanwhile = meanwhile
        self.lasted = timedelta(0)
        self.sentences = 0

    def tell(self) -> None:
        self.sentences += 1

    def sleep(self, seconds: float) -> None:
        self.desk.clock.now += timedelta(seconds=seconds)
        self.lasted += timedelta(seconds=seconds)
        self.meanwhile(self.lasted)

    def hold(self) -> Any:
        return webhook_lease.hold(self.desk.slug, self.desk.runtime, self.tell, self.sleep)


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
    desk: Desk, ahead: timedelta | None, lasts: timedelta
) -> None:
    if ahead is not None:
        write_round(desk, claim=OTHER, claim_until=desk.clock() + ahead)
    wait = Wait(desk)
    with wait.hold() as lease:
        row = watch_round(desk)
        assert (row.claim, row.claim_until) == (lease.claim.token, desk.clock() + LEASE)
    assert (wait.lasted, wait.sentences) == (lasts, lasts > timedelta(0))
    assert watch_round(desk).claim is None


@ON_SQLITE
def test_a_holder_that_renews_is_waited_for_until_it_releases(desk: Desk) -> None:
    other = desk.lease()
    held = other.__enter__()

    def meanwhile(lasted: timedelta) -> None:
        if lasted == 2 * LEASE:
            other.__exit__(None, None, None)
        elif lasted < 2 * LEASE and lasted % timedelta(minutes=1) == timedelta(0):
            held.renew()

    wait = Wait(desk, meanwhile)
    with wait.hold():
        assert (wait.lasted, wait.sentences) == (2 * LEASE, 1)


@ON_SQLITE
def test_a_command_gives_up_on_a_holder_that_never_releases(desk: Desk) -> None:
    with desk.lease() as other:

        def renew(lasted: timedelta) -> None:
            if lasted % timedelta(minutes=1) == timedelta(0):
                other.renew()

        wait = Wait(desk, renew)
        with pytest.raises(LeaseError, match=r"has held the lease .* for 5 minutes"), wait.hold():
            raise AssertionError("two hold the lease")
        assert (wait.lasted, wait.sentences) == (PATIENCE, 1)
        assert watch_round(desk).claim == other.claim.token
    assert PATIENCE > LEASE


@ON_SQLITE
def test_a_clock_that_is_set_back_while_a_command_waits_does_not_prolong_the_wait(
    desk: Desk,
) -> None:
    def set_back(_: timedelta) -> None:
        desk.clock.now -= SECOND
        take_away(desk)

    wait = Wait(desk, set_back)
    take_away(desk)
    with pytest.raises(LeaseError), wait.hold():
        raise AssertionError("two hold the lease")
    assert wait.lasted == PATIENCE


def test_of_several_that_begin_before_any_worker_ran_one_at_a_time_holds_the_lease(
    desk: Desk,
) -> None:
    """There is no row of the round then; each of them makes it, and one of them takes it."""
    with desk.runtime.database.write() as connection:
        connection.execute(delete(rounds_table))
    together, present, most = Barrier(3), list[str](), list[int]()

    def work() -> None:
        together.wait()
        with webhook_lease.hold(desk.slug, desk.runtime, lambda: None) as lease:
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
    with desk.runtime.database.read() as connection:
        rows = connection.execute(select(rounds_table)).all()
        assert sorted(row.name for row in rows) == sorted(rounds.NAMES)
        assert rounds.due(connection, desk.slug, desk.clock()) == set(rounds.NAMES), (
            "a worker begins with all of them"
        )


# --- the watch ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [None, "credentials-refused"])
def test_a_command_leaves_the_times_and_the_error_of_the_watch_as_they_are(
    desk: Desk, error: str | None
) -> None:
    look(desk)
    write_round(desk, error=error, error_since=desk.clock() if error else None)
    before = watch_round(desk)
    desk.advance()
    pause(desk, ours(desk)["order.created"])
    with desk.lease() as lease:
        installation = installation_of(desk)
        for _ in installation.mend(lease, installation.survey()):
            desk.advance()
        installation.note(lease, installation.survey())
    assert watch_round(desk) == before
    watcher = watcher_of(desk)
    desk.clock.now = before.due_at - SECOND
    assert watcher.step() == 0
    desk.clock.now = before.due_at
    assert watcher.step() == 1


@ON_SQLITE
def test_while_a_command_holds_the_lease_the_watch_neither_looks_nor_records_nor_reports(
    desk: Desk,
) -> None:
    look(desk)
    remove(desk, ours(desk)["order.deleted"])
    watcher = watcher_of(desk)
    desk.advance(watcher.settings.watch)
    asked = len(desk.store.log.requests)
    with capture_logs() as lines:
        with desk.lease():
            assert watcher.step() == 0
        assert len(desk.store.log.requests) == asked
        assert statuses(desk) == dict.fromkeys(TOPICS, "active")
        assert lines == []
        assert watcher.step() == 1, "it is due still"
    assert [line["event"] for line in lines] == ["webhook.wrong", "webhook.mended"]
    ours(desk)


@ON_SQLITE
def test_while_the_watch_is_at_it_a_command_waits(desk: Desk, script: Scripted) -> None:
    waits: list[int] = []

    def answer(_: Asked) -> Answer:
        def interrupt(_: timedelta) -> None:
            raise InterruptedError

        wait = Wait(desk, interrupt)
        with pytest.raises(InterruptedError), wait.hold():
            raise AssertionError("two hold the lease")
        waits.append(wait.sentences)
        return Answer.of([])

    script.answer = answer
    assert watching(desk, script) == (1, ["webhooks.not-installed"])
    assert waits == [1]


@ON_SQLITE
def test_a_watch_that_loses_the_lease_in_its_survey_neither_records_nor_reports(
    desk: Desk, script: Scripted
) -> None:
    """A command has taken it, and the survey shows what that has yet to make."""
    look(desk)

    def answer(_: Asked) -> Answer:
        take_away(desk)
        return Answer.of([])

    script.answer = answer
    desk.advance(watcher_of(desk).settings.watch)
    assert watching(desk, script) == (0, ["webhooks.lease-lost"])
    assert [asked.method for asked in script.asked] == ["GET"]
    assert statuses(desk) == dict.fromkeys(TOPICS, "active")
    assert watch_round(desk).claim == OTHER


def watching(desk: Desk, script: Scripted) -> tuple[int, list[str]]:
    """Let the watch look at the scripted store, once; how many looks came to their end, and what it logged."""
    client = client_of(script)
    with capture_logs() as lines:
        done = watcher_of(desk, client).step()
    client._api.session.close()
    return done, [line["event"] for line in lines]


def client_of(script: Scripted) -> StoreClient:
    return StoreClient(StoreSettings("shop", script.url, "ck_test", "cs_test", (SECRET,)))


@ON_SQLITE
def test_a_fault_of_ours_in_a_look_releases_the_lease_and_puts_the_look_off(desk: Desk) -> None:
    watcher = WebhookWatch(desk.slug, cast("StoreClient", None), desk.runtime, desk.settings)
    with pytest.raises(AttributeError):
        watcher.step()
    assert watch_round(desk).claim is None
    assert watcher.step() == 0, "other work has its turn first"
    desk.advance(AGAIN)
    assert watcher_of(desk).step() == 1


# --- the end of it -----------------------------------------------------------------------------------------


ERRORS = [StoreUnreachableError("unreachable", "no answer"), KeyboardInterrupt(), AssertionError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_lease_is_released_whatever_ends_the_work(desk: Desk, error: BaseException) -> None:
    look(desk)
    before = watch_round(desk)
    with pytest.raises(type(error)), desk.lease():
        raise error
    assert watch_round(desk) == before


@ON_SQLITE
def test_a_command_that_is_ended_while_it_waits_leaves_the_lease_to_its_holder(desk: Desk) -> None:
    def end(_: timedelta) -> None:
        raise KeyboardInterrupt

    with desk.lease() as other:
        with pytest.raises(KeyboardInterrupt), Wait(desk, end).hold():
            raise AssertionError("two hold the lease")
        assert watch_round(desk).claim == other.claim.token


@ON_SQLITE
def test_a_ledger_that_cannot_release_the_lease_hides_no_error_and_the_lease_lapses(
    desk: Desk,
) -> None:
    ledger = Path(desk.runtime.database.url.database or "")

    def lose_both() -> None:
        ledger.rename(ledger.with_suffix(".away"))
        raise ERRORS[0]

    with pytest.raises(StoreUnreachableError), desk.lease():
        lose_both()
    ledger.with_suffix(".away").rename(ledger)
    assert watch_round(desk).claim is not None
    desk.advance(LEASE)
    with desk.lease():
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
def test_work_stops_once_the_lease_is_lost(desk: Desk, work: Work, deeds: int) -> None:
    look(desk)
    pause(desk, ours(desk)["order.created"])
    with pytest.raises(LeaseError, match="lease on the webhooks of shop lapsed"):
        lose_it_at_the_first_step(desk, work)
    assert writes(desk) == deeds
    assert statuses(desk) == dict.fromkeys(TOPICS, "active"), "nothing was recorded"
    assert watch_round(desk).claim == OTHER, "nor is it released, which is another's now"


def lose_it_at_the_first_step(desk: Desk, work: Work) -> None:
    with desk.lease() as lease:
        steps = work(installation_of(desk), lease)
        assert next(steps)
        take_away(desk)
        list(steps)


@ON_SQLITE
@pytest.mark.parametrize("work", [mend, give_secret])
def test_work_that_begins_after_the_lease_was_released_changes_nothing(
    desk: Desk, work: Work
) -> None:
    pause(desk, ours(desk)["order.created"])
    with desk.lease() as lease:
        pass
    with pytest.raises(LeaseError):
        list(work(installation_of(desk), lease))
    assert writes(desk) == 0


@ON_SQLITE
def test_what_was_done_as_the_lease_was_lost_is_remembered(desk: Desk) -> None:
    """So that the next process knows which secret that webhook was given."""
    with pytest.raises(LeaseError):
        lose_it_at_the_first_step(desk, give_secret)
    with desk.runtime.database.read() as connection:
        rows = webhooks.rows_by_topic(connection, "shop").values()
    changed = {hook.id for hook in ours(desk).values() if hook.secret == "new"}
    assert {row.external_id for row in rows if row.secret_digest} == changed
    assert len(changed) == 1


@ON_SQLITE
def test_a_lease_that_lapsed_and_that_nobody_took_is_renewed(desk: Desk) -> None:
    with desk.lease() as lease:
        desk.advance(2 * LEASE)
        lease.renew()
        assert watch_round(desk).claim_until == desk.clock() + LEASE
