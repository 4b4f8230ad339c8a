"""The shop's idea of now, which a test may stop, set or push forward."""

from datetime import UTC, datetime, timedelta


class ShopClock:
    """Answers aware UTC times with whole seconds, as a store keeps them."""

    def __init__(self, frozen_at: datetime | None = None) -> None:
        self._frozen_at = frozen_at
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """The shop's present time: UTC, no fractions of a second."""
        moment = self._frozen_at or datetime.now(UTC)
        return (moment + self._ahead).astimezone(UTC).replace(microsecond=0)

    def freeze(self, at: datetime | None = None) -> None:
        """Stop at `at`, or where the clock stands; it then only moves when it is told to."""
        self._frozen_at, self._ahead = at or self.now(), timedelta(0)

    def set(self, at: datetime) -> None:
        """Make it `at` now, and keep on standing or running as before."""
        if self._frozen_at is not None:
            self.freeze(at)
        else:
            self._ahead = at - datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Move forward (backward where negative), running or not."""
        self._ahead += timedelta(seconds=seconds)

    def release(self) -> None:
        """Go back to the machine's own time."""
        self._frozen_at, self._ahead = None, timedelta(0)
