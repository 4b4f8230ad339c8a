"""The register of processing activities as of today, by the policy in force."""

from __future__ import annotations

from hooks.register.activities import register
from hooks.register.values import Register
from hooks.service import Service


def drawn_up(here: Service) -> Register:
    """With the stores that the settings name; today is the day in the policy's time zone. Reads no records."""
    today = here.ingest.clock().astimezone(here.policy.time_zone).date()
    return register(
        here.policy,
        on=today,
        stores={slug: store.url for slug, store in here.settings.stores.items()},
        has_hashes=here.settings.subject_key is not None,
    )
