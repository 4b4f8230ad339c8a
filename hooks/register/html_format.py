"""The register as a page to print: one file that loads nothing else, A4 landscape."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template

from hooks.register.values import Disclosure, Register

TEMPLATE = Path(__file__).with_name("register.html")

Groups = list[tuple[str, list[Disclosure]]]


def as_html(register: Register) -> str:
    """Return a whole HTML document in English; every value is escaped."""
    return _template().render(register=register)


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["by_group"] = _by_group
    environment.filters["by_safeguards"] = _by_safeguards
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def _by_group(recipients: Iterable[Disclosure]) -> Groups:
    return _grouped(recipients, lambda recipient: recipient.group.label)


def _by_safeguards(recipients: Iterable[Disclosure]) -> Groups:
    return _grouped(recipients, _safeguards_of)


def _safeguards_of(recipient: Disclosure) -> str:
    return " and ".join(safeguard.label for safeguard in recipient.safeguards)


def _grouped(recipients: Iterable[Disclosure], heading: Callable[[Disclosure], str]) -> Groups:
    """Group the recipients that have the same heading, in the order in which each heading comes first."""
    groups: dict[str, list[Disclosure]] = {}
    for recipient in recipients:
        groups.setdefault(heading(recipient), []).append(recipient)
    return list(groups.items())
