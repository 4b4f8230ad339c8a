"""How gunicorn runs the web process: `gunicorn --config deploy/gunicorn.conf.py wsgi:app`."""

import gc
import os
import resource
import sys
from pathlib import Path
from typing import Any

from hooks.errors import HooksError
from hooks.ledger.database import Database
from hooks.settings import Settings
from hooks.web.gunicorn_worker import Worker
from schemas.policy import load_policy

os.umask(0o077)  # what the service writes is for its own user alone

# Counters are true over all processes, the worker's too where it is given the same directory. The library decides
# by this variable when it is first imported.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.environ.get("PROMETHEUS_MULTIPROC_DIR") or "var/metrics"

from hooks import counter_files  # noqa: E402

# What the application would not start with is found here, once: its workers would be started again for ever.
try:
    settings = Settings.from_env()
    load_policy(settings.policy_file)
    Database(settings.database_url).close()
    counter_files.prepare_folder()
except HooksError as error:
    sys.stderr.write(f"Retention Hooks cannot start. {error}\n")
    sys.exit(os.EX_CONFIG)

bind = settings.bind
# Within a process deliveries share commits, of which SQLite takes one at a time: one process for each core.
workers = settings.web_processes
worker_class = Worker
worker_connections = (
    1000  # in a process; beyond it, who has waited longest for bytes loses the connection
)
timeout = 30  # a process that stands still for half as long as the store waits for an answer is started anew
graceful_timeout = 30
keepalive = 0  # the store opens a connection for each delivery
accesslog = None  # it would hold visitors' addresses; the service logs what matters itself
errorlog = "-"
loglevel = "error"  # warnings of malformed requests name the address that they came from
proc_name = "retention-hooks"
control_socket_disable = (
    True  # it would stand in the user's home, one for all services of that user
)

# A descriptor for each connection, and others for the ledger: more than the 1024 that most systems begin with.
soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft_limit, min(hard_limit, 8192)), hard_limit))

# Loaded once, before there are several processes: they share the memory, for as long as none looks through it for
# garbage.
import hooks.app  # noqa: E402, F401

gc.freeze()


def on_starting(_server: Any) -> None:
    """The counters of processes that have ended are of no use to a new start, and fill the folder."""
    counter_files.remove_stale(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))


def child_exit(_server: Any, worker: Any) -> None:
    """A worker process has ended: its counters stay, its gauges go."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - see above

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
