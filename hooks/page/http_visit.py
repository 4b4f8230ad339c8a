"""One visit to a web server for the published page: from which addresses it may be got, and how much of it.

The server, or whoever can change its answers, is not trusted. It must not have this machine ask others in its own
network, nor fill its memory.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Self
from urllib.parse import urlsplit

import requests
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from hooks.errors import PageError
from hooks.http_limits import OutgoingSession, body_within, redirect_target

MAX_BYTES = 2_000_000
"""Of one body, decoded."""

MAX_REDIRECTS = 5
"""Of the page and of its REST form together."""

_SECONDS_A_READ = 10.0


@dataclass(frozen=True, slots=True)
class FetchedBody:
    """A body, the address that it came from in the end, and its charset if one is named."""

    body: bytes
    final_url: str
    charset: str | None


class Visit:
    """Gets what belongs to the page at `address`.

    A redirect never leads from https to http, nor to another kind of network than the address itself: this machine, a
    link-local or another private network, the internet, or a proxy. The look-up of the name that decides is the one
    that the connection is made by. What a proxy may connect to is for the proxy's rules: it looks the names up.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._session = _SameNetworkSession(address)
        self._redirects = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, address: str) -> FetchedBody:
        """Get the body, over at most MAX_REDIRECTS. Raises PageError."""
        answer = self._ask(address)
        while isinstance(answer, str):
            self._redirects += 1
            if self._redirects > MAX_REDIRECTS:
                words = (
                    f"redirects more than {MAX_REDIRECTS} times. Use the address that it leads to"
                )
                raise PageError(f"{self._address} {words}.")
            self.check_step(address, answer)
            address = answer
            answer = self._ask(address)
        return answer

    def check_step(self, here: str, there: str) -> None:
        """Refuse the way from one address to the next by what it says of itself. Raises PageError."""
        schemes = urlsplit(here).scheme, urlsplit(there).scheme
        if schemes[1] not in ("http", "https"):
            raise PageError(
                f"{self._address} leads to what is no web address. Use the page's own address."
            )
        if schemes == ("https", "http"):
            raise PageError(
                f"{self._address} leads from https to http. Use an address that stays with https."
            )

    def _ask(self, address: str) -> FetchedBody | str:
        """Get what is at the address; or the address that it redirects to, its body unread."""
        if "@" in urlsplit(address).netloc:
            raise PageError(
                "An address with a user name or password in it is not asked: no credentials are sent."
            )
        accepted = {"Accept": "text/html, application/json"}
        try:
            with self._session.get(
                address, timeout=_SECONDS_A_READ, stream=True, headers=accepted
            ) as response:
                return redirect_target(response) or self._read(response)
        except (requests.RequestException, HTTPError, ValueError) as error:
            raise PageError(
                f"{self._address} could not be reached ({type(error).__name__})."
            ) from error

    def _read(self, response: requests.Response) -> FetchedBody:
        if response.status_code != requests.codes.ok:
            raise PageError(
                f"{self._address} answered with status {response.status_code} in place of a page."
            )
        body = body_within(response, MAX_BYTES)
        if body is None:
            raise PageError(too_large(self._address))
        charset = (
            response.encoding if "charset" in response.headers.get("Content-Type", "") else None
        )
        return FetchedBody(body, response.url, charset)


def too_large(source: str) -> str:
    """The sentence for a page of more than MAX_BYTES."""
    return f"{source} is larger than 2 MB, which no privacy policy page is."


class _SameNetworkSession(OutgoingSession):
    """Connects to the kind of network that the first connection led to, and to no other."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._network: str | None = None

    def connected(self, connection: HTTPConnection, opened: socket.socket) -> None:
        """Refuse a connection that leads elsewhere, before anything is sent. Raises PageError."""
        network = "a proxy" if connection.proxy else network_of(opened.getpeername()[0])
        self._network = self._network or network
        if network != self._network:
            raise PageError(
                f"{self._address} is on {self._network} and leads to {network}. Use the page's own address, "
                "from which no redirect leads to another network."
            )


def network_of(address: str) -> str:
    """The kind of network that an IP address is in."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip
    if ip.is_loopback or ip.is_unspecified:
        return "this machine"
    if ip.is_link_local:
        return "a link-local network"
    return "the internet" if ip.is_global else "a private network"
