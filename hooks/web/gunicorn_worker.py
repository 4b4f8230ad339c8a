"""The gunicorn worker of a web process. Requests are greenlets, so that several of them can wait for one commit.

The danger: a commit may wait for the end of a read transaction. If a request could pause in the middle of one, commits
and requests would wait for each other.

The principle: gevent replaces nothing of the standard library. A request pauses only while it reads, answers or waits
for SQLite's lock; otherwise it runs to its end without another request in between. While a request waits for
PostgreSQL, the whole process waits.

The end: a process that has to stop closes its listener at once, so that other processes accept new connections. Then it
answers each connection that it has accepted. Some of their greenlets may not have started yet.
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

from hooks.gc_tuning import collect_less
from hooks.ledger.database import Database
from hooks.web import commit
from hooks.web.connections import Places, Server
from hooks.web.group_commit import GroupCommit
from hooks.web.refusals import Refusal, refuse

log = structlog.get_logger(__name__)

ACCEPTED_AT_ONCE = 16
"""Deliveries that come at the same time then share a commit, and the other processes get some too."""

STOPS_WITHIN_SECONDS = 0.2
"""The time between two looks at whether the process has to stop."""


class Listener:
    """The name of a listener. Its connections need the name even after the listener is closed."""

    def __init__(self, listener: socket.socket) -> None:
        self._name = listener.getsockname()

    def getsockname(self) -> Any:
        """Return the address that the listener had."""
        return self._name


class Worker(GeventWorker):
    """A web process whose deliveries share commits."""

    def patch(self) -> None:
        """Make gevent sockets of the listening sockets, and replace nothing else."""
        listeners: list[Any] = self.sockets
        self.sockets = [
            socket.socket(listener.FAMILY, socket.SOCK_STREAM, fileno=listener.sock.detach())
            for listener in listeners
        ]

    def run(self) -> None:
        """Answer requests until gunicorn says stop. Then finish those under way, within gunicorn's graceful timeout."""
        extensions = cast("Flask", self.wsgi).extensions
        extensions[commit.EXTENSION] = GroupCommit()
        # Only here: telemetry, which the service loads, reads the environment that gunicorn.conf.py sets.
        from hooks.service import EXTENSION  # noqa: PLC0415

        database: Database = extensions[EXTENSION].database
        # While one request waits for the lock, others run.
        database.wait_by(gevent.sleep, BoundedSemaphore)
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
        """Start to accept connections."""
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
        """Answer a request that could not be read, as JSON; at the end of the process, send nothing. `client` is a
        Connection."""
        if isinstance(exc, gevent.GreenletExit):
            return
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
