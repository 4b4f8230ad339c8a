"""Retention Hooks: makes a WooCommerce shop's published privacy policy act."""

__version__ = "0.1.0"
