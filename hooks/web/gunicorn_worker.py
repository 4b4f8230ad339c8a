"""How gunicorn runs a web process: requests are greenlets, so that several of them can wait for one commit.

Nothing of the standard library is replaced: but for reading, answering and waiting for SQLite's lock, a request runs
from its start to its end without another one in between. So no request stops amid a read transaction, for whose end a
commit may wait. While PostgreSQL is waited for, the whole process waits.

A process that is told to stop closes its listener at once, so that others accept what comes, and then answers each
connection that it has accepted. Among them are some whose greenlets have not begun.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import gevent
import structlog
from flask import Flask
from gevent import socket
from gevent.lock import BoundedSemaphore
from gunicorn.workers.ggevent import GeventWorker

from hooks import service
from hooks.gc_tuning import collect_less
from hooks.ledger.database import Database
from hooks.web import commit
from hooks.web.connections import Places, Server
from hooks.web.group_commit import GroupCommit
from hooks.web.refusals import Refusal, refuse

log = structlog.get_logger(__name__)

ACCEPTED_AT_ONCE = 16
"""So that those who come at the same time are taken together, and the other processes get some, too."""

STOPS_WITHIN_SECONDS = 0.2
"""How often a process looks whether it is to stop."""


class Listener:
    """The name of a listener, for as long as its connections need it: also once it is closed."""

    def __init__(self, listener: socket.socket) -> None:
        self._name = listener.getsockname()

    def getsockname(self) -> Any:
        """The address that the listener had."""
        return self._name


class Worker(GeventWorker):
    """A web process whose deliveries share commits."""

    def patch(self) -> None:
        """Only the sockets that are listened on wait for others while they wait."""
        listened: list[Any] = self.sockets
        self.sockets = [
            socket.socket(one.FAMILY, socket.SOCK_STREAM, fileno=one.sock.detach())
            for one in listened
        ]

    def run(self) -> None:
        """Answer requests until gunicorn says stop; then, in the time that it gives, those under way."""
        extensions = cast("Flask", self.wsgi).extensions
        extensions[commit.EXTENSION] = GroupCommit()
        database: Database = extensions[service.EXTENSION].database
        database.wait_by(
            gevent.sleep, BoundedSemaphore
        )  # while one waits, others say what they have
        collect_less()
        log.info("web.started", ledger=database.description)
        servers = [self.serve(listener) for listener in self.sockets]
        while self.alive:
            self.notify()
            gevent.sleep(STOPS_WITHIN_SECONDS)
        for server in servers:
            server.close()
        gevent.joinall(
            [gevent.spawn(server.stop, timeout=self.cfg.graceful_timeout) for server in servers]
        )

    def serve(self, listener: socket.socket) -> Server:
        """Begin to accept connections."""
        listener.setblocking(True)
        name: Any = Listener(listener)
        server = Server(listener, partial(self.handle, name), Places(self.worker_connections))
        server.max_accept = ACCEPTED_AT_ONCE
        server.start()
        return server

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer a request whose head has come. `sock` is a Connection."""
        sock.expect_body()
        try:
            return super().handle_request(listener_name, req, sock, addr)
        finally:
            if req.body.failed:
                sock.linger()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that could not be read, as JSON. Where the process ends, say nothing. `client` is a
        Connection."""
        if not isinstance(exc, gevent.GreenletExit):
            with suppress(OSError):
                client.sendall(_answer(refuse(exc)))
                client.linger()


def _answer(refusal: Refusal) -> bytes:
    body = json.dumps(refusal.body) + "\n"
    headers = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    lines = [f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in (headers | refusal.headers).items()]
    return "\r\n".join([*lines, "", body]).encode()
