"""A recorded shop's life, played again: the acts of customers, staff and plugins in a few years."""

import time
from collections.abc import Callable
from datetime import timedelta

from deploy.sandbox.store import SandboxStore
from deploy.sandbox.wire import Json

Step = tuple[str, Callable[["Life"], object]]

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
HOME = {
    "address_1": "Storgata 1",
    "city": "Oslo",
    "postcode": "0155",
    "country": "NO",
    "phone": "+4740000001",
}
SWEATER = {"product_id": 10, "quantity": 1}
ATTRIBUTION = {
    "source_type": "utm",
    "utm_source": "newsletter",
    "utm_medium": "email",
    "session_entry": "https://shop.example.test/?utm_source=newsletter",
    "user_agent": BROWSER,
    "device_type": "Desktop",
    "session_pages": "4",
}


class Life:
    """The state that the steps share: the ids of records by name. `kari` is an account, `first` an order."""

    def __init__(self, store: SandboxStore) -> None:
        self.store = store
        self.ids: dict[str, int] = {}

    def remember(self, name: str, record: Json) -> None:
        """Keep the id of a record under a name."""
        self.ids[name] = int(record["id"])

    def id(self, name: str) -> int:
        """Return the id of a record that an earlier step created."""
        return self.ids[name]

    def ago(self, days: float) -> str:
        """Return the time of so many days before the shop's present."""
        return (self.store.clock.now() - timedelta(days=days)).isoformat()


def live(store: SandboxStore, pause: float = 0.0) -> Json:
    """Run all steps, with `pause` seconds after each, and return a summary of the shop at the end."""
    life = Life(store)
    for _, step in STEPS:
        step(life)
        if pause:
            time.sleep(pause)
    state = store.state()
    return {
        "steps": [name for name, _ in STEPS],
        "known": life.ids,
        "orders": len(state["orders"]),
        "customers": len(state["customers"]),
    }


def _person(first: str, last: str, email: str) -> Json:
    return {"first_name": first, "last_name": last, **HOME, "email": email}


def _sign_up(life: Life) -> None:
    kari = _person("Kari", "Nordmann", "kari.nordmann@example.test")
    account = life.store.sign_up(
        email=kari["email"], first_name="Kari", last_name="Nordmann", username="kari", billing=kari
    )
    life.remember("kari", account)


def _pending(life: Life) -> None:
    kari = _person("Kari", "Nordmann", "kari.nordmann@example.test")
    order = life.store.place_order(
        customer_id=life.id("kari"),
        payment_method="klarna_payments",
        payment_method_title="Klarna",
        billing=kari,
        shipping=kari,
        customer_note="Ring på døra, hunden er snill 🐕",
        shipping_lines=[
            {
                "method_id": "bring_fraktguiden",
                "method_title": "Posten – Pakke i postkassen",
                "total": "59.00",
            }
        ],
        line_items=[{"product_id": 10, "quantity": 2}],
    )
    life.remember("first", order)


def _attribution(life: Life) -> None:
    rows = [
        {"key": f"_wc_order_attribution_{key}", "value": value}
        for key, value in ATTRIBUTION.items()
    ]
    life.store.edit_order(life.id("first"), meta_data=[*rows, {"key": "ws_opt_in", "value": "yes"}])


def _active_again(life: Life) -> None:
    life.store.visit(life.id("kari"))
    life.store.edit_customer(life.id("kari"), billing={"phone": "+4740000002"})


def _refund(life: Life) -> None:
    life.store.refund_order(life.id("first"), "100.00", "Feil størrelse")


def _burst(life: Life) -> None:
    for number in range(12):
        billing = _person(f"Ola{number}", "Hansen", f"ola{number}@example.test")
        order = life.store.place_order(
            billing=billing,
            payment_method="paypal",
            payment_method_title="PayPal",
            line_items=[SWEATER],
            set_paid=True,
        )
        life.remember(f"guest-{number}", order)


def _unpaid(status: str) -> Callable[[Life], None]:
    def step(life: Life) -> None:
        billing = _person("Nils", "Uten", "nils@example.test")
        life.remember(
            status, life.store.place_order(status=status, billing=billing, payment_method="bacs")
        )

    return step


