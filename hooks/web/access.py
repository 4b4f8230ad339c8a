"""Access to the service.

- Webhooks and tools prove themselves in their own endpoints; health is open.
- Everything else needs the STATUS_TOKEN. Where none is set, only this machine may read.
"""

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
from hooks.service import service_as_loaded

OPEN_BLUEPRINTS = frozenset({"webhooks", "events", "health"})
READ_METHODS = frozenset({"GET", "HEAD"})

PATIENCE = 5
WINDOW = 60.0
"""A process answers slowly after more wrong tokens than PATIENCE within WINDOW seconds."""

FIRST_SECONDS = 0.25
LONGEST_SECONDS = 2.0
"""The delay of a slow answer. It doubles from FIRST_SECONDS with each wrong token."""

MAX_WAITING = 10
"""The number of slow answers at a time, since each takes a place of the process. Beyond it, 429 is answered at once."""

_PROXIED = re.compile(
    r"via|forwarded|(.+-)?forwarded-.+|cf-.+|x-(real-|original-|prox|envoy-).+"
    r"|(.+-)?(client|real|remote|connecting|source|user)-?(ip|addr|address|host|port)",
    re.IGNORECASE,
)
"""Headers of a proxy that passes on the request of somebody else."""

log = structlog.get_logger(__name__)

ErrorAnswer = tuple[Response, int, dict[str, str]]


@dataclass
class Guesses:
    """The wrong tokens that came to this process. `clock` gives seconds that only grow.

    The length of the token keeps guesses out. This class only keeps the log short and tells a monitor. A right token
    is never delayed, whoever guesses meanwhile.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = gevent.sleep
    log_event: str = "access.wrong_token"
    _recent: deque[float] = field(default_factory=deque)
    _logged_at: float = float("-inf")
    _waiting: int = 0

    def count(self) -> bool:
        """Count a wrong token, and delay its answer. False, without a delay, where too many wait."""
        now = self.clock()
        if now - self._logged_at >= WINDOW:
            self._logged_at = now
            log.warning(self.log_event)
        while self._recent and now - self._recent[0] >= WINDOW:
            self._recent.popleft()
        if self._waiting >= MAX_WAITING:
            return False
        self._recent.append(now)
        slow_answers = len(self._recent) - PATIENCE
        if slow_answers > 0:
            seconds = FIRST_SECONDS * 2.0 ** min(slow_answers - 1, 10)
            self._wait(min(LONGEST_SECONDS, seconds))
        return True

    def _wait(self, seconds: float) -> None:
        self._waiting += 1
        try:
            self.sleep(seconds)
        finally:
            self._waiting -= 1


_guesses = Guesses()


def check() -> ErrorAnswer | None:
    """Let a request pass (None), or answer it with 401, 403 or 429. Runs before each request."""
    if request.endpoint is None or request.blueprint in OPEN_BLUEPRINTS:
        return None
    token = service_as_loaded().settings.status_token
    if token is None:
        return _without_token()
    _, request_token = credentials()
    if hmac.compare_digest(request_token.encode(), token.encode()):
        return None
    if request_token and not _count_guess():
        message = "Too many wrong tokens came. Try again later. The right STATUS_TOKEN is accepted at once."
        return _refused("too-many-requests", message, 429, {"Retry-After": f"{WINDOW:.0f}"})
    message = "This page needs the STATUS_TOKEN, as `Authorization: Bearer …` or as a password."
    challenge = {"WWW-Authenticate": 'Basic realm="Retention Hooks", charset="UTF-8"'}
    return _refused("unauthorized", message, 401, challenge)


def _count_guess() -> bool:
    """Count a wrong token, as `Guesses.count`, and in the metrics too."""
    has_waited = _guesses.count()
    status = "429"
    if has_waited:
        status = "401"
    telemetry.WRONG_TOKENS.labels(status).inc()
    return has_waited


def has_proxy_header(names: Iterable[str]) -> bool:
    """Tell whether one of these header names, in any case, is one that proxies add."""
    return any(_PROXIED.fullmatch(name) for name in names)


def _without_token() -> ErrorAnswer | None:
    """Answer where no STATUS_TOKEN is set: only reads from this machine pass."""
    if not _from_this_machine():
        message = "Without a STATUS_TOKEN this page answers on loopback only, and not to a proxy. Set a STATUS_TOKEN."
        return _refused("forbidden", message, 403, {})
    if request.method not in READ_METHODS:
        message = "Without a STATUS_TOKEN this page answers GET only. Set a STATUS_TOKEN."
        return _refused("forbidden", message, 403, {})
    return None


def _refused(code: str, message: str, status: int, headers: dict[str, str]) -> ErrorAnswer:
    return jsonify(error={"code": code, "message": message}), status, headers


def credentials() -> tuple[str | None, str]:
    """Return the name and the token of the request: user and password of Basic. Bearer has no name.

    The token is empty where the request has none.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        # Read here, since werkzeug takes a token with `=` in it for parameters.
        return None, token.strip()
    try:
        authorization = request.authorization
    except ValueError:  # Basic, and not in base64
        return None, ""
    if authorization is None or authorization.type != "basic":
        return None, ""
    return authorization.username or "", authorization.password or ""


def _from_this_machine() -> bool:
    """Tell whether the request comes from this machine.

    A proxy on this machine makes every request look local, but adds a header of its own.
    """
    if has_proxy_header(request.headers.keys()) or not _names_this_machine():
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _names_this_machine() -> bool:
    """Tell whether the request's `Host` names this machine.

    Another site can point its own name to this machine (DNS rebinding), but then that name is the `Host`.
    """
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
