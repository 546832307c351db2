"""What a run's steps printed, in its page: all of it as far as it is not too much, or the lines that hold a text."""

from __future__ import annotations

from typing import Any

from partita.api.asking import Asked
from partita.protocol.requests import RunView

__all__ = ["log_of"]

#: Characters that a page shows, and that are looked through.
_SHOWN, _LOOKED_AT = 300_000, 20_000_000
_LINES = 2000


def log_of(asked: Asked, run: RunView, find: str) -> dict[str, Any]:
    """Parts of the log: "parts", each a path, the step, and lines; whether it is "cut"; and what was looked for.

    Args:
        find: a text, in letters of any size; empty: everything.
    """
    words = find.lower()
    parts: list[dict[str, Any]] = []
    shown = looked_at = lines = 0
    is_cut = False
    for chunk in asked.workspace.logs(run["id"]):
        looked_at += len(chunk["text"])
        fitting = [line for line in chunk["text"].splitlines() if not words or words in line.lower()]
        if fitting:
            if parts and (parts[-1]["step"], parts[-1]["attempt"]) == (chunk["step"], chunk["attempt"]):
                parts[-1]["lines"] += fitting
            else:
                parts.append(
                    {"path": chunk["path"], "step": chunk["step"], "attempt": chunk["attempt"], "lines": fitting}
                )
            shown += sum(map(len, fitting))
            lines += len(fitting)
        if shown > _SHOWN or lines > _LINES or looked_at > _LOOKED_AT:
            is_cut = True
            break
    return {"parts": parts, "is_cut": is_cut, "find": find, "lines": lines}
