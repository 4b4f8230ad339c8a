"""The sender of pending deliveries: on background threads, or on request."""

import random
from dataclasses import dataclass
from threading import RLock, Thread

from deploy.sandbox.log import DeliveryEntry, Log
from deploy.sandbox.outgoing import DeliveryError, Outgoing, delivery, ping, post
from deploy.sandbox.render import Renderer
from deploy.sandbox.webhooks import PendingDelivery, Webhook, Webhooks


@dataclass(frozen=True)
class SendingOptions:
    """The options of the background threads. `overtake`: take a random pending delivery, not the oldest one."""

    timeout: float = 60.0
    threads: int = 4
    autosend: bool = True
    block_private_targets: bool = False
    overtake: bool = False


@dataclass(frozen=True)
class SendPlan:
    """The treatment of the pending deliveries when they are sent on request."""

    limit: int | None = None
    order: str = "fifo"
    seed: int = 0
    # The number of deliveries that get lost, the first ones, and the number of the next ones that arrive twice.
    drop: int = 0
    repeat: int = 0


class Sender:
    """The sender of deliveries and pings. The lock guards the state; it is never held during an HTTP request."""

    def __init__(
        self, webhooks: Webhooks, renderer: Renderer, log: Log, options: SendingOptions, lock: RLock
    ):
        self._webhooks = webhooks
        self._renderer = renderer
        self._log = log
        self._options = options
        self._lock = lock
        self._threads: list[Thread] = []
        self._dice = random.Random(0)
        self._in_flight = 0
        self._closed = False

    def start(self) -> None:
        """Start the background threads if the options ask for them."""
        if not self._options.autosend or self._threads:
            return
        self._threads = [
            Thread(target=self._work, daemon=True) for _ in range(self._options.threads)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the background threads. Do not wait for a thread that is in a request."""
        with self._webhooks.changed:
            self._closed = True
            self._webhooks.changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=0.5)

    def send(self, plan: SendPlan) -> list[DeliveryEntry]:
        """Send the pending deliveries by a plan, and return the result of each."""
        with self._webhooks.changed:
            batch = self._webhooks.pending()
            if plan.order == "shuffle":
                random.Random(plan.seed).shuffle(batch)
            batch = batch[: plan.limit]
            for pending in batch:
                self._webhooks.take(pending)
        entries = [self._drop(pending) for pending in batch[: plan.drop]]
        for position, pending in enumerate(batch[plan.drop :]):
            entries += self._deliver(pending, times=2 if position < plan.repeat else 1)
        return entries

    def send_pings(self) -> None:
        """Ping the new URLs. The request that saved them waits for this, as in the store."""
        with self._lock:
            due = list(self._webhooks.pings_due)
            self._webhooks.pings_due.clear()
        for webhook in due:
            entry = self._post(ping(webhook), good=range(200, 201))
            with self._lock:
                self._log.deliveries.append(entry)
                if entry.result == "delivered":
                    webhook.date_modified = self._renderer.shop.clock.now()

    def idle(self, timeout: float) -> bool:
        """Wait until nothing is pending and no request runs. Return False after `timeout` seconds."""
        with self._webhooks.changed:
            return self._webhooks.changed.wait_for(
                lambda: not self._webhooks.has_pending() and not self._in_flight, timeout
            )

    def _work(self) -> None:
        while True:
            with self._webhooks.changed:
                self._webhooks.changed.wait_for(
                    lambda: self._closed or self._webhooks.has_pending()
                )
                if self._closed:
                    return
                pending = self._next()
                self._webhooks.take(pending)
                self._in_flight += 1
            try:
                self._deliver(pending)
            finally:
                with self._webhooks.changed:
                    self._in_flight -= 1
                    self._webhooks.changed.notify_all()

    def _next(self) -> PendingDelivery:
        candidates = self._webhooks.pending()
        return self._dice.choice(candidates) if self._options.overtake else candidates[0]

    def _deliver(self, pending: PendingDelivery, times: int = 1) -> list[DeliveryEntry]:
        """Send a delivery. Send nothing if its webhook was deleted, paused or disabled."""
        with self._lock:
            webhook = self._webhooks.find(pending.webhook_id)
            if webhook is None or webhook.status != "active":
                return []
            now = self._renderer.shop.clock.now()
            outgoing = delivery(webhook, pending.record_id, self._renderer, now)
        return [self._send(webhook, outgoing) for _ in range(times)]

    def _send(self, webhook: Webhook, outgoing: Outgoing) -> DeliveryEntry:
        # A redirect counts as success, as in the store, although it is not followed and the delivery is lost.
        entry = self._post(outgoing, good=range(200, 303))
        with self._lock:
            self._webhooks.settle(webhook, success=entry.result == "delivered")
            self._log.deliveries.append(entry)
        return entry

    def _post(self, outgoing: Outgoing, good: range) -> DeliveryEntry:
        status, error = 0, ""
        try:
            status = post(
                outgoing, self._options.timeout, block_private=self._options.block_private_targets
            )
        except DeliveryError as failure:
            error = str(failure)
        return DeliveryEntry(
            outgoing.webhook_id,
            outgoing.topic,
            outgoing.record_id,
            outgoing.delivery_id,
            status,
            "delivered" if status in good else "failed",
            error,
        )

    def _drop(self, pending: PendingDelivery) -> DeliveryEntry:
        entry = DeliveryEntry(
            pending.webhook_id, pending.topic, pending.record_id, "", 0, "dropped"
        )
        with self._lock:
            self._log.deliveries.append(entry)
        return entry