def _checkout(life: Life) -> None:
    per = {
        **_person("Per", "Gynt", "per.gynt@example.test"),
        "address_1": "Fjellveien 5",
        "city": "Bergen",
    }
    order = life.store.checkout(
        ip_address="192.0.2.17",
        user_agent=BROWSER,
        status="on-hold",
        billing=per,
        shipping=per,
        payment_method="bacs",
        payment_method_title="Direct bank transfer",
        line_items=[SWEATER],
    )
    life.remember("storefront", order)


def _hundred_lines(life: Life) -> None:
    lines = [{**SWEATER, "name": f"Linje {number}"} for number in range(100)]
    billing = _person("Stor", "Kunde", "stor@example.test")
    life.remember(
        "hundred-lines", life.store.place_order(billing=billing, line_items=lines, set_paid=True)
    )


def _old_orders(life: Life) -> None:
    """Place orders of earlier years. The day of some is long past, the day of others comes soon."""
    for years in (1, 2, 4, 5, 6):
        day = life.ago(years * 365.25 - 10)
        order = life.store.place_order(
            created=day,
            billing=_person("Gerd", "Gammel", f"gerd{years}@example.test"),
            line_items=[SWEATER],
            status="completed",
        )
        life.remember(f"years-ago-{years}", order)
    never_paid = life.store.place_order(
        created=life.ago(360),
        status="cancelled",
        billing=_person("Nils", "Uten", "nils@example.test"),
    )
    life.remember("cancelled-last-year", never_paid)


def _old_account(life: Life) -> None:
    account = life.store.sign_up(
        created=life.ago(3 * 365),
        email="sjelden@example.test",
        first_name="Sara",
        last_name="Sjelden",
    )
    life.store.visit(int(account["id"]), life.ago(700))
    life.remember("sara", account)


def _anonymised(life: Life) -> None:
    life.store.anonymise_order(life.id("first"))


def _wordpress_account(life: Life) -> None:
    life.remember("t1", life.store.make_account("t1@example.test"))


def _staff_account(life: Life) -> None:
    life.remember("staff", life.store.make_account("staff1@example.test", "shop_manager"))


def _leaver(life: Life) -> None:
    account = life.store.sign_up(email="lars@example.test", first_name="Lars", last_name="Farvel")
    life.remember("lars", account)
    life.store.place_order(
        customer_id=int(account["id"]),
        line_items=[SWEATER],
        billing=_person("Lars", "Farvel", "lars@example.test"),
    )
    life.store.delete_customer(int(account["id"]))


def _support(life: Life) -> None:
    life.store.fire_action("wc_support_request_closed", 4711)


STEPS: tuple[Step, ...] = (
    ("orders of earlier years", _old_orders),
    ("an account that is seldom used", _old_account),
    ("a customer signs up", _sign_up),
    ("places an order, not yet paid, with a note", _pending),
    ("pays it", lambda life: life.store.pay_order(life.id("first"), "kl_7f3a")),
    ("came by a newsletter and wants it", _attribution),
    ("the order is completed", lambda life: life.store.complete_order(life.id("first"))),
    ("the customer logs in and changes the phone number", _active_again),
    ("gets part of the money back", _refund),
    ("a burst of guests' orders", _burst),
    ("an order is cancelled", _unpaid("cancelled")),
    ("a payment fails", _unpaid("failed")),
    ("a payment is awaited", _unpaid("on-hold")),
    ("a guest buys in the storefront", _checkout),
    ("that order is trashed", lambda life: life.store.trash_order(life.id("storefront"))),
    ("and restored", lambda life: life.store.restore_order(life.id("storefront"))),
    (
        "an unpaid order is deleted for good",
        lambda life: life.store.delete_order(life.id("failed")),
    ),
    ("a paid one is deleted for good", lambda life: life.store.delete_order(life.id("guest-1"))),
    ("the store anonymises the first order", _anonymised),
    ("an order of a hundred lines", _hundred_lines),
    ("WordPress makes an account", _wordpress_account),
    ("a member of staff gets an account", _staff_account),
    (
        "the customer wants the newsletter",
        lambda life: life.store.opt_in("customer", life.id("kari")),
    ),
    ("and no longer", lambda life: life.store.opt_out("customer", life.id("kari"))),
    ("a customer leaves", _leaver),
    ("a support request is closed", _support),
)
