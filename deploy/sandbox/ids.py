"""Ids as a database gives them out."""


class Ids:
    """Increasing numbers that are never given twice; they may jump, as those of a busy shop do."""

    def __init__(self, start: int = 1) -> None:
        self._next = start

    def take(self) -> int:
        """The next id."""
        self._next += 1
        return self._next - 1

    def jump_to(self, start: int) -> None:
        """Go on from `start`, which must not have been given yet."""
        if start < self._next:
            raise ValueError(f"{start} may have been given already")
        self._next = start
