"""`partita runs`: list, show, logs, cancel, resume, rerun; see `run_upkeep` for diff and prune."""

from __future__ import annotations

from typing import Annotated

import typer

from partita.cli import run_upkeep as upkeep
from partita.cli import statuses
from partita.cli.inputs import parse_call
from partita.cli.listing import tell_run, tell_runs, tell_step
from partita.cli.logs import print_logs
from partita.cli.options import ForSteps, Inputs, Json, Owner, Priority, RunName, Weight
from partita.cli.session import Session

__all__ = ["register"]

_States = Annotated[
    list[str] | None,
    typer.Option("--state", help="Only in this state (running, succeeded, failed, cancelled); may be repeated."),
]
_Detach = Annotated[bool, typer.Option("--detach", help="Do not watch it.")]
_Quiet = Annotated[bool, typer.Option("--quiet", help="Print only the result, and errors.")]
_Step = Annotated[str, typer.Argument(metavar="[STEP]", help="One step: its path or its number.", show_default=False)]


def register(app: typer.Typer) -> None:
    runs = typer.Typer(help="Look at runs, stop them and let them go on.", no_args_is_help=True, epilog=statuses.LEGEND)
    runs.command("list")(list_runs)
    runs.command("show")(show)
    runs.command("explain")(explain)
    runs.command("logs")(logs)
    runs.command("cancel")(cancel)
    runs.command("resume", epilog=statuses.LEGEND)(resume)
    runs.command("rerun", epilog=statuses.LEGEND, context_settings={"ignore_unknown_options": True})(rerun)
    runs.command("diff")(upkeep.diff)
    runs.command("prune", epilog=statuses.LEGEND)(upkeep.prune)
    app.add_typer(runs, name="runs")


def list_runs(
    context: typer.Context,
    flow: Annotated[str, typer.Option("--flow", help="Only runs of this flow, or of a published one: train@3.")] = "",
    state: _States = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    json: Json = False,
) -> int:
    """List runs, the newest first."""
    session: Session = context.obj
    publication = ""
    if flow:
        from partita.cli.naming import find_any_flow

        flow, is_published = find_any_flow(session.workspace, flow)
        flow, publication = ("", flow) if is_published else (flow, "")
    found = session.workspace.runs(flow=flow, states=_known_states(state or []), limit=limit, publication=publication)
    if json:
        session.output.document(found)
    else:
        tell_runs(session.output, found)
    return statuses.SUCCESS


def _known_states(written: list[str]) -> list[str]:
    import difflib

    from partita.protocol.requests import STATES

    for word in written:
        if word not in STATES:
            near = difflib.get_close_matches(word, STATES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(STATES)}"
            raise typer.BadParameter(f"there is no state {word!r}; {hint}")
    return written


def show(
    context: typer.Context,
    run: RunName = "latest",
    step: _Step = "",
    state: _States = None,
    every: Annotated[bool, typer.Option("--all", help="Every element of maps, in a row of its own.")] = False,
    json: Json = False,
) -> int:
    """Show a run with its steps, or one step with its attempts and what it reported."""
    session: Session = context.obj
    view = session.workspace.run(run, with_result=True)
    if step:
        tell_step(session, view, step)
    else:
        tell_run(session, view, _known_states(state or []), is_whole=every)
    return statuses.SUCCESS


def explain(context: typer.Context, run: RunName = "latest", step: _Step = "", json: Json = False) -> int:
    """Tell why a run or a step went as it went: what it waited for, why it was tried again, skipped or cached."""
    from partita.cli.listing import find_step

    session: Session = context.obj
    view = session.workspace.run(run)
    number = find_step(session, view["id"], step)["id"] if step else 0
    told = session.workspace.explain(view["id"], number)
    if json:
        session.output.document(told)
        return statuses.SUCCESS
    session.output.line(f"{session.output.paint(told['path'], 'bold')}  {told['state']}")
    for fact in told["facts"]:
        session.output.line(f"  {fact['text']}")
    return statuses.SUCCESS


