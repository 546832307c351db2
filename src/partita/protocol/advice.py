"""Advice, for people and programs: plain data, as `partita advise --json` prints it."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["AdviceReport", "AdviceView"]


class AdviceView(TypedDict):
    """A proposal, with what it rests on."""

    kind: str  # "cpu", "memory", "cache", "split" or "executor"
    task: str
    flow: str  # of which it is; of several, with ", " between them
    finding: str  # what was seen, with the numbers
    proposal: str  # what to do
    option: dict[str, Any]  # the options of the task that would do it; empty: it takes another design
    can_apply: bool  # whether the settings can say it


class AdviceReport(TypedDict):
    """What was looked at, and what is proposed."""

    runs: int
    attempts: int
    advice: list[AdviceView]
    written: str  # the file that proposals were written to; empty: none was
