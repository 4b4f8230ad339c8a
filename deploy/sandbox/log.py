"""What came in over REST and what went out as deliveries, so that tests can count."""

import time
from dataclasses import asdict, dataclass, field

from deploy.sandbox.wire import Json


@dataclass(frozen=True)
class Write:
    """One record that a request changed, and the meta keys that it named."""

    kind: str
    id: int
    meta_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class RequestEntry:
    """A REST request and how it was answered; `key` is the consumer key, empty where none held.

    `fault` is the kind of the fault that it met, empty where there was none. `at` is when it came in, in
    Unix seconds by the machine's clock, not the shop's. The log is in the order of the answers.
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
    """A delivery or ping: `result` is delivered, failed or dropped; `status` 0 where no answer came."""

    webhook_id: int
    topic: str
    record_id: object
    delivery_id: str
    status: int
    result: str
    error: str = ""


@dataclass
class Log:
    """Both lists, in the order in which things were done."""

    requests: list[RequestEntry] = field(default_factory=list)
    deliveries: list[DeliveryEntry] = field(default_factory=list)

    def clear(self) -> None:
        """Start counting anew."""
        self.requests.clear()
        self.deliveries.clear()

    def writes(self, kind: str, record_id: int) -> list[Write]:
        """The writes over REST that reached one record (`order`, `customer`, `webhook`)."""
        return [
            write
            for entry in self.requests
            for write in entry.writes
            if (write.kind, write.id) == (kind, record_id)
        ]

    def as_json(self) -> Json:
        """Both lists as `/sandbox/log` shows them."""
        return {
            "requests": [asdict(entry) for entry in self.requests],
            "deliveries": [asdict(entry) for entry in self.deliveries],
        }
