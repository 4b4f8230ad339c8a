"""Who may do what: webhooks and tools sign, health is open, all else wants the token, or loopback where none is set."""

from __future__ import annotations

import hmac
import re
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

import gevent
import structlog
from flask import Response, jsonify, request

from hooks import telemetry
from hooks.service import current_service

OPEN = frozenset({"webhooks", "events", "health"})
READING = frozenset({"GET", "HEAD"})

PATIENCE = 5
WINDOW = 60.0
"""More wrong tokens than PATIENCE within WINDOW seconds are answered slowly by a process."""

FIRST_SECONDS = 0.25
LONGEST_SECONDS = 2.0
"""How long a slow answer takes: twice as long each time."""

MOST_WAITING = 10
"""So many slow answers wait at a time, as each takes a place of the process; beyond it 429 is answered at once."""

_PROXIED = re.compile(
    r"via|forwarded|(.+-)?forwarded-.+|cf-.+|x-(real-|original-|prox|envoy-).+"
    r"|(.+-)?(client|real|remote|connecting|source|user)-?(ip|addr|address|host|port)",
    re.IGNORECASE,
)
"""Headers by which a proxy says that it speaks for somebody else."""

log = structlog.get_logger(__name__)

Refusal = tuple[Response, int, dict[str, str]]


@dataclass
class Guesses:
    """The wrong tokens that came to this process. `clock` gives seconds that only grow.

    A right token is not looked up here, and so gets in whoever guesses meanwhile: what keeps guesses out is the
    token's length. This one keeps the log short, and tells a monitor.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = gevent.sleep
    log_event: str = "access.wrong_token"
    _recent: deque[float] = field(default_factory=deque)
    _logged_at: float = float("-inf")
    _waiting: int = 0

    def count(self) -> bool:
        """Count a wrong token, and let it wait for its answer; False where too many wait."""
        now = self.clock()
        if now - self._logged_at >= WINDOW:
            self._logged_at = now
            log.warning(self.log_event)
        while self._recent and now - self._recent[0] >= WINDOW:
            self._recent.popleft()
        if self._waiting >= MOST_WAITING:
            return False
        self._recent.append(now)
        slow = len(self._recent) - PATIENCE
        if slow > 0:
            self._wait(min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(slow - 1, 10)))
        return True

    def _wait(self, seconds: float) -> None:
        self._waiting += 1
        try:
            self.sleep(seconds)
        finally:
            self._waiting -= 1


_guesses = Guesses()


def check() -> Refusal | None:
    """Before each request: let it pass, or answer 401, 403 or 429."""
    if request.endpoint is None or request.blueprint in OPEN:
        return None
    token = current_service().settings.status_token
    if token is None:
        return _without_token()
    _, given = offered()
    if hmac.compare_digest(given.encode(), token.encode()):
        return None
    if given and not _waited():
        message = (
            "Too many wrong tokens came. Try again later; the right STATUS_TOKEN is taken at once."
        )
        return _refused("too-many-requests", message, 429, {"Retry-After": f"{WINDOW:.0f}"})
    message = "This page wants the STATUS_TOKEN, as `Authorization: Bearer …` or as a password."
    challenge = {"WWW-Authenticate": 'Basic realm="Retention Hooks", charset="UTF-8"'}
    return _refused("unauthorized", message, 401, challenge)


def _waited() -> bool:
    has_waited = _guesses.count()
    telemetry.WRONG_TOKENS.labels("401" if has_waited else "429").inc()
    return has_waited


def forwarded(names: Iterable[str]) -> bool:
    """Tell whether one of these header names, in any case, is one that proxies add."""
    return any(_PROXIED.fullmatch(name) for name in names)


def _without_token() -> Refusal | None:
    if not _from_this_machine():
        message = "Without a STATUS_TOKEN this page answers on loopback only, and no proxy. Set a STATUS_TOKEN."
        return _refused("forbidden", message, 403, {})
    if request.method not in READING:
        message = "Without a STATUS_TOKEN nothing but GET is answered here. Set a STATUS_TOKEN."
        return _refused("forbidden", message, 403, {})
    return None


def _refused(code: str, message: str, status: int, headers: dict[str, str]) -> Refusal:
    return jsonify(error={"code": code, "message": message}), status, headers


def offered() -> tuple[str | None, str]:
    """The name and the token that the request carries: of Basic the user and the password; Bearer has no name.

    The token is empty where the request carries none.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":  # as it is: werkzeug takes one with `=` in it for parameters
        return None, token.strip()
    try:
        given = request.authorization
    except ValueError:  # Basic, and not in base64
        return None, ""
    if given and given.type == "basic":
        return given.username or "", given.password or ""
    return None, ""


def _from_this_machine() -> bool:
    """A proxy on this machine makes everybody look local, but says whom it speaks for."""
    if forwarded(request.headers.keys()) or not _asks_this_machine():
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
