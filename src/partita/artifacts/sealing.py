"""Handing a text to one attempt, through whatever carries messages: only who made the key pair opens it.

X25519, HKDF-SHA256 and AES-256-GCM, as ECIES puts them together: the key is used once. Who may ask is not told by this: messages
from elsewhere are signed with the executor's key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.errors import SecretError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

__all__ = ["PUBLIC_KEY_BYTES", "Recipient", "seal_for"]

PUBLIC_KEY_BYTES = 32
#: Of a key that is used once, one nonce is as good as another.
_NONCE = bytes(12)


class Recipient:
    """A key pair that lives as long as this object."""

    def __init__(self) -> None:
        """
        Raises:
            ImportError: the library is not there: in an environment of a task.
        """
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        self._key = X25519PrivateKey.generate()
        self.public_key = self._key.public_key().public_bytes_raw()

    def open(self, sealed: bytes, about: str) -> str:
        """The text.

        Raises:
            SecretError: it was sealed for somebody else, or about something else, or is damaged.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            theirs = X25519PublicKey.from_public_bytes(sealed[:PUBLIC_KEY_BYTES])
            key = _agreed(self._key, theirs, sealed[:PUBLIC_KEY_BYTES] + self.public_key)
            return AESGCM(key).decrypt(_NONCE, sealed[PUBLIC_KEY_BYTES:], about.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SecretError(
                f"what the engine sent of {about} cannot be opened by this attempt; run it again"
            ) from error


def seal_for(public_key: bytes, text: str, about: str) -> bytes:
    """The text for whoever made the pair of this key.

    Args:
        about: what the text is; it opens as nothing else.

    Raises:
        SecretError: that is no key.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    own = X25519PrivateKey.generate()
    head = own.public_key().public_bytes_raw()
    try:
        key = _agreed(own, X25519PublicKey.from_public_bytes(public_key), head + public_key)
    except ValueError as error:
        raise SecretError(f"an attempt asked for {about} with what is no key") from error
    return head + AESGCM(key).encrypt(_NONCE, text.encode(), about.encode())


def _agreed(own: X25519PrivateKey, theirs: X25519PublicKey, both: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt=None, info=b"partita secret of an attempt\0" + both).derive(own.exchange(theirs))
