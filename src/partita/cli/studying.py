"""A study while it goes on, and how it stands at its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from partita.cli import statuses
from partita.cli.interrupts import Interrupts
from partita.cli.output import Output
from partita.cli.session import Session
from partita.drawing.cells import clean, fit
from partita.drawing.studies import counts_text, values_text
from partita.protocol.studies import StudyView, TrialView, TuneRequest
from partita.units import duration_text

if TYPE_CHECKING:
    from rich.live import Live

__all__ = ["conclude", "follow_study", "parameters_text"]

_EVERY_S = 5.0


def follow_study(session: Session, request: TuneRequest, *, is_quiet: bool) -> tuple[StudyView, bool]:
    """Tune, and show how it goes; how it stands at the end, and whether the user has left it before."""
    display: _Lines | _Table = _Lines(session.output, is_quiet or session.output.is_json)
    if session.output.is_live and not is_quiet:
        display = _Table(session.output)
    with Interrupts() as interrupts, display:

        def show(view: StudyView) -> bool:
            display.show(view)
            return not interrupts.is_asked

        view = session.workspace.tune(request, show)
        return view, interrupts.is_asked


def conclude(session: Session, view: StudyView, *, was_left: bool, is_quiet: bool) -> int:
    """Tell the best; gives the exit status."""
    output = session.output
    has_failed = not view["best"] and view["state"] != "running"
    status = statuses.INTERRUPTED if was_left else statuses.FAILED if has_failed else statuses.SUCCESS
    if output.is_json:
        output.document({**view, "exit_status": status})
        return status
    if not is_quiet:
        _tell_end(output, view, has_failed=has_failed)
    for trial in view["best"]:
        output.line(f"trial {trial['number']}: {clean(values_text(trial))}")
        output.line(f"  {clean(parameters_text(trial))}   run {trial['run']}")
    if was_left:
        output.note(f"What runs goes on; `partita tune --study {view['name']}` goes on with the study.")
    elif not view["best"]:
        output.note("; ".join(filter(None, ["No trial has succeeded", _last_error(view)])) + ".", "bad")
    elif not is_quiet and (error := _last_error(view)):
        output.note(f"  {error}", "dim")
    if view["state"] == "stopped" and not was_left and not is_quiet:
        output.note(f"`partita tune --study {view['name']} --failures 0` goes on, whatever fails.")
    return status


def _tell_end(output: Output, view: StudyView, *, has_failed: bool) -> None:
    mark, style = ("cancelled", "warn") if view["state"] == "stopped" else ("succeeded", "good")
    mark, style = ("failed", "bad") if has_failed else (mark, style)
    symbol = output.paint(output.symbol(mark, output.err), style, output.err)
    took = f" in {duration_text(view['took_s'])}"
    output.note(f"{symbol} {view['name']} {view['state']}{took}: {clean(view['reason'])}; {counts_text(view)}")


def _last_error(view: StudyView) -> str:
    """ "trial 2 failed: ..." of the last that did; empty: none has, or it is told already."""
    last = next((trial for trial in reversed(view.get("trials", [])) if trial["error"]), None)
    told = last["error"].partition("\n")[0] if last is not None else ""
    if last is None or not told or told in view["reason"]:
        return ""
    return f"trial {last['number']} {'was ' * (last['state'] == 'cancelled')}{last['state']}: {clean(told)}"


def parameters_text(trial: TrialView) -> str:
    """ "rate = 0.01, depth = 3"."""
    shown = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in trial["parameters"].items()}
    return ", ".join(f"{name} = {value}" for name, value in shown.items())


def _summary(view: StudyView, now: float) -> str:
    told = f"{view['name']}: {counts_text(view)}"
    if "trials" in view["budgets"]:
        told += f", of {view['budgets']['trials']:,.0f}"
    told += f"; {duration_text(view['took_s'])}"
    if view["left_s"] is not None:
        told += f", about {duration_text(view['left_s'])} to go"
    return told + (f", cost {view['cost']:.4g}" if view["cost"] else "")


class _Lines:
    """For pipes and logs: a line for what is better than all before, and one now and then."""

    def __init__(self, output: Output, is_silent: bool) -> None:
        self._output, self._is_silent = output, is_silent
        self._told_at = time.monotonic()
        self._best: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, view: StudyView) -> None:
        if self._is_silent or view["state"] != "running":
            return
        best = view["best"][0] if view["best"] else None
        if best is not None and len(view["objectives"]) == 1 and best["number"] != self._best:
            self._best = best["number"]
            self._say(f"best so far: {values_text(best)} in trial {best['number']} ({parameters_text(best)})")
        if time.monotonic() - self._told_at >= _EVERY_S:
            self._told_at = time.monotonic()
            self._say(_summary(view, time.time()))

    def _say(self, text: str) -> None:
        self._output.note(f"{time.strftime('%H:%M:%S')}  {clean(text)}")


class _Table:
    """On a terminal: how it stands, and the best, redrawn in place."""

    def __init__(self, output: Output) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(
            file=output.err, no_color=not output.has_color(output.err), highlight=False, emoji=False, markup=False
        )
        self._live: Live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, view: StudyView) -> None:
        from rich.text import Text

        room = self._console.size.width - 1
        lines = [fit(clean(_summary(view, time.time())), room)]
        lines += [
            fit(clean(f"  best: trial {trial['number']}, {values_text(trial)}; {parameters_text(trial)}"), room)
            for trial in view["best"][:3]
        ]
        if view["state"] == "running":
            lines.append("  Ctrl-C: leave; it can be gone on with")
        self._live.update(Text("\n".join(lines), no_wrap=True), refresh=True)
