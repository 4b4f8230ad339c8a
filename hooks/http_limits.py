"""Calls to other servers, with limits: no redirect is followed, an answer has a size, and a call has an end.

A server may be broken or hostile. `requests` reads the body of a redirect whole, even where it does not follow the
redirect, and its time-outs hold between two bytes: an answer that drips never ends.
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

Connected = Callable[[HTTPConnection, socket.socket], None]

_CHUNK = 65_536


class OutgoingSession(Session):
    """A session that follows no redirect, leaves its body unread and never opens `.netrc`.

    Proxies and certificates of the environment count.
    """

    def __init__(self) -> None:
        super().__init__()
        self.auth = _no_credentials
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(self.connected))

    def connected(self, connection: HTTPConnection, opened: socket.socket) -> None:
        """Look at a new connection before anything is sent over it; what this raises, the call raises."""

    def get_redirect_target(self, resp: Response) -> str | None:
        """None, so that `requests` neither follows a redirect nor reads its body; see `redirect_target`."""
        del resp
        return None


class TimedSession(OutgoingSession):
    """A session whose calls can be given an end. One thread at a time may use it."""

    def __init__(self) -> None:
        super().__init__()
        self._handle = _Handle()
        self._connection: HTTPConnection | None = None
        self._expired = False
        finalize(self, self._handle.close)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """End the call within the block after `seconds`, whatever has come until then. Raises ReadTimeout then.

        The look-up of the name and the attempt to connect are not cut short: they have time-outs of their own.
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
        if self._expired:  # a body of no stated length only seems to have ended
            raise ReadTimeout(f"no whole answer within {seconds:.0f} s")

    def connected(self, connection: HTTPConnection, opened: socket.socket) -> None:
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
    """A second handle on the latest connection: TLS takes the first, or it is closed before the body comes."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def keep(self, opened: socket.socket) -> None:
        """Have one on this, in place of any other."""
        self.close()
        self._socket = opened.dup()

    def cut(self) -> None:
        """End the connection, whoever waits for it."""
        if held := self._socket:
            with suppress(OSError):  # it has ended by itself
                held.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Leave the connection to its first handle."""
        held, self._socket = self._socket, None
        if held:
            held.close()


def redirect_target(response: Response) -> str | None:
    """The address that a redirect leads to; None where the answer is no redirect. Raises ValueError for nonsense."""
    if not response.is_redirect:
        return None
    location = response.headers["Location"].encode("latin-1").decode(errors="replace")
    return urljoin(response.url, location)


def body_within(response: Response, most_bytes: int) -> bytes | None:
    """The decoded body; None where it has more bytes than that. The rest of it is left unread."""
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > most_bytes:
            return None
    return bytes(body)


def _no_credentials(request: PreparedRequest) -> PreparedRequest:
    """Any `auth` keeps `.netrc` unread."""
    return request


class _Adapter(HTTPAdapter):
    """Hands on each connection as soon as it stands, that to a proxy too."""

    def __init__(self, connected: Connected) -> None:
        self._connected = connected
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Observe connections that lead to the server itself."""
        super().init_poolmanager(*args, **options)
        _observe(self.poolmanager, self._connected)

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:
        """Observe connections that lead to a proxy."""
        is_new = proxy not in self.proxy_manager
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        if is_new:
            _observe(manager, self._connected)
        return manager


def _observe(manager: PoolManager, connected: Connected) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {
        scheme: _observed(pool, connected) for scheme, pool in pools.items()
    }


def _observed(pool: Any, connected: Connected) -> Any:
    """A class of connection pools like `pool`. urllib3 has one method that opens sockets, and no hook for it."""

    class Connection(pool.ConnectionCls):  # type: ignore[misc]  # the class is known at run time only
        def _new_conn(self) -> socket.socket:
            opened: socket.socket = super()._new_conn()
            try:
                connected(self, opened)
            except BaseException:
                opened.close()
                raise
            return opened

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})
