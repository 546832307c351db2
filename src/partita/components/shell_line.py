"""A line for the shell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partita.flow.command import CommandResult, command
from partita.flow.task import task

__all__ = ["shell"]


@task(tags=("shell", "program"))
def shell(
    line: str,
    values: dict[str, str | int | float | list[str]] | None = None,
    *,
    folder: str | None = None,
    allowed_statuses: Sequence[int] = (0,),
) -> CommandResult:
    """Run a line in the shell; what it prints is also the attempt's log.

    For a line that is known when the flow is written, `partita.command` makes a task with typed parameters.

    Args:
        line: with `{name}` where a value goes in, quoted; `{{` and `}}` stand for braces.
        values: what goes in.
        folder: the working directory; default: that of the attempt.
        allowed_statuses: exit statuses that are no failure.

    Raises:
        CommandError: it ended with another exit status.
    """
    program: Any = command(line, folder=folder, allowed_statuses=allowed_statuses).function
    given = values or {}
    missing = [name for name in program.__signature__.parameters if name not in given]
    if missing:
        raise ValueError(f"shell: the line has {{{missing[0]}}}, but values= does not name it; write {{{{ for a brace")
    result: CommandResult = program(**given)
    return result
