"""The secrets with which a store signs its webhooks, read from the text of one setting.

The danger: WooCommerce makes secrets of 50 printable characters. Four in ten of them have a comma, which also separates
secrets, and one may begin or end with a blank or a quote, which people also type around a value. A secret that is cut
in the wrong place refuses every delivery, and a piece of one letter would be a key that anybody can guess.

The rule: nobody can know how the text was meant, so each reading of it counts that is long enough to be a key.

- A text of several lines has a secret in each; a text of one line may have several, separated by commas.
- The parts between commas count only where all of them are long enough. The line as a whole always counts.
- Blanks and a pair of plain quotes around a secret are not part of it; the text with them counts too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hooks.errors import ConfigurationError
from hooks.settings.plain_text import has_control_character, has_typographic_quote, strip_quotes

_ENTITY = re.compile(
    r"&(amp|lt|gt|quot|#0*38|#0*60|#0*62|#0*34|#0*39|#[xX]0*(?:26|3[cC]|3[eE]|22|27));"
)
_NAMED_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"'}

SHORTEST = 16
"""A shorter secret could be guessed, and whoever knows it can forge deliveries."""

SHORTEST_ALONE = 12
"""A secret without a comma, on a line of its own, may be as short as this.

So a shop whose secret is a little too short still works after an upgrade of this service. `store check` then asks for a
longer one."""


def signing_keys(secret: str) -> frozenset[bytes]:
    """Return the keys with which a store may sign that was given `secret`.

    WooCommerce decodes the five HTML special characters in a secret before it signs: one that is stored as
    `a&amp;b` signs as `a&b`. Nobody can know which of the two forms was typed into the settings, so both count.
    """
    return frozenset({secret.encode(), _ENTITY.sub(_decode_entity, secret).encode()})


def _decode_entity(match: re.Match[str]) -> str:
    name = match[1]
    if name in _NAMED_ENTITIES:
        return _NAMED_ENTITIES[name]
    digits = name[1:]
    if digits[0] in "xX":
        return chr(int(digits[1:], 16))
    return chr(int(digits))


def is_long_enough(secret: str, shortest: int = SHORTEST) -> bool:
    """Tell whether no key of a secret could be guessed. The key is shorter where entities are decoded."""
    return all(len(key.decode()) >= shortest for key in signing_keys(secret))


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """The secrets of one store, the current one first, and other `readings` of the same text, which may sign too.

    Both are empty where the text holds no secret.
    """

    secrets: tuple[str, ...] = field(default=(), repr=False)
    readings: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_text(cls, text: str) -> WebhookSecrets:
        """Read the text of a setting or of a file. Raises ConfigurationError, which never shows the text."""
        if has_control_character(text):
            raise ConfigurationError("holds a control character, or is not text in UTF-8")
        lines = [line.removesuffix("\r") for line in text.split("\n") if strip_quotes(line)]
        secrets: list[str] = []
        readings: list[str] = []
        for line in lines:
            parts = _parts(line)
            if len(lines) == 1 and parts:
                secrets += map(strip_quotes, parts)
            else:
                secrets.append(strip_quotes(line))
            for part in (line, *parts):
                readings += (strip_quotes(part), part.strip(), part)
        _check(secrets, is_one_a_line=len(secrets) == len(lines))
        return cls(_distinct(secrets), _other_readings(readings, secrets))


def _parts(line: str) -> list[str]:
    """Return the parts of a line between commas, or none where one of them is too short to be a secret.

    Nothing between two commas, before the first or after the last, is no part.
    """
    parts = [part for part in strip_quotes(line).split(",") if part.strip()]
    if all(is_long_enough(strip_quotes(part)) for part in parts):
        return parts
    return []


def _check(secrets: Sequence[str], *, is_one_a_line: bool) -> None:
    """Raise ConfigurationError for a secret that could be guessed, or that a word processor changed.

    A line without a comma is one secret without a doubt, so it may be a little shorter.
    """
    for secret in secrets:
        if has_typographic_quote(secret):
            raise ConfigurationError("begins or ends with a quote that is not a plain one")
        shortest = SHORTEST
        if is_one_a_line and "," not in secret:
            shortest = SHORTEST_ALONE
        if not is_long_enough(secret, shortest):
            raise ConfigurationError(
                f"holds a secret that is shorter than {SHORTEST} characters and could be guessed; set a longer one, in "
                "the store's webhooks too"
            )


def _other_readings(readings: Iterable[str], secrets: Sequence[str]) -> tuple[str, ...]:
    """Return the readings that are long enough to be a key, without the secrets themselves."""
    others = [reading for reading in readings if reading not in secrets]
    return _distinct(filter(is_long_enough, others))


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
