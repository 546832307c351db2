"""What a launcher finds of an earlier one, which takes it a while."""

from __future__ import annotations

from partita.executors.remote.port import Launcher
from tests.waiting import wait_until

__all__ = ["found_by"]


def found_by(launcher: Launcher) -> list[str]:
    """The sessions that it finds; raises what keeps it from knowing."""
    found: list[list[str]] = []

    def is_told() -> bool:
        told = launcher.survey()
        found.extend([told] if told is not None else [])
        return bool(found)

    wait_until(is_told)
    return found[0]
