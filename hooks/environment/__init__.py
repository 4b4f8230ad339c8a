"""Settings that are more than one value, and the checks of single values."""
