"""Mutate recorded deliveries: their structure, bytes, headers, address and method.

All random choices come from the given `random.Random`, so that the same seed gives the same requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.support.recordings import DELIVERIES, Recorded, sign

INTAKE = "/webhooks/shop"
SIGNATURE = "X-WC-Webhook-Signature"
TOPIC = "X-WC-Webhook-Topic"


@dataclass(frozen=True, slots=True)
class Request:
    """One request with any method and any address. The sender adds `Content-Length`."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, sent: Recorded) -> Request:
        """A recorded delivery, unchanged."""
        headers = {name: value for name, value in sent.headers.items() if name != "Content-Length"}
        return cls("POST", INTAKE, headers, sent.body)

    @property
    def is_delivery(self) -> bool:
        """Return True if the request reaches the intake of a configured store."""
        return self.method == "POST" and self.target.partition("?")[0] == INTAKE

    @property
    def is_genuine(self) -> bool:
        """Return True if the signature fits the body."""
        return self.headers.get(SIGNATURE) == sign(self.body)

    def signed(self) -> Request:
        """The same request with the right signature."""
        return replace(self, headers=self.headers | {SIGNATURE: sign(self.body)})


CORPUS = [Request.of(sent) for sent in DELIVERIES]
_PAYLOADS = [json.loads(sent.body) for sent in CORPUS if sent.body.startswith(b"{")]
FIELDS = sorted({name for payload in _PAYLOADS for name in payload})
_TOPICS = sorted({sent.headers[TOPIC] for sent in CORPUS if TOPIC in sent.headers})

# --- JSON and almost JSON ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that is written into the body unchanged, JSON or not."""

    text: str


Members = list[tuple[str, Any]]


@dataclass(slots=True)
class _Object:
    """An object as an ordered list of members, so that a name may occur twice."""

    members: Members


def _tree(value: Any) -> Any:
    """A JSON value with all objects as `_Object`, to be mutated in place."""
    if isinstance(value, dict):
        return _Object([(name, _tree(inner)) for name, inner in value.items()])
    if isinstance(value, list):
        return [_tree(inner) for inner in value]
    return value


def _text(value: Any, *, ascii_only: bool) -> str:
    if isinstance(value, Literal):
        return value.text
    if isinstance(value, _Object):
        inner = (
            f"{json.dumps(name, ensure_ascii=ascii_only)}:{_text(member, ascii_only=ascii_only)}"
            for name, member in value.members
        )
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_text(inner, ascii_only=ascii_only) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


def _objects(value: Any) -> list[_Object]:
    """All non-empty objects of a tree, the outermost first."""
    objects = []
    waiting = [value]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, _Object):
            objects += [node] if node.members else []
            waiting += [inner for _, inner in node.members]
        elif isinstance(node, list):
            waiting += node
    return objects


def _giant(random: Random) -> str:
    return random.choice(["x", "å", "\x00", "\\", "🛒"]) * random.choice([2_000, 16_000, 40_000])


def _nested(random: Random) -> Literal:
    depth = random.choice([10, 300, 970, 1_000, 3_000, 20_000])
    opening, closing = random.choice(
        [("[", "]"), ('{"id":', "}"), ('[{"key":"retention_class","value":', "}]")]
    )
    return Literal(opening * depth + "1" + closing * depth)


_TEXTS = [
    "", " ", "0", "-1", "1e5", "٣", "null", "yes", "trash", "wc-completed", "administrator", "deleted@site.invalid",
    "2026-11-22T08:00:00", "2026-02-30T00:00:00", "0000-00-00T00:00:00", "9999-12-31T23:59:59+14:00",
    "2026-11-22T08:00:00.123456789Z", "2026-W47-7", "20261122", "24:00", "\x00", "a\x00b", "\ud800", "\udfff\ud800",
    "\u202eevil", "\ufeff", "e\u0301", "İ", "ß", "🧾", "\u2028", "'; DROP TABLE records; --", "%s%n{0}", "<b>",
]  # fmt: skip
_NUMBERS = [
    "0", "-0", "-1", "1.0", "1.5", "1e2", "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "2147483648",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" + "0" * 30, "9" * 4_301, "1e-400", "01",
]  # fmt: skip

META_KEYS = [
    "retention_class", "retention_schedule", "retention_delete_after", "ws_opt_in", "_anonymized",
    "_wp_trash_meta_status", "wc_last_active", "_wc_order_attribution_source_type",
]  # fmt: skip

