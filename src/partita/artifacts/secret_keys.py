"""The keys with which a workspace's secrets are encrypted where they are stored, and what is done with them.

AES-256-GCM. A ciphertext opens only as the value of the name and the version for which it was made. The first key encrypts, and
the others open what was encrypted before. They come from PARTITA_SECRETS_KEY, and from a file of the workspace's folder.
"""

from __future__ import annotations

import base64
import binascii
import ctypes
import os
import re
import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from partita.artifacts.keys import make_private_file
from partita.errors import SecretError
from partita.protocol.secrets import KEY_VARIABLE

__all__ = ["SecretKeys", "take_variable"]

_FILE = "secrets.key"
_KEY_BYTES, _NONCE_BYTES = 32, 12
_MAKE_ONE = "`openssl rand -base64 32` makes one"


def take_variable() -> str:
    """The variable's value, which nothing that is started from now on finds in its environment.

    Its memory is overwritten, too: in /proc whoever has the same rights reads with what variables a process was started.
    """
    value = os.environ.get(KEY_VARIABLE)
    if value is None:
        return ""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.getenv.restype = ctypes.c_void_p
        place = library.getenv(KEY_VARIABLE.encode())
        if place:
            ctypes.memset(ctypes.c_void_p(place), ord("x"), len(ctypes.string_at(place)))
    del os.environ[KEY_VARIABLE]
    return value


class SecretKeys:
    """Encrypts and opens the values of secrets."""

    def __init__(self, folder: Path, variable: str = "") -> None:
        """
        Args:
            folder: the workspace's, which may hold a file of keys.
            variable: one key in base64, or several with commas between, the newest first; empty: the file's are used.

        Raises:
            SecretError: that is no key. The message does not hold it.
        """
        self._file = folder / _FILE
        self._given = [_key_of(text, f"the variable {KEY_VARIABLE}") for text in re.split(r"[\s,]+", variable) if text]

    def seal(self, name: str, version: int, value: str) -> tuple[str, bytes]:
        """The name of the key, and the value encrypted with it. A workspace without a key gets one.

        Raises:
            SecretError: its key can be neither read nor made.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key, nonce = self._newest(), os.urandom(_NONCE_BYTES)
        return _name_of(key), nonce + AESGCM(key).encrypt(nonce, value.encode(), _about(name, version))

    def open(self, name: str, version: int, key_name: str, sealed: bytes) -> str:
        """The value.

        Raises:
            SecretError: the key is not here, or this is not what was stored under the name.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = {_name_of(key): key for key in self._keys()}.get(key_name)
        if key is None:
            raise self.missing(name, key_name)
        try:
            text = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _about(name, version))
        except (InvalidTag, ValueError) as error:
            raise SecretError(
                f"what is stored of the secret {name} (version {version}) is not what was written for that name; set it anew: "
                f"`partita secrets set {name}`"
            ) from error
        return text.decode()

    def missing(self, name: str, key_name: str) -> SecretError:
        """The error of a secret that was encrypted with a key that is not here."""
        here = [_name_of(key) for key in self._keys()]
        told = f"has {', '.join(here)}" if here else "has none"
        return SecretError(
            f"the secret {name} was encrypted with the key {key_name}, and this engine {told}. Start it with the variable "
            f"{KEY_VARIABLE} that the others have, or bring {self._file} back; or remove the secret and set it anew"
        )

    @property
    def names(self) -> list[str]:
        """Names of the keys that are here, the one that encrypts first. They tell nothing of the keys."""
        return [_name_of(key) for key in self._keys()]

    def renew(self) -> None:
        """From now on encrypt with a new key, if that is this workspace's to say: where the variable gives it, the variable does.

        Raises:
            SecretError: the file cannot be written.
        """
        if not self._given:
            self._write([secrets.token_bytes(_KEY_BYTES), *self._stored()])

    def forget(self, used: Collection[str]) -> None:
        """Forget the file's keys that nothing stored is encrypted with.

        Raises:
            SecretError: the file cannot be written.
        """
        stored = self._stored()
        newest = stored[0] if stored and not self._given else None
        kept = [key for key in stored if key == newest or _name_of(key) in used]
        if kept != stored:
            self._write(kept)

    def _keys(self) -> list[bytes]:
        return [*self._given, *self._stored()]

    def _newest(self) -> bytes:
        keys = self._keys()
        if not keys:
            make_private_file(self._file, _text_of([secrets.token_bytes(_KEY_BYTES)]), "the key of the secrets")
            keys = self._stored()
        return keys[0]

    def _stored(self) -> list[bytes]:
        try:
            text = self._file.read_text()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(
                f"the key of the secrets {self._file} cannot be read: {error}; see the file's rights"
            ) from error
        found = [_key_of(line, str(self._file)) for line in text.split()]
        if not found:
            raise SecretError(
                f"{self._file} holds no key; bring it back from a backup, or delete it: then the secrets stored so far cannot be "
                "opened any more"
            )
        return found

    def _write(self, keys: Sequence[bytes]) -> None:
        if not keys:
            self._file.unlink(missing_ok=True)
            return
        part = self._file.with_name(f"{_FILE}.{os.getpid()}.{secrets.token_hex(4)}.part")
        try:
            make_private_file(part, _text_of(keys), "the key of the secrets")
            os.replace(part, self._file)
        except OSError as error:
            raise SecretError(f"the key of the secrets {self._file} cannot be written: {error.strerror}") from error


def _key_of(text: str, origin: str) -> bytes:
    try:
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise SecretError(f"{origin} holds what is no key: that is {_KEY_BYTES} bytes in base64; {_MAKE_ONE}")
    return key


def _text_of(keys: Sequence[bytes]) -> bytes:
    return b"".join(base64.urlsafe_b64encode(key) + b"\n" for key in keys)


def _name_of(key: bytes) -> str:
    return blake2b(key, digest_size=6, person=b"secrets").hexdigest()


def _about(name: str, version: int) -> bytes:
    return f"partita secret\0{name}\0{version}".encode()
