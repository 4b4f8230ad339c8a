"""The status report: what `/status` says, and the problems that it names."""
