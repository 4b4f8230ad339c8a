"""The shop's clock, which a test may stop, set or move."""

from datetime import UTC, datetime, timedelta


class ShopClock:
    """A clock that gives aware UTC times in whole seconds, as a store keeps them."""

    def __init__(self, frozen_at: datetime | None = None) -> None:
        self._frozen_at = frozen_at
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the current time of the shop: UTC, in whole seconds."""
        moment = self._frozen_at or datetime.now(UTC)
        return (moment + self._ahead).astimezone(UTC).replace(microsecond=0)

    def freeze(self, at: datetime | None = None) -> None:
        """Stop the clock at `at`, or at its current time. Then only `set` and `advance` move it."""
        self._frozen_at, self._ahead = at or self.now(), timedelta(0)

    def set(self, at: datetime) -> None:
        """Set the clock to `at`. It stays stopped or running as before."""
        if self._frozen_at is not None:
            self.freeze(at)
        else:
            self._ahead = at - datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Move the clock forward, or backward if `seconds` is negative."""
        self._ahead += timedelta(seconds=seconds)

    def release(self) -> None:
        """Return to the machine's time."""
        self._frozen_at, self._ahead = None, timedelta(0)
