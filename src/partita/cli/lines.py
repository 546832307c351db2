"""A run as plain lines, for pipes and logs: a line a step, but one now and then for the elements of a map."""

from __future__ import annotations

import time
from typing import Self

from partita.cli.output import STATE_STYLES, Output
from partita.drawing.cells import clean
from partita.drawing.progress import Group, Progress
from partita.protocol.requests import StepView
from partita.units import duration_text

__all__ = ["LineDisplay", "NoDisplay"]

_EVERY_S = 5.0
_FAILURES_SHOWN = 5
_TOLD = frozenset({"running", "waiting", "succeeded", "failed", "cancelled", "skipped"})


class LineDisplay:
    """Prints to the standard error."""

    poll_s = 1.0

    def __init__(self, output: Output, progress: Progress) -> None:
        self._output = output
        self._progress = progress
        self._counted: dict[Group, tuple[int, float]] = {}  # done when told last, and when that was
        self._failures: dict[Group, int] = {}
        self._notes: dict[Group, tuple[str, float]] = {}  # told last of a step that is ready, and when that was

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tell_counts(is_end=True)

    def show(self, changed: list[tuple[Group, StepView]]) -> None:
        for group, step in changed:
            if "[" in group.name:
                self._tell_failure(group, step)
            elif step["state"] in _TOLD:
                self._line(step["state"], step["path"], _detail(step))
        self._tell_notes()
        self._tell_counts(is_end=False)

    def _tell_notes(self) -> None:
        """What a step waits for that could run: its environment."""
        now = time.monotonic()
        for group in self._progress.groups.values():
            step = group.latest
            if step is not None and step["state"] == "ready" and step["progress"] and step["progress"][2]:
                note, told_at = self._notes.get(group, ("", now - _EVERY_S))
                if step["progress"][2] != note and now - told_at >= _EVERY_S:
                    self._notes[group] = (step["progress"][2], now)
                    self._line("ready", step["path"], step["progress"][2])

    def _tell_failure(self, group: Group, step: StepView) -> None:
        if step["state"] == "failed":
            told = self._failures[group] = self._failures.get(group, 0) + 1
            if told <= _FAILURES_SHOWN:
                self._line("failed", step["path"], _detail(step))

    def _tell_counts(self, is_end: bool) -> None:
        now = time.monotonic()
        for group in self._progress.groups.values():
            if "[" not in group.name:
                continue
            done, told_at = self._counted.get(group, (0, now - _EVERY_S if group.total > 1 else now))
            is_whole = group.done == group.total
            if group.done != done and (is_whole or is_end or now - told_at >= _EVERY_S):
                self._counted[group] = (group.done, now)
                failed = group.counts.get("failed", 0)
                told = f"{group.done:,} of {group.total:,} done" + (f", {failed:,} failed" if failed else "")
                self._line(group.state, group.name, told)

    def _line(self, state: str, path: str, detail: str) -> None:
        painted = self._output.paint(f"{state:<9}", STATE_STYLES.get(state, ""), self._output.err)
        clock = time.strftime("%H:%M:%S")
        self._output.note(f"{clock}  {painted}  {clean(path)}" + (f"  {clean(detail)}" if detail else ""))


def _detail(step: StepView) -> str:
    if step["state"] == "succeeded":
        started, ended = step["started_at"], step["ended_at"]
        took = duration_text(ended - started) if started is not None and ended is not None else ""
        return ", ".join([*(mark for mark in ("adopted", "cached") if mark in step["marks"]), *filter(None, [took])])
    if step["kind"] == "wait" and step["state"] == "waiting":
        return f"{step['preview']}   (`partita waits` tells more)" if step["preview"] else ""
    if step["state"] == "running":
        return f"attempt {step['attempts']}" if step["attempts"] > 1 else ""
    error = step["error"]
    if error is None:
        return ""
    if "unmet" in step["marks"]:
        return error.get("message", "")
    return f"{error.get('type', '')}: {error.get('message', '')}".strip(": ").split("\n")[0]


class NoDisplay:
    """Shows nothing."""

    poll_s = 1.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, changed: list[tuple[Group, StepView]]) -> None:
        return None
