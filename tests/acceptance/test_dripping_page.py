"""A real worker is stopped while the published page drips."""

from __future__ import annotations

import signal

import pytest

from tests.integration.harness import ON_SQLITE
from tests.support.hostile import hostile
from tests.support.processes import Stack, until


@ON_SQLITE
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_stopped_during_a_page_leaves_no_process(processes: Stack, number: int) -> None:
    with hostile() as server:
        server.answers["/drips"] = server.drip_for_ever
        worker = processes.worker(
            POLICY_PAGE_URL=f"{server.url}/drips", STORE_URL="http://127.0.0.1:9"
        )
        until(
            lambda: server.asked == ["/drips"],
            f"the page to be asked for; printed:\n{worker.log()}",
        )
        assert worker.stop(number) == (0 if number == signal.SIGTERM else -number)
        until(lambda: server.left == 1, "the process that gets the page to end", seconds=20)
    assert "Traceback" not in worker.log()
