"""The secret with which a workspace's workers sign what they pickle, and how files of keys are made."""

from __future__ import annotations

import os
import secrets
from hashlib import blake2b
from pathlib import Path

from partita.errors import DamagedError, ValueStoreError

__all__ = ["key_fingerprint", "make_private_file", "workspace_key"]

_KEY_BYTES = 32


def workspace_key(workspace: Path) -> bytes:
    """The workspace's key, made at first use.

    Raises:
        ValueStoreError: it can be neither read nor made.
        DamagedError: the file holds no key.
    """
    file = Path(workspace) / "key"
    try:
        key = file.read_bytes()
    except FileNotFoundError:
        make_private_file(file, secrets.token_bytes(_KEY_BYTES), "the workspace's key")
        key = file.read_bytes()
    except OSError as error:
        raise ValueStoreError(f"the workspace's key {file} cannot be read: {error}; see the file's rights") from error
    if len(key) != _KEY_BYTES:
        raise DamagedError(
            f"{file} holds {len(key)} bytes, not a key of {_KEY_BYTES}; bring it back from a backup, or delete it: then "
            "the pickled values stored so far cannot be opened any more"
        )
    return key


def key_fingerprint(workspace: Path) -> str:
    """What tells whether two workspaces have the same key, and nothing else of it.

    Raises:
        ValueStoreError: it can be neither read nor made.
        DamagedError: the file holds no key.
    """
    return blake2b(workspace_key(workspace), digest_size=16, person=b"fingerprint").hexdigest()


def make_private_file(file: Path, content: bytes, what: str) -> None:
    """Write a file that only its owner reads, unless it is there already: then what another process has just written stays.

    Args:
        what: it is, for people.

    Raises:
        ValueStoreError: it cannot be written.
    """
    part = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(part, file)  # unlike a rename, this does not replace the key that another process just made
        except FileExistsError:
            pass
        finally:
            part.unlink()
    except OSError as error:
        raise ValueStoreError(f"{what} {file} cannot be made: {error}; see the folder's rights") from error
