"""Which GPU devices a lane may see."""

from __future__ import annotations

__all__ = ["Devices"]

_ROUNDING = 1e-9


class Devices:
    """Allots whole devices to one lane each, and lets fractions share one."""

    def __init__(self, names: list[str]) -> None:
        self._free = dict.fromkeys(names, 1.0)

    def take(self, amount: float) -> tuple[tuple[str, float], ...]:
        """Allot so much of the devices; what is not there is not allotted (the engine admits, not we)."""
        if amount <= 0:
            return ()
        if amount < 1:
            return self._share(amount)
        wanted = round(amount)
        taken = tuple((name, 1.0) for name, free in self._free.items() if free >= 1 - _ROUNDING)[:wanted]
        for name, share in taken:
            self._free[name] -= share
        return taken

    def give_back(self, taken: tuple[tuple[str, float], ...]) -> None:
        """The lane is closed."""
        for name, share in taken:
            self._free[name] += share

    def _share(self, amount: float) -> tuple[tuple[str, float], ...]:
        """The fullest device that still has room, so that whole ones stay whole."""
        fitting = [(free, name) for name, free in self._free.items() if free >= amount - _ROUNDING]
        if not fitting:
            return ()
        name = min(fitting)[1]
        self._free[name] -= amount
        return ((name, amount),)
