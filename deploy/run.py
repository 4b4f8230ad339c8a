"""`make run`: migrate, start web and worker, and without a store of one's own the sandbox store too.

Runs until SIGTERM, SIGINT or the end of one of the processes, and leaves none behind.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
from pathlib import Path
from shutil import rmtree
from threading import Event

from deploy import demo
from deploy.children import Children, StoppedError
from hooks.errors import ConfigurationError
from hooks.settings import Settings

SANDBOX_DATABASE = Path("var/sandbox.db")


def main() -> int:
    """Exit status: 0 after a signal, 1 when a process ended by itself, 2 when the settings are wrong."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    children = Children(stopping)
    try:
        sandbox = demo.Sandbox.start(children) if _needs_sandbox() else None
        if sandbox:
            _use_sandbox(sandbox)
        settings = Settings.from_env()
        _start_service(children)
        url = f"http://{settings.bind}"
        children.wait_until_ready(f"{url}/readyz")
        _say(f"Retention Hooks answers on {url}; Ctrl-C ends it.")
        if sandbox:
            demo.show(sandbox, settings, children)
        return children.wait()
    except ConfigurationError as error:
        _say(f"Retention Hooks cannot start. {error}")
        return 2
    except StoppedError as error:
        if str(error):
            _say(str(error))
        return 0 if stopping.is_set() else 1
    finally:
        children.stop()


def _needs_sandbox() -> bool:
    """Whether neither the environment nor `.env` names a store. Raises ConfigurationError."""
    return not Settings.from_env().stores


def _use_sandbox(sandbox: demo.Sandbox) -> None:
    """Point the service at the sandbox store, with a ledger of its own that begins empty each time."""
    os.environ["STORE_URL"] = sandbox.url
    os.environ["STORE_CONSUMER_KEY"] = sandbox.consumer_key
    os.environ["STORE_CONSUMER_SECRET"] = sandbox.consumer_secret
    os.environ["STORE_WEBHOOK_SECRETS"] = secrets.token_hex(16)
    os.environ.setdefault("PUSH_SETTLE_SECONDS", "2")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    if "DATABASE_URL" not in os.environ:
        for path in SANDBOX_DATABASE.parent.glob(f"{SANDBOX_DATABASE.name}*"):
            path.unlink()
        os.environ["DATABASE_URL"] = f"sqlite:///{SANDBOX_DATABASE}"


def _start_service(children: Children) -> None:
    metrics = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR") or "var/metrics")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    flask = [sys.executable, "-m", "flask", "--app", "wsgi"]
    children.finish("db upgrade", [*flask, "db", "upgrade"])
    children.start("web", [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"])
    children.start("worker", [*flask, "worker"])


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
