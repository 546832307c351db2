"""Pages of approvals and answers: the inbox, and saying something."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Path, Query, Request
from starlette.responses import Response

from partita.api.asking import Asked, Asking
from partita.api.routes import Routes
from partita.auth.policy import allows
from partita.drawing.record_html import record_html
from partita.errors import AnswerError, CheckError
from partita.protocol.waits import ASKED, WaitView
from partita.views.inbox import Question, is_for, question_of
from partita.views.paging import page, read_place
from partita.web.fields import answer_fields, answer_of
from partita.web.pages import back_to, moved, pages_of, refused

__all__ = ["asked_of", "routes", "wait_parts"]

routes = Routes()

_TABS = ("mine", "all", "decided")
_SHOWN, _ROWS = 30, 50
StepId = Annotated[int, Path(ge=0, lt=1 << 32)]


def asked_of(asked: Asking, waits: Sequence[WaitView]) -> list[WaitView]:
    """Those waits that whoever looks may end: they are asked, and their role lets them decide."""
    may = functools.partial(allows, asked.identity, "waits:decide")
    return [wait for wait in waits if is_for(wait, asked.name, asked.is_administrator) and may(run=wait["run"])]


@routes.reads("/approvals", needs="runs:read")
def inbox(
    asked: Asked,
    show: Annotated[str, Query(max_length=20)] = "mine",
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """What persons are asked: who looks, everybody, and what was decided."""
    shown = show if show in _TABS else "mine"
    open_ones = _open(asked)
    mine = asked_of(asked, open_ones)
    context: dict[str, Any] = {"questions": [], "decided": [], "next": None, "more": 0}
    if shown == "decided":
        number, step = read_place(cursor, 2) if cursor else (0, 0)
        found = asked.workspace.closed_waits(before=(number, step), limit=_ROWS + 1)
        made = page(list(found), _ROWS, lambda wait: [wait["number"], wait["step"]])
        context |= {"decided": made["items"], "next": made["next"]}
    else:
        chosen = mine if shown == "mine" else open_ones
        context["questions"] = [
            question_of(asked.workspace, wait, asked.name, asked.is_administrator) for wait in chosen[:_SHOWN]
        ]
        context["more"] = max(len(chosen) - _SHOWN, 0)
    return _inbox(asked, shown, [len(mine), len(open_ones)], **context)


def _open(asked: Asking) -> list[WaitView]:
    def look() -> list[WaitView]:
        return asked.workspace.waits(kinds=ASKED)

    found: list[WaitView] = asked.server.remembered.get("open waits", asked.server.following.version, look)
    return found


def _inbox(asked: Asking, shown: str, counts: Sequence[int], *, status: int = 200, **context: Any) -> Response:
    tabs = zip(_TABS, ("For me", "All open", "Decided"), (*counts, None), strict=True)
    url = asked.request.url
    here = url.path + (f"?{url.query}" if url.query else "")
    told = {
        "typed": {}, "wrong": {}, "problem": "", "decided": [], "next": None, "more": 0, "back": here, **context,
    }  # fmt: skip
    return pages_of(asked).show(
        asked.request, "approvals.html", status=status, shown=shown, tabs=list(tabs), **wait_parts(), **told
    )


def wait_parts() -> dict[str, Any]:
    """What the template of questions needs."""
    return {
        "fields_of": answer_fields, "record_html": lambda record, text, retold: record_html(record, text, tell=retold),
    }  # fmt: skip


@routes.changes("/runs/{run}/steps/{step}/decide", needs="waits:decide")
async def decide(request: Request, asked: Asked, run: str, step: StepId) -> Response:
    """Approve or reject what a step asks."""
    form = await request.form()
    given = {name: str(value) for name, value in form.items()}

    def say() -> Response:
        is_approved = given.get("verdict") == "approve"
        act = asked.workspace.approve if is_approved else asked.workspace.reject
        try:
            comment = given.get("comment", "")[:10_000]
            view = act(run, step, comment=comment, by=asked.name, is_administrator=asked.is_administrator)
        except AnswerError as error:
            return _again(asked, run, step, given, {}, refused(asked, error))
        asked.note("wait.approve" if is_approved else "wait.reject", f"{view['run']}/{step}")
        return moved(_back(given, run, step))

    return await asked.in_thread(lambda workspace: say())  # type: ignore[no-any-return]


@routes.changes("/runs/{run}/steps/{step}/answer", needs="waits:decide")
async def answer(request: Request, asked: Asked, run: str, step: StepId) -> Response:
    """Answer what a step asks."""
    form = await request.form()
    given = {name: str(value) for name, value in form.items()}

    def say() -> Response:
        question = _question(asked, run, step)
        wanted = question.wait["form"] if question is not None else None
        if wanted is None:
            return _again(asked, run, step, given, {}, "")
        value, wrong = answer_of(wanted, given, pages_of(asked).texts(asked.request))
        if wrong:
            return _again(asked, run, step, given, wrong, "")
        try:
            view = asked.workspace.answer(value, run, step, by=asked.name, is_administrator=asked.is_administrator)
        except (AnswerError, CheckError) as error:
            return _again(asked, run, step, given, {}, refused(asked, error))
        asked.note("wait.answer", f"{view['run']}/{step}")
        return moved(_back(given, run, step))

    return await asked.in_thread(lambda workspace: say())  # type: ignore[no-any-return]


def _back(given: dict[str, str], run: str, step: int) -> str:
    return back_to(given["next"]) if given.get("next") else f"/runs/{quote(run)}?step={step}"


def _question(asked: Asking, run: str, step: int) -> Question | None:
    found = [wait for wait in asked.workspace.waits(run) if wait["step"] == step]
    return question_of(asked.workspace, found[0], asked.name, asked.is_administrator) if found else None


def _again(asked: Asking, run: str, step: int, typed: dict[str, str], wrong: dict[str, str], problem: str) -> Response:
    """The question once more, with what was typed and what is wrong with it."""
    question = _question(asked, run, step)
    if question is None:
        raise AnswerError(problem or f"step {step} of run {run} asks nobody")
    status = 422 if wrong else 409
    return _inbox(
        asked, "all", [0, 0], status=status, questions=[question], typed=typed, wrong=wrong, problem=problem,
        back=_back(typed, run, step),
    )  # fmt: skip
