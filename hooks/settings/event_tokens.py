"""The tokens with which tools report events, read from the text of one setting.

Each entry is `name:token`, or `name[type+type]:token` for a tool that may send these event types only. A comma or a new
line separates entries.

The danger: people swap or forget the parts, and then a token stands where a name should. The rule: a fault names the
entry by its number, and never repeats a part of it.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from hooks.errors import ConfigurationError
from hooks.retention.events import TOOL_EVENT_TYPES

TOKEN_LENGTH = 16
"""A shorter token could be guessed."""

_ENTRY = re.compile(r"([a-z0-9][a-z0-9-]{0,31})(?:\[([^\]:]*)\])?:(.*)")
_TOKEN = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class EventToken:
    """A tool that may post to `/events/<slug>`. `types` are the event types that it may send; None: all of a tool's."""

    name: str
    token: str = field(repr=False)
    types: frozenset[str] | None = None

    def may_send(self, event_type: str) -> bool:
        """Tell whether the tool may send events of this type."""
        return self.types is None or event_type in self.types

    def proof_of(self, body: bytes) -> str:
        """Return a hash of a body, keyed with the token: nobody without the token can try e-mails against the hash."""
        return hmac.digest(self.token.encode(), body, "sha256").hex()


def event_tokens(text: str) -> tuple[EventToken, ...]:
    """Read the text of the setting. Raises ConfigurationError with all faults, and without the text."""
    entries = [entry.strip() for entry in re.split(r"[,\n]", text) if entry.strip()]
    tokens: list[EventToken] = []
    faults: list[str] = []
    for number, entry in enumerate(entries, start=1):
        match = _ENTRY.fullmatch(entry)
        faults += [f"entry {number} {fault}" for fault in _faults(match)]
        if match:
            tokens.append(_token(match))
    names = {token.name for token in tokens}
    if len(names) < len(tokens):
        faults.append("two entries have the same name")
    secrets = {token.token for token in tokens}
    if len(secrets) < len(tokens):
        faults.append("two entries have the same token")
    if faults:
        raise ConfigurationError("; ".join(faults))
    return tuple(tokens)


def sender(tokens: Collection[EventToken], name: str | None, offered: str) -> EventToken | None:
    """Return the tool whose token was offered. Where a name was offered too, it must be the tool's.

    Compares with every token, and compares hashes, so that the time it takes tells nothing about names and tokens.
    """
    tool = None
    for token in tokens:
        is_token_right = hmac.compare_digest(_digest(token.token), _digest(offered))
        is_name_right = name is None or hmac.compare_digest(_digest(token.name), _digest(name))
        if is_token_right & is_name_right:
            tool = token
    return tool


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _faults(match: re.Match[str] | None) -> Iterator[str]:
    if match is None:
        yield "is not a name of a-z, 0-9 and -, a colon and a token"
        return
    if not _types_of(match) <= set(TOOL_EVENT_TYPES):
        yield f"names event types in its brackets that are none of {', '.join(TOOL_EVENT_TYPES)}"
    if not _TOKEN.fullmatch(match[3]):
        yield "has a token with white space or a letter that is not ASCII"
    if len(match[3]) < TOKEN_LENGTH:
        yield f"has a token that is shorter than {TOKEN_LENGTH} characters"


def _token(match: re.Match[str]) -> EventToken:
    types = None
    if match[2] is not None:
        types = _types_of(match)
    return EventToken(match[1], match[3], types)


def _types_of(match: re.Match[str]) -> frozenset[str]:
    """Return the types in the brackets. Empty brackets hold one empty name, which is no type."""
    if match[2] is None:
        return frozenset()
    return frozenset(match[2].split("+"))
