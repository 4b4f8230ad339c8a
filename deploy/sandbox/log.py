"""The log of REST requests and deliveries, so that tests can count them."""

import time
from dataclasses import asdict, dataclass, field

from deploy.sandbox.wire import Json


@dataclass(frozen=True)
class Write:
    """A record that a request changed, and the meta keys that the request named."""

    kind: str
    id: int
    meta_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class RequestEntry:
    """A REST request and its answer. `key` is the consumer key, empty if the request proved none.

    `fault` is the kind of its fault, empty if there was none. `at` is the time when it came in, in Unix seconds by the
    machine's clock, not the shop's. The log is in the order of the answers.
    """

    method: str
    path: str
    query: dict[str, str]
    key: str
    status: int
    writes: tuple[Write, ...] = ()
    fault: str = ""
    at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class DeliveryEntry:
    """A delivery or ping. `result` is delivered, failed or dropped; `status` is 0 if no answer came."""

    webhook_id: int
    topic: str
    record_id: object
    delivery_id: str
    status: int
    result: str
    error: str = ""


@dataclass
class Log:
    """The requests and the deliveries, each in the order of their ends."""

    requests: list[RequestEntry] = field(default_factory=list)
    deliveries: list[DeliveryEntry] = field(default_factory=list)

    def clear(self) -> None:
        """Empty both lists."""
        self.requests.clear()
        self.deliveries.clear()

    def writes(self, kind: str, record_id: int) -> list[Write]:
        """Return the writes over REST to one record; `kind` is order, customer or webhook."""
        return [
            write
            for entry in self.requests
            for write in entry.writes
            if (write.kind, write.id) == (kind, record_id)
        ]

    def as_json(self) -> Json:
        """Return both lists as `/sandbox/log` shows them."""
        return {
            "requests": [asdict(entry) for entry in self.requests],
            "deliveries": [asdict(entry) for entry in self.deliveries],
        }
