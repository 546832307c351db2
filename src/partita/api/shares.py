"""Who holds how much of what there is only so much of: one identity, or address, leaves some to others."""

from __future__ import annotations

from collections import Counter

__all__ = ["Shares"]


class Shares:
    """Counts it. Several threads may use it where each holds the lock of whoever it belongs to."""

    def __init__(self, most: int, of_one: int) -> None:
        """
        Args:
            most: in all.
            of_one: of these, of one.
        """
        self._most, self._of_one = most, of_one
        self._held: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return self._held.total()

    def of(self, who: str) -> int:
        """How much one holds."""
        return self._held[who]

    def is_full(self, who: str) -> bool:
        """Whether one holds all that one may."""
        return self._held[who] >= self._of_one

    def has_room(self, who: str, amount: int = 1) -> bool:
        return self.total + amount <= self._most and self._held[who] + amount <= self._of_one

    def take(self, who: str, amount: int = 1) -> None:
        self._held[who] += amount

    def give_back(self, who: str, amount: int = 1) -> None:
        self._held[who] -= amount
        if not self._held[who]:
            del self._held[who]  # nobody stays in it with none
