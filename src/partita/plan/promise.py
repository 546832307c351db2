"""The promise to what does not fit now that it begins at a time, and what others may still take until then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from partita.plan.tournament import Asked

__all__ = ["Promise", "Room"]

#: What runs for longer than it was thought to is thought to end after so many seconds more.
_OVERDUE_S = 0.1
#: Seconds that are taken for nothing.
_INSTANT_S = 1e-9

D = TypeVar("D")
D_contra = TypeVar("D_contra", contravariant=True)


class Room(Protocol[D_contra]):
    """What can be held at once, as `core.resources.Pool` is one."""

    def free(self) -> dict[Any, float]:
        """What is free of each resource."""
        ...

    def amounts(self, demand: D_contra, /) -> Asked:
        """What the demand asks for."""
        ...

    def fits(self, demand: D_contra, /) -> bool:
        """Whether the demand may be had now, for which it is not enough that so much is free."""
        ...

    def share(self, demand: D_contra, /) -> float:
        """The largest part of any resource that the demand takes."""
        ...


class Promise:
    """When a demand will be free, by what running attempts are thought to take, and what else will be free then."""

    __slots__ = ("_spare", "until_s")

    def __init__(self, until_s: float, spare: dict[Any, float]) -> None:
        """
        Args:
            until_s: what ends by then delays nothing.
            spare: what is free beside what was promised.
        """
        self.until_s, self._spare = until_s + _INSTANT_S, spare

    @classmethod
    def make(
        cls,
        room: Room[D],
        demand: D,
        now_s: float,
        running: Iterable[tuple[float, D]],
        *,
        is_strict: bool = False,
    ) -> Promise | None:
        """The promise of a demand; None: nothing that runs here is in its way, so that nothing here brings it nearer.

        Args:
            running: (monotonic time at which it is thought to end, what it holds) of all that holds something here; what ends
                first comes first.
            is_strict: nothing is believed of how long anything takes.
        """
        asked, spare = room.amounts(demand), room.free()
        for name, _ in asked:
            if name not in spare:
                return None
        for end_s, ended in running:
            for name, amount in room.amounts(ended):
                spare[name] += amount
            for name, amount in asked:
                if spare[name] < amount:
                    break
            else:
                for name, amount in asked:
                    spare[name] -= amount
                return cls(now_s if is_strict else max(end_s, now_s + _OVERDUE_S), spare)
        return None

    def has_room(self, asked: Asked) -> bool:
        """Whether there is room for so much beside what was promised, however long it is held."""
        spare = self._spare
        for name, amount in asked:
            if spare[name] < amount:
                return False
        return True

    def take(self, asked: Asked) -> None:
        """Something that may run for longer holds so much."""
        for name, amount in asked:
            self._spare[name] -= amount
