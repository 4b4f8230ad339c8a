"""Sends what waits: on background threads, or when it is told to."""

import random
from dataclasses import dataclass
from threading import RLock, Thread

from deploy.sandbox.log import DeliveryEntry, Log
from deploy.sandbox.outgoing import DeliveryError, Outgoing, delivery, ping, post
from deploy.sandbox.render import Renderer
from deploy.sandbox.webhooks import Waiting, Webhook, Webhooks


@dataclass(frozen=True)
class SendingOptions:
    """How the store sends in the background: `overtake` picks what waits at random, not the oldest first."""

    timeout: float = 60.0
    threads: int = 4
    autosend: bool = True
    block_private_targets: bool = False
    overtake: bool = False


@dataclass(frozen=True)
class Round:
    """What a round of sending by hand does with the deliveries that wait."""

    limit: int | None = None
    order: str = "fifo"
    seed: int = 0
    # So many of the first are lost on the way, and so many of the next ones arrive twice.
    drop: int = 0
    repeat: int = 0


class Sender:
    """Sends deliveries and pings. The lock guards the state and is never held while HTTP is under way."""

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
        self._under_way = 0
        self._closed = False

    def start(self) -> None:
        """Begin to send in the background, where the options say so."""
        if not self._options.autosend or self._threads:
            return
        self._threads = [
            Thread(target=self._work, daemon=True) for _ in range(self._options.threads)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the background threads; one in the middle of a call is not waited for."""
        with self._webhooks.changed:
            self._closed = True
            self._webhooks.changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=0.5)

    def send_round(self, round_: Round) -> list[DeliveryEntry]:
        """Send what waits now, as the round says, and return what became of each."""
        with self._webhooks.changed:
            chosen = self._webhooks.waiting()
            if round_.order == "shuffle":
                random.Random(round_.seed).shuffle(chosen)
            chosen = chosen[: round_.limit]
            for waiting in chosen:
                self._webhooks.take(waiting)
        lost, sent = chosen[: round_.drop], chosen[round_.drop :]
        entries = [self._drop(waiting) for waiting in lost]
        for place, waiting in enumerate(sent):
            entries += self._deliver(waiting, times=2 if place < round_.repeat else 1)
        return entries

    def send_pings(self) -> None:
        """Ping the URLs that are new. Whoever saved them waits for this, as in the store."""
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
        """Wait until nothing waits and nothing is under way; False where that took too long."""
        with self._webhooks.changed:
            return self._webhooks.changed.wait_for(
                lambda: not self._webhooks.any_waiting() and not self._under_way, timeout
            )

    def _work(self) -> None:
        while True:
            with self._webhooks.changed:
                self._webhooks.changed.wait_for(
                    lambda: self._closed or self._webhooks.any_waiting()
                )
                if self._closed:
                    return
                overtaking = self._options.overtake and self._dice.choice(self._webhooks.waiting())
                waiting = self._webhooks.take(overtaking or None)
                self._under_way += 1
            try:
                self._deliver(waiting)
            finally:
                with self._webhooks.changed:
                    self._under_way -= 1
                    self._webhooks.changed.notify_all()

    def _deliver(self, waiting: Waiting, times: int = 1) -> list[DeliveryEntry]:
        """Send one; nothing where its webhook is gone, paused or disabled."""
        with self._lock:
            webhook = self._webhooks.find(waiting.webhook_id)
            if webhook is None or webhook.status != "active":
                return []
            now = self._renderer.shop.clock.now()
            outgoing = delivery(webhook, waiting.record_id, self._renderer, now)
        return [self._send(webhook, outgoing) for _ in range(times)]

    def _send(self, webhook: Webhook, outgoing: Outgoing) -> DeliveryEntry:
        # A redirect counts as success, though it is not followed: the delivery is lost all the same.
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

    def _drop(self, waiting: Waiting) -> DeliveryEntry:
        entry = DeliveryEntry(
            waiting.webhook_id, waiting.topic, waiting.record_id, "", 0, "dropped"
        )
        with self._lock:
            self._log.deliveries.append(entry)
        return entry
