"""Failures on demand: what a client of a real store meets sooner or later."""

import io
import os
import re
import socket
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING

from deploy.sandbox.log import Log, RequestEntry
from deploy.sandbox.wire import php_json

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BROKEN = ("500", "429", "503", "404", "hang", "slow", "reset", "half", "html")
# Answers that look well and are not; only lists can give them.
LIES = ("totals", "same-page", "short-pages")
KINDS = BROKEN + LIES
# Where the front leaves for the app what it knows of a request: the fault's kind, and when it came in.
FAULT, CAME = "sandbox.fault", "sandbox.came"
SHORT_PAGE = 10
_LIST = re.compile(r".*/(orders|customers|webhooks|refunds)")
_COUNTS = ("X-WP-Total", "X-WP-TotalPages")
_CRITICAL = "There has been a critical error on this website."
_NOT_FOUND = b"<!DOCTYPE html><html><body><h1>Page not found</h1></body></html>"
_PAGE = b"<!DOCTYPE html><html><body><h1>Briefly unavailable for scheduled maintenance.</h1></body></html>"


@dataclass
class Fault:
    """`left` more answers go wrong, or all until the faults are cleared where it is None or 0.

    `seconds` is how long a hang or a slow answer lasts, or what Retry-After says. `total` is what both
    counts of a list say where `kind` is totals; None leaves the two headers out.
    """

    kind: str
    left: int | None = 1
    seconds: float = 1.0
    path: str = "/wp-json"
    method: str = ""
    total: int | str | None = None

    def fits(self, method: str, path: str) -> bool:
        """Whether it is meant for this request."""
        if self.kind in LIES and not (method == "GET" and _LIST.fullmatch(path)):
            return False
        return path.startswith(self.path) and self.method in ("", method)


class Faults:
    """The faults that are due, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._due: list[Fault] = []
        self.closing = Event()
        self.held = 0
        """How many requests have come in whole and hang."""

    def add(self, fault: Fault) -> None:
        """Let the next answers under `fault.path` go wrong."""
        if fault.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if fault.left is not None and fault.left < 0:
            raise ValueError("times must not be negative; 0 means until the faults are cleared")
        with self._lock:
            self._due.append(fault)

    def clear(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._due.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, if one is due: the first that was asked for and fits."""
        with self._lock:
            fault = next((due for due in self._due if due.fits(method, path)), None)
            if fault is not None and fault.left:
                fault.left -= 1
                if not fault.left:
                    self._due.remove(fault)
            return fault

    def hold(self, environ: "WSGIEnvironment", seconds: float) -> None:
        """Take the request in whole, then let it wait: who sent it may be gone before it is answered."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._lock:
            self.held += 1
        self.closing.wait(seconds)
        with self._lock:
            self.held -= 1


class FaultyFront:
    """WSGI middleware before the store.

    `hang`, `slow`, `half` and the lies let the request happen, the others do not.
    """

    def __init__(self, app: "WSGIApplication", faults: Faults, log: Log) -> None:
        self._app = app
        self._faults = faults
        self._log = log

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        environ[CAME] = time.time()
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        fault = None if path.startswith("/sandbox") else self._faults.take(method, path)
        if fault is None:
            return self._app(environ, start_response)
        environ[FAULT] = fault.kind
        if fault.kind in _ANSWERS or fault.kind == "reset":
            return self._refuse(fault, environ, start_response)
        return self._let_happen(fault, environ, start_response)

    def _refuse(
        self, fault: Fault, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        status = int(fault.kind) if fault.kind.isdigit() else 200 if fault.kind == "html" else 0
        self._log.requests.append(
            RequestEntry(method, path, {}, "", status, fault=fault.kind, at=environ[CAME])
        )
        if fault.kind == "reset":
            _reset(environ)
        return _ANSWERS[fault.kind](fault, start_response)

    def _let_happen(
        self, fault: Fault, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if fault.kind == "hang":
            self._faults.hold(environ, fault.seconds)
        elif fault.kind == "slow":
            self._faults.closing.wait(fault.seconds)
        elif fault.kind == "totals":
            return self._app(environ, _miscounting(start_response, fault.total))
        answer = self._app(environ, start_response)
        return _half(answer) if fault.kind == "half" else answer


def misread(query: dict[str, str], kind: str) -> dict[str, str]:
    """The query as a store that lies in this way understands it; other kinds leave it alone.

    `same-page` gives the first page whatever is asked; `short-pages` has pages of 10 at most, and counts so.
    """
    if kind == "same-page":
        return {name: value for name, value in query.items() if name not in ("page", "offset")}
    asked = query.get("per_page", "")
    if kind == "short-pages" and asked.isdecimal() and int(asked) > SHORT_PAGE:
        return {**query, "per_page": str(SHORT_PAGE)}
    return query


def _miscounting(start_response: "StartResponse", total: int | str | None) -> "StartResponse":
    """Both counts say `total`, or are not there; an answer that counts nothing stays as it is."""

    def start(
        status: str, headers: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None, /
    ) -> Callable[[bytes], object]:
        kept = [header for header in headers if header[0] not in _COUNTS]
        told = (
            []
            if total is None or len(kept) == len(headers)
            else [(name, str(total)) for name in _COUNTS]
        )
        return start_response(status, kept + told, exc_info)

    return start


def _half(answer: Iterable[bytes]) -> list[bytes]:
    """The headers promise the whole body, but only half of it comes."""
    body = b"".join(answer)
    return [body[: len(body) // 2]]


def _reset(environ: "WSGIEnvironment") -> None:
    """Cut the connection without an answer, by a TCP reset."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())
    raise ConnectionResetError("cut off on purpose")


def _critical(_: Fault, start_response: "StartResponse") -> list[bytes]:
    start_response(
        "500 Internal Server Error", [("Content-Type", "application/json; charset=UTF-8")]
    )
    return [
        php_json({"code": "internal_server_error", "message": _CRITICAL, "data": {"status": 500}})
    ]


def _too_many(fault: Fault, start_response: "StartResponse") -> list[bytes]:
    headers = [("Content-Type", "text/html"), ("Retry-After", str(int(fault.seconds)))]
    start_response("429 Too Many Requests", headers)
    return [b"<html><head><title>429 Too Many Requests</title></head></html>"]


def _maintenance(fault: Fault, start_response: "StartResponse") -> list[bytes]:
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Retry-After", str(int(fault.seconds))),
    ]
    start_response("503 Service Unavailable", headers)
    return [_PAGE]


def _lost(_: Fault, start_response: "StartResponse") -> list[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/html; charset=UTF-8")])
    return [_NOT_FOUND]


def _web_page(_: Fault, start_response: "StartResponse") -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=UTF-8")])
    return [_PAGE]


_ANSWERS: dict[str, Callable[[Fault, "StartResponse"], list[bytes]]] = {
    "500": _critical,
    "429": _too_many,
    "503": _maintenance,
    "404": _lost,
    "html": _web_page,
}
