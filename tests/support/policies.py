"""Variants of the shipped policy, made by editing its text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hooks.retention.policy import Policy
from schemas.policy import read_policy


def variant(
    policy: Policy,
    id: str = "next",  # noqa: A002 - the policy file's own word
    *,
    effective_from: str = "2026-02-01",
    version: str = "",
    keep: Mapping[str, str] | None = None,
    newsletter: str = "",
    roles: Sequence[str] = (),
    comment: str = "",
) -> Policy:
    """The policy with another id. `keep` replaces periods by class, `newsletter` adds a meta key that holds a choice,
    `roles` replaces the customer roles."""
    text = _once(r'^id = ".*"$', f'id = "{id}"', policy.text)
    text = _once(r"^effective_from = \S+", f"effective_from = {effective_from}", text)
    if version:
        text = _once(r'^version = ".*"$', f'version = "{version}"', text)
    for name, period in (keep or {}).items():
        text = _once(rf'(^\[classes\.{name}\]\n(?:.+\n)*?keep = )".*"$', rf'\g<1>"{period}"', text)
    if roles:
        text = f"customer_roles = {list(roles)}\n{text}"
    if newsletter:
        text = _once(r"^meta_keys = \[", f'meta_keys = ["{newsletter}", ', text)
    return read_policy(f"# {comment}\n{text}" if comment else text, "a test's policy")


def _once(pattern: str, replacement: str, text: str) -> str:
    found, number = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
    assert number == 1, pattern
    return found
