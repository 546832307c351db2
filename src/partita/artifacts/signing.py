"""Who vouches for what is pickled, and how that is checked before it is opened.

A workspace whose workers all run here signs with its own key, which they can read (HMAC-SHA256). One that has workers elsewhere
signs so that everybody can check it and nobody else can do it (Ed25519): each of its executors signs with a key of its own, and
knows the others by their public keys. All of these keys come from the workspace's.
"""

from __future__ import annotations

import hmac
import json
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from blake3 import blake3

from partita.artifacts.keys import workspace_key
from partita.errors import DamagedError, ValueStoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = [
    "Signer", "WorkerSigner", "WorkspaceSigner", "keep_worker_secret", "share_signing", "signer_of", "worker_secret",
]  # fmt: skip

#: In a workspace: there are workers elsewhere. In the folder of such a worker: what it signs with.
_SHARED_FILE, _WORKER_FILE = "signs-for-workers-elsewhere", "signing"

#: What a signature of Ed25519 begins with; then come the length and the letters of the executor's name, and the signature.
_MAGIC = b"\0partita-ed25519\0"
_HMAC_BYTES, _ED25519_BYTES = 32, 64
#: The name under which the workspace itself signs: its clients, and workers of this machine.
_OWN = ""


class Signer(Protocol):
    """Signs, and checks what others of the workspace have signed."""

    def sign(self, payload: bytes) -> bytes:
        """The signature, which is to stand before the payload."""
        ...

    def check(self, data: bytes | memoryview) -> int | None:
        """The length of the signature before a payload; None: nobody of this workspace has signed that."""
        ...


class WorkspaceSigner:
    """Who has the workspace's key."""

    def __init__(self, key: bytes, *, has_workers_elsewhere: bool = False) -> None:
        self._key = key
        self._own = _Executor(_private_key(key, _OWN), _OWN) if has_workers_elsewhere else None

    def sign(self, payload: bytes) -> bytes:
        """The signature."""
        return self._own.sign(payload) if self._own is not None else hmac.digest(self._key, payload, sha256)

    def check(self, data: bytes | memoryview) -> int | None:
        """The length of the signature."""
        if bytes(data[: len(_MAGIC)]) == _MAGIC:
            return _checked(data, lambda name: _private_key(self._key, name).public_key())
        signature, payload = data[:_HMAC_BYTES], data[_HMAC_BYTES:]
        return _HMAC_BYTES if hmac.compare_digest(hmac.digest(self._key, payload, sha256), bytes(signature)) else None


class WorkerSigner:
    """A worker elsewhere: it signs for its executor, and for no other."""

    def __init__(self, secret: str) -> None:
        """
        Args:
            secret: what `worker_secret` gave.
        """
        told = json.loads(secret)
        self._name: str = told["name"]
        self._seed: str = told["seed"]
        self._ring: dict[str, str] = told["ring"]

    @cached_property
    def _executor(self) -> _Executor:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return _Executor(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self._seed)), self._name)

    def sign(self, payload: bytes) -> bytes:
        """The signature."""
        return self._executor.sign(payload)

    def check(self, data: bytes | memoryview) -> int | None:
        """The length of the signature.

        Raises:
            DamagedError: it was signed in a way that only the workspace itself can check.
        """
        if bytes(data[: len(_MAGIC)]) != _MAGIC:
            raise DamagedError(
                "a pickled value is signed in a way that only workers of the engine's machine can check: it was made before the "
                "settings named executors elsewhere, or changed; rerun the step that made it"
            )
        return _checked(data, self._public_key)

    def _public_key(self, name: str) -> Ed25519PublicKey | None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        known = self._ring.get(name)
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(known)) if known is not None else None


class _Executor:
    """Signs under a name."""

    def __init__(self, key: Ed25519PrivateKey, name: str) -> None:
        self._key = key
        letters = name.encode()
        self._head = _MAGIC + bytes([len(letters)]) + letters

    def sign(self, payload: bytes | memoryview) -> bytes:
        return self._head + self._key.sign(_digest(self._head, payload))


def _digest(head: bytes, payload: bytes | memoryview) -> bytes:
    return blake3(head).update(payload).digest()


def _checked(data: bytes | memoryview, public_key: Callable[[str], Ed25519PublicKey | None]) -> int | None:
    from cryptography.exceptions import InvalidSignature

    start = len(_MAGIC) + 1 + data[len(_MAGIC)] if len(data) > len(_MAGIC) else 0
    end = start + _ED25519_BYTES
    if not start or len(data) < end:
        return None
    head = bytes(data[:start])
    try:
        key = public_key(head[len(_MAGIC) + 1 :].decode())
        if key is None:
            return None
        key.verify(bytes(data[start:end]), _digest(head, data[end:]))
    except (InvalidSignature, UnicodeDecodeError):
        return None
    return end


def _private_key(key: bytes, name: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(hmac.digest(key, b"signing\0" + name.encode(), sha256))


def share_signing(workspace: Path) -> None:
    """From now on sign in this workspace so that workers elsewhere can check it."""
    try:
        (workspace / _SHARED_FILE).touch()
    except OSError as error:
        raise ValueStoreError(
            f"the workspace {workspace} cannot be written: {error.strerror}; see the folder's rights"
        ) from error


def worker_secret(workspace: Path, name: str, names: Iterable[str]) -> str:
    """What workers of an executor elsewhere need to sign for it, and to check what others have signed.

    Args:
        name: of the executor.
        names: of all executors elsewhere.
    """
    key = workspace_key(workspace)
    ring = {each: _private_key(key, each).public_key().public_bytes_raw().hex() for each in (_OWN, *names)}
    return json.dumps({"name": name, "seed": _private_key(key, name).private_bytes_raw().hex(), "ring": ring})


def keep_worker_secret(folder: Path, secret: str) -> None:
    """Let a folder be that of a worker elsewhere."""
    file = folder / _WORKER_FILE
    file.touch(mode=0o600)
    file.write_text(secret)


def signer_of(workspace: Path) -> Signer:
    """Who signs in a workspace, or in the folder of a worker elsewhere.

    Raises:
        ValueStoreError: its key can be neither read nor made.
        DamagedError: the file holds no key.
    """
    try:
        return WorkerSigner((workspace / _WORKER_FILE).read_text())
    except FileNotFoundError:
        is_shared = (workspace / _SHARED_FILE).exists()
        return WorkspaceSigner(workspace_key(workspace), has_workers_elsewhere=is_shared)
