"""What is told of verifying, collecting, pruning and comparing."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

from partita.cli.output import Cell, Output
from partita.drawing.cells import clean
from partita.protocol.artifacts import BlobFault
from partita.units import duration_text, size_text

__all__ = ["Counter", "tell_collection", "tell_differences", "tell_faults", "tell_prunable", "tell_pruned"]

_SHOWN = 50
_PAUSE_S = 0.2


class Counter:
    """A line on the terminal that counts blobs while they are read."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._told_at = time.monotonic()
        self._is_shown = False

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int, total: int, size: int) -> None:
        now = time.monotonic()
        if self._output.is_live and now - self._told_at >= _PAUSE_S:
            self._told_at, self._is_shown = now, True
            self._output.err.write(f"\r{done:,}/{total:,} blobs, {size_text(size)} read\x1b[K")
            self._output.err.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_shown:
            self._output.err.write("\r\x1b[K")


def tell_faults(output: Output, count: int, size: int, faults: list[BlobFault], *, is_repairing: bool) -> None:
    """Which blobs are not what they should be, and what they belong to."""
    if not faults:
        output.line(f"{_many(count, 'blob')} ({size_text(size)}) read; all are what was written.")
        return
    rows: list[list[Cell | str]] = [
        [fault["hash"][:16], Cell(fault["fault"], "bad"), _sizes(fault), "yes" if fault["is_repaired"] else "",
         ", ".join(fault["artifacts"][:4]) + (", …" if len(fault["artifacts"]) > 4 else "") or "nothing any more"]
        for fault in faults
    ]  # fmt: skip
    output.table(["BLOB", "FAULT", "SIZE", "REPAIRED", "HELD BY"], rows)
    output.line(
        f"{_many(len(faults), 'blob')} of {count:,} {'is' if len(faults) == 1 else 'are'} not what was written."
    )
    if is_repairing:
        output.flush()
        output.note(
            "`partita runs rerun RUN` makes again what its run lacks; damaged files lie in the folder `damaged` beside the blobs."
        )
    else:
        output.flush()
        output.note("`partita artifacts verify --repair` sets them aside, so that a rerun makes them again.")


def _sizes(fault: BlobFault) -> str:
    if fault["wanted_bytes"] and fault["wanted_bytes"] != fault["size_bytes"]:
        return f"{size_text(fault['size_bytes'])} of {size_text(fault['wanted_bytes'])}"
    return size_text(fault["size_bytes"])


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def tell_collection(output: Output, found: dict[str, Any]) -> None:
    """What a garbage collection has removed, or would."""
    verb = "would be removed" if found["is_dry"] else "removed"
    parts = [
        _many(found["blobs"], "blob"),
        _many(found["bundles"] + found["archives"], "copy of code").replace("copy of codes", "copies of code"),
    ]
    if found["copies"]:
        parts.append(_many(found["copies"], "local copy").replace("copys", "copies"))
    if found["runs"]:
        parts.append(f"what was left of {_many(found['runs'], 'deleted run')}")
    output.line(f"{', '.join(parts)} {verb}: {size_text(found['freed_bytes'])}.")
    output.line(f"{_many(found['kept'], 'blob')} {'is' if found['kept'] == 1 else 'are'} needed.")
    if found["young"]:
        output.line(
            f"{_many(found['young'], 'blob')} that nothing needs are too young; they may be about to be needed."
        )


def tell_prunable(output: Output, found: dict[str, Any], *, is_dry: bool) -> None:
    """The runs that are about to be deleted, and those that cannot be."""
    if found["runs"]:
        from partita.cli.listing import tell_runs

        tell_runs(output, found["runs"][:_SHOWN])
        if len(found["runs"]) > _SHOWN:
            output.flush()
            output.note(f"and {len(found['runs']) - _SHOWN:,} more")
        if is_dry:
            output.flush()
            output.note(f"{_many(len(found['runs']), 'run')} would be deleted.")
    else:
        output.flush()
        output.note("There is no finished run to delete.")
    for held in found["held"]:
        output.flush()
        output.note(f"kept: {held['run']}: {clean(held['reason'])}")


def tell_pruned(output: Output, deleted: list[str], freed_bytes: int) -> None:
    if deleted:
        output.line(f"{_many(len(deleted), 'run')} deleted; {size_text(freed_bytes)} of logs and checkpoints freed.")
        output.flush()
        output.note("`partita artifacts gc` frees the blobs and code that only they needed.")


def tell_differences(output: Output, found: dict[str, Any]) -> None:
    """What differs between two runs, in words."""
    one, other = found["runs"]
    for sign, run in (("-", one), ("+", other)):
        took = duration_text(run["ended_at"] - run["started_at"]) if run["ended_at"] and run["started_at"] else ""
        output.line(f"{sign} {run['id']}  {run['title']}  {run['state']}  {took}")
    for title, part in (("inputs", found["inputs"]), ("options", found["options"]), ("reports", found["reports"])):
        _tell_part(output, title, [f"{clean(name)}: {_pair(*pair)}" for name, pair in part.items()])
    code = found["code"]
    _tell_part(output, "code", [f"{how}: {', '.join(names[:20])}" for how, names in code.items() if names])
    _tell_part(output, "steps that are new", found["added"])
    _tell_part(output, "steps that are gone", found["vanished"])
    _tell_part(output, "steps that differ", [_change_text(change) for change in found["changed"]])
    slower = [f"{row['path']}: {' -> '.join(map(duration_text, row['seconds']))}" for row in found["durations"]]
    _tell_part(output, "durations", slower)
    if one["bundle"] == other["bundle"]:
        output.line("The code is the same.")
    if not any(found[part] for part in ("inputs", "options", "reports", "added", "vanished", "changed")):
        output.line("Inputs, steps and values are the same.")


def _tell_part(output: Output, title: str, lines: list[str]) -> None:
    if lines:
        output.line(title, "dim")
        for line in lines[:_SHOWN]:
            output.line(f"  {clean(line)}")
        if len(lines) > _SHOWN:
            output.line(f"  and {len(lines) - _SHOWN:,} more; --json has all")


def _pair(one: Any, other: Any) -> str:
    told = ["(none)" if value is None else str(value) for value in (one, other)]
    return " -> ".join(told)


def _change_text(change: dict[str, Any]) -> str:
    parts = []
    if "state" in change:
        parts.append(" -> ".join(change["state"]))
    if change.get("code"):
        parts.append("its code")
    if "value" in change:
        parts.append(f"value {_pair(*(value or None for value in change['value']))}")
    if "attempts" in change:
        parts.append(f"attempts {_pair(*change['attempts'])}")
    return f"{change['path']}: {', '.join(parts)}"
