"""The stand-in store as a whole: its parts, and what is set, counted and sent in it."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from threading import RLock
from typing import Any
from zoneinfo import ZoneInfo

from deploy.sandbox.auth import ApiKey, KeyRing
from deploy.sandbox.clock import ShopClock
from deploy.sandbox.faults import Fault, Faults
from deploy.sandbox.floor import ShopFloor
from deploy.sandbox.habits import Habits
from deploy.sandbox.log import Log
from deploy.sandbox.meta import MetaTable
from deploy.sandbox.records import Customer, Order
from deploy.sandbox.sender import Round, Sender, SendingOptions
from deploy.sandbox.shop import Shop
from deploy.sandbox.versions import VERSIONS
from deploy.sandbox.webhooks import OWNER_ROLES, Webhook, Webhooks, webhook_json
from deploy.sandbox.wire import Json, instant


@dataclass(frozen=True)
class StoreOptions:
    """How the store is set up. `assume_https` stands for a TLS proxy in front: Basic is then accepted."""

    name: str = "Sandbox"
    timezone: str = "Europe/Oslo"
    assume_https: bool = False
    sending: SendingOptions = field(default_factory=SendingOptions)


class SandboxStore(ShopFloor):
    """A store that behaves on the wire like WooCommerce; safe to use from many threads.

    Everything that people or plugins do in the shop is a method here and, under the same name and with
    the same arguments, a call of `POST /sandbox/<name>`. Times given without a zone are UTC.
    """

    def __init__(self, options: StoreOptions | None = None, *, now: datetime | None = None) -> None:
        self.options = options or StoreOptions()
        lock = RLock()
        self.clock = ShopClock(now)
        self.webhooks = Webhooks(self.clock, lock)
        super().__init__(
            Shop(self.clock, ZoneInfo(self.options.timezone), self.webhooks.tell), lock
        )
        self.keys = KeyRing()
        self.log = Log()
        self.faults = Faults()
        self.habits = Habits()
        self.sender = Sender(self.webhooks, self.renderer, self.log, self.options.sending, lock)
        with self.lock:
            self.customers.make_account(
                {"email": "admin@example.test", "username": "admin"}, "administrator"
            )

    @property
    def url(self) -> str:
        """The store's home URL, without a slash; OAuth signatures are made over it."""
        return self.renderer.url

    @url.setter
    def url(self, url: str) -> None:
        self.renderer.url = url.rstrip("/")

    def start(self) -> None:
        """Begin to send deliveries."""
        self.sender.start()

    def close(self) -> None:
        """Stop sending, and let hanging answers go."""
        self.faults.closing.set()
        self.sender.stop()

    # Keys, clock, faults

    def create_key(
        self,
        role: str = "administrator",
        permissions: str = "read_write",
        consumer_key: str = "",
        consumer_secret: str = "",
    ) -> Json:
        """A new API key of a user with this role (administrator, shop_manager)."""
        name = consumer_key or f"ck_{secrets.token_hex(20)}"
        key = ApiKey(name, consumer_secret or f"cs_{secrets.token_hex(20)}", role, permissions)
        with self.lock:
            self.keys.add(key)
        return {
            name: getattr(key, name)
            for name in ("consumer_key", "consumer_secret", "role", "permissions")
        }

    def freeze_clock(self, at: str | datetime | None = None) -> Json:
        """Stop the shop's clock, at once or at a given time."""
        self.clock.freeze(None if at is None else instant(at))
        return self.read_clock()

    def set_clock(self, at: str | datetime) -> Json:
        """Make it this time in the shop."""
        self.clock.set(instant(at))
        return self.read_clock()

    def advance_clock(self, seconds: float) -> Json:
        """Let time pass in the shop."""
        self.clock.advance(seconds)
        return self.read_clock()

    def release_clock(self) -> Json:
        """Back to the machine's time."""
        self.clock.release()
        return self.read_clock()

    def read_clock(self) -> Json:
        """What time it is in the shop."""
        return {"now": self.clock.now().isoformat()}

    def add_fault(
        self,
        kind: str,
        times: int | None = 1,
        seconds: float = 1.0,
        path: str = "/wp-json",
        method: str = "",
        total: int | str | None = None,
    ) -> Json:
        """Let the next `times` answers go wrong, or all until `clear_faults` where it is 0 or None.

        Kinds: 500, 429, 503 (`seconds` is their Retry-After), 404 (a web page), html (200, a web page), reset,
        hang and slow (`seconds` long, then all is well), half (of the body). Of lists only: totals (both
        counts say `total`, or are missing where it is None), same-page (always the first), short-pages (10
        items at most). ValueError for any other.
        """
        self.faults.add(Fault(str(kind), times, seconds, path, method.upper(), total))
        return {"kind": str(kind), "times": times}

    def clear_faults(self) -> Json:
        """Let all answers go well again."""
        self.faults.clear()
        return {}

    def set_habits(self, **habits: Any) -> Json:
        """Let the store take on habits of other shops' stores; see `Habits`. ValueError for a name that is none."""
        with self.lock:
            self.habits.change(habits)
        return {
            name: sorted(value) if isinstance(value, set) else value
            for name, value in vars(self.habits).items()
        }

    def show_oddly(self, kind: str, record_id: int, **odd: Any) -> Json:
        """Let the API show these fields of a record otherwise than they are; none ends that. Nobody is told."""
        with self.lock:
            record = (
                self.shop.order(record_id) if kind == "order" else self.shop.customer(record_id)
            )
            record.odd = odd
        return odd

    def set_time_zone(self, name: str = "", gmt_offset: float = 0) -> Json:
        """Set the shop's time zone: a name, or hours before UTC where it has none."""
        with self.lock:
            self.shop.zone = ZoneInfo(name) if name else timezone(timedelta(hours=gmt_offset))
        return {"name": name, "gmt_offset": gmt_offset}

    # Webhooks and deliveries

    def fire_action(self, name: str, arg: Any = None) -> Json:
        """A plugin does something that webhooks of the topic `action.<name>` hear of."""
        with self.lock:
            self.webhooks.tell(f"action.{name}", arg)
        return {"action": name, "arg": arg}

    def create_webhook(
        self,
        topic: str,
        delivery_url: str,
        secret: str = "",
        role: str = "administrator",
        api_version: str = "v3",
    ) -> Json:
        """A webhook is made in wp-admin, by a user with this role and of this API version (v3, v2, v1, legacy)."""
        if api_version not in VERSIONS:
            raise ValueError(f"api_version must be one of {', '.join(VERSIONS)}")
        given = {"name": topic, "topic": topic, "delivery_url": delivery_url, "secret": secret}
        with self.lock:
            webhook = self.webhooks.create(given, role, api_version)
        self.sender.send_pings()
        return self.webhook_state(webhook)

    def set_webhook_owner(self, webhook_id: int, role: str) -> Json:
        """The user behind the webhook gets another role; `none` has no rights at all."""
        if role not in OWNER_ROLES:
            raise ValueError(f"role must be one of {', '.join(OWNER_ROLES)}")
        with self.lock:
            webhook = self.webhooks.get(webhook_id)
            webhook.owner_role = role
            return self.webhook_state(webhook)

    def send_deliveries(
        self,
        limit: int | None = None,
        order: str = "fifo",
        seed: int = 0,
        drop: int = 0,
        repeat: int = 0,
    ) -> list[Json]:
        """Send what waits now: `drop` of them are lost, `repeat` of the others arrive twice."""
        return [
            vars(entry) for entry in self.sender.send_round(Round(limit, order, seed, drop, repeat))
        ]

    def drop_deliveries(self) -> list[Json]:
        """Lose all that waits."""
        return self.send_deliveries(drop=len(self.webhooks.waiting()))

    def wait_until_idle(self, timeout: float = 30.0) -> Json:
        """Wait until all deliveries are out; only of use where they are sent in the background."""
        return {"idle": self.sender.idle(timeout)}

    # What is there

    def state(self) -> Json:
        """All records with all their meta data, also what REST hides."""
        with self.lock:
            return {
                "orders": [self.order_state(order) for order in self.shop.orders.values()],
                "customers": [
                    self.customer_state(customer) for customer in self.shop.customers.values()
                ],
                "webhooks": [self.webhook_state(webhook) for webhook in self.webhooks.all()],
                "waiting": [vars(waiting) for waiting in self.webhooks.waiting()],
                "held": self.faults.held,
            }

    def order_state(self, order: Order) -> Json:
        """An order, and how often a write made the store work out its totals anew."""
        return {
            **self.renderer.order(order),
            "meta": _plain(order.meta),
            "recalculated": order.recalculated,
        }

    def customer_state(self, customer: Customer) -> Json:
        """An account with all of its meta data."""
        return {**self.renderer.customer(customer, with_meta=True), "meta": _plain(customer.meta)}

    def webhook_state(self, webhook: Webhook) -> Json:
        """A webhook with what REST does not show."""
        shown = webhook_json(webhook, self.renderer)
        return {
            **shown,
            "owner_role": webhook.owner_role,
            "failure_count": webhook.failure_count,
            "api_version": webhook.api_version,
        }


def _plain(meta: MetaTable) -> Json:
    return {row["key"]: row["value"] for row in meta.by_id()}
