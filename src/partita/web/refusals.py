"""Errors in the reader's language."""

from __future__ import annotations

from partita.errors import CheckError
from partita.web.patterns import retold
from partita.web.texts import Texts

__all__ = ["HEADS", "refusal"]

#: Status of an answer -> what stands over it.
HEADS = {
    400: "That cannot be understood", 401: "Sign in first", 403: "You may not do that", 404: "There is no such thing",
    409: "It cannot be done as things are", 413: "That is too large", 422: "Something does not fit",
    429: "There is too much to do just now", 500: "The server made a mistake", 503: "The engine cannot be reached",
}  # fmt: skip


def refusal(error: Exception | str, tell: Texts) -> str:
    """What is said of an error; of a check, each of its problems by itself."""
    if not isinstance(error, CheckError) or not error.problems:
        return retold(str(error), tell)
    lines = []
    for problem in error.problems:
        place = f"{problem.place}: " if problem.place else ""
        lines.append(place + retold(problem.message, tell))
        if problem.remedy:
            lines.append("    " + retold(problem.remedy, tell))
    return "\n".join(lines)