VALUES: list[Callable[[Random], Any]] = [
    lambda _: None,
    lambda random: random.choice([True, False]),
    lambda random: Literal(random.choice(_NUMBERS)),
    lambda random: Literal(json.dumps(random.choice(_NUMBERS))),
    lambda random: random.choice(_TEXTS),
    lambda random: random.randrange(1, 300),
    lambda random: random.choice([[], _Object([]), [None], [[]], [[1, "a"]], ["x"] * 50]),
    lambda random: _Object([(name, random.choice(_TEXTS)) for name in random.sample(FIELDS, 3)]),
    lambda random: _Object([("key", random.choice(META_KEYS)), ("value", random.choice(_TEXTS))]),
    lambda random: [_Object([("key", key), ("value", random.choice(_TEXTS))]) for key in META_KEYS],
    lambda random: [
        _Object([("id", Literal(random.choice(_NUMBERS))), ("reason", ""), ("total", "-1.00")])
    ],
    _giant,
    _giant,
    _nested,
]


def _value(random: Random) -> Any:
    return random.choice(VALUES)(random)


def _replace(random: Random, members: Members, place: int) -> None:
    members[place] = (members[place][0], _value(random))


def _drop(_: Random, members: Members, place: int) -> None:
    del members[place]


def _double(random: Random, members: Members, place: int) -> None:
    members.insert(random.randrange(len(members) + 1), (members[place][0], _value(random)))


def _rename(random: Random, members: Members, place: int) -> None:
    name, value = members[place]
    other = random.choice(
        [name.upper(), f"{name} ", f"_{name}", "", "\x00", random.choice(FIELDS), "__proto__"]
    )
    members[place] = (other, value)


def _as_text(_: Random, members: Members, place: int) -> None:
    name, value = members[place]
    members[place] = (name, _text(value, ascii_only=True))


def _wrap(random: Random, members: Members, place: int) -> None:
    name, value = members[place]
    members[place] = (name, random.choice([[value], [value, value], _Object([(name, value)])]))


def _borrow(random: Random, members: Members, place: int) -> None:
    """A value of another recorded delivery, from the same field or from another one."""
    payload = random.choice(_PAYLOADS)
    members[place] = (members[place][0], _tree(payload[random.choice(sorted(payload))]))


def _shuffle(random: Random, members: Members, _: int) -> None:
    random.shuffle(members)


BENDS = [
    _replace,
    _replace,
    _replace,
    _drop,
    _double,
    _rename,
    _as_text,
    _wrap,
    _borrow,
    _borrow,
    _shuffle,
]


def bent(random: Random, payload: Any) -> bytes:
    """A recorded payload as JSON or almost JSON, with one to four mutations."""
    tree = _tree(payload)
    for _ in range(random.randrange(1, 5)):
        objects = _objects(tree)
        if not objects:
            break
        # Most fields that the service reads are in the outermost object.
        chosen = objects[0] if random.random() < 0.6 else random.choice(objects)
        random.choice(BENDS)(random, chosen.members, random.randrange(len(chosen.members)))
    return _text(tree, ascii_only=random.random() < 0.5).encode("utf-8", "surrogatepass")


# --- bytes -------------------------------------------------------------------------------------------------


def _cut(random: Random, body: bytes) -> bytes:
    return body[: random.randrange(len(body) + 1)]


def _without_a_piece(random: Random, body: bytes) -> bytes:
    start = random.randrange(len(body) + 1)
    return body[:start] + body[start + random.randrange(1, 60) :]


