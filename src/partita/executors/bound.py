"""What is said by executors whose workers end with them."""

from __future__ import annotations

from partita.core.records import Demand

__all__ = ["BoundWorkers"]


class BoundWorkers:
    """Nobody can attach to such workers."""

    def place(self, lane: int) -> str:
        """They have no name that a later executor would know."""
        return ""

    def attach(self, place: str, ticket: int, name: str, is_idempotent: bool, demand: Demand) -> int | None:
        """There is none to take up."""
        return None

    def leave(self) -> None:
        """Release everything; nothing goes on."""
        self.close()

    def close(self) -> None:
        """Kill what runs and release everything."""
        raise NotImplementedError
