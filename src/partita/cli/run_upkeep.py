"""`partita runs`: diff, prune."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.session import Session
from partita.errors import RunError
from partita.units import duration_s

__all__ = ["diff", "prune"]

_FINISHED = ("succeeded", "failed", "cancelled", "skipped")


def diff(
    context: typer.Context,
    one: Annotated[str, typer.Argument(metavar="RUN", help='A run: its id, the beginning of its id, or "latest".')],
    other: Annotated[str, typer.Argument(metavar="[OTHER]", help="The run that it is compared with.")] = "latest",
    json: Json = False,
) -> int:
    """Tell what differs between two runs: inputs, code, steps, values, durations, reports."""
    from partita.cli.upkeep import tell_differences

    session: Session = context.obj
    found = session.workspace.compare_runs(one, other)
    if json:
        session.output.document(found)
    else:
        tell_differences(session.output, found)
    return statuses.SUCCESS


def prune(
    context: typer.Context,
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="These runs.", show_default=False)
    ] = None,
    older_than: Annotated[str, typer.Option("--older-than", help='Runs that ended before "30d".')] = "",
    keep: Annotated[int, typer.Option("--keep", min=0, help="Keep so many of the newest of each flow.")] = 0,
    flow: Annotated[str, typer.Option("--flow", help="Only runs of this flow.")] = "",
    state: Annotated[list[str] | None, typer.Option("--state", help="Only in this state; may be repeated.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell which runs would be deleted.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> int:
    """Delete finished runs with their steps and logs. Blobs that only they used go with `partita artifacts gc`."""
    from partita.cli.upkeep import tell_prunable, tell_pruned

    session: Session = context.obj
    if not (runs or older_than or keep or flow or state):
        raise typer.BadParameter("say which runs: by name, --older-than, --keep, --flow or --state")
    for word in state or ():
        if word not in _FINISHED:
            raise typer.BadParameter(f"--state is {word!r}; only finished runs are deleted: {', '.join(_FINISHED)}")
    if flow:
        from partita.cli.naming import find_flow

        flow = find_flow(session.workspace, flow)
    before = time.time() - duration_s(older_than, "--older-than") if older_than else None
    found = session.workspace.prunable_runs(runs=runs or (), flow=flow, states=state or (), before=before, keep=keep)
    if not json:
        tell_prunable(session.output, found, is_dry=dry_run)
    if found["runs"] and not (yes or dry_run) and not _is_agreed(session, json, len(found["runs"])):
        return statuses.CANCELLED
    deleted, freed_bytes = [], 0
    for run in found["runs"] if not dry_run else ():
        try:
            freed_bytes += session.workspace.delete_run(run["id"])
            deleted.append(run["id"])
        except RunError as error:  # a run that began meanwhile needs it
            found["held"].append({"run": run["id"], "reason": str(error)})
    if json:
        chosen = [run["id"] for run in found["runs"]]
        session.output.document(
            {"chosen": chosen, "deleted": deleted, "held": found["held"], "freed_bytes": freed_bytes, "is_dry": dry_run}
        )
    elif not dry_run:
        tell_pruned(session.output, deleted, freed_bytes)
    return statuses.FAILED if runs and found["held"] else statuses.SUCCESS


def _is_agreed(session: Session, is_json: bool, count: int) -> bool:
    import sys

    if is_json or not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here; --yes deletes without asking")
    return typer.confirm(f"Delete {count:,} run{'s' * (count != 1)}?", err=True)