def logs(
    context: typer.Context,
    run: RunName = "latest",
    step: _Step = "",
    attempt: Annotated[int | None, typer.Option("--attempt", help="One attempt; default: the last.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    json: Json = False,
) -> int:
    """Print what a run's steps have printed and logged."""
    if follow and attempt is not None:
        raise typer.BadParameter(
            "--attempt names an attempt that has begun, and --follow is for those to come; give one"
        )
    session: Session = context.obj
    view = session.workspace.run(run)
    return print_logs(session, view, step, attempt, is_following=follow)


def cancel(
    context: typer.Context,
    run: RunName,
    step: _Step = "",
    force: Annotated[bool, typer.Option("--force", help="Kill running attempts without asking them first.")] = False,
    json: Json = False,
) -> int:
    """Stop a run, or one of its steps."""
    session: Session = context.obj
    view = session.workspace.run(run)
    found = None
    if step:
        from partita.cli.listing import find_step

        found = find_step(session, view["id"], step)
    session.workspace.cancel(view["id"], step=found["id"] if found else None, force=force)
    after = session.workspace.run(view["id"])
    if json:
        session.output.document(after)
    elif found is not None and found["parent"] >= 0:
        session.output.line(
            f"The step {found['path']} of run {view['id']} is being cancelled; what runs of it is asked to stop first."
        )
    elif after["state"] == "running":
        session.output.line(f"The run {view['id']} is being cancelled; running attempts are asked to stop first.")
    else:
        session.output.line(f"The run {view['id']} is {after['state']}.")
    return statuses.SUCCESS


def resume(
    context: typer.Context, run: RunName = "latest", detach: _Detach = False, quiet: _Quiet = False, json: Json = False
) -> int:
    """Let an unfinished run go on, and watch it. What has finished is not done again."""
    session: Session = context.obj
    view = session.workspace.resume(session.workspace.run(run)["id"])
    return _watch_or_leave(session, view["id"], detach, quiet)


def rerun(
    context: typer.Context,
    run: RunName = "latest",
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[--NAME VALUE | NAME=VALUE]...", help="Inputs that differ.", show_default=False),
    ] = None,
    inputs: Inputs = "",
    same_code: Annotated[bool, typer.Option("--same-code", help="With the run's own code, not today's.")] = False,
    executor: ForSteps = "",
    owner: Owner = "",
    weight: Weight = None,
    priority: Priority = None,
    again: Annotated[
        list[str] | None,
        typer.Option("--from", help="Do this step again with all that came of it, whatever has changed."),
    ] = None,
    detach: _Detach = False,
    quiet: _Quiet = False,
    json: Json = False,
) -> int:
    """Start a new run like an earlier one; what is unchanged is taken over from it."""
    session: Session = context.obj
    words = list(words or ())
    if run.startswith("-") or "=" in run:
        run, words = "latest", [run, *words]
    call = parse_call(["", *words] if words else [], inputs)
    view = session.workspace.run(run)
    texts = call.texts or None
    from partita.cli.listing import find_step

    afresh = [find_step(session, view["id"], name)["id"] for name in again or ()]
    started = session.workspace.rerun(
        view["id"], same_code=same_code, texts=texts, executor=executor, owner=owner, weight=weight, priority=priority,
        afresh=afresh,
    )  # fmt: skip
    return _watch_or_leave(session, started, detach, quiet)


def _watch_or_leave(session: Session, run: str, is_detached: bool, is_quiet: bool) -> int:
    from partita.cli.watching import follow, tell_detached

    if not is_detached:
        return follow(session, run, is_quiet=is_quiet)
    if session.output.is_json:
        session.output.document({"id": run, "is_detached": True})
    else:
        session.output.line(run)
        if not is_quiet:
            tell_detached(session.output, run)
    return statuses.SUCCESS
