"""`partita flows`: list, versions, show, diff, promote, rollback, stages, gates, check, retire."""

from __future__ import annotations

from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.session import Session
from partita.errors import NotFoundError
from partita.protocol.publications import parse_publication

__all__ = ["register"]

_Version = Annotated[
    str,
    typer.Argument(metavar="NAME[@VERSION]", help='A version: "train", "train@3", "train@staging", "train@latest".'),
]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="A published flow.")]
_Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for the history.", show_default=False)]
_By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; default: you.", show_default=False)]
_Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")]


def register(app: typer.Typer) -> None:
    flows = typer.Typer(
        help="Published flows: their versions and stages.", no_args_is_help=True, epilog=statuses.LEGEND
    )
    flows.command("list")(list_flows)
    flows.command("versions")(versions)
    flows.command("show")(show)
    flows.command("diff")(diff)
    flows.command("stages")(stages)
    flows.command("promote")(promote)
    flows.command("rollback")(rollback)
    flows.command("gates")(gates)
    flows.command("retire")(retire)
    app.add_typer(flows, name="flows")


def list_flows(context: typer.Context, limit: _Limit = 50, json: Json = False) -> int:
    """List the published flows, each with its newest version and its stages."""
    from partita.cli.flow_tables import tell_flows

    session: Session = context.obj
    found = session.workspace.publications(limit=limit)
    rows = [(view, session.workspace.stages(view["name"])) for view in found]
    if json:
        session.output.document([{**view, "all_stages": held} for view, held in rows])
    else:
        tell_flows(session.output, rows)
    return statuses.SUCCESS


def versions(context: typer.Context, name: _Name, limit: _Limit = 20, json: Json = False) -> int:
    """List the versions of a flow, the newest first."""
    from partita.cli.flow_tables import tell_versions

    session: Session = context.obj
    found = session.workspace.publications(name, limit=limit)
    if json:
        session.output.document(found)
    else:
        tell_versions(session.output, found)
    return statuses.SUCCESS


def show(context: typer.Context, name: _Version, json: Json = False) -> int:
    """Show a version: what it takes, its steps, and where it came from."""
    from partita.cli.flow_tables import tell_version

    session: Session = context.obj
    view = session.workspace.publication(name)
    if json:
        session.output.document(view)
    else:
        tell_version(session.output, view)
    return statuses.SUCCESS


def diff(
    context: typer.Context,
    name: _Name,
    one: Annotated[str, typer.Argument(metavar="A", help='A version: a number, a stage or "latest".')],
    other: Annotated[str, typer.Argument(metavar="B", help="Another one.")] = "latest",
    json: Json = False,
) -> int:
    """Show what a version changes against another: parameters, steps, edges, options and functions."""
    from partita.cli.flow_diff import tell_diff

    session: Session = context.obj
    found = session.workspace.publication_diff(name, one, other)
    if json:
        session.output.document(found)
    else:
        tell_diff(session.output, found)
    return statuses.SUCCESS


def stages(context: typer.Context, name: _Name, limit: _Limit = 20, json: Json = False) -> int:
    """Show which version each stage of a flow has, and who moved what, when and why."""
    from partita.cli.flow_tables import tell_stages

    session: Session = context.obj
    found = session.workspace.stages(name)
    moves = session.workspace.stage_moves(name, limit=limit)
    if json:
        session.output.document({"stages": found, "moves": moves})
    else:
        tell_stages(session.output, found, moves)
    return statuses.SUCCESS


def promote(
    context: typer.Context,
    name: _Version,
    to: Annotated[str, typer.Option("--to", metavar="STAGE", help="The stage that is to have it.")],
    test: Annotated[
        list[str] | None,
        typer.Option("--test", metavar="TEXT", show_default=False, help="Tests that have to pass; instead of the setting."),
    ] = None,
    sample: Annotated[
        list[str] | None,
        typer.Option("--sample", metavar="NAME=VALUE", show_default=False, help="An input of a run that has to succeed."),
    ] = None,
    within: Annotated[
        str, typer.Option("--within", metavar="DURATION", show_default=False, help="How long that run may take.")
    ] = "",
    floor: Annotated[
        list[str] | None,
        typer.Option("--floor", metavar="TEXT", show_default=False, help='A metric that is to be reached: "accuracy >= 0.8".'),
    ] = None,
    approvals: Annotated[
        int, typer.Option("--approvals", min=0, show_default=False, help="How many persons have to approve.")
    ] = 0,
    force: Annotated[bool, typer.Option("--force", help="Ask no gate; say --why.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for the gates.")] = False,
    why: _Why = "",
    by: _By = "",
    json: Json = False,
) -> int:  # fmt: skip
    """Let a stage have a version: at once, or when its gates are met."""
    from partita.cli.flow_tables import tell_promotion
    from partita.cli.gates import follow_gates, gates_from_options

    session: Session = context.obj
    asked = parse_publication(name)
    version = asked.number or asked.stage or "latest"
    asked_gates = gates_from_options(test or [], sample or [], within, floor or [], approvals)
    found = session.workspace.promote(asked.name, version, to, why=why, by=by, gates=asked_gates, force=force)
    if found["is_moved"] or detach:
        if json:
            session.output.document(found)
        else:
            tell_promotion(session.output, found)
        return statuses.SUCCESS
    return follow_gates(session, found["version"], to, found["run"])


def rollback(
    context: typer.Context,
    name: _Name,
    stage: Annotated[str, typer.Option("--stage", metavar="STAGE", help="The stage.")],
    why: _Why = "",
    by: _By = "",
    json: Json = False,
) -> int:
    """Let a stage have the version that it had before; no gate is asked."""
    session: Session = context.obj
    move = session.workspace.roll_back(name, stage, why=why, by=by)
    if json:
        session.output.document(move)
    else:
        session.output.line(f"{stage} has {name}@{move['after']} again; it had {name}@{move['before']}")
    return statuses.SUCCESS


def gates(
    context: typer.Context,
    name: _Version,
    stage: Annotated[
        str, typer.Option("--stage", metavar="STAGE", show_default=False, help="The stage; default: those on publishing.")
    ] = "",
    check: Annotated[bool, typer.Option("--check", help="Check them again; nothing is moved.")] = False,
    by: _By = "",
    json: Json = False,
) -> int:  # fmt: skip
    """Show what has to hold before a stage has a version, and what was found."""
    from partita.cli.flow_tables import tell_gates
    from partita.cli.gates import follow_gates

    session: Session = context.obj
    if check:
        run = session.workspace.check_gates(name, stage, by=by)
        if not run:
            raise NotFoundError(
                f"no gates are asked of {name} before {stage or 'it is published'}; the setting `gates` has none"
            )
        return follow_gates(session, name, stage, run)
    state = session.workspace.gates(name, stage)
    if json:
        session.output.document(state)
    else:
        tell_gates(session.output, state)
    return statuses.SUCCESS if all(gate["is_met"] is not False for gate in state["gates"]) else statuses.FAILED


def retire(context: typer.Context, name: _Version, json: Json = False) -> int:
    """Let no run be started of a version any more."""
    session: Session = context.obj
    session.workspace.retire_publication(name)
    if json:
        session.output.document({"retired": name})
    else:
        session.output.line(f"{name} is retired")
    return statuses.SUCCESS
