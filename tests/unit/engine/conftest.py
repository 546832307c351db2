"""The fixture that the plugin gives to whoever installs Partita."""

from __future__ import annotations

from partita.testing.pytest_plugin import workspace

__all__ = ["workspace"]
