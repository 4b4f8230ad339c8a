"""The settings of gunicorn: `gunicorn --config deploy/gunicorn.conf.py wsgi:app`."""

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

os.umask(0o077)  # only the service's own user may read its files

# With this directory the counters are summed over all processes, and also over the worker if it has the same directory.
# The library reads the variable when it is first imported.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.environ.get("PROMETHEUS_MULTIPROC_DIR") or "var/metrics"

from hooks import counter_files  # noqa: E402

# Check here what the application needs to start. If it failed in the workers, gunicorn would restart them for ever.
try:
    settings = Settings.from_env()
    load_policy(settings.policy_file)
    Database(settings.database_url).close()
    counter_files.prepare_folder()
except HooksError as error:
    sys.stderr.write(f"Retention Hooks cannot start. {error}\n")
    sys.exit(os.EX_CONFIG)

bind = settings.bind
# The deliveries of one process share commits, and SQLite takes one commit at a time: one process for each core.
workers = settings.web_processes
worker_class = Worker
# The limit of one process. Beyond it, the connection that has waited longest for bytes is closed.
worker_connections = 1000
timeout = 30  # restart a process that stands still so long; the store waits 60 s for an answer
graceful_timeout = 30
keepalive = 0  # the store opens a connection for each delivery
accesslog = None  # it would hold visitors' IP addresses; the service has its own log
errorlog = "-"
loglevel = "error"  # warnings about malformed requests name the IP address of the sender
proc_name = "retention-hooks"
# The socket would be in the user's home directory, and all services of that user would share it.
control_socket_disable = True

# Each connection needs a file descriptor, and the ledger some more: most systems begin with a limit of 1024.
soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft_limit, min(hard_limit, 8192)), hard_limit))

# Import the application once, before the processes are forked. They share its memory as long as no garbage collection
# touches it.
import hooks.app  # noqa: E402, F401

gc.freeze()


def on_starting(_server: Any) -> None:
    """Remove the counter files of the last start; nobody reads them any more, and they fill the folder."""
    counter_files.remove_stale(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))


def child_exit(_server: Any, worker: Any) -> None:
    """Remove the gauges of a worker process that has ended. Its counters stay."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - see above

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
