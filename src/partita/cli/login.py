"""`partita login`, `partita logout` and `partita whoami`."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.session import Session
from partita.drawing.cells import clean
from partita.errors import SettingsError, SignInError

__all__ = ["register"]

_Url = Annotated[
    str,
    typer.Argument(
        metavar="[URL]", help="Address of the server; default: --server or PARTITA_SERVER.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    app.command("login", epilog=statuses.LEGEND)(login)
    app.command("logout", epilog=statuses.LEGEND)(logout)
    app.command("whoami", epilog=statuses.LEGEND)(whoami)


def login(context: typer.Context, url: _Url = "") -> int:
    """Keep the token of a server: it is asked for, or read from standard input, and checked first."""
    from partita.client import Client
    from partita.client.credentials import keep_token

    session: Session = context.obj
    server = url or session.server
    if not server:
        raise SettingsError("say which server: partita login https://host:7878")
    with Client(server) as unknown:  # a wrong address is told before a token is asked for
        shown = unknown.url
    if sys.stdin.isatty():
        token = getpass.getpass(f"Token for {shown}: ").strip()
    else:
        token = sys.stdin.readline().strip()
    if not token:
        raise SignInError("there was no token; `partita tokens create NAME` makes one, on the server or by who may")
    with Client(shown, token) as client:
        me = client.me()
    keep_token(shown, token)
    session.output.line(f"Signed in at {shown} as {clean(me['name'])}, {me['role']} of {clean(me['project'])}.")
    session.output.note(f"`partita --server {shown} runs list` works there; so does PARTITA_SERVER={shown}.")
    return statuses.SUCCESS


def logout(context: typer.Context, url: _Url = "") -> int:
    """Forget the token of a server. It still counts until it is revoked, or is over."""
    from partita.client.credentials import forget_token, kept_servers

    session: Session = context.obj
    kept = kept_servers()
    server = url or session.server or (kept[0] if len(kept) == 1 else "")
    if not server:
        told = f"there are tokens for {', '.join(kept)}" if kept else "there is a token for none"
        raise SettingsError(f"say which server: partita logout URL; {told}")
    if not forget_token(server):
        raise SettingsError(f"there is no token for {server}; there are for {', '.join(kept) or 'none'}")
    session.output.line(f"Signed out of {server}.")
    return statuses.SUCCESS


def whoami(context: typer.Context, json: Json = False) -> int:
    """Tell who one is: on a server, or here."""
    session: Session = context.obj
    me = session.workspace.whoami()
    if json:
        session.output.document(dict(me))
        return statuses.SUCCESS
    scopes = f", only for {', '.join(me['scopes'])}" if me["scopes"] else ""
    where = f" at {session.server}" if session.server else ""
    session.output.line(f"{clean(me['name'])}, {me['role']} of {clean(me['project'])}{where}{scopes}")
    return statuses.SUCCESS
