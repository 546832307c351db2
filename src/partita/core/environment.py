"""What a task's environment consists of, as it was declared: plain data that flows write and executors build."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["Declaration"]


_PASSWORD = re.compile(r"//[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One environment. Equal ones are one environment, whoever declares them."""

    requirements: tuple[str, ...] = ()  # lines of a requirements file
    constraints: tuple[str, ...] = ()  # lines of a constraints file
    python: str = ""  # version ("3.12") or absolute path of the interpreter; empty: the one that runs the engine
    lock: str = ""  # folder with uv.lock and pyproject.toml, relative to the bundle; empty: there is none, "." its root
    lock_digest: str = ""  # hash of uv.lock
    groups: tuple[str, ...] = ()  # dependency groups of the lock's project that are installed too
    extras: tuple[str, ...] = ()  # optional dependencies of the lock's project, likewise
    origin: str = ""  # the file that it was read from, for people

    @property
    def text(self) -> str:
        """The declaration as a Profile carries it; equal ones give the same text."""
        import json

        given = {name: value for name, value in asdict(self).items() if value}
        return json.dumps(given, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Declaration:
        """The declaration that `text` was made from; what this version does not know is left out."""
        import json

        known = {field.name for field in fields(cls)}
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in json.loads(text).items()
            if name in known
        }
        return cls(**given)

    @property
    def title(self) -> str:
        """A short text for people."""
        what = self.origin or _PASSWORD.sub("//****@", ", ".join(self.requirements)) or "no packages"
        if len(what) > 80:
            what = f"{what[:76]} ..."
        return f"{what} on Python {self.python}" if self.python else what
