"""Optional libraries: imported where they are used, and named with their extra where they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from partita.errors import MissingExtraError

__all__ = ["need"]


def need(module: str, extra: str, task: str) -> Any:
    """The module.

    Args:
        extra: of Partita, which installs it.
        task: who needs it, for the message.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise MissingExtraError(
            f"{task} needs {error.name}, which is not installed; install it by pip install 'partita[{extra}]'"
        ) from error
