"""`make run`: migrate, start web and worker, and without a store of one's own the sandbox store too.

Runs until SIGTERM, SIGINT, SIGHUP or the end of one of the processes, and leaves none behind.
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

from deploy import demo
from deploy.children import Children, StoppedError
from hooks import counter_files
from hooks.errors import ConfigurationError
from hooks.settings import Settings

SANDBOX_DATABASE = Path("var/sandbox.db")
PORT_SECONDS = 5.0
"""The port may be held that long: by a process that is about to end."""


def main() -> int:
    """Exit status: 0 after a signal, 1 when a process ended by itself, 78 (EX_CONFIG) when the settings are wrong."""
    os.umask(0o077)
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if (
            number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
        ):  # `nohup` ignores it
            signal.signal(number, lambda *_: stopping.set())
    try:
        settings = Settings.from_env()
        with nullcontext() if settings.stores else _only_sandbox():
            return _run(settings, Children(stopping))
    except ConfigurationError as error:
        _say(f"Retention Hooks cannot start. {error}")
        return os.EX_CONFIG
    except StoppedError as error:
        if str(error):
            _say(str(error))
        return 0 if stopping.is_set() else 1


def _run(settings: Settings, children: Children) -> int:
    try:
        _wait_for_port(settings.bind, children)
        if settings.stores:
            _start_service(settings, children)
        else:
            sandbox = demo.Sandbox.start(children)
            settings = _use_sandbox(sandbox)
            _start_service(settings, children)
            demo.show(sandbox, settings, children)
        return children.wait()
    finally:
        children.stop()


def _wait_for_port(bind: str, children: Children) -> None:
    """Raise StoppedError unless `bind` can be listened on. Another service there would answer in place of ours."""
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
    """Listen for a moment; the error where that is refused."""
    host, _, port = bind.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except OSError as error:
        return error
    return None


@contextmanager
def _only_sandbox() -> Iterator[None]:
    """Hold the sandbox's ledger. Raises StoppedError where another `make run` of this folder uses it."""
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
    """Point the service at the sandbox store, and at a ledger for it alone, which begins empty each time."""
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
        os.environ.pop(f"{name}_FILE", None)  # it would win
    os.environ.setdefault("PUSH_SETTLE_SECONDS", "2")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    return Settings.from_env()


def _start_service(settings: Settings, children: Children) -> None:
    metrics = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR") or "var/metrics")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    counter_files.prepare_folder()
    # The `flask` command would read `.env` by itself, and one in a folder above where there is none here.
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


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
