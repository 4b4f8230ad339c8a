"""Who may do what: webhooks and tools sign, health is open, all else wants the token, or loopback where none is set."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Response, jsonify, request

from hooks.service import service

OPEN = frozenset({"webhooks", "events", "health"})
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


def check() -> tuple[Response, int, dict[str, str]] | None:
    """Before each request: let it pass, or answer 401 or 403."""
    if request.endpoint is None or request.blueprint in OPEN:
        return None
    token = service().settings.status_token
    if token is None:
        if _from_this_machine():
            return None
        message = "Without a STATUS_TOKEN this page answers on loopback only."
        return jsonify(error={"code": "forbidden", "message": message}), 403, {}
    if _carries(token):
        return None
    message = "This page wants the STATUS_TOKEN, as `Authorization: Bearer …` or as a password."
    challenge = {"WWW-Authenticate": 'Basic realm="Retention Hooks", charset="UTF-8"'}
    return jsonify(error={"code": "unauthorized", "message": message}), 401, challenge


def _carries(token: str) -> bool:
    """Whether the request carries the token; compared in constant time."""
    given = request.authorization
    kind = given.type if given else ""
    offered = {"bearer": given and given.token, "basic": given and given.password}.get(kind) or ""
    return hmac.compare_digest(offered.encode(), token.encode())


def _from_this_machine() -> bool:
    """A proxy on this machine makes everybody look local, but says whom it speaks for."""
    if any(name in request.headers for name in _FORWARDED) or not _asks_this_machine():
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _asks_this_machine() -> bool:
    """A page of another site can have its own name lead to this machine; but then that name is what it asks for."""
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
