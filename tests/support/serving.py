"""Run a server of the standard library in a thread until a block ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import TCPServer
from threading import Thread


@contextmanager
def served(server: TCPServer) -> Iterator[str]:
    """Serve on loopback until the block ends. Yield the address, without a slash at the end."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
