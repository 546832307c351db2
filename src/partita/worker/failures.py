"""What went wrong in an attempt, as a map: whatever was raised, this does not raise."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from partita.errors import DamagedError

__all__ = ["error_map", "full_text", "type_name"]

_MESSAGE_LIMIT = 16_000
_TRACEBACK_LIMIT = 64_000

#: Folders of this package whose frames do not help a user.
_OWN = tuple(
    f"{__file__.rpartition('/worker/')[0]}/{folder}/"
    for folder in ("worker", "flow", "artifacts", "publishing", "tune")
)


def error_map(error: BaseException, mask: Callable[[str], str] = str) -> dict[str, Any]:
    """The map of `protocol.messages` without the retry decision.

    Args:
        mask: takes secrets out of a text.
    """
    found: dict[str, Any] = {
        "type": type_name(error),
        "message": _cut(mask(_message(error)), _MESSAGE_LIMIT),
        "traceback": _cut(mask(_traceback(error)), _TRACEBACK_LIMIT),
        "origin": "user",
    }
    if isinstance(error, DamagedError) and error.digest:
        found["blob"] = error.digest
    problems = getattr(error, "problems", None)
    if type(error).__module__ == "partita.errors" and problems:
        found["problems"] = [
            {"message": mask(p.message), "place": p.place, "remedy": mask(p.remedy), "is_warning": p.is_warning}
            for p in problems
        ]
    return found


def full_text(error: BaseException) -> str:
    """The message when `error_map` has cut it, else nothing."""
    message = _message(error)
    return message if len(message) > _MESSAGE_LIMIT else ""


def type_name(error: BaseException) -> str:
    """ "ValueError" or "package.module.Name"."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        if isinstance(error, SystemExit):
            return f"the code called exit with status {error.code!r}; a task ends by returning or raising"
        if isinstance(error, MemoryError) and not error.args:
            return "there was not enough memory for what the code asked for"
        text = str(error)
        if type(text) is str:
            return text.encode("utf-8", "backslashreplace").decode()
        return f"<{type_name(error)} whose text is no text>"
    except BaseException as second:
        return f"<{type_name(error)} whose text cannot be had: {type(second).__name__}>"


def _traceback(error: BaseException) -> str:
    import traceback

    try:
        report = traceback.TracebackException(type(error), error, _users_part(error.__traceback__), compact=True)
        seen: set[int] = set()
        _drop_own_frames(report, seen)
        text = "".join(report.format())
        return text.encode("utf-8", "backslashreplace").decode()
    except BaseException as second:
        return _bare_traceback(error.__traceback__) + f"{type_name(error)}: <no text: {type(second).__name__}>\n"


def _bare_traceback(trace: TracebackType | None) -> str:
    import traceback

    try:
        return "Traceback (most recent call last):\n" + "".join(traceback.format_tb(_users_part(trace), 100))
    except BaseException:
        return ""


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """Without our own frames, which come first."""
    while trace is not None and _is_own(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _drop_own_frames(report: Any, seen: set[int]) -> None:
    while report is not None and id(report) not in seen:
        seen.add(id(report))
        kept = [frame for frame in report.stack if not _is_own(frame.filename)]
        report.stack[:] = kept
        for inner in report.exceptions or ():
            _drop_own_frames(inner, seen)
        if report.__context__ is not None and report.__context__ is not report.__cause__:
            _drop_own_frames(report.__context__, seen)
        report = report.__cause__


def _is_own(file: str) -> bool:
    return file.startswith(_OWN) or file.startswith("<frozen importlib")


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    left_out = len(text) - 2 * half
    gap = f"\n... {left_out:,} characters left out; the attempt's log has the whole message ...\n"
    return text[:half] + gap + text[-half:]
