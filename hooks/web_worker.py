"""How gunicorn runs a web process: requests are greenlets, so that several of them can wait for one commit.

Nothing of the standard library is replaced: but for reading, answering and waiting for SQLite's lock, a request runs
from its start to its end without another one in between. So no request stops amid a read transaction, for whose end a
commit may wait. While PostgreSQL is waited for, the whole process waits.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import gevent
import structlog
from flask import Flask
from gevent import socket
from gevent.lock import BoundedSemaphore
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker

from hooks.collecting import collect_less
from hooks.group_commit import Group
from hooks.ledger.database import Database

log = structlog.get_logger(__name__)

ACCEPTED_AT_ONCE = 16
"""So that those who come at the same time are taken together, and the other processes get some, too."""


class Worker(GeventWorker):
    """A web process whose deliveries share commits."""

    def patch(self) -> None:
        """Only the sockets that are listened on wait for others while they wait."""
        listened: list[Any] = self.sockets
        self.sockets = [socket.socket(one.FAMILY, socket.SOCK_STREAM, fileno=one.sock.detach()) for one in listened]

    def run(self) -> None:
        """Answer requests until gunicorn says stop; then, in the time that it gives, those under way."""
        extensions = cast("Flask", self.wsgi).extensions
        extensions["group"] = Group()
        database: Database = extensions["retention"].database
        database.wait_by(gevent.sleep, BoundedSemaphore)  # while one waits, others say what they have
        collect_less()
        log.info("web.started", ledger=database.description)
        servers = [self._serve(listener) for listener in self.sockets]
        while self.alive:
            self.notify()
            gevent.sleep(1.0)
        for server in servers:
            server.close()
        gevent.joinall([gevent.spawn(server.stop, timeout=self.cfg.graceful_timeout) for server in servers])

    def _serve(self, listener: socket.socket) -> StreamServer:
        listener.setblocking(True)
        server = StreamServer(listener, handle=partial(self.handle, listener), spawn=Pool(self.worker_connections))
        server.max_accept = ACCEPTED_AT_ONCE
        server.start()
        return server
