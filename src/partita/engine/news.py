"""What has changed in the workspace, as names only: a server follows it to tell its many clients."""

from __future__ import annotations

from collections import deque

__all__ = ["News"]

#: So many changes are remembered; who was away for longer looks at everything anew.
KEPT = 8192


class News:
    """The last changes, each a topic and a key: ("run", its id), ("waits", ""), ("models", "")."""

    def __init__(self, started_at: float = 0.0) -> None:
        """
        Args:
            started_at: seconds since the epoch at which the engine began: what an earlier one told is known by it.
        """
        #: Grows with each change, and slower than the microseconds of the clock: a later engine begins above all of it.
        self.version = self.origin = int(started_at * 1e6)
        self._last: deque[tuple[str, str]] = deque(maxlen=KEPT)
        #: Where the same is told, and more.
        self.outer: News | None = None

    def add(self, topic: str, key: str = "") -> None:
        self._last.append((topic, key))
        self.version += 1
        if self.outer is not None:
            self.outer.add(topic, key)

    def since(self, version: int) -> list[tuple[str, str]] | None:
        """The changes after a version, each once; None: too many, or the version is another engine's."""
        count = self.version - version
        if not self.origin <= version <= self.version or count > KEPT:
            return None
        return list(dict.fromkeys(list(self._last)[-count:])) if count else []
