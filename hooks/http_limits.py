"""Limits of calls to other servers: no redirect is followed, an answer has a maximal size, and a call has an end.

The danger: a server may be broken or hostile. `requests` reads the whole body of a redirect, even if it does not follow
the redirect. Its time-out is the time between two bytes, so an answer that comes byte by byte never ends.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any
from urllib.parse import urljoin
from weakref import finalize

from requests import PreparedRequest, ReadTimeout, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection

OnConnect = Callable[[HTTPConnection, socket.socket], None]

_CHUNK = 65_536


class OutgoingSession(Session):
    """A session that follows no redirect, does not read its body, and never opens `.netrc`.

    It uses the proxies and certificates that the environment names.
    """

    def __init__(self) -> None:
        super().__init__()
        self.auth = _no_credentials
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(self.on_connect))

    def on_connect(self, connection: HTTPConnection, opened: socket.socket) -> None:
        """Inspect a new connection, before anything is sent over it. An error that this raises ends the call."""

    def get_redirect_target(self, resp: Response) -> str | None:
        """Return None, so that `requests` neither follows a redirect nor reads its body. See `redirect_target`."""
        del resp
        return None


class TimedSession(OutgoingSession):
    """A session whose calls can have a deadline. Only one thread at a time may use it."""

    def __init__(self) -> None:
        super().__init__()
        self._handle = _Handle()
        self._connection: HTTPConnection | None = None
        self._expired = False
        finalize(self, self._handle.close)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """End the call within the block after `seconds`, however much of the answer has arrived. Raises ReadTimeout.

        The look-up of the name and the attempt to connect are not ended: they have time-outs of their own.
        """
        self._expired = False
        timer = Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        except RequestException as error:
            if self._expired:
                raise ReadTimeout(f"no whole answer within {seconds:.0f} s") from error
            raise
        finally:
            timer.cancel()
            if self._connection and self._connection.sock is None:
                self._handle.close()
        if self._expired:  # a body without a stated length seems complete when the connection ends
            raise ReadTimeout(f"no whole answer within {seconds:.0f} s")

    def on_connect(self, connection: HTTPConnection, opened: socket.socket) -> None:
        """Keep a handle on the connection."""
        self._connection = connection
        self._handle.keep(opened)
        if self._expired:
            self._handle.cut()

    def close(self) -> None:
        """Close all connections."""
        super().close()
        self._handle.close()

    def _expire(self) -> None:
        self._expired = True
        self._handle.cut()


class _Handle:
    """A second handle on the latest connection.

    The first handle is no use: TLS takes it over, or it is closed before the body arrives.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def keep(self, opened: socket.socket) -> None:
        """Take a handle on this connection, and close the handle on the one before."""
        self.close()
        self._socket = opened.dup()

    def cut(self) -> None:
        """End the connection, also for a thread that waits for its data."""
        handle = self._socket  # another thread may close it meanwhile
        if handle:
            with suppress(OSError):  # the connection has ended by itself
                handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close this handle. The connection stays open through its first handle."""
        handle, self._socket = self._socket, None
        if handle:
            handle.close()


def redirect_target(response: Response) -> str | None:
    """Return the address that a redirect leads to, or None if the answer is no redirect.

    Raises ValueError for an address that cannot be read.
    """
    if not response.is_redirect:
        return None
    location = response.headers["Location"].encode("latin-1").decode(errors="replace")
    return urljoin(response.url, location)


def body_within(response: Response, max_bytes: int) -> bytes | None:
    """Return the decoded body, or None if it is larger than `max_bytes`. Then the remainder is not read."""
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > max_bytes:
            return None
    return bytes(body)


def _no_credentials(request: PreparedRequest) -> PreparedRequest:
    """Leave the request as it is. A session with any `auth` does not read `.netrc`."""
    return request


class _Adapter(HTTPAdapter):
    """Passes each new connection to a function, a connection to a proxy too."""

    def __init__(self, on_connect: OnConnect) -> None:
        self._on_connect = on_connect
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Observe connections that lead to the server itself."""
        super().init_poolmanager(*args, **options)
        _observe(self.poolmanager, self._on_connect)

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:
        """Observe connections that lead to a proxy."""
        is_new = proxy not in self.proxy_manager
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        if is_new:
            _observe(manager, self._on_connect)
        return manager


def _observe(manager: PoolManager, on_connect: OnConnect) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {
        scheme: _pool_class(pool, on_connect) for scheme, pool in pools.items()
    }


def _pool_class(pool: Any, on_connect: OnConnect) -> Any:
    """Derive a class of connection pools that passes new connections to `on_connect`.

    urllib3 has no hook for that, so the one method that opens sockets is overridden.
    """

    class Connection(pool.ConnectionCls):  # type: ignore[misc]  # the class is known at run time only
        def _new_conn(self) -> socket.socket:
            opened: socket.socket = super()._new_conn()
            try:
                on_connect(self, opened)
            except BaseException:
                opened.close()
                raise
            return opened

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})
