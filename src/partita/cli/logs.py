"""Printing logs."""

from __future__ import annotations

from partita.cli import statuses
from partita.cli.interrupts import Interrupts
from partita.cli.listing import find_step
from partita.cli.session import Session
from partita.drawing.cells import clean, clean_log
from partita.protocol.requests import LogChunk, RunView

__all__ = ["print_logs"]


def print_logs(session: Session, run: RunView, step: str, attempt: int | None, *, is_following: bool) -> int:
    """Print the log of a step, or of all steps, each under its path."""
    number = find_step(session, run["id"], step)["id"] if step else None
    workspace = session.workspace
    if is_following:
        chunks = workspace.follow_logs(run["id"], step=number)
    else:
        chunks = workspace.logs(run["id"], step=number, attempt=attempt)
    printer = _Printer(session, has_heads=not step)
    with Interrupts() as interrupts:
        for chunk in chunks:
            printer.take(chunk)
            if interrupts.is_asked:
                return statuses.INTERRUPTED
    printer.end()
    return statuses.SUCCESS


class _Printer:
    """Writes chunks; a piece that is cut inside an escape sequence or a line is joined with what follows."""

    def __init__(self, session: Session, has_heads: bool) -> None:
        self._output = session.output
        self._has_heads = has_heads
        self._keeps_colors = self._output.has_color(self._output.out)
        self._source: tuple[int, int] | None = None
        self._left = ""

    def take(self, chunk: LogChunk) -> None:
        if self._output.is_json:
            self._output.document_line(chunk)
            return
        if not chunk["text"]:
            return
        source = (chunk["step"], chunk["attempt"])
        if source != self._source:
            self.end()
            self._source = source
            if self._has_heads:
                rule = "──" if self._output.can_show("──") else "--"
                tries = f", attempt {chunk['attempt']}" if chunk["attempt"] > 1 else ""
                self._output.line(f"{rule} {clean(chunk['path'])}{tries}", "dim")
        whole, newline, self._left = (self._left + chunk["text"]).rpartition("\n")
        if newline:
            self._write(whole + "\n")
        if len(self._left) > 1 << 20:
            self._write(self._left)
            self._left = ""

    def end(self) -> None:
        if self._left:
            self._write(self._left + "\n")
            self._left = ""

    def _write(self, text: str) -> None:
        self._output.out.write(clean_log(text, keeps_colors=self._keeps_colors))
        self._output.out.flush()
