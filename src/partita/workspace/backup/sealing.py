"""Keys in a backup, encrypted with a passphrase: scrypt makes a key of it, AES-256-GCM seals with that."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping

from partita.errors import BackupError

__all__ = ["seal", "unseal"]

_COST, _BLOCK, _LANES = 2**17, 8, 1
_MOST_COST = 2**22


def seal(files: Mapping[str, bytes], passphrase: str) -> bytes:
    """Files as one sealed text."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    about = {
        "format": 1,
        "kdf": "scrypt",
        "n": _COST,
        "r": _BLOCK,
        "p": _LANES,
        "salt": salt.hex(),
        "nonce": nonce.hex(),
    }
    head = json.dumps(about, sort_keys=True).encode()
    plain = json.dumps({name: base64.b64encode(data).decode() for name, data in files.items()}).encode()
    return head + b"\n" + AESGCM(_key(passphrase, salt, _COST, _BLOCK, _LANES)).encrypt(nonce, plain, head)


def unseal(sealed: bytes, passphrase: str) -> dict[str, bytes]:
    """The files.

    Raises:
        BackupError: the passphrase is another one, or the text was changed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head, _, data = sealed.partition(b"\n")
    try:
        about = json.loads(head)
        cost, block, lanes = int(about["n"]), int(about["r"]), int(about["p"])
        if not (cost <= _MOST_COST and block <= 32 and lanes <= 16):
            raise ValueError("it asks for too much memory")
        key = _key(passphrase, bytes.fromhex(about["salt"]), cost, block, lanes)
        plain = AESGCM(key).decrypt(bytes.fromhex(about["nonce"]), data, head)
        return {str(name): base64.b64decode(text) for name, text in json.loads(plain).items()}
    except InvalidTag:
        raise BackupError(
            "the passphrase is not the one that the backup was made with, or its keys were changed"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"the sealed keys of the backup cannot be read: {error}") from error


def _key(passphrase: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, n=cost, r=block, p=lanes).derive(passphrase.encode())
