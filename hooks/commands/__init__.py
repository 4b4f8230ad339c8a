"""The commands of `flask --app wsgi …`. `console` explains their exit statuses."""

from __future__ import annotations

import click

from hooks.commands.audit import audit_group
from hooks.commands.db import db_group
from hooks.commands.people import people_group
from hooks.commands.policy import policy_group
from hooks.commands.policy_page import policy_check, policy_import
from hooks.commands.policy_register import policy_register
from hooks.commands.record import record_group
from hooks.commands.rights import rights
from hooks.commands.store import store_group
from hooks.commands.store_backfill import store_backfill
from hooks.commands.store_install import store_install
from hooks.commands.store_rotate_secret import store_rotate_secret
from hooks.commands.worker import run_worker

STORE_COMMANDS = (store_install, store_rotate_secret, store_backfill)
POLICY_COMMANDS = (policy_check, policy_import, policy_register)


def commands() -> tuple[click.Command, ...]:
    """Return all commands and groups of commands."""
    for command in STORE_COMMANDS:
        store_group.add_command(command)
    for command in POLICY_COMMANDS:
        policy_group.add_command(command)
    return (
        run_worker,
        store_group,
        policy_group,
        record_group,
        people_group,
        rights,
        audit_group,
        db_group,
    )
