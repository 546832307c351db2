"""The tokens that `partita login` keeps: one for each server, in a file that only its user reads."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from partita.client.addresses import checked_url
from partita.errors import SettingsError

__all__ = ["credentials_file", "forget_token", "keep_token", "kept_servers", "kept_token"]


def credentials_file() -> Path:
    """Where they lie."""
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return Path(folder) / "partita" / "servers.json"


def kept_servers() -> list[str]:
    """The servers that there is a token for."""
    return sorted(_read())


def kept_token(url: str) -> str:
    """The token for a server; empty: none is kept."""
    return _read().get(checked_url(url), "")


def keep_token(url: str, token: str) -> Path:
    """Keep a token for a server; gives the file."""
    return _write({**_read(), checked_url(url): token})


def forget_token(url: str) -> bool:
    """Forget the token for a server; whether there was one."""
    kept = _read()
    if kept.pop(checked_url(url), None) is None:
        return False
    _write(kept)
    return True


def _read() -> dict[str, str]:
    file = credentials_file()
    try:
        status = file.stat()
        told = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{file} cannot be read: {error}; remove it, and sign in again: partita login URL"
        ) from None
    if status.st_mode & 0o077:
        raise SettingsError(f"{file} can be read by others; make it yours alone: chmod 600 {file}")
    if not isinstance(told, dict) or not all(isinstance(token, str) for token in told.values()):
        raise SettingsError(f"{file} does not hold tokens by server; remove it, and sign in again: partita login URL")
    return told


def _write(kept: dict[str, str]) -> Path:
    file = credentials_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A new file beside it, which nobody else can read at any moment, takes its place.
        descriptor, made = tempfile.mkstemp(dir=file.parent, prefix=".servers-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(kept, stream, indent=2)
                stream.write("\n")
            os.replace(made, file)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(made)
            raise
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror or error}") from None
    return file
