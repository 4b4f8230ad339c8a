"""Failures on demand: what a client of a real store meets sooner or later."""

import io
import os
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING

from deploy.sandbox.log import Log, RequestEntry
from deploy.sandbox.wire import php_json

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KINDS = ("500", "429", "503", "hang", "reset", "half", "html")
_CRITICAL = "There has been a critical error on this website."
_PAGE = b"<!DOCTYPE html><html><body><h1>Briefly unavailable for scheduled maintenance.</h1></body></html>"


@dataclass
class Fault:
    """`left` more answers go wrong. `seconds` is how long a hang lasts, or what Retry-After says."""

    kind: str
    left: int = 1
    seconds: float = 1.0
    path: str = "/wp-json"
    method: str = ""


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
        with self._lock:
            self._due.append(fault)

    def clear(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._due.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, if one is due."""
        with self._lock:
            for fault in self._due:
                if path.startswith(fault.path) and fault.method in ("", method):
                    fault.left -= 1
                    if fault.left <= 0:
                        self._due.remove(fault)
                    return fault
        return None

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
    """WSGI middleware before the store: `hang` and `half` let the request happen, the others do not."""

    def __init__(self, app: "WSGIApplication", faults: Faults, log: Log) -> None:
        self._app = app
        self._faults = faults
        self._log = log

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        fault = None if path.startswith("/sandbox") else self._faults.take(method, path)
        if fault is None:
            return self._app(environ, start_response)
        if fault.kind == "hang":
            self._faults.hold(environ, fault.seconds)
            return self._app(environ, start_response)
        if fault.kind == "half":
            return _half(self._app(environ, start_response))
        status = int(fault.kind) if fault.kind.isdigit() else 200 if fault.kind == "html" else 0
        self._log.requests.append(RequestEntry(method, path, {}, "", status, fault=fault.kind))
        if fault.kind == "reset":
            _reset(environ)
        return _ANSWERS[fault.kind](fault, start_response)


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
    start_response("500 Internal Server Error", [("Content-Type", "application/json; charset=UTF-8")])
    return [php_json({"code": "internal_server_error", "message": _CRITICAL, "data": {"status": 500}})]


def _too_many(fault: Fault, start_response: "StartResponse") -> list[bytes]:
    headers = [("Content-Type", "text/html"), ("Retry-After", str(int(fault.seconds)))]
    start_response("429 Too Many Requests", headers)
    return [b"<html><head><title>429 Too Many Requests</title></head></html>"]


def _maintenance(fault: Fault, start_response: "StartResponse") -> list[bytes]:
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Retry-After", str(int(fault.seconds)))]
    start_response("503 Service Unavailable", headers)
    return [_PAGE]


def _web_page(_: Fault, start_response: "StartResponse") -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=UTF-8")])
    return [_PAGE]


_ANSWERS: dict[str, Callable[[Fault, "StartResponse"], list[bytes]]] = {
    "500": _critical,
    "429": _too_many,
    "503": _maintenance,
    "html": _web_page,
}
