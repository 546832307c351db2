"""The variables and secrets of an attempt, there while it runs and gone after it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita.worker.attempt import Attempt
    from partita.worker.masking import Masker

__all__ = ["surroundings", "without_secrets"]


@contextmanager
def surroundings(attempt: Attempt) -> Iterator[None]:
    """Set the variables and secrets of the attempt's profile, and mask the secrets in what it prints.

    Raises:
        LoadError: a secret is nowhere to be found.
        SecretError: one is stored and cannot be opened.
    """
    profile = attempt.profile
    secrets = _secrets_of(attempt) if profile.secrets else {}
    variables = profile.variables | secrets
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        if secrets:
            from partita.worker.masking import Masker

            attempt.mask = Masker(secrets.values())
            _warn_of_short(attempt, secrets)
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


def _secrets_of(attempt: Attempt) -> dict[str, str]:
    from partita.worker.attempt_context import AttemptContext
    from partita.worker.secrets import find_secrets

    return find_secrets(attempt.profile.secrets, attempt.profile.folder, AttemptContext(attempt))


def _warn_of_short(attempt: Attempt, secrets: dict[str, str]) -> None:
    from partita.worker.secret_forms import WELL_MASKED_LENGTH

    short = [name for name, value in secrets.items() if len(value) < WELL_MASKED_LENGTH]
    if short:
        told = f"{', '.join(short)}: a secret of less than {WELL_MASKED_LENGTH} characters cannot be masked well"
        attempt.worker.capture.write(f"Partita: {told}\n")


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
