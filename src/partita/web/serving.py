"""The server's process: where it listens, what it prints, and that it is not open to the world by mistake."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.errors import MissingExtraError, SettingsError
from partita.log_lines import set_up_logs

if TYPE_CHECKING:
    import uvicorn

    from partita.workspace.local import LocalWorkspace

__all__ = ["Address", "serve"]

DEFAULT_PORT = 7878
#: Seconds that streams and requests have to end when the server does.
_ENDING_S = 3


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and how it is reached."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT  # 0: any that is free
    certificate: Path | None = None  # for HTTPS, with its key
    key: Path | None = None
    proxies: Sequence[str] = ()  # addresses of proxies that are believed when they say who asks, and by HTTPS
    names: Sequence[str] = field(default_factory=tuple)  # names by which browsers reach it

    @property
    def is_secure(self) -> bool:
        return self.certificate is not None or bool(self.proxies)


def check(address: Address) -> None:
    """
    Raises:
        SettingsError: it would be open to others without encryption, or by no name.
    """
    if (address.certificate is None) != (address.key is None):
        raise SettingsError("a certificate and its key go together: give --tls-certificate and --tls-key")
    for file in filter(None, (address.certificate, address.key)):
        if not file.is_file():
            raise SettingsError(f"there is no file {file}; give the certificate and the key as PEM files")
    if _is_loopback(address.host):
        return
    if not address.is_secure:
        raise SettingsError(
            f"{address.host} is reached from other machines, and tokens would go over the network as they are; give "
            "--tls-certificate and --tls-key, or --behind-proxy with the address of a proxy that has HTTPS"
        )
    if not address.names:
        raise SettingsError("say by which names it is reached: --name partita.example.org; others are refused")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(
    open_workspace: Callable[[], LocalWorkspace],
    address: Address,
    say: Callable[[str], None],
    *,
    is_developing: bool = False,
    when_up: Callable[[str], None] | None = None,
) -> None:
    """Be the server of a workspace until SIGINT or SIGTERM.

    Args:
        say: is told where to go, and the first token.
        is_developing: pages follow the project's code.
        when_up: is told the address once the server answers there.

    Raises:
        SettingsError: it would be open to others; or the port is taken.
        MissingExtraError: what a server needs is not installed.
    """
    check(address)
    try:
        import uvicorn

        from partita.web.app import build_app
        from partita.web.connections import Connection
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"a server needs {error.name}: pip install 'partita[server]'") from None
    from partita.api.state import ServerSettings

    _log(open_workspace)
    listener = _listen(address)
    url = _url(address, listener.getsockname()[1])
    settings = ServerSettings(
        hosts=frozenset(address.names), url=url, is_secure=address.is_secure, is_developing=is_developing
    )
    app = build_app(open_workspace, settings)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, date_header=True, timeout_keep_alive=30,
        timeout_graceful_shutdown=_ENDING_S, proxy_headers=bool(address.proxies),
        forwarded_allow_ips=list(address.proxies), ssl_certfile=address.certificate, ssl_keyfile=address.key,
        ws="none", lifespan="on", http=Connection,
    )  # fmt: skip
    server = _server(config, lambda: _greet(open_workspace, url, say, when_up))
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_run(server, listener))


def _log(open_workspace: Callable[[], LocalWorkspace]) -> None:
    """Let the server note what it does as the settings say: on the standard error."""
    workspace = open_workspace()
    set_up_logs(workspace.settings.log_level, workspace.settings.log_format)
    workspace.close()
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # it tells of itself what nobody asks


def _url(address: Address, port: int) -> str:
    """The server's own address, as browsers reach it."""
    scheme = "https" if address.is_secure else "http"
    shown = address.names[0] if address.names else address.host
    return f"{scheme}://{f'[{shown}]' if ':' in shown else shown}" + (f":{port}" if not address.proxies else "")


def _server(config: uvicorn.Config, when_up: Callable[[], Any]) -> uvicorn.Server:
    import uvicorn

    class Greeting(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                await asyncio.to_thread(when_up)

    return Greeting(config)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """That of uvloop, where it is installed: about a third less time a request."""
    try:
        import uvloop
    except ModuleNotFoundError:  # there is none for Windows
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    await server.serve(sockets=[listener])


def _greet(
    open_workspace: Callable[[], LocalWorkspace],
    url: str,
    say: Callable[[str], None],
    when_up: Callable[[str], None] | None,
) -> None:
    from partita.api.entrance import BACK

    workspace = open_workspace()
    try:
        made = workspace.ensure_admin_token()
    finally:
        workspace.close()
    say(f"Partita serves {workspace.folder} at {url}")
    where = url
    if made is not None:
        where = f"{url}/sign-in#token={made['secret']}"
        say(f"The first administrator's token, shown this once: {made['secret']}")
        say(f"Sign in with it: {where}")
    else:
        say("`partita tokens create NAME --role admin` makes another token.")
    if (provider := workspace.settings.sign_in) is not None:
        say(f"People sign in by {provider.issuer}, which has to know the address {url}{BACK}")
    say("Ctrl-C ends the server; runs go on.")
    if when_up is not None:
        when_up(where)


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # With the protocol named: else the event loop does not see that it is TCP, and leaves Nagle's algorithm on, by which each
    # answer that is written in two pieces waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"{address.host}:{address.port} cannot be listened at: {error.strerror or error}; give another --port"
        ) from None
    listener.listen(2048)
    listener.setblocking(False)
    return listener
