"""Routes of code: uploaded as an archive, and given back as one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path as File
from typing import Annotated, Any

import anyio.to_thread
from fastapi import Path
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import API, Routes
from partita.errors import RequestError
from partita.workspace.local import LocalWorkspace

__all__ = ["routes"]

routes = Routes(prefix=f"{API}/bundles", tags=["publications"])

_TAR = "application/x-tar"
_HASH = {"type": "object", "properties": {"hash": {"type": "string"}}, "required": ["hash"]}
#: So much is gathered before a thread writes it.
_PIECE_BYTES = 1 << 20


@routes.changes("", needs="flows:publish", gives=_HASH, status=201, takes="application/octet-stream")
async def receive(asked: Asked) -> Any:
    """Upload code, as a tar without compression; gives the hash that it is published by.

    Plain files and folders only: an archive with links, devices, or paths that lead out of it is refused whole.
    """
    give_back = asked.server.copies.take(asked.name)
    try:
        return await _received(asked)
    finally:
        give_back()


async def _received(asked: Asked) -> Any:
    file: File = await asked.in_thread(_begun)
    try:
        size = await _written(asked, file)

        def keep(workspace: LocalWorkspace) -> str:
            with asked.heavy():
                hash = workspace.receive_bundle(file)
            asked.note("bundle.receive", hash, bytes=size)
            return hash

        return {"hash": await asked.in_thread(keep)}
    finally:
        with contextlib.suppress(OSError):
            file.unlink()


def _begun(workspace: LocalWorkspace) -> File:
    workspace.state.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=workspace.state, prefix=".upload-")
    os.close(descriptor)
    return File(name)


async def _written(asked: Asked, file: File) -> int:
    """Write the body into the file, never holding more than a piece of it; gives its size."""
    held, size = bytearray(), 0
    with file.open("wb") as opened:
        try:
            async for part in asked.request.stream():
                held += part
                size += len(part)
                if len(held) >= _PIECE_BYTES:
                    await anyio.to_thread.run_sync(opened.write, bytes(held))
                    held.clear()
        except ClientDisconnect:
            raise RequestError("the upload broke off; nothing of it is kept") from None
        await anyio.to_thread.run_sync(opened.write, bytes(held))
    return size


@routes.reads("/{hash}", needs="flows:read", kind=_TAR)
def archive(asked: Asked, hash: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> Response:
    """The code of a bundle as an archive that can be uploaded."""
    with asked.heavy():
        packed = asked.workspace.bundle_archive(hash)
    headers = {"content-disposition": f'attachment; filename="{hash[:12]}.tar"'}
    return Response(packed, headers=headers, media_type=_TAR)
