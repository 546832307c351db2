"""Following a run until it ends or the user leaves it."""

from __future__ import annotations

import sys

from partita.cli import statuses
from partita.cli.failures import tell_error, tell_failures
from partita.cli.interrupts import Interrupts
from partita.cli.lines import LineDisplay, NoDisplay
from partita.cli.live import LiveDisplay
from partita.cli.output import Output
from partita.cli.session import Session
from partita.drawing.progress import Progress, warnings_of
from partita.drawing.results import result_json, result_text
from partita.errors import EngineError
from partita.protocol.requests import RunView
from partita.units import duration_text

__all__ = ["follow", "tell_detached"]

_PAGE = 2000
_PAGES = 10

Display = LiveDisplay | LineDisplay | NoDisplay


def follow(session: Session, run: str, *, is_quiet: bool) -> int:
    """Show the run until it is final, tell what it gave; gives the exit status."""
    progress = Progress()
    version = 0
    try:
        with Interrupts() as interrupts:
            while True:
                with _display(session.output, progress, is_quiet) as display:
                    version, is_final = _watch(session, run, version, progress, display, interrupts)
                if is_final:
                    break
                if not _goes_on(session, run):
                    return _left(session, run)
                interrupts.is_asked = False
    except KeyboardInterrupt:
        return _left(session, run)
    except EngineError as error:
        raise EngineError(
            f"{error}\nThe run is stored and loses nothing: `partita runs resume {run}` lets it go on."
        ) from error
    return _conclude(session, run, progress, is_quiet)


def _display(output: Output, progress: Progress, is_quiet: bool) -> Display:
    if is_quiet or output.is_json:
        return NoDisplay()
    return LiveDisplay(output, progress) if output.is_live else LineDisplay(output, progress)


def _watch(
    session: Session, run: str, version: int, progress: Progress, display: Display, interrupts: Interrupts
) -> tuple[int, bool]:
    while not interrupts.is_asked:
        view = session.workspace.watch(run, version, display.poll_s)
        version = view["version"]
        display.show(progress.take(view["run"], view["steps"]))
        if view["is_final"]:
            _catch_up(session, run, progress, display)
            return version, True
    return version, False


def _catch_up(session: Session, run: str, progress: Progress, display: Display) -> None:
    """Ask for what ended together with the run; of a huge run, only for a part."""
    if isinstance(display, NoDisplay):
        return
    after = -1
    for _ in range(_PAGES):
        page = session.workspace.steps(run, after=after, limit=_PAGE) if progress.is_behind() else []
        if not page or progress.run is None:
            return
        display.show(progress.take(progress.run, page))
        after = page[-1]["id"]


def _goes_on(session: Session, run: str) -> bool:
    """After Ctrl-C: whether to go on watching. A second Ctrl-C, while `is_asked` is still set, leaves."""
    output = session.output
    if not (output.is_live and sys.stdin.isatty()):
        return False
    output.note("The run goes on without this window.", "warn")
    output.err.write("Leave it running [l], cancel it [c], or watch on [w]? ")
    output.err.flush()
    answer = sys.stdin.readline().strip().lower()
    if answer.startswith("c"):
        session.workspace.cancel(run)
        output.note("Cancelling; running attempts are asked to stop.")
        return True
    return answer.startswith("w")


def _left(session: Session, run: str) -> int:
    if session.output.is_json:
        session.output.document({"id": run, "state": "running", "is_detached": True})
    else:
        session.output.note()
        tell_detached(session.output, run)
    return statuses.INTERRUPTED


def tell_detached(output: Output, run: str) -> None:
    """Say that the run goes on, and how to come back to it."""
    output.note(f"The run {run} goes on.")
    output.note(f"  partita runs resume {run}    watch it again (and let it go on, had it been stopped)")
    output.note(f"  partita runs logs {run} -f   what it prints")
    output.note(f"  partita runs cancel {run}    stop it")


def _conclude(session: Session, run: str, progress: Progress, is_quiet: bool) -> int:
    view = session.workspace.run(run, with_result=True)
    status = statuses.of_run(view)
    if session.output.is_json:
        session.output.document({**view, "result": result_json(view.get("result")), "exit_status": status})
        return status
    if statuses.is_refused(view) and view["error"] is not None:
        tell_error(session.output, view["error"])
        return status
    if not is_quiet:
        _summarise(session.output, view)
    for said in warnings_of(view):
        session.output.note(session.output.paint("warning:", "warn", session.output.err) + f" {said}")
    if view["state"] == "failed":
        tell_failures(session, view, progress)
    text = result_text(view.get("result"), session.output.columns(session.output.out) or 100)
    if text:
        session.output.line(text)
    return status


def _summarise(output: Output, view: RunView) -> None:
    from partita.cli.output import STATE_STYLES

    started, ended = view["started_at"] or view["created_at"], view["ended_at"]
    took = f" in {duration_text(ended - started)}" if ended is not None else ""
    steps = sum(view["counts"].values())
    adopted = view["notes"].get("adopted")
    kept = f", {adopted} taken over from {view['rerun_of']}" if adopted else ""
    symbol = output.paint(output.symbol(view["state"], output.err), STATE_STYLES.get(view["state"], ""), output.err)
    output.note(
        f"{symbol} {view['title']} {view['state']}{took} ({steps:,} step{'s' * (steps != 1)}{kept})   run {view['id']}"
    )
