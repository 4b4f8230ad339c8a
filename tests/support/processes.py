"""The real processes: web (gunicorn), worker, sandbox store. Each runs in a session of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import requests

from hooks.ledger.database import Database
from hooks.ledger.upgrade import upgrade
from tests.support.recordings import SECRET, Recorded

ROOT = Path(__file__).parent.parent.parent
DEADLINE_SECONDS = 240.0

TOKEN = "a token that nobody guesses"
"""The status token, without which a process with a public PUBLIC_URL does not start."""

UNSAFE_SQLITE = ROOT / "tests/support/unsafe_sqlite"
"""A folder that makes a process with it on PYTHONPATH use an SQLite that can lose commits in WAL mode."""


def free_port() -> int:
    """A port that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until the condition is true. Fail with the description if that takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.05)


@dataclass
class Process:
    """A child process with its output in a file."""

    command: list[str]
    env: dict[str, str]
    output: Path
    child: subprocess.Popen[bytes] | None = None
    directory: Path = ROOT
    inherited: tuple[int, ...] = ()
    """File descriptors that the child inherits from this process."""

    def start(self) -> Self:
        """Start the process, or start it again."""
        with self.output.open("ab") as sink:
            self.child = subprocess.Popen(
                self.command,
                cwd=self.directory,
                env=self.env,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
                pass_fds=self.inherited,
            )
        return self

    def send(self, number: int) -> None:
        """Signal the whole session: the process and all that it started."""
        if self.child and self.child.poll() is None:
            os.killpg(self.child.pid, number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal the process itself and wait. Return its exit status."""
        if self.child and self.child.poll() is None:
            os.kill(self.child.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Wait until the process ends. Return its exit status."""
        if self.child is None:
            return 0
        try:
            return self.child.wait(40)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self.child.wait()
            raise

    def log(self) -> str:
        """All output of the process."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""


HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.argv[2], sys.argv[2:], os.environ | {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
"""


@dataclass
class Web(Process):
    """The web process on a port of its own."""

    url: str = ""

    def start(self) -> Self:
        """Start the process and wait until it answers."""
        super().start()
        until(self._lives, f"web to live; it printed:\n{self.log()[-2000:]}")
        return self

    def take_over(self, listener: socket.socket) -> None:
        """Make it serve on this listener, which it gets as descriptor 3, as from systemd."""
        self.command = [sys.executable, "-c", HAND_OVER, str(listener.fileno()), *self.command]
        self.inherited = (listener.fileno(),)
        self.url = "http://{}:{}".format(*listener.getsockname())

    def _lives(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def post(self, sent: Recorded, slug: str = "shop") -> requests.Response:
        """Send one delivery."""
        return requests.post(
            f"{self.url}/webhooks/{slug}", data=sent.body, headers=sent.headers, timeout=60
        )

    def result(self, sent: Recorded, slug: str = "shop") -> str:
        """Send one delivery that must get 200. Return its `result`."""
        answer = self.post(sent, slug)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["result"])

    def get(self, path: str, **options: Any) -> requests.Response:
        """Send a GET request."""
        return requests.get(f"{self.url}{path}", timeout=30, **options)

    def status(self) -> dict[str, Any]:
        """The JSON of `/status`."""
        found: dict[str, Any] = self.get("/status").json()
        return found

    def record(self, kind: str, number: int, slug: str = "shop") -> dict[str, Any]:
        """The JSON of `/records/…` for a record that must exist."""
        answer = self.get(f"/records/{slug}/{kind}/{number}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@dataclass
class Sandbox(Process):
    """The sandbox store, controlled over its control routes."""

    url: str = ""
    consumer_key: str = "ck_test"
    consumer_secret: str = "cs_test"

    def start(self) -> Self:
        """Start the process and wait until it has printed its address."""
        super().start()
        until(lambda: '"url"' in self.log(), "the sandbox store to listen")
        self.url = json.loads(self.log().splitlines()[-1])["url"]
        return self

    def do(self, operation: str, **arguments: Any) -> Any:
        """Run a control operation of the shop."""
        answer = requests.post(f"{self.url}/sandbox/{operation}", json=arguments, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self) -> dict[str, Any]:
        """Everything that the shop holds."""
        found: dict[str, Any] = requests.get(f"{self.url}/sandbox/state", timeout=60).json()
        return found

    def requests(self) -> list[dict[str, Any]]:
        """Every REST request that the store got, in order."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/sandbox/log", timeout=60).json()[
            "requests"
        ]
        return found

    def writes(self) -> dict[tuple[str, int], int]:
        """How often each record was written over REST."""
        counted: dict[tuple[str, int], int] = {}
        for entry in self.requests():
            for write in entry["writes"]:
                name = (write["kind"], write["id"])
                counted[name] = counted.get(name, 0) + 1
        return counted

    def meta(self, kind: str, number: int) -> dict[str, Any]:
        """The values of our keys in the meta data of one record."""
        listed = self.state()["orders" if kind == "order" else "customers"]
        (held,) = (record for record in listed if record["id"] == number)
        return {
            item["key"]: item["value"]
            for item in held["meta_data"]
            if item["key"].startswith("retention_")
        }


@dataclass
class Stack:
    """The processes of one test, with one database and one directory. `stack` ends them all."""

    directory: Path
    database_url: str
    env: dict[str, str] = field(default_factory=dict)
    started: list[Process] = field(default_factory=list)

    def _env(self, **extra: str) -> dict[str, str]:
        handed_on = ("PATH", "HOME", "LANG", "PYTHONPATH", "COVERAGE_PROCESS_START")
        base = {name: os.environ[name] for name in handed_on if name in os.environ}
        base |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
        (self.directory / "metrics").mkdir(exist_ok=True)
        return base | {
            "DATABASE_URL": self.database_url,
            "PROMETHEUS_MULTIPROC_DIR": str(self.directory / "metrics"),
            "STORE_URL": "https://shop.example.test",
            "STORE_CONSUMER_KEY": "ck_test",
            "STORE_CONSUMER_SECRET": "cs_test",
            "STORE_WEBHOOK_SECRETS": SECRET,
            "PUSH_SETTLE_SECONDS": "0",
            "PYTHONUNBUFFERED": "1",
            **self.env,
            **extra,
        }

    def flask(
        self, *arguments: str, typed: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one `flask --app wsgi …` command to its end; `typed` is its standard input."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self._env(**env),
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def migrate(self) -> None:
        """Create or upgrade the tables, as `db upgrade` does."""
        ledger = Database(self.database_url)
        upgrade(ledger)
        ledger.close()

    def web(self, **env: str) -> Web:
        """Start a web process. Processes that start later get its address as PUBLIC_URL."""
        return self.new_web(**env).start()

    def new_web(self, **env: str) -> Web:
        """The same web process, not started yet."""
        port = free_port()
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            "deploy/gunicorn.conf.py",
            "wsgi:app",
        ]
        bind = f"127.0.0.1:{port}"
        web = Web(command, self._env(BIND=bind, **env), self._output("web"), url=f"http://{bind}")
        self.started.append(web)
        self.env["PUBLIC_URL"] = web.url
        return web

    def worker(self, **env: str) -> Process:
        """Start a worker."""
        return self.begin("worker", **env)

    def begin(self, *arguments: str, **env: str) -> Process:
        """Start one `flask --app wsgi …` command without waiting for its end."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
        begun = Process(command, self._env(**env), self._output(arguments[0]))
        self.started.append(begun)
        return begun.start()

    def sandbox(self, *options: str) -> Sandbox:
        """Start a sandbox store. Processes that start later get its address as STORE_URL."""
        keys = ["--consumer-key", "ck_test", "--consumer-secret", "cs_test"]
        command = [sys.executable, "-m", "deploy.sandbox", *keys, *options]
        sandbox = Sandbox(command, self._env(), self._output("sandbox"))
        self.started.append(sandbox)
        sandbox.start()
        self.env["STORE_URL"] = sandbox.url
        return sandbox

    def connect(
        self, sandbox: Sandbox, web: Web, *topics: str, role: str = "administrator"
    ) -> None:
        """Create webhooks in the sandbox store that deliver to the web process."""
        for topic in topics or TOPICS:
            target = f"{web.url}/webhooks/shop"
            sandbox.do("create_webhook", topic=topic, delivery_url=target, secret=SECRET, role=role)

    def _output(self, name: str) -> Path:
        return self.directory / f"{name}-{len(self.started)}.log"

    def logs(self) -> str:
        """The output of all processes."""
        return "\n".join(process.log() for process in self.started)


TOPICS = (
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "action.woocommerce_delete_order",
    "action.wc_support_request_closed",
)


@contextmanager
def stack(directory: Path, database_url: str) -> Iterator[Stack]:
    """Yield a Stack, and end its processes with the block."""
    processes = Stack(directory, database_url)
    try:
        yield processes
    finally:
        for process in reversed(processes.started):
            process.send(signal.SIGTERM)
        for process in processes.started:
            process.wait()
