"""What a route knows: who asks, the workspace, and who follows changes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
from fastapi import Depends
from starlette.requests import Request

from partita.errors import SignInError
from partita.protocol.access import Actor, Identity, Role

if TYPE_CHECKING:
    from partita.api.state import Server
    from partita.workspace.local import LocalWorkspace

__all__ = ["Asked", "Asking", "asking_of"]


@dataclass(slots=True)
class Asking:
    """One request that was let in."""

    request: Request

    @property
    def server(self) -> Server:
        server: Server = self.request.app.state.server
        return server

    @property
    def workspace(self) -> LocalWorkspace:
        """The workspace of the thread that asks: only in a thread of a route that is no coroutine."""
        return self.server.pool.workspace

    @property
    def identity(self) -> Identity:
        """
        Raises:
            SignInError: nobody said who they are.
        """
        found: Identity | None = self.request.scope.get("partita.identity")
        if found is None:
            raise SignInError("sign in, or send a token as `Authorization: Bearer ...`")
        return found

    @property
    def actor(self) -> Actor:
        """Who asks, for the audit."""
        return Actor(self.identity.name, self.identity.credential, self.address)

    @property
    def address(self) -> str:
        client = self.request.client
        return client.host if client is not None else ""

    @property
    def name(self) -> str:
        return self.identity.name

    def heavy(self) -> AbstractContextManager[None]:
        """For what takes long: no more at once than leaves threads for everything else, and places for others.

        Raises:
            BusyError: there is enough of it, of all or of whoever asks.
        """
        return self.server.long_requests.one(self.name)

    @property
    def is_administrator(self) -> bool:
        return self.identity.role.includes(Role.ADMIN)

    def note(self, action: str, target: str = "", **data: Any) -> None:
        """Write into the audit what was done."""
        self.workspace.note_audit(action, target, data=data, by=self.actor)

    async def in_thread(self, work: Callable[[LocalWorkspace], Any]) -> Any:
        """What work with the workspace gives, from a coroutine."""
        pool = self.server.pool
        return await anyio.to_thread.run_sync(lambda: work(pool.workspace))


async def asking_of(request: Request) -> Asking:
    # A coroutine: FastAPI would hand a function to a thread of its own.
    return Asking(request)


Asked = Annotated[Asking, Depends(asking_of)]
