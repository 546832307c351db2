"""The variables and secrets of an attempt, there while it runs and gone after it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.errors import LoadError

if TYPE_CHECKING:
    from partita.worker.attempt import Attempt
    from partita.worker.masking import Masker

__all__ = ["read_secrets", "surroundings", "without_secrets"]


@contextmanager
def surroundings(attempt: Attempt) -> Iterator[None]:
    """Set the variables and secrets of the attempt's profile, and mask the secrets in what it prints.

    Raises:
        LoadError: a secret is nowhere to be found.
    """
    profile = attempt.profile
    secrets = read_secrets(profile.secrets, profile.folder) if profile.secrets else {}
    variables = profile.variables | secrets
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        if secrets:
            from partita.worker.masking import Masker

            attempt.mask = Masker(secrets.values())
            with _masked_output(attempt, attempt.mask):
                yield
        else:
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def read_secrets(names: list[str], folder: str) -> dict[str, str]:
    """The values, from the environment of this process or from `.env` in the folder.

    Raises:
        LoadError: some are in neither.
    """
    from dotenv import dotenv_values

    file = Path(folder, ".env")
    written = dotenv_values(file, interpolate=False) if file.is_file() else {}
    found = {name: os.environ.get(name) or written.get(name) for name in names}
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise LoadError(
            f"the secret{'s' * (len(missing) > 1)} {', '.join(missing)} cannot be found; set it in the environment in "
            f"which the engine is started, or write {missing[0]}=... into {file}"
        )
    return {name: value for name, value in found.items() if value}


def without_secrets(value: Any, mask: Callable[[str], str]) -> Any:
    """What a program printed, without secrets; any other value as it is, since a task may compute with secrets."""
    commands = sys.modules.get("partita.flow.command")
    if commands is None or type(value) is not commands.CommandResult:
        return value
    return commands.CommandResult(value.exit_status, mask(value.stdout), mask(value.stderr), mask(value.command))


@contextmanager
def _masked_output(attempt: Attempt, masker: Masker) -> Iterator[None]:
    from partita.worker.masking import MaskingPipe

    capture = attempt.worker.capture
    pipe = MaskingPipe(masker, capture.file)
    capture.lead_streams_to(pipe.entrance)
    try:
        yield
    finally:
        capture.flush()
        capture.lead_streams_to(capture.file)
        pipe.close()
