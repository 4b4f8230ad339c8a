"""How gunicorn runs the web process: `gunicorn --config deploy/gunicorn.conf.py wsgi:app`."""

import os
import sys
from pathlib import Path
from typing import Any

from hooks.committer import Worker
from hooks.errors import HooksError
from hooks.group_commit import Group
from hooks.ledger.database import Database
from hooks.settings import Settings
from schemas.policy import load_policy

# What the application would not start with is found here, once: its workers would be started again for ever.
try:
    settings = Settings.from_env()
    load_policy(settings.policy_file)
    Database(settings.database_url).close()
except HooksError as error:
    sys.stderr.write(f"Retention Hooks cannot start. {error}\n")
    sys.exit(2)

bind = settings.bind
# Those that answer requests wait for the committer and for their clients, so that there are more than there are cores.
answering = int(os.environ.get("WEB_CONCURRENCY", "4"))
workers = answering + 1 if answering > 1 else 1
worker_class = Worker
Worker.group = Group(places=4 * workers) if answering > 1 else None
timeout = 60  # the store gives up on a delivery after as long
graceful_timeout = 30
keepalive = 2
accesslog = None  # it would hold visitors' addresses; the service logs what matters itself
errorlog = "-"
loglevel = "error"  # warnings of malformed requests name the address that they came from
proc_name = "retention-hooks"
control_socket_disable = True  # it would stand in the user's home, one for all services of that user

# Counters are true over all processes, the worker's too where it is given the same directory. The library decides
# by this variable when it is first imported.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", "var/metrics")
Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).mkdir(parents=True, exist_ok=True)


def child_exit(_server: Any, worker: Any) -> None:
    """A worker process has ended: its counters stay, its gauges go."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - see above

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