def _flipped(random: Random, body: bytes) -> bytes:
    changed = bytearray(body or b"{}")
    for _ in range(random.randrange(1, 9)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _with_more(random: Random, body: bytes) -> bytes:
    start = random.randrange(len(body) + 1)
    noise = [
        bytes(random.randrange(256) for _ in range(8)),
        b"\x00",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\\u",
        b'"',
        b"]",
    ]
    return body[:start] + random.choice(noise) * random.randrange(1, 20) + body[start:]


def _with_another(random: Random, body: bytes) -> bytes:
    return body + random.choice([b"", b"\n", b",", b"&"]) + random.choice(CORPUS).body


def _behind_something(random: Random, body: bytes) -> bytes:
    return (
        random.choice(
            [b"\xef\xbb\xbf", b" \t\r\n", b"<b>Warning</b>: \n", b"webhook_id=9&", b"\x1f\x8b\x08"]
        )
        + body
    )


def _in_another_encoding(random: Random, body: bytes) -> bytes:
    encoding = random.choice(["utf-16", "utf-16-be", "utf-32", "latin-1", "cp037"])
    return body.decode("utf-8", "replace").encode(encoding, "replace")


def _noise(random: Random, _: bytes) -> bytes:
    return bytes(random.randrange(256) for _ in range(random.randrange(40)))


DAMAGES = [
    _cut, _without_a_piece, _flipped, _with_more, _with_another, _behind_something, _in_another_encoding, _noise,
]  # fmt: skip


def damaged(random: Random, body: bytes) -> bytes:
    """The body with changed bytes, whatever their meaning."""
    for _ in range(random.randrange(1, 3)):
        body = random.choice(DAMAGES)(random, body)
    return body


# --- headers, method, address ------------------------------------------------------------------------------

_TOPIC_TEXTS = [
    "", "order", "order.", ".created", "order.created.twice", "ORDER.CREATED", " order.updated", "product.updated",
    "action.", "action.wc_unknown", "action.woocommerce_delete_order", "coupon.deleted", "order.\xe5", "o" * 3_000,
    "support-request.created", "customer.restored",
]  # fmt: skip
_HEADER_TEXTS = ["", "0", "-1", "9" * 30, "abc", "\xff\xe9", "a, b", "x" * 2_000, "é=;\\", "'"]
_TYPES = [
    "", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data",
    "application/json; charset=utf-16", "text/plain; charset=no-such", "/", "\xe5",
]  # fmt: skip
_FURTHER = [
    "Content-Encoding",
    "Accept",
    "Cookie",
    "Authorization",
    "X-Forwarded-For",
    "Range",
    "If-Match",
]
_FURTHER_TEXTS = [*_HEADER_TEXTS, "gzip", "*/*;q=x", "Basic !", "bytes=9-"]
_NAMES = [
    "X-WC-Webhook-ID",
    "X-WC-Webhook-Delivery-ID",
    "X-WC-Webhook-Resource",
    "X-WC-Webhook-Source",
    "User-Agent",
]


def _other_headers(random: Random, headers: dict[str, str]) -> dict[str, str]:
    changed = dict(headers)
    for _ in range(random.randrange(1, 4)):
        match random.randrange(6):
            case 0:
                changed[TOPIC] = random.choice(_TOPICS)
            case 1:
                changed[TOPIC] = random.choice(_TOPIC_TEXTS)
            case 2:
                changed.pop(random.choice([TOPIC, *_NAMES]), None)
            case 3:
                changed[random.choice(_NAMES)] = random.choice(_HEADER_TEXTS)
            case 4:
                changed["Content-Type"] = random.choice(_TYPES)
            case _:
                changed[random.choice(_FURTHER)] = random.choice(_FURTHER_TEXTS)
    return changed


def _forged(random: Random, request: Request) -> Request:
    """Headers without a signature, with another secret's signature, or with the signature of another body."""
    right = sign(request.body)
    wrong = [
        sign(request.body, "another secret"),
        sign(request.body + b" "),
        right[:-1],
        right.swapcase(),
        "",
        "\xff",
    ]
    choice = random.randrange(len(wrong) + 1)
    headers = {name: value for name, value in request.headers.items() if name != SIGNATURE}
    return replace(
        request, headers=headers if choice == len(wrong) else headers | {SIGNATURE: wrong[choice]}
    )


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PURGE"]
TARGETS = [
    INTAKE, f"{INTAKE}/", f"/{INTAKE}", f"{INTAKE}?topic=order.created", f"{INTAKE}%20", f"{INTAKE}%00", f"{INTAKE}/x",
    "/webhooks", "/webhooks/", "/webhooks/SHOP", "/webhooks/other", "/webhooks/%ff%fe", "/webhooks/../webhooks/shop",
    "/webhooks/" + "s" * 2_000, "/", "/%2e%2e/etc/passwd", "/healthz", "/readyz", "/status", "/metrics",
    "/openapi.json",
    "/records/shop/order/119", "/records/shop/order/0", "/records/shop/order/-1", "/records/shop/order/1e3",
    "/records/shop/order/" + "9" * 19, "/records/shop/order/" + "9" * 30, "/records/shop/order/" + "9" * 3_900,
    "/records/shop/coupon/1", "/records/other/order/1", "/records/shop/order/%D9%A3", "/schedule?before=soon",
    "/schedule?before=9999-12-31", "/schedule?page=0", "/schedule?page=" + "9" * 30, "/schedule?class=%00&kind=order",
    "/schedule?class=%ff", "/schedule.csv?before=0001-01-01", "/schedule.ics?page=x",
]  # fmt: skip


def _to_another_address(random: Random, request: Request) -> Request:
    """A request to another address, or with another method. A long unread body may end in a reset."""
    return replace(
        request,
        method=random.choice(METHODS),
        target=random.choice(TARGETS),
        body=request.body[:30_000],
    )


def request(random: Random) -> Request:
    """Any request: usually a delivery with a mutated body and the right signature."""
    mutated = random.choice(CORPUS)
    if mutated.body.startswith(b"{") and random.random() < 0.75:
        mutated = replace(mutated, body=bent(random, json.loads(mutated.body)))
    if random.random() < 0.25:
        mutated = replace(mutated, body=damaged(random, mutated.body))
    if random.random() < 0.3:
        mutated = replace(mutated, headers=_other_headers(random, mutated.headers))
    if (
        SIGNATURE in mutated.headers or random.random() < 0.5
    ):  # otherwise it stays a ping, or a mutated ping
        mutated = mutated.signed()
    if random.random() < 0.12:
        mutated = _forged(random, mutated)
    if random.random() < 0.12:
        mutated = _to_another_address(random, mutated)
    return mutated
