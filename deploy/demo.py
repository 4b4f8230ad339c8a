"""The demo that `make run` shows if no store is set: a recorded shop's life, tagged and written back."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from deploy.children import Children, StoppedError
from hooks.intake.webhook import all_topics
from hooks.retention.store_meta import KEYS
from hooks.settings import Settings
from schemas.policy import load_policy

MAX_POLLS = 240
COLUMNS = ("record", "state", "retention class", "legal basis", "delete after", "in the store")


@dataclass(frozen=True)
class Sandbox:
    """The sandbox store, which runs as a child process, and its API key."""

    url: str
    consumer_key: str
    consumer_secret: str

    @classmethod
    def start(cls, children: Children) -> Self:
        """Start the store on a free port. Raise StoppedError if it does not start."""
        key, secret = f"ck_{secrets.token_hex(20)}", f"cs_{secrets.token_hex(20)}"
        keys = ["--consumer-key", key, "--consumer-secret", secret]
        command = [sys.executable, "-m", "deploy.sandbox", *keys]
        child = children.start("sandbox store", command, stdout=subprocess.PIPE)
        line = child.stdout.readline() if child.stdout else ""
        if not line:
            raise StoppedError("The sandbox store did not start.")
        return cls(json.loads(line)["url"], key, secret)

    def do(self, operation: str, **arguments: Any) -> Any:
        """Run an operation of the shop (see `deploy.sandbox.control`)."""
        return _json(f"{self.url}/sandbox/{operation}", json.dumps(arguments).encode())

    def state(self) -> dict[str, Any]:
        """Return all that the shop holds."""
        state: dict[str, Any] = _json(f"{self.url}/sandbox/state")
        return state


def show(sandbox: Sandbox, settings: Settings, children: Children) -> None:
    """Create the webhooks, play the shop's life, wait until all is written back, and print the result."""
    policy = load_policy(settings.policy_file)
    (secret,) = settings.stores["shop"].webhook_secrets
    target = f"http://{settings.bind}/webhooks/shop"
    for topic in all_topics(policy):
        sandbox.do("create_webhook", topic=topic, delivery_url=target, secret=secret)
    sys.stdout.write(f"The sandbox store runs at {sandbox.url}. Playing a recorded shop's life …\n")
    sys.stdout.flush()
    sandbox.do("life")
    _wait_until_written(settings, children)
    rows = list(_rows(sandbox.state(), settings))
    _print(rows)
    same = sum(row[-1] == "the same" for row in rows)
    sys.stdout.write(
        f"\n{len(rows)} records; for {same} the store holds exactly the schedule of the ledger.\n"
    )
    sys.stdout.write(
        f"Look further: http://{settings.bind}/status  …/records/shop/order/<id>  …/metrics\n"
    )
    sys.stdout.flush()


def _wait_until_written(settings: Settings, children: Children) -> None:
    """Poll /status until three polls in a row show no pending work. Give up after MAX_POLLS polls."""
    idle_polls = 0
    for _ in range(MAX_POLLS):
        children.pause(0.5)
        idle_polls += 1
        if _is_busy(_service(settings, "/status")["stores"]["shop"]):
            idle_polls = 0
        if idle_polls == 3:
            return


def _is_busy(store: dict[str, Any]) -> bool:
    if store["last_pushed_at"] is None:
        return True
    return bool(store["pending_pushes"] or store["pending_questions"])


def _rows(state: dict[str, Any], settings: Settings) -> Iterator[tuple[str, ...]]:
    for kind in ("order", "customer"):
        for in_store in state[f"{kind}s"]:
            record = _service(settings, f"/records/shop/{kind}/{in_store['id']}")
            if record is not None:
                yield _row(f"{kind} {in_store['id']}", record, in_store["meta_data"])


def _row(name: str, record: dict[str, Any], meta_data: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return the cells of one record: its tag, and whether the store holds what the service wants it to hold."""
    desired = record["store_copy"]["wanted"]
    stored = dict.fromkeys(desired)
    for row in meta_data:
        if row["key"] in KEYS:
            stored[row["key"]] = row["value"]
    tag = {} if record["state"] == "erased" else record["tag"]
    return (
        name,
        record["state"],
        tag.get("class") or "-",
        tag.get("legal_basis") or "-",
        tag.get("delete_after") or "-",
        "the same" if stored == desired else "DIFFERENT",
    )


def _print(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    underlines = tuple("-" * width for width in widths)
    sys.stdout.write("\n")
    for row in (COLUMNS, underlines, *rows):
        line = "  ".join(map(str.ljust, row, widths))
        sys.stdout.write(line.rstrip() + "\n")


def _service(settings: Settings, path: str) -> Any:
    headers = {}
    if settings.status_token:
        headers["Authorization"] = f"Bearer {settings.status_token}"
    return _json(f"http://{settings.bind}{path}", headers=headers)


def _json(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    """Return the JSON at an address of this machine; None for a 404."""
    request = urllib.request.Request(url, data=body, headers=headers or {})  # noqa: S310 - our own http address
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
