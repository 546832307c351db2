"""Secrets of a workspace as they are spoken of: by name. Their values are in nothing that is told.

An attempt asks for each secret that its task names by a REQUEST of the verb SECRET, with "name" and "key": the public key of a
pair that it made for this. The answer is None, where none of the name is stored, or a map of "sealed": the value so that only
who has the other key of the pair can open it. For a message may be kept on its way, in a file or in a mailbox. Workers in an
environment of a task lack what that takes, are on the engine's machine, and send no key; they get "plain", by a socket.
"""

from __future__ import annotations

import re
from typing import Any, TypedDict

from partita.errors import SecretError

__all__ = [
    "KEY_VARIABLE", "LONGEST_BYTES", "SECRET", "SHORTEST_LENGTH", "SecretChange", "SecretView", "checked_name", "checked_value",
]  # fmt: skip

SECRET = "secret"

#: The variable with the keys that the engine encrypts secrets with: nothing that the engine starts is given it.
KEY_VARIABLE = "PARTITA_SECRETS_KEY"

#: A longer value is refused: previews are cut so far behind what they show that no secret of this length is cut in two.
LONGEST_BYTES = 16 << 10
#: A shorter one is stored, but its letters stand in many a text.
SHORTEST_LENGTH = 4

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,199}")
_OWN = "PARTITA_"


class SecretView(TypedDict):
    """A secret without its value."""

    name: str
    version: int  # grows with every value that was set, also where it was removed between
    created_at: float
    created_by: str
    rotated_at: float  # when the value was set that it has now
    rotated_by: str


class SecretChange(TypedDict):
    """What came of setting a secret."""

    secret: SecretView
    is_new: bool
    warning: str  # for people; empty: there is none


def checked_name(name: Any) -> str:
    """The name, which is that of a variable of the environment.

    Raises:
        SecretError: nothing can be named so.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        told = (
            name.partition("=")[0] if isinstance(name, str) else name
        )  # what follows is a value that does not belong here
        raise SecretError(
            f"{told!r} cannot be the name of a secret: it becomes a variable of the environment; give letters, digits and "
            "underscores, of which the first is no digit, such as API_TOKEN"
        )
    if name.upper().startswith(_OWN):
        raise SecretError(f"{name} cannot be the name of a secret: variables that begin so are Partita's own")
    return name


def checked_value(name: str, value: Any) -> str:
    """The value.

    Raises:
        SecretError: no attempt could be given it; the message does not hold it.
    """
    if not isinstance(value, str) or not value:
        raise SecretError(f"the value of {name} is empty; `partita secrets remove {name}` removes a secret")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise SecretError(
            f"the value of {name} is no text in UTF-8; store it encoded, in base64 for instance"
        ) from None
    if size > LONGEST_BYTES:
        raise SecretError(
            f"the value of {name} has {size:,} bytes, and {LONGEST_BYTES:,} is the most that can be masked; keep what is longer "
            "in a file, and the key to it here"
        )
    if "\0" in value:
        raise SecretError(
            f"the value of {name} has a zero byte, which no variable can hold; store it encoded, in base64"
        )
    return value
