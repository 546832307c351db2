"""The names that runs, flows and people go by."""

from __future__ import annotations

import getpass
import secrets
import time
from pathlib import Path

from partita.core.standing import owner_of
from partita.errors import OptionError

__all__ = ["me", "name_in_file", "new_run_id"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_run_id() -> str:
    """An id that sorts by time: eight characters of time in milliseconds, four of chance."""
    number = (int(time.time() * 1000) % (1 << 40)) << 20 | secrets.randbits(20)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(55, -1, -5))


def me() -> str:
    """Who is logged in here; empty: the system has no name for them."""
    try:
        return owner_of(getpass.getuser())
    except (OSError, KeyError, ImportError, OptionError):
        return ""


def name_in_file(folder: Path, flow: str) -> str:
    """The name that a YAML file gives its flow; empty: none, or no such file."""
    place = flow.rpartition(":")[0]
    if not place.endswith((".yaml", ".yml")):
        return ""
    from partita.flow.yaml.source import name_in

    try:
        return name_in((folder / place).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ""
