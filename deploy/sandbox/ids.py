"""Ids as a database gives them."""


class Ids:
    """A counter. No number comes twice; the numbers may jump, as in a busy shop."""

    def __init__(self, start: int = 1) -> None:
        self._next = start

    def take(self) -> int:
        """Return the next id."""
        self._next += 1
        return self._next - 1

    def jump_to(self, start: int) -> None:
        """Continue at `start`. Raise ValueError if it may have been given already."""
        if start < self._next:
            raise ValueError(f"{start} may have been given already")
        self._next = start
