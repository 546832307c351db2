"""`partita secrets`: set, list, remove, rekey."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.output import Cell
from partita.cli.session import Session
from partita.drawing.cells import clean
from partita.errors import SecretError
from partita.protocol.secrets import checked_name
from partita.units import duration_text

__all__ = ["register"]

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the variable, such as API_TOKEN.")]
_By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; default: you.", show_default=False)]


def register(app: typer.Typer) -> None:
    secrets = typer.Typer(help="The secrets of the workspace.", no_args_is_help=True, epilog=statuses.LEGEND)
    secrets.command("set")(set_secret)
    secrets.command("list")(list_secrets)
    secrets.command("remove")(remove)
    secrets.command("rekey")(rekey)
    app.add_typer(secrets, name="secrets")


def set_secret(context: typer.Context, name: _Name, by: _By = "", json: Json = False) -> int:
    """Store a secret, or give it another value, which is asked for and not shown, or read from the standard input."""
    session: Session = context.obj
    name = checked_name(name)  # before anybody types
    change = session.workspace.set_secret(name, _value(name), by)
    if json:
        session.output.document(change)
        return statuses.SUCCESS
    if change["warning"]:
        session.output.note(f"{name}: {change['warning']}.")
    done = "is stored" if change["is_new"] else "has another value"
    session.output.line(f"{name} {done} (version {change['secret']['version']}); steps that start from now on get it.")
    return statuses.SUCCESS


def _value(name: str) -> str:
    if sys.stdin.isatty():
        from getpass import getpass

        value = getpass(f"Value of {name}: ")
        if value != getpass("Once more: "):
            raise SecretError(f"the two values of {name} differ; nothing was stored")
        return value
    try:
        value = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise SecretError(
            f"the value of {name} is no text in UTF-8; store it encoded, in base64 for instance"
        ) from None
    return value.removesuffix("\n").removesuffix("\r")


def list_secrets(context: typer.Context, json: Json = False) -> int:
    """List the secrets by name; nothing shows their values."""
    session: Session = context.obj
    views = session.workspace.secrets()
    if json:
        session.output.document(views)
        return statuses.SUCCESS
    if not views:
        session.output.note("There are no secrets; `partita secrets set NAME` stores one.")
        return statuses.SUCCESS
    now = time.time()
    rows: list[list[Cell | str]] = [
        [Cell(view["name"], "bold"), str(view["version"]), _ago(now, view["created_at"]), clean(view["created_by"]),
         _ago(now, view["rotated_at"]), clean(view["rotated_by"])]
        for view in views
    ]  # fmt: skip
    session.output.table(["SECRET", "VERSION", "CREATED", "BY", "SET", "BY"], rows, flexible=0)
    return statuses.SUCCESS


def _ago(now: float, moment: float) -> str:
    return f"{duration_text(max(now - moment, 0.0))} ago"


def remove(context: typer.Context, name: _Name) -> int:
    """Forget a secret; steps that name it then look in the environment and in `.env`."""
    session: Session = context.obj
    session.workspace.remove_secret(name)
    session.output.line(f"{name} is removed.")
    return statuses.SUCCESS


def rekey(context: typer.Context, json: Json = False) -> int:
    """Encrypt all secrets anew: with a new key, or with the first one of PARTITA_SECRETS_KEY."""
    session: Session = context.obj
    count = session.workspace.rekey_secrets()
    if json:
        session.output.document({"secrets": count})
    else:
        session.output.line(f"{count:,} secret{'s' * (count != 1)} encrypted anew.")
    return statuses.SUCCESS
