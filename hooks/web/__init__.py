"""HTTP: the server process, the endpoints, and the status report."""
