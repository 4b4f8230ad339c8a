"""Failures on demand, of the kinds that a client of a real store meets sooner or later."""

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
# Wrong answers that look right. Only lists can give them.
LIES = ("totals", "same-page", "short-pages")
KINDS = BROKEN + LIES
# Keys of the WSGI environment: the kind of the request's fault, and the time when the request came in.
FAULT, CAME = "sandbox.fault", "sandbox.came"
SHORT_PAGE = 10
_LIST = re.compile(r".*/(orders|customers|webhooks|refunds)")
_COUNTS = ("X-WP-Total", "X-WP-TotalPages")
_CRITICAL = "There has been a critical error on this website."
_NOT_FOUND = b"<!DOCTYPE html><html><body><h1>Page not found</h1></body></html>"
_PAGE = b"<!DOCTYPE html><html><body><h1>Briefly unavailable for scheduled maintenance.</h1></body></html>"


@dataclass
class Fault:
    """A kind of failure for the next `remaining` answers; for all until the faults are cleared if it is None or 0.

    `seconds` is the duration of a hang or a slow answer, or the value of Retry-After. `total` is the value of both
    counts of a list if `kind` is totals; None leaves out both headers.
    """

    kind: str
    remaining: int | None = 1
    seconds: float = 1.0
    path: str = "/wp-json"
    method: str = ""
    total: int | str | None = None

    def fits(self, method: str, path: str) -> bool:
        """Tell whether the fault applies to a request."""
        is_list = method == "GET" and _LIST.fullmatch(path)
        if self.kind in LIES and not is_list:
            return False
        return path.startswith(self.path) and self.method in ("", method)


class Faults:
    """The faults that are due, in the order in which they were added."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._due: list[Fault] = []
        self.closing = Event()
        self.hanging = 0
        """The number of requests that have come in completely and hang."""

    def add(self, fault: Fault) -> None:
        """Add a fault for the next answers under `fault.path`. Raise ValueError for a wrong kind or count."""
        if fault.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if fault.remaining is not None and fault.remaining < 0:
            raise ValueError("times must not be negative; 0 means until the faults are cleared")
        with self._lock:
            self._due.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._due.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Count down and return the first fault that fits the request, or None."""
        with self._lock:
            fault = next((due for due in self._due if due.fits(method, path)), None)
            if fault is not None and fault.remaining:
                fault.remaining -= 1
                if not fault.remaining:
                    self._due.remove(fault)
            return fault

    def hang(self, environ: "WSGIEnvironment", seconds: float) -> None:
        """Read the whole request, then wait. The client may give up before the answer comes."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._lock:
            self.hanging += 1
        self.closing.wait(seconds)
        with self._lock:
            self.hanging -= 1


class FaultyFront:
    """WSGI middleware that applies the faults.

    With `hang`, `slow`, `half` and the lies the store handles the request, with the other kinds it does not.
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
        return self._pass_on(fault, environ, start_response)

    def _refuse(
        self, fault: Fault, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        entry = RequestEntry(
            method, path, {}, "", _status(fault.kind), fault=fault.kind, at=environ[CAME]
        )
        self._log.requests.append(entry)
        if fault.kind == "reset":
            _reset(environ)
        return _ANSWERS[fault.kind](fault, start_response)

    def _pass_on(
        self, fault: Fault, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if fault.kind == "hang":
            self._faults.hang(environ, fault.seconds)
        elif fault.kind == "slow":
            self._faults.closing.wait(fault.seconds)
        elif fault.kind == "totals":
            return self._app(environ, _miscounting(start_response, fault.total))
        answer = self._app(environ, start_response)
        return _half(answer) if fault.kind == "half" else answer


def _status(kind: str) -> int:
    """Return the HTTP status of a fault; 0 if the connection is cut."""
    if kind.isdigit():
        return int(kind)
    return 200 if kind == "html" else 0


def misread(query: dict[str, str], kind: str) -> dict[str, str]:
    """Return the query as a store with this kind of lie reads it. Other kinds do not change it.

    `same-page` gives the first page for every request. `short-pages` has at most 10 items on a page, and counts the
    pages accordingly.
    """
    query = dict(query)
    if kind == "same-page":
        query.pop("page", None)
        query.pop("offset", None)
    per_page = query.get("per_page", "")
    if kind == "short-pages" and per_page.isdecimal() and int(per_page) > SHORT_PAGE:
        query["per_page"] = str(SHORT_PAGE)
    return query


def _miscounting(start_response: "StartResponse", total: int | str | None) -> "StartResponse":
    """Set both counts of a list to `total`, or remove them if it is None. Other answers stay as they are."""

    def start(
        status: str, headers: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None, /
    ) -> Callable[[bytes], object]:
        wrong = [header for header in headers if header[0] not in _COUNTS]
        has_counts = len(wrong) < len(headers)
        if has_counts and total is not None:
            wrong += [(name, str(total)) for name in _COUNTS]
        return start_response(status, wrong, exc_info)

    return start


def _half(answer: Iterable[bytes]) -> list[bytes]:
    """Return half of the body. The headers still promise all of it."""
    body = b"".join(answer)
    return [body[: len(body) // 2]]


def _reset(environ: "WSGIEnvironment") -> None:
    """Cut the connection by a TCP reset, without an answer."""
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
