"""`partita users`: list, set, disable, enable, sign-out."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.output import Cell
from partita.cli.session import Session
from partita.protocol.access import UserView
from partita.units import duration_text

__all__ = ["register"]

_Name = Annotated[str, typer.Argument(metavar="NAME", help="A person, such as ann@example.org.")]


def register(app: typer.Typer) -> None:
    users = typer.Typer(help="The people who sign in to a server.", no_args_is_help=True, epilog=statuses.LEGEND)
    users.command("list")(list_users)
    users.command("set")(set_user)
    users.command("disable")(disable)
    users.command("enable")(enable)
    users.command("sign-out")(sign_out)
    app.add_typer(users, name="users")


def list_users(context: typer.Context, json: Json = False) -> int:
    """List the people, what they may, and who says so."""
    session: Session = context.obj
    found = session.workspace.users()
    if json:
        session.output.document(found)
        return statuses.SUCCESS
    if not found:
        session.output.note("Nobody is known yet; `partita users set NAME --role viewer` adds somebody.")
        return statuses.SUCCESS
    now = time.time()
    rows: list[list[Cell | str]] = [
        [Cell(user["name"], "bold"), Cell("disabled", "bad") if user["is_disabled"] else user["role"],
         "set by hand" if user["role_from"] == "hand" else "by the provider",
         "never" if user["seen_at"] is None else f"{duration_text(max(now - user['seen_at'], 0.0))} ago", user["source"]]
        for user in found
    ]  # fmt: skip
    session.output.table(["USER", "ROLE", "", "SEEN", "ACCOUNT"], rows)
    return statuses.SUCCESS


def set_user(
    context: typer.Context,
    name: _Name,
    role: Annotated[str, typer.Option("--role", help="viewer, editor or admin.", show_default=False)] = "",
    untie: Annotated[
        bool, typer.Option("--untie", help="Forget which account of the provider it is; the next of this name gets it.")
    ] = False,
    json: Json = False,
) -> int:
    """Add a person, or say what they may: it counts at once, also for their tokens and where they are signed in."""
    session: Session = context.obj
    if not role and not untie:
        raise typer.BadParameter("say what they may: --role viewer, editor or admin")
    return _tell(session, session.workspace.set_user(name, role, untie=untie), json)


def disable(context: typer.Context, name: _Name, json: Json = False) -> int:
    """Let a person neither sign in nor use a token; they are signed out at once."""
    session: Session = context.obj
    return _tell(session, session.workspace.disable_user(name), json)


def enable(context: typer.Context, name: _Name, json: Json = False) -> int:
    """Let a person sign in again."""
    session: Session = context.obj
    return _tell(session, session.workspace.enable_user(name), json)


def sign_out(context: typer.Context, name: _Name, json: Json = False) -> int:
    """Sign all browsers of a person out; they may sign in again."""
    session: Session = context.obj
    count = session.workspace.end_sessions(name)
    if json:
        session.output.document({"user": name, "ended": count})
    else:
        session.output.line(f"{name} is signed out of {count} browser{'' if count == 1 else 's'}.")
    return statuses.SUCCESS


def _tell(session: Session, user: UserView, json: bool) -> int:
    if json:
        session.output.document(user)
    else:
        told = "is disabled" if user["is_disabled"] else f"is {user['role']}"
        session.output.line(f"{user['name']} {told} now.")
    return statuses.SUCCESS
