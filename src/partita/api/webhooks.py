"""The route by which Git services tell of pushes: open to anybody, since only what is signed counts."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Path
from starlette.requests import ClientDisconnect, Request

from partita.api.asking import Asked
from partita.api.guard import WEBHOOKS
from partita.api.routes import OPEN, Routes
from partita.api.shares import Shares
from partita.errors import BusyError, ConflictError, ForbiddenError, PushError, RequestError
from partita.publishing.pushes import Push, verify_push
from partita.workspace.local import LocalWorkspace

__all__ = ["Held", "Room", "routes"]

_log = logging.getLogger("partita.server")

routes = Routes(prefix=WEBHOOKS.rstrip("/"), tags=["webhooks"])

_REFUSAL = "the push was refused: it is not signed as the repository's pushes have to be"


class Room:
    """Bodies of people that nobody knows yet are held in memory: so many bytes of them at a time, and so many of one address, so
    that who fills its part keeps nobody else out."""

    def __init__(self, most_bytes: int, most_of_one_bytes: int) -> None:
        self._held = Shares(most_bytes, most_of_one_bytes)  # bytes, by address
        self._lock = threading.Lock()

    @contextmanager
    def body(self, address: str) -> Iterator[Held]:
        """What comes from this address, and has room until the end."""
        held = Held(self, address)
        try:
            yield held
        finally:
            with self._lock:
                self._held.give_back(address, len(held.data))

    def take(self, address: str, size: int) -> None:
        """
        Raises:
            BusyError: there is not so much room at present.
        """
        with self._lock:
            if not self._held.has_room(address, size):
                raise BusyError("the server is at many pushes already; send it again", 10.0)
            self._held.take(address, size)


class Held:
    """A body as far as it has come."""

    def __init__(self, room: Room, address: str) -> None:
        self._room = room
        self._address = address
        self.data = bytearray()

    def add(self, part: bytes) -> None:
        """
        Raises:
            BusyError: there is no room for it.
        """
        self._room.take(self._address, len(part))
        self.data += part


_room = Room(most_bytes=128 << 20, most_of_one_bytes=64 << 20)


@routes.changes("/{repository:path}", needs=OPEN, gives={"type": "object"}, status=202)
async def pushed(asked: Asked, repository: Annotated[str, Path(max_length=500)]) -> Any:
    """Take a push of a repository that the setting `repositories` names; it is published behind the answer.

    Signed as GitHub, Gitea, Forgejo and GitLab do. A repository that is not known is refused as a wrong signature is.
    """
    with _room.body(asked.address) as held:
        await _read(asked.request, held)
        headers, body = dict(asked.request.headers), bytes(held.data)
        push: Push = await asked.in_thread(lambda workspace: _verified(workspace, repository, headers, body))
    if push.event != "push":
        return {"taken": False, "told": "only pushes are published"}
    if not push.is_to_publish:
        return {"taken": False, "told": "it puts no branch or tag at a commit"}

    def take(workspace: LocalWorkspace) -> None:
        try:
            asked.server.pushes.take(workspace, push, asked.address)
        except PushError as error:  # it is signed, so who sends it may know
            raise ConflictError(str(error)) from None

    await asked.in_thread(take)
    return {"taken": True, "told": "it is being published; the audit tells how it went"}


async def _read(request: Request, held: Held) -> None:
    try:
        async for part in request.stream():
            held.add(part)
    except ClientDisconnect:
        raise RequestError("the push broke off") from None


def _verified(workspace: LocalWorkspace, repository: str, headers: Mapping[str, str], body: bytes) -> Push:
    """The push, if it is one of this repository.

    Raises:
        ForbiddenError: it is not signed so. Why is for the log: who sends it may be anybody.
    """
    known = {name.lower(): settings for name, settings in workspace.settings.repositories.items()}
    settings = known.get(repository.lower())
    secret = os.environ.get(settings.secret, "") if settings is not None and settings.secret else ""
    try:
        if settings is None:
            # As much work as for one that is known, so that the time says nothing.
            verify_push(headers, body, secrets.token_hex(16))
            raise PushError("the setting `repositories` does not name it")
        push = verify_push(headers, body, secret)
        if push.event == "push" and push.repository.lower() != repository.lower():
            raise PushError("it is of another repository than the address says")
    except PushError as error:
        _log.warning("a push to %r was refused: %s", repository[:200], error)
        raise ForbiddenError(_REFUSAL) from None
    return push
