"""The client of a server's HTTP API: every call, with its records typed."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Self

from partita.client.access import AccessCalls
from partita.client.artifacts import ArtifactCalls, ModelCalls
from partita.client.credentials import kept_token
from partita.client.flows import FlowCalls, MachineCalls, StudyCalls, UpkeepCalls
from partita.client.publications import PublicationCalls, SecretCalls
from partita.client.runs import RunCalls
from partita.client.transport import Transport

__all__ = ["Client", "connect"]


class Client(
    RunCalls, FlowCalls, PublicationCalls, ArtifactCalls, ModelCalls, StudyCalls, SecretCalls, UpkeepCalls, MachineCalls,
    AccessCalls,
):  # fmt: skip
    """A server of Partita, asked over HTTP.

    What a server refuses is raised as the error of `partita.errors` that it was there, with the server's words. What it has no
    room for, and what does not reach it, is tried again for a while, as long as that cannot do anything twice.

    May be used from several threads, and as a context that closes it.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout_s: float = 60.0,
        patience_s: float = 30.0,
        certificates: str | None = None,
        allows_plain: bool = False,
    ) -> None:
        """
        Args:
            url: "https://host:7878".
            token: as `partita tokens create` gives it.
            timeout_s: seconds without a sign of an answer after which a request has failed.
            patience_s: seconds for which a request is tried again.
            certificates: file of the authorities that vouch for the server; default: the system's.
            allows_plain: send the token to another machine without encryption.

        Raises:
            SettingsError: the URL is none, or the token would be seen on the way.
        """
        self._transport = Transport(
            url, token, timeout_s=timeout_s, patience_s=patience_s, certificates=certificates, allows_plain=allows_plain
        )

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._transport.url

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"  # without the token


def connect(url: str, token: str = "", **options: Any) -> Client:
    """A client of a server.

    Args:
        url: "https://host:7878".
        token: default: that of the variable PARTITA_TOKEN, or the one that `partita login` keeps for this server.
        options: as `Client` takes them.
    """
    return Client(url, token or os.environ.get("PARTITA_TOKEN", "") or kept_token(url), **options)
