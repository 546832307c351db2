"""`partita tokens`: create, list, revoke."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.output import Cell
from partita.cli.session import Session
from partita.protocol.access import TokenView
from partita.units import duration_s, duration_text

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    tokens = typer.Typer(help="The tokens by which a server lets in.", no_args_is_help=True, epilog=statuses.LEGEND)
    tokens.command("create")(create)
    tokens.command("list")(list_tokens)
    tokens.command("revoke")(revoke)
    app.add_typer(tokens, name="tokens")


def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help='What it is for, such as "nightly".')],
    role: Annotated[str, typer.Option("--role", help="viewer, editor or admin.")] = "viewer",
    user: Annotated[
        str,
        typer.Option(
            "--user", metavar="NAME", show_default=False,
            help="Whose it is: it never may more than they may. Default: a program's.",
        ),
    ] = "",
    expires: Annotated[
        str, typer.Option("--expires", metavar="DURATION", help='After how long it ends: "30d", or "never".')
    ] = "90d",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", metavar="SCOPE", show_default=False,
            help='Only for this: "runs:read", "runs:*"; may be repeated. Default: all that the role may.',
        ),
    ] = None,
    json: Json = False,
) -> int:  # fmt: skip
    """Make a token and print it, once: only its hash is kept."""
    session: Session = context.obj
    expires_in_s = None if expires == "never" else duration_s(expires, "--expires")
    made = session.workspace.create_token(name, role, user=user, scopes=scope or (), expires_in_s=expires_in_s)
    if json:
        session.output.document(made)
    else:
        session.output.note("Keep this now, it is not shown again. Programs send it as `Authorization: Bearer TOKEN`:")
        session.output.line(made["secret"])
    return statuses.SUCCESS


def list_tokens(context: typer.Context, json: Json = False) -> int:
    """List the tokens, the newest first; none of them shows what it is proved with."""
    session: Session = context.obj
    found = session.workspace.tokens()
    if json:
        session.output.document(found)
        return statuses.SUCCESS
    if not found:
        session.output.note("There are no tokens yet; `partita tokens create NAME` makes one.")
        return statuses.SUCCESS
    now = time.time()
    rows: list[list[Cell | str]] = [
        [Cell(token["id"], "bold"), token["name"], token["user"], token["role"], " ".join(token["scopes"]) or "all",
         _state(token, now), _used(token, now), token["created_by"]]
        for token in found
    ]  # fmt: skip
    session.output.table(["TOKEN", "NAME", "USER", "ROLE", "FOR", "STATE", "USED", "MADE BY"], rows, flexible=4)
    return statuses.SUCCESS


def _state(token: TokenView, now: float) -> Cell:
    expires_at = token["expires_at"]
    if token["revoked_at"] is not None:
        return Cell("revoked", "dim")
    if expires_at is None:
        return Cell("never ends", "warn")
    return Cell("expired", "dim") if expires_at <= now else Cell(f"{duration_text(expires_at - now)} left", "good")


def _used(token: TokenView, now: float) -> str:
    used_at = token["used_at"]
    return "never" if used_at is None else f"{duration_text(max(now - used_at, 0.0))} ago, {token['used_from']}"


def revoke(
    context: typer.Context,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, as `partita tokens list` shows it.")],
    json: Json = False,
) -> int:
    """Have a token count for nothing, at once."""
    session: Session = context.obj
    # Who has found a lost token has all of it, and it must not be kept from being revoked by that.
    parts = token.split("_")
    view = session.workspace.revoke_token(parts[1] if parts[0] == "partita" and len(parts) > 1 else token)
    if json:
        session.output.document(view)
    else:
        session.output.line(f"The token {view['id']} ({view['name']}) is revoked.")
    return statuses.SUCCESS
