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
from unicodedata import category

from hooks.errors import ConfigurationError

_ENTITY = re.compile(
    r"&(amp|lt|gt|quot|#0*38|#0*60|#0*62|#0*34|#0*39|#[xX]0*(?:26|3[cC]|3[eE]|22|27));"
)
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"'}

SHORTEST = 16
"""A shorter secret could be guessed, and whoever knows it can forge deliveries."""

SHORTEST_ALONE = 12
"""A shop whose secret is a little too short goes on when this service is upgraded; `store check` names it. On a line of
its own it counts, too, while it is rotated."""

_BLANKS = "\t\n\r"
_QUOTES = ("'", '"')
_ODD_QUOTES = ("“", "”", "„", "‘", "’", "‚", "«", "»")


def signing_keys(secret: str) -> frozenset[bytes]:
    """The keys with which a store that was given `secret` may sign.

    WooCommerce decodes the five HTML special characters in a secret before it signs: one that is stored as
    `a&amp;b` signs as `a&b`. Which of the two forms was typed in here cannot be known, so both count.
    """
    return frozenset({secret.encode(), _ENTITY.sub(_decoded, secret).encode()})


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """The secrets of one store, the current one first. `others` are other readings of the same text, which count too.
    Both are empty where the text holds none."""

    secrets: tuple[str, ...] = field(default=(), repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_text(cls, text: str) -> WebhookSecrets:
        """Read the text of a setting or of a file. Raises ConfigurationError, which never shows the text."""
        if any(
            category(character) in ("Cc", "Cs") and character not in _BLANKS for character in text
        ):
            raise ConfigurationError("holds a control character, or is not text in UTF-8")
        lines = [line.removesuffix("\r") for line in text.split("\n") if _plain(line)]
        secrets: list[str] = []
        others: list[str] = []
        for line in lines:
            parts = _parts(line)
            is_list = len(lines) == 1 and bool(parts)
            secrets += [_plain(part) for part in parts] if is_list else [_plain(line)]
            for reading in (line, *parts):
                others += _readings(reading)
        _check(secrets, one_a_line=len(secrets) == len(lines))
        long_enough = [other for other in others if is_long_enough(other)]
        return cls(_once(secrets), _once(other for other in long_enough if other not in secrets))


def is_long_enough(secret: str, shortest: int = SHORTEST) -> bool:
    """Tell whether no key that a secret stands for could be guessed. The key is shorter where entities are decoded."""
    return all(len(key.decode()) >= shortest for key in signing_keys(secret))


def _parts(line: str) -> list[str]:
    """The parts of a line between commas; none where one of them is too short to be a secret. Nothing between two
    commas, or before the first or after the last, is no part."""
    parts = [part for part in _plain(line).split(",") if part.strip()]
    return parts if all(is_long_enough(_plain(part)) for part in parts) else []


def _readings(text: str) -> list[str]:
    """What a secret may be that was typed so: without what stands around it, then with it."""
    return [_plain(text), text.strip(), text]


def _plain(text: str) -> str:
    """Drop the white space around a text, and one pair of plain quotes."""
    text = text.strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES
    return text[1:-1] if is_quoted else text


def _check(secrets: Sequence[str], *, one_a_line: bool) -> None:
    """Raises ConfigurationError. A line is one secret without a doubt, where there is no comma in it."""
    for secret in secrets:
        if secret.startswith(_ODD_QUOTES) or secret.endswith(_ODD_QUOTES):
            raise ConfigurationError("begins or ends with a quote that is not a plain one")
        is_alone = one_a_line and "," not in secret
        shortest = SHORTEST_ALONE if is_alone else SHORTEST
        if not is_long_enough(secret, shortest):
            raise ConfigurationError(
                f"holds a secret that is shorter than {SHORTEST} characters and could be guessed; set a longer one, in "
                "the store's webhooks too"
            )


def _once(secrets: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(secrets))


def _decoded(match: re.Match[str]) -> str:
    name = match[1]
    if name in _NAMED:
        return _NAMED[name]
    digits = name[1:]
    return chr(int(digits[1:], 16) if digits[0] in "xX" else int(digits))
