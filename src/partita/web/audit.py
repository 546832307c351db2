"""The page of the audit, and the audit as files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.responses import Response, StreamingResponse

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.errors import OptionError
from partita.views.audit import Noted, audit_page, csv_lines, each_entry, json_lines
from partita.views.paging import cursor_of, read_cursor
from partita.web.forms import Form
from partita.web.pages import pages_of, refused

__all__ = ["routes"]

routes = Routes()
_ROWS = 100
Short = Annotated[str, Query(max_length=200)]
Outcome = Literal["", "done", "refused"]


def _noted(form: Form, said: dict[str, str]) -> Noted:
    who, action, target = (said[name].strip() for name in ("who", "action", "target"))
    return Noted(who, action, target, said["outcome"], form.moment(said["since"]), form.moment(said["until"]))


@routes.reads("/audit", needs="audit:read")
def audit(
    asked: Asked, who: Short = "", action: Short = "", target: Short = "", outcome: Outcome = "", since: Short = "",
    until: Short = "", cursor: Annotated[str, Query(max_length=100)] = "",
) -> Response:  # fmt: skip
    """Who did what, from where, the newest first."""
    form = Form(partial(refused, asked))
    said: dict[str, str] = {
        "who": who, "action": action, "target": target, "outcome": outcome, "since": since, "until": until,
    }  # fmt: skip
    noted = _noted(form, said)
    found, next, is_whole = ([], 0, True)  # type: list[Any], int, bool
    if not form.problems:
        before = max(read_cursor(cursor), 0) if cursor else 0
        found, next, is_whole = audit_page(asked.workspace.audit, noted, before, _ROWS)
    return pages_of(asked).show(
        asked.request, "audit.html", entries=found, next=cursor_of(next) if next else None, is_whole=is_whole, said=said,
        problems=form.problems, told=_told,
    )  # fmt: skip


def _told(data: dict[str, Any]) -> str:
    """What else is known, in a line; what a browser calls itself is long, and the least of it."""
    data = {name: data[name] for name in sorted(data, key=lambda name: name == "agent")}
    return ", ".join(f"{name}: {_text(name, value)}" for name, value in data.items() if value not in (None, "", [], {}))


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if name.endswith("_at") and type(value) in (int, float) and 0 <= value < 1e11:
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S}"
    return json.dumps(value, ensure_ascii=False)


@routes.reads("/audit/export", needs="audit:read", kind="text/csv")
def export(
    asked: Asked, form: Literal["csv", "jsonl"] = "csv", who: Short = "", action: Short = "", target: Short = "",
    outcome: Outcome = "", since: Short = "", until: Short = "",
) -> Response:  # fmt: skip
    """All entries that fit, as a file."""
    read = Form(partial(refused, asked))
    said = {"who": who, "action": action, "target": target, "outcome": outcome, "since": since, "until": until}
    noted = _noted(read, dict(said))
    if read.problems:
        raise OptionError("; ".join(read.problems))
    # The thread that goes on with it is another one each time, and has a workspace of its own.
    entries = each_entry(lambda **asked_: asked.workspace.audit(**asked_), noted)
    lines, kind = (
        (csv_lines(entries), "text/csv; charset=utf-8") if form == "csv" else (json_lines(entries), "application/x-ndjson")
    )  # fmt: skip
    headers = {"content-disposition": f'attachment; filename="audit.{form}"'}
    return StreamingResponse(lines, media_type=kind, headers=headers)
