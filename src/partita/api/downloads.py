"""Files that are sent: always to be kept, and never to be shown or run by a browser."""

from __future__ import annotations

import re
import tempfile
import weakref
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import anyio.to_thread
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from partita.api.asking import Asking

__all__ = ["attachment", "gathered"]

_SAFE_NAME = re.compile(r"[^\w .()+=@,-]")
_HEADERS = {
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
_KIND = "application/octet-stream"
_PIECE_BYTES = 1 << 18


def attachment(file: Path, name: str, *, etag: str = "") -> Response:
    """A file that stays where it is, as a download.

    Args:
        name: what it is to be called there.
        etag: names what it holds, where that never changes under this address.
    """
    headers = dict(_HEADERS)
    if etag:
        headers |= {"etag": f'"{etag}"', "cache-control": "private, max-age=31536000, immutable"}
    return FileResponse(file, filename=_shown(name), media_type=_KIND, headers=headers)


def gathered(asked: Asking, write: Callable[[Path], list[Path]], name: str) -> Response:
    """What is written into a folder, as a download: the file where there is one, else an archive of all.

    Args:
        write: writes into the folder that it is given, and gives the files.
        name: of an archive, without its ending.

    Raises:
        BusyError: enough copies are being sent already, of all or of whoever asks.
    """
    give_back = asked.server.copies.take(asked.name)
    try:
        with tempfile.TemporaryDirectory(prefix="partita-download-", ignore_cleanup_errors=True) as folder:
            inside = Path(folder) / "files"
            inside.mkdir()
            files = write(inside)
            if len(files) == 1 and files[0].parent == inside:
                return _Copy(files[0].open("rb"), files[0].name, give_back)
            archive = Path(folder) / "archive.zip"
            # What is stored is mostly packed already, and packing it again would take longer than sending it.
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as made:
                for file in files:
                    made.write(file, file.relative_to(inside))
                    file.unlink()  # never all of it twice
            return _Copy(archive.open("rb"), f"{name}.zip", give_back)
    except BaseException:
        give_back()
        raise


class _Copy(StreamingResponse):
    """A copy that has no name any more: it is gone with its last reader, however the client or the server ends."""

    def __init__(self, file: BinaryIO, name: str, give_back: Callable[[], None]) -> None:
        size = file.seek(0, 2)
        file.seek(0)
        super().__init__(_pieces(file), media_type=_KIND, headers=_HEADERS | {"content-length": str(size)})
        self.headers["content-disposition"] = _disposition(_shown(name))
        self._end = weakref.finalize(self, _end, file, give_back)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._end()


def _end(file: BinaryIO, give_back: Callable[[], None]) -> None:
    file.close()
    give_back()


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await anyio.to_thread.run_sync(file.read, _PIECE_BYTES):
        yield piece


def _shown(name: str) -> str:
    return _SAFE_NAME.sub("_", name).lstrip(". ")[:150] or "file"


def _disposition(name: str) -> str:
    quoted = quote(name, safe="")
    return f'attachment; filename="{name}"' if quoted == name else f"attachment; filename*=utf-8''{quoted}"
