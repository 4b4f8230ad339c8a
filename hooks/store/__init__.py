"""Talking to a WooCommerce store over its REST API."""
