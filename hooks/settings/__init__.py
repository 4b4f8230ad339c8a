"""The settings: the environment and `.env`, read once, with the checks of each value."""

from hooks.settings.environment import Settings, StoreSettings

__all__ = ["Settings", "StoreSettings"]
