"""Replay the day of the recorded shop, second by second, over real HTTP.

The store gets the recorded shop's clock, ids and order keys. It must produce everything else itself,
so that its answers and deliveries can be compared with the recordings byte by byte.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from deploy.sandbox import SandboxStore, SendingOptions, StoreOptions
from tests.sandbox.receiver import Received, Receiver

RECORDINGS = Path(__file__).parent.parent / "recordings"
HOOK_URL = "http://127.0.0.1:9000/webhooks/lab"
STORE_URL = "http://127.0.0.1:8080"
SECRET = "recorded-secret"
DAY = "2026-11-22T"
Step = Callable[["Replay"], None]


def recorded(folder: str, name: str) -> Any:
    """One recording; `folder` is rest or deliveries."""
    return json.loads((RECORDINGS / folder / f"{name}.json").read_text(encoding="utf-8"))


def names(folder: str) -> list[str]:
    """The names of all recordings in a folder."""
    return sorted(path.stem for path in (RECORDINGS / folder).glob("*.json"))


def recorded_store() -> SandboxStore:
    """A store in the state in which the recording begins. It sends deliveries only on command."""
    options = StoreOptions(assume_https=True, sending=SendingOptions(autosend=False))
    store = SandboxStore(options)
    store.freeze_clock(f"{DAY}07:44:36Z")
    store.shop.customers[1].date_created = store.clock.now().replace(minute=37, second=53)
    store.shop.user_ids.jump_to(4)
    store.make_account("four@example.test")
    store.shop.post_ids.jump_to(117)
    store.shop.line_ids.jump_to(104)
    store.shop.order_meta_ids.jump_to(445)
    store.shop.user_meta_ids.jump_to(98)
    keys = _order_keys()
    store.shop.order_key = lambda order_id: keys.get(order_id, f"wc_order_{order_id}")  # type: ignore[method-assign]
    return store


def _order_keys() -> dict[int, str]:
    bodies = [json.loads(recorded("deliveries", name)["body"]) for name in names("deliveries")[1:]]
    return {body["id"]: body["order_key"] for body in bodies if "order_key" in body}


@dataclass(frozen=True)
class Answered:
    """An answer of the store."""

    status: int
    headers: dict[str, str]
    body: Any


class Replay:
    """One replay of the day. It stores each answer and each delivery under the name of its recording."""

    def __init__(self, store: SandboxStore, address: str, receiver: Receiver) -> None:
        self.store = store
        self.address = address
        self.receiver = receiver
        self.answers: dict[str, Answered] = {}
        self.deliveries: dict[str, Received] = {}
        store.url = STORE_URL
        key = store.create_key()
        self.auth = (key["consumer_key"], key["consumer_secret"])

    def run(self, steps: Iterable[tuple[str, Step]]) -> None:
        """Run all steps of the day, each at its time."""
        for moment, step in steps:
            self.store.freeze_clock(f"{DAY}{moment}Z")
            step(self)

    def ask(self, name: str) -> None:
        """Send a recorded request and store the answer."""
        request = recorded("rest", name)["request"]
        auth = ("ck_wrong", "cs_wrong") if name == "bad-credentials" else self.auth
        url = f"{self.address}{request['path']}?{'&'.join(request['query'])}"
        given = json.loads(json.dumps(request["body"]).replace(HOOK_URL, self.receiver.url))
        answer = requests.request(request["method"], url, json=given, auth=auth, timeout=5)
        # The only difference from the recording: the address of the deliveries.
        body = json.loads(json.dumps(answer.json()).replace(self.receiver.url, HOOK_URL))
        self.answers[name] = Answered(answer.status_code, dict(answer.headers), body)

    def send(self, *wanted: str) -> None:
        """Send the waiting deliveries, and store them under the recordings with these numbers, in this order."""
        before = len(self.receiver.received)
        self.store.send_deliveries()
        came = self.receiver.received[before:]
        for number in wanted:
            name = next(name for name in names("deliveries") if name.startswith(f"{number}-"))
            self.deliveries[name] = came.pop(0)
        assert [request.topic for request in came] == [], "more came than was recorded"
