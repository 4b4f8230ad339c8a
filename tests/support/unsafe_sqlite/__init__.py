"""A folder for PYTHONPATH that gives a process an unsafe SQLite."""

UNSAFE_VERSION = (3, 44, 5)
"""All versions up to this one can lose commits in WAL mode."""
