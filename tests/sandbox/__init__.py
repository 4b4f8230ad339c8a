"""Holds the stand-in store to what a real one did: recordings first, then one habit after the other."""
