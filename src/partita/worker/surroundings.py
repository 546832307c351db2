"""What goes wrong in an environment of a task only because it is another one than that of the other steps."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from partita.core.environment import Declaration
from partita.errors import LoadError, ValueStoreError

if TYPE_CHECKING:
    from partita.worker.profiles import WorkerProfile

__all__ = ["foreign_code", "foreign_value"]


def foreign_value(error: ValueStoreError, profile: WorkerProfile) -> ValueStoreError:
    """The error of a value that could not be opened here, with what the environment has to do with it."""
    return type(error)(
        f"{error} It was opened in the environment of {profile.title} ({_described(profile)}): what was pickled by a step "
        "outside of it needs the same libraries, in versions that understand each other, and for functions the same "
        "Python. Pass numbers, texts, lists, dicts, arrays or files between environments, or add the library to this one"
    )


def foreign_code(error: LoadError, profile: WorkerProfile) -> LoadError:
    """The error of code that could not be imported here, likewise."""
    return LoadError(
        f"{error}. It was imported in the environment of {profile.title} ({_described(profile)}): what the module imports "
        "at its top must be there too; import what single tasks need inside of them, move the task into a module of its "
        "own, or add the package to environment="
    )


def _described(profile: WorkerProfile) -> str:
    title = Declaration.from_text(profile.environment).title
    return f"Python {platform.python_version()}, {title}"
