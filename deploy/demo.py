"""What `make run` shows without a store of one's own: a recorded shop's life, tagged and written back."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from typing import Any, Self

from deploy.children import Children, StoppedError
from hooks.intake.webhook import all_topics
from hooks.retention.store_meta import KEYS
from hooks.settings import Settings
from schemas.policy import load_policy

ROUNDS = 240
COLUMNS = ("record", "state", "retention class", "legal basis", "delete after", "in the store")


@dataclass(frozen=True)
class Sandbox:
    """The sandbox store as a child process, and the key with which it is called."""

    url: str
    consumer_key: str
    consumer_secret: str

    @classmethod
    def start(cls, children: Children) -> Self:
        """Start it on a free port. Raises StoppedError if it does not come up."""
        key, secret = f"ck_{secrets.token_hex(20)}", f"cs_{secrets.token_hex(20)}"
        keys = ["--consumer-key", key, "--consumer-secret", secret]
        command = [sys.executable, "-m", "deploy.sandbox", *keys]
        child = children.start("sandbox store", command, stdout=subprocess.PIPE)
        line = child.stdout.readline() if child.stdout else ""
        if not line:
            raise StoppedError("The sandbox store did not start.")
        return cls(json.loads(line)["url"], key, secret)

    def do(self, operation: str, **arguments: Any) -> Any:
        """Have something happen in the shop."""
        return _json(f"{self.url}/sandbox/{operation}", json.dumps(arguments).encode())

    def state(self) -> dict[str, Any]:
        """Everything that the shop holds."""
        found: dict[str, Any] = _json(f"{self.url}/sandbox/state")
        return found


def show(sandbox: Sandbox, settings: Settings, children: Children) -> None:
    """Make the webhooks, let the shop live, wait until all is written back, and print what came of it."""
    policy = load_policy(settings.policy_file)
    (secret,) = settings.stores["shop"].webhook_secrets
    target = f"http://{settings.bind}/webhooks/shop"
    for topic in all_topics(policy):
        sandbox.do("create_webhook", topic=topic, delivery_url=target, secret=secret)
    sys.stdout.write(f"The sandbox store lives at {sandbox.url}; a shop's life is played to it …\n")
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
    """Until nothing is to be asked or written for a while, or it takes too long."""
    quiet = 0
    for _ in range(ROUNDS):
        children.pause(0.5)
        store = _service(settings, "/status")["stores"]["shop"]
        busy = (
            store["pending_pushes"] or store["pending_questions"] or store["last_pushed_at"] is None
        )
        quiet = 0 if busy else quiet + 1
        if quiet == 3:
            return


def _rows(state: dict[str, Any], settings: Settings) -> Any:
    for kind, listed in (("order", state["orders"]), ("customer", state["customers"])):
        for held in listed:
            record = _service(settings, f"/records/shop/{kind}/{held['id']}")
            if record is None:
                continue
            there = {
                item["key"]: item["value"] for item in held["meta_data"] if item["key"] in KEYS
            }
            wanted = {
                key: value
                for key, value in record["store_copy"]["wanted"].items()
                if value is not None
            }
            tag = record["tag"] if record["state"] != "erased" else {}
            yield (
                f"{kind} {held['id']}",
                record["state"],
                tag.get("class") or "-",
                tag.get("legal_basis") or "-",
                tag.get("delete_after") or "-",
                "the same" if there == wanted else "DIFFERENT",
            )


def _print(rows: list[tuple[str, ...]]) -> None:
    table = [COLUMNS, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(COLUMNS))]
    sys.stdout.write("\n")
    for position, row in enumerate(table):
        line = "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        sys.stdout.write(line + "\n")
        if position == 0:
            sys.stdout.write("  ".join("-" * width for width in widths) + "\n")


def _service(settings: Settings, path: str) -> Any:
    headers = {"Authorization": f"Bearer {settings.status_token}"} if settings.status_token else {}
    return _json(f"http://{settings.bind}{path}", headers=headers)


def _json(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    """The JSON at an address of our own; None where there is nothing."""
    request = urllib.request.Request(url, data=body, headers=headers or {})  # noqa: S310 - http, and ours
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
