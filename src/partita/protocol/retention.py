"""What retention removes: the record of one pass over the runs, whether it was done or only looked at."""

from __future__ import annotations

from typing import Any, TypedDict

from partita.protocol.artifacts import HeldRun

__all__ = ["LET_GO", "LISTED_RUNS", "LetGo", "RetentionRecord", "let_go_at"]

#: In a run's notes: what of it went earlier than the run itself, and when.
LET_GO = "let_go"
#: A record lists at most so many runs of each kind; the counts are of all.
LISTED_RUNS = 1000


class LetGo(TypedDict):
    """A run of which something goes."""

    run: str
    flow: str  # its name
    state: str
    ended_at: float | None


class RetentionRecord(TypedDict):
    """One pass."""

    at: float  # when it began
    took_s: float
    is_dry: bool  # nothing was removed
    is_automatic: bool  # nobody asked for it
    looked_at: int  # finished runs
    runs: list[LetGo]  # deleted
    logs: list[LetGo]  # whose logs went
    values: list[LetGo]  # the values of whose steps went, as far as nothing else names them
    held: list[HeldRun]  # kept though they are old enough
    counts: dict[str, int]  # of "runs", "logs", "values" and "held"
    freed_bytes: int | None  # of files; None: not known, because it was a dry one or its collection failed
    blobs: int  # removed
    trouble: str  # why it was not finished; empty: it was


def let_go_at(notes: dict[str, Any], what: str) -> float | None:
    """When "logs" or "values" of a run went; None: they did not."""
    told = notes.get(LET_GO)
    at = told.get(what) if isinstance(told, dict) else None
    return float(at) if isinstance(at, (int, float)) else None
