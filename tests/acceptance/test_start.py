"""What a web process loads: what its requests need, and of the commands and the worker nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.processes import ROOT, Stack
from tests.support.recordings import delivery

ANSWER = """
import json, sys
from wsgi import app

client, sent = app.test_client(), json.load(sys.stdin)
delivered = client.post("/webhooks/shop", data=sent["body"], headers=sent["headers"])
answers = [delivered, *(client.get(path) for path in ("/healthz", "/readyz", "/status", "/schedule"))]
print(json.dumps([[answer.status_code for answer in answers], list(sys.modules)]))
"""

NOT_NEEDED = {
    # the commands, and the worker with its calls to stores
    *("hooks.commands", "hooks.worker.loop", "hooks.store.client", "requests", "woocommerce"),
    # to change the ledger's tables; to read the published page; calendars; error reports, where no DSN is set
    *("alembic", "bs4", "icalendar", "sentry_sdk"),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_web_process_loads_no_code_of_commands_or_worker(processes: Stack) -> None:
    recorded = delivery(6)
    sent = json.dumps({"body": recorded.body.decode(), "headers": recorded.headers})
    done = subprocess.run(
        [sys.executable, "-c", ANSWER],
        cwd=ROOT,
        env=processes._env(),
        input=sent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    statuses, loaded = json.loads(done.stdout)
    assert statuses == [200] * 5
    assert NOT_NEEDED.isdisjoint(loaded)
