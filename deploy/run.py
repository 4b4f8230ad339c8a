"""`make run`: migrate the ledger, then start web and worker, and the sandbox store if no store is set.

It runs until SIGTERM, SIGINT, SIGHUP or the end of one of the processes, and leaves no process behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event
from typing import NoReturn

from deploy import demo
from deploy.children import Children, StoppedError
from hooks import counter_files
from hooks.errors import ConfigurationError
from hooks.settings import Settings

SANDBOX_DATABASE = Path("var/sandbox.db")
PORT_SECONDS = 5.0
"""The time to wait for a busy port: the process that uses it may be about to end."""


def main() -> int:
    """Return the exit status: 0 after a signal, 1 if a process ended by itself, 78 (EX_CONFIG) for wrong settings."""
    os.umask(0o077)
    stopping = Event()
    _stop_on_signals(stopping)
    try:
        settings = Settings.from_env()
        with nullcontext() if settings.stores else _sandbox_lock():
            _run(settings, Children(stopping))
    except ConfigurationError as error:
        _say(f"Retention Hooks cannot start. {error}")
        return os.EX_CONFIG
    except StoppedError as error:
        if str(error):
            _say(str(error))
        return 0 if stopping.is_set() else 1


def _stop_on_signals(stopping: Event) -> None:
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` ignores it
        numbers.append(signal.SIGHUP)
    for number in numbers:
        signal.signal(number, lambda *_: stopping.set())


def _run(settings: Settings, children: Children) -> NoReturn:
    """Run all processes until a signal comes or one of them ends, then raise StoppedError."""
    try:
        _wait_for_port(settings.bind, children)
        if settings.stores:
            _start_service(settings, children)
        else:
            sandbox = demo.Sandbox.start(children)
            settings = _use_sandbox(sandbox)
            _start_service(settings, children)
            demo.show(sandbox, settings, children)
        children.wait()
    finally:
        children.stop()


def _wait_for_port(bind: str, children: Children) -> None:
    """Raise StoppedError unless this process can listen on `bind`: another service there would answer for this one."""
    deadline = time.monotonic() + PORT_SECONDS
    while fault := _listen_fault(bind):
        if fault.errno != errno.EADDRINUSE:
            raise StoppedError(
                f"Nothing can listen on {bind}: {fault.strerror}. Set BIND to another address."
            )
        if time.monotonic() > deadline:
            raise StoppedError(
                f"Another process listens on {bind}. Stop it, or set BIND to another address."
            )
        children.pause(0.25)


def _listen_fault(bind: str) -> OSError | None:
    """Try to listen on `bind`, and return the error if that fails."""
    host, _, port = bind.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except OSError as error:
        return error
    return None


@contextmanager
def _sandbox_lock() -> Iterator[None]:
    """Lock the sandbox's ledger. Raise StoppedError if another `make run` of this folder uses it."""
    SANDBOX_DATABASE.parent.mkdir(exist_ok=True)
    with SANDBOX_DATABASE.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoppedError(
                "Another `make run` uses the sandbox of this folder. Stop that one first."
            ) from error
        yield


def _use_sandbox(sandbox: demo.Sandbox) -> Settings:
    """Point the service at the sandbox store and at its own ledger, which is empty at each start."""
    for path in SANDBOX_DATABASE.parent.glob(f"{SANDBOX_DATABASE.name}*"):
        path.unlink()
    environment = {
        "STORE_URL": sandbox.url,
        "STORE_CONSUMER_KEY": sandbox.consumer_key,
        "STORE_CONSUMER_SECRET": sandbox.consumer_secret,
        "STORE_WEBHOOK_SECRETS": secrets.token_hex(16),
        "DATABASE_URL": f"sqlite:///{SANDBOX_DATABASE}",
    }
    for name, value in environment.items():
        os.environ[name] = value
        os.environ.pop(f"{name}_FILE", None)  # it would take precedence
    os.environ.setdefault("PUSH_SETTLE_SECONDS", "2")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    return Settings.from_env()


def _start_service(settings: Settings, children: Children) -> None:
    metrics = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR") or "var/metrics")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    counter_files.prepare_folder()
    # Otherwise the `flask` command would read `.env` itself, and search for one in the folders above.
    os.environ["FLASK_SKIP_DOTENV"] = "1"
    flask = [sys.executable, "-m", "flask", "--app", "wsgi"]
    children.finish("db upgrade", [*flask, "db", "upgrade"])
    children.start(
        "web", [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"]
    )
    children.start("worker", [*flask, "worker"])
    url = f"http://{settings.bind}"
    children.wait_until_ready(f"{url}/readyz")
    _say(f"Retention Hooks answers on {url}; Ctrl-C ends it.")


def _say(message: str) -> None:
    sys.stdout.write(message + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
