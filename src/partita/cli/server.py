"""`partita server` and `partita dev`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.session import Session
from partita.errors import EngineError
from partita.workspace.local import LocalWorkspace

__all__ = ["register"]

_Host = Annotated[str, typer.Option("--host", help="Address to listen at; others than this machine's need HTTPS.")]
_Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen at; 0: any that is free.")]


def register(app: typer.Typer) -> None:
    app.command("server")(server)
    app.command("dev")(dev)


def server(
    context: typer.Context,
    host: _Host = "127.0.0.1",
    port: _Port = 7878,
    certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", help="Certificate for HTTPS, a PEM file.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--tls-key", help="The certificate's key, a PEM file.")] = None,
    behind_proxy: Annotated[
        list[str] | None, typer.Option("--behind-proxy", help="Address of a proxy that has HTTPS; it says who asks.")
    ] = None,
    name: Annotated[list[str] | None, typer.Option("--name", help="Name by which browsers reach the server.")] = None,
) -> int:
    """Serve this workspace: its API, and pages that show everything as it happens."""
    from partita.web.serving import Address, serve

    session: Session = context.obj
    address = Address(host, port, certificate, key, tuple(behind_proxy or ()), tuple(name or ()))
    serve(_opener(session), address, session.output.line)
    return statuses.SUCCESS


def _opener(session: Session) -> Callable[[], LocalWorkspace]:
    def open_workspace() -> LocalWorkspace:
        found = session.reopen()
        found = getattr(found, "unrecorded", found)  # the server itself notes who does what
        if not isinstance(found, LocalWorkspace):
            raise EngineError(
                "a server serves a project of this machine; go without --server, and without PARTITA_SERVER"
            )
        return found

    return open_workspace


def dev(
    context: typer.Context,
    port: _Port = 7878,
    open: Annotated[bool, typer.Option("--open/--no-open", help="Open the first page in a browser.")] = True,
) -> int:
    """Serve this workspace for whoever writes its flows: pages follow the code, and the first one is opened."""
    import webbrowser

    from partita.web.serving import Address, serve

    session: Session = context.obj

    def show(url: str) -> None:
        if open:
            webbrowser.open(url)

    serve(_opener(session), Address(port=port), session.output.line, is_developing=True, when_up=show)
    return statuses.SUCCESS
