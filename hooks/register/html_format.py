"""The register as a page to print: one file that loads nothing else, A4 landscape."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template

from hooks.register.values import Disclosure, Register

TEMPLATE = Path(__file__).with_name("register.html")

Grouped = list[tuple[str, list[Disclosure]]]


def as_html(register: Register) -> str:
    """A whole HTML document in English; every value is escaped."""
    return _template().render(register=register)


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"by_group": _by_group, "by_safeguards": _by_safeguards}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def _by_group(recipients: Iterable[Disclosure]) -> Grouped:
    return _grouped(recipients, lambda item: item.group.label)


def _by_safeguards(recipients: Iterable[Disclosure]) -> Grouped:
    return _grouped(
        recipients, lambda item: " and ".join(safeguard.label for safeguard in item.safeguards)
    )


def _grouped(recipients: Iterable[Disclosure], words: Callable[[Disclosure], str]) -> Grouped:
    """Those of which `words` says the same, together; in the order in which each comes first."""
    found: dict[str, list[Disclosure]] = {}
    for item in recipients:
        found.setdefault(words(item), []).append(item)
    return list(found.items())
