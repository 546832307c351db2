"""What the parts of the client share."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from email.message import Message
from pathlib import Path
from typing import Any

from urllib3.exceptions import HTTPError

from partita.client.transport import Transport
from partita.errors import EngineError, ValueStoreError
from partita.views.paging import LIMIT_AT_MOST, cursor_of

__all__ = ["LONG_S", "Calls", "idempotent"]

#: Seconds that what takes long on the server may take: checks, plans, looking through all artifacts.
LONG_S = 900.0


def idempotent(key: str) -> dict[str, str]:
    """The header by which what starts a run starts one, however often it is sent; a key of its own where none is given."""
    return {"idempotency-key": key or uuid.uuid4().hex}


class Calls:
    """A part of the client: its requests all go through one transport."""

    _transport: Transport

    def _get(self, path: str, **query: Any) -> Any:
        return self._transport.json("GET", path, query)

    def _post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self._transport.json("POST", path, None, {} if body is None else body, **options)

    def _put(self, path: str, body: Any = None, **options: Any) -> Any:
        return self._transport.json("PUT", path, None, {} if body is None else body, **options)

    def _delete(self, path: str, **query: Any) -> Any:
        return self._transport.json("DELETE", path, query)

    def _pages(self, path: str, query: Mapping[str, Any], limit: int | None, after: int | str = 0) -> Iterator[Any]:
        """What a list has, page by page as it is taken.

        Args:
            limit: how many in all; None: all.
            after: place after which the list begins, as the list names places; nothing: its beginning.
        """
        cursor, left = cursor_of(after) if after else "", limit
        while left is None or left > 0:
            size = LIMIT_AT_MOST if left is None else min(left, LIMIT_AT_MOST)
            page = self._transport.json("GET", path, {**query, "limit": size, "cursor": cursor or None})
            yield from page["items"]
            left = None if left is None else left - len(page["items"])
            cursor = page["next"]
            if not cursor:
                return

    def _download(self, path: str, query: Mapping[str, Any], target: Path | None) -> Path:
        """What a route sends as a file, whole or not at all.

        Args:
            target: a file, a folder, or None: the current one, by the name that the server gives.
        """
        answer = self._transport.send("GET", path, query, headers={"accept": "*/*"}, timeout_s=LONG_S)
        try:
            name = _name_of(answer.headers.get("content-disposition", ""))
            place = Path(name) if target is None else target / name if target.is_dir() else target
            place.parent.mkdir(parents=True, exist_ok=True)
            descriptor, made = tempfile.mkstemp(dir=place.parent, prefix=".partita-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    shutil.copyfileobj(answer, file, 1 << 20)
                os.chmod(made, 0o666 & ~_umask())
                os.replace(made, place)
            except BaseException:
                with suppress(OSError):
                    os.unlink(made)
                raise
        except HTTPError as error:
            raise EngineError(f"{self._transport.url} broke off while it sent {path}: {error}") from None
        except OSError as error:
            raise ValueStoreError(f"{error.filename or target} cannot be written: {error.strerror}") from None
        finally:
            answer.release_conn()
        return place


def _umask() -> int:
    found = os.umask(0o077)
    os.umask(found)
    return found


def _name_of(header: str) -> str:
    """The name that the server gives a file: never a path, and nothing hidden."""
    message = Message()
    message["content-disposition"] = header or "attachment"
    name = os.path.basename((message.get_filename() or "").replace("\\", "/")).lstrip(".")
    return name or "file"
