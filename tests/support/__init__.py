"""Helpers that tests share: recordings, databases, and the real processes of the service and of the sandbox store."""
