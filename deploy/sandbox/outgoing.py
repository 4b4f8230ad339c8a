"""A delivery on the wire: its body, headers and signature, and the HTTP/1.0 request that sends it."""

import base64
import hashlib
import hmac
import ipaddress
import socket
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from deploy.sandbox.errors import RestError, cannot_view
from deploy.sandbox.render import VERSION, WORDPRESS, Renderer
from deploy.sandbox.versions import error_in, record_in
from deploy.sandbox.webhooks import PING, Webhook
from deploy.sandbox.wire import Json, decode_entities, php_json

USER_AGENT = f"WooCommerce/{VERSION} Hookshot (WordPress/{WORDPRESS})"
OPEN_PORTS = (80, 443, 8080)
_FORM = "application/x-www-form-urlencoded"


class DeliveryError(Exception):
    """No answer came: the connection was refused, cut or too slow, or the target is not allowed."""


@dataclass(frozen=True)
class Outgoing:
    """A delivery that is ready. It can be sent any number of times."""

    webhook_id: int
    topic: str
    record_id: object
    delivery_id: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def ping(webhook: Webhook) -> Outgoing:
    """Build the ping that a new URL gets: an unsigned form."""
    body = f"webhook_id={webhook.id}".encode()
    headers = (
        ("User-Agent", USER_AGENT),
        ("Accept", "*/*"),
        ("Content-Length", str(len(body))),
        ("Content-Type", _FORM),
    )
    return Outgoing(webhook.id, PING, None, "", webhook.delivery_url, headers, body)


def delivery(webhook: Webhook, record_id: object, renderer: Renderer, now: datetime) -> Outgoing:
    """Build a delivery from the current state of the record, with the rights of the webhook's owner."""
    body = php_json(payload(webhook, record_id, renderer))
    delivery_id = _delivery_id(webhook.id, now)
    headers = (
        ("User-Agent", USER_AGENT),
        ("Accept", "*/*"),
        ("Content-Type", "application/json"),
        ("X-WC-Webhook-Source", f"{renderer.url}/"),
        ("X-WC-Webhook-Topic", webhook.topic),
        ("X-WC-Webhook-Resource", webhook.resource),
        ("X-WC-Webhook-Event", webhook.event),
        ("X-WC-Webhook-Signature", signature(body, webhook.secret)),
        ("X-WC-Webhook-ID", str(webhook.id)),
        ("X-WC-Webhook-Delivery-ID", delivery_id),
        ("Content-Length", str(len(body))),
    )
    return Outgoing(
        webhook.id, webhook.topic, record_id, delivery_id, webhook.delivery_url, headers, body
    )


def payload(webhook: Webhook, record_id: object, renderer: Renderer) -> Json:
    """Return the body before encoding: the record, only the id of a deleted record, an action, or an error."""
    if webhook.resource == "action":
        return {"action": webhook.event, "arg": record_id}
    if webhook.event == "deleted":
        return {"id": record_id}
    try:
        body = _record(webhook, int(str(record_id)), renderer)
    except RestError as error:
        return error_in(webhook.api_version, error)
    return record_in(webhook.api_version, webhook.resource, body)


def signature(body: bytes, secret: str) -> str:
    """Return Base64 of HMAC-SHA256 over the body. HTML entities in the stored secret are decoded first."""
    digest = hmac.new(decode_entities(secret).encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def post(outgoing: Outgoing, timeout: float, *, block_private: bool = False) -> int:
    """Send a delivery and return the HTTP status of the answer. Redirects are not followed.

    Raise DeliveryError if no answer comes within `timeout` seconds.
    """
    url = urlsplit(outgoing.url)
    host = url.hostname or ""
    connection_class, default_port = _SCHEMES[url.scheme]
    port = url.port or default_port
    if block_private:
        _check_target(host, port)
    connection = connection_class(host, port, timeout=timeout)
    path = url.path or "/"
    if url.query:
        path += f"?{url.query}"
    try:
        connection.putrequest("POST", path)
        connection.putheader("Host", url.netloc)
        for name, value in outgoing.headers:
            connection.putheader(name, value)
        connection.endheaders(outgoing.body)
        return connection.getresponse().status
    except (OSError, HTTPException, ValueError) as error:
        raise DeliveryError(str(error) or type(error).__name__) from error
    finally:
        connection.close()


class _Http10(HTTPConnection):
    """HTTP/1.0, as WordPress speaks it. With it, http.client adds no header of its own."""

    _http_vsn = 10
    _http_vsn_str = "HTTP/1.0"


class _Https10(HTTPSConnection):
    """HTTP/1.0 over TLS."""

    _http_vsn = 10
    _http_vsn_str = "HTTP/1.0"


_SCHEMES: dict[str, tuple[type[HTTPConnection], int]] = {
    "http": (_Http10, 80),
    "https": (_Https10, 443),
}


def _record(webhook: Webhook, record_id: int, renderer: Renderer) -> Json:
    if webhook.resource == "order":
        order = renderer.shop.order(record_id)
        _check_owner(webhook)
        return renderer.order(order)
    customer = renderer.shop.customer(record_id)
    _check_owner(webhook)
    return renderer.customer(customer, with_meta=webhook.owner_role == "administrator")


def _check_owner(webhook: Webhook) -> None:
    if webhook.owner_role == "none":
        raise cannot_view()


def _delivery_id(webhook_id: int, now: datetime) -> str:
    """Return a hash of the webhook and the second. All deliveries of one second share it, as in the store."""
    return hmac.new(b"salt", f"{webhook_id}{int(now.timestamp())}".encode(), "md5").hexdigest()


def _check_target(host: str, port: int) -> None:
    """Raise DeliveryError for a private address, or a port that no web server uses, as the store does."""
    if port not in OPEN_PORTS:
        raise DeliveryError("A valid URL was not provided.")
    try:
        targets = socket.getaddrinfo(host, port)
    except OSError as error:
        raise DeliveryError(str(error)) from error
    addresses = [ipaddress.ip_address(str(target[4][0])) for target in targets]
    if not all(address.is_global for address in addresses):
        raise DeliveryError("A valid URL was not provided.")
