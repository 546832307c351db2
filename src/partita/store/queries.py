"""Statements by name, from a file in which each block starts with `-- name: x`."""

from __future__ import annotations

from pathlib import Path

__all__ = ["read_statements"]

_MARK = "-- name:"


def read_statements(file: Path) -> dict[str, str]:
    """The file's statements without their comments.

    Raises:
        ValueError: two have the same name.
    """
    lines: dict[str, list[str]] = {}
    name = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(_MARK):
            name = line[len(_MARK) :].strip()
            if name in lines:
                raise ValueError(f"{file.name} has two statements named {name}")
            lines[name] = []
        elif name and line.strip() and not line.lstrip().startswith("--"):
            lines[name].append(line.strip())
    return {name: " ".join(parts) for name, parts in lines.items()}
