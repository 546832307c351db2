"""Where an attempt gets the secrets that its task names: what the engine has stored, else the environment, else `.env`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.errors import LoadError
from partita.protocol.secrets import SECRET

if TYPE_CHECKING:
    from partita.artifacts.sealing import Recipient
    from partita.worker.attempt_context import AttemptContext

__all__ = ["find_secrets"]


def find_secrets(names: Sequence[str], folder: str, context: AttemptContext) -> dict[str, str]:
    """The values by name. What is stored wins: it was set for this workspace, and a rotated value must not lose to an old copy.

    Args:
        folder: the project's, where `.env` lies.

    Raises:
        SecretError: one is stored and cannot be opened.
        LoadError: one is nowhere to be found.
    """
    found = _stored(names, context)
    rest = [name for name in names if name not in found]
    return found | _from_surroundings(rest, folder) if rest else found


def _stored(names: Sequence[str], context: AttemptContext) -> dict[str, str]:
    recipient = _recipient()
    found = {}
    for name in dict.fromkeys(names):
        question = {"name": name, "key": recipient.public_key if recipient is not None else b""}
        answer: Mapping[str, Any] | None = context.ask(SECRET, question)
        if answer is not None and "plain" in answer:
            found[name] = str(answer["plain"])
        elif answer is not None and recipient is not None:
            found[name] = recipient.open(answer["sealed"], name)
    return found


def _recipient() -> Recipient | None:
    """None: an environment of a task, which has not the library that this takes."""
    from partita.artifacts.sealing import Recipient

    try:
        return Recipient()
    except ImportError:
        return None


def _from_surroundings(names: Sequence[str], folder: str) -> dict[str, str]:
    from dotenv import dotenv_values

    file = Path(folder, ".env")
    written = dotenv_values(file, interpolate=False) if file.is_file() else {}
    found = {name: os.environ.get(name) or written.get(name) for name in names}
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise LoadError(
            f"the secret{'s' * (len(missing) > 1)} {', '.join(missing)} cannot be found; store it: `partita secrets set "
            f"{missing[0]}`; or set it in the environment in which the engine is started, or write {missing[0]}=... into {file}"
        )
    return {name: value for name, value in found.items() if value}
