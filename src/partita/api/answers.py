"""What the server answers: values as JSON, and errors as problem details (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from partita import errors
from partita.errors import CheckError, PartitaError
from partita.views.plain import to_json

__all__ = ["STATUSES", "problem", "problem_of", "told"]

#: Kind of error -> status, the first that fits.
STATUSES: tuple[tuple[type[PartitaError], int], ...] = (
    (errors.SignInError, 401),
    (errors.TooOftenError, 429),
    (errors.ForbiddenError, 403),
    (errors.AccessError, 403),
    (errors.BusyError, 429),
    (errors.NotFoundError, 404),
    (errors.CheckError, 422),
    (errors.OptionError, 422),
    (errors.PlanningError, 422),
    (errors.DataError, 422),
    (errors.SettingsError, 422),
    (errors.ConflictError, 409),
    (errors.RequestError, 400),
    (errors.ProtocolError, 400),
    (errors.AnswerError, 409),
    (errors.GateError, 409),
    (errors.StaleMoveError, 409),
    (errors.ModelError, 409),
    (errors.StudyError, 409),
    (errors.RunError, 409),
    (errors.MissingExtraError, 501),
    (errors.EngineError, 503),
    (errors.StoreError, 503),
)


def told(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON."""
    if value is None and status == 204:
        return Response(status_code=204, headers=headers)
    return Response(to_json(value), status, headers, "application/json")


def problem(status: int, title: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """Problem details.

    Args:
        title: what sort of problem it is: the name of an error of `partita.errors`.
        detail: what happened, and what to do.
        more: further members, such as "problems" of a check.
    """
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Response(to_json(body), status, headers, "application/problem+json")


def problem_of(error: Exception) -> Response:
    """An error as problem details. What is no error of ours tells nothing of the inside."""
    if not isinstance(error, PartitaError):
        return problem(500, "InternalError", "the server made a mistake, and has noted it in its log")
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), 422)
    more: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(error, CheckError):
        more["problems"] = [
            {"message": item.message, "place": item.place, "remedy": item.remedy, "is_warning": item.is_warning}
            for item in error.problems
        ]
    wait_s = getattr(error, "retry_after_s", None) or getattr(error, "wait_s", None)
    if status in (429, 503):
        headers["Retry-After"] = str(max(1, math.ceil(wait_s or 1.0)))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="partita"'
    return problem(status, type(error).__name__, str(error), headers=headers, **more)
