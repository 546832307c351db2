"""The page of one run."""

from __future__ import annotations

import time
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Query
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.api.runs import RerunBody
from partita.drawing.picture_style import STYLE
from partita.drawing.progress import FINAL_STATES, warnings_of
from partita.drawing.reported import series_of
from partita.drawing.run_gantt import run_gantt
from partita.drawing.run_graph import GraphNode
from partita.errors import RequestError
from partita.protocol.requests import RunView, StepView
from partita.protocol.waits import ASKED, WaitView
from partita.units import whole_number
from partita.views.inbox import Question, question_of
from partita.views.paging import page, read_cursor
from partita.web.approvals import wait_parts
from partita.web.pages import moved, pages_of
from partita.web.run_finish import finish_of, planned_of
from partita.web.run_graphs import graph_of
from partita.web.run_logs import log_of
from partita.web.texts import Texts

__all__ = ["routes"]

routes = Routes()

#: What can be seen of a run, and what it is called.
VIEWS = {"graph": "Graph", "gantt": "Timeline", "steps": "Steps", "log": "Log", "values": "Values"}
_ROWS = 100
#: Steps from which on a timeline is kept for a while, and for how many seconds.
_LARGE, _LARGE_AGE_S = 2000, 3.0
_BY = ("step", "node", "executor")
Name = Annotated[str, Query(max_length=400)]
StepId = Annotated[int | None, Query(ge=0, lt=1 << 32)]


@routes.reads("/runs/{run}", needs="runs:read")
def show(
    asked: Asked,
    run: str,
    view: Name = "graph",
    step: StepId = None,
    opened: Annotated[list[str] | None, Query(alias="open", max_length=300)] = None,
    turned: Annotated[list[str] | None, Query(alias="turn", max_length=300)] = None,
    cursor: Name = "",
    state: Name = "",
    path: Name = "",
    by: Name = "step",
    find: Name = "",
) -> Response:
    """A run: its graph, its times, its steps, its log, its values; with `step`, that step beside it."""
    found = asked.workspace.run(run)
    if found["id"] != run:
        query = asked.request.url.query
        return moved(f"/runs/{found['id']}" + (f"?{query}" if query else ""))
    shown = view if view in VIEWS else "graph"
    context: dict[str, Any] = {
        "run": found, "view": shown, "views": VIEWS, "is_final": found["state"] in FINAL_STATES, "step": None,
        "planned": planned_of(asked, found), "warnings": warnings_of(found),
        "cost": found["notes"].get("cost"), "style": STYLE, "states": "", "asking": [], **wait_parts(),
    }  # fmt: skip
    if found["counts"].get("waiting"):
        waits = asked.workspace.waits(found["id"])
        context["asking"] = [wait for wait in waits if wait["kind"] in ASKED and not wait["outcome"]]
    context["finish"] = finish_of(asked, found, bool(context["asking"]))
    if step is not None:
        context["step"] = _step(asked, found, step)
    if shown == "graph":
        context["graph"] = graph_of(asked, found, opened, turned)
        context["states"] = f"/runs/{found['id']}/states?{asked.request.url.query}"
    elif shown == "gantt":
        context |= _gantt(asked, found, by)
    elif shown == "steps":
        context |= _steps(asked, found, state, path, cursor)
    elif shown == "values":
        context["artifacts"] = asked.workspace.artifacts(run=found["id"], limit=500)
    else:
        with asked.heavy():  # it may read 20 MB
            context |= log_of(asked, found, find)
    return pages_of(asked).show(asked.request, "run.html", **context)


def _gantt(asked: Asked, run: RunView, by: str) -> dict[str, Any]:
    chosen = by if by in _BY else "step"
    tell = pages_of(asked).texts(asked.request)

    def make() -> dict[str, Any]:
        return _timeline(asked, run, chosen, tell)

    if sum(run["counts"].values()) < _LARGE:
        return make()
    # Ten thousand attempts are not read and drawn anew for each who looks.
    moment = 0 if run["state"] in FINAL_STATES else int(time.time() / _LARGE_AGE_S)
    found: dict[str, Any] = asked.server.kept.get(
        ("timeline", run["id"], run["state"], chosen, tell.language, moment), make
    )
    return found


def _timeline(asked: Asked, run: RunView, chosen: str, tell: Texts) -> dict[str, Any]:
    steps = asked.server.run_steps.of(asked.workspace, run)
    attempts = asked.server.run_attempts.of(asked.workspace, run)

    def link(node: GraphNode) -> str:
        return f"/runs/{run['id']}?view=gantt&step={node.step}" if node.step is not None else ""

    plan = asked.workspace.run_plan(run["id"], steps)
    return {
        "is_planned": plan is not None and chosen == "step",
        "gantt": run_gantt(run, steps, attempts, link, now=time.time(), plan=plan, by=chosen, tell=tell),
        "by": chosen,
        "ways": _BY,
    }


def _steps(asked: Asked, run: RunView, state: str, path: str, cursor: str) -> dict[str, Any]:
    after = read_cursor(cursor) if cursor else -1
    if state or path:
        brief = asked.server.run_steps.of(asked.workspace, run)
        words = path.lower()
        fitting = (
            step for step in brief
            if step["id"] > after and (not state or step["state"] == state) and words in step["path"].lower()
        )  # fmt: skip
        chosen = [step for step, _ in zip(fitting, range(_ROWS + 1), strict=False)]
        made = page(chosen, _ROWS, lambda step: step["id"])
        whole = asked.workspace.chosen_steps(run["id"], [step["id"] for step in made["items"]])
        # What has changed since it was chosen is shown where it belongs by now.
        made["items"] = [step for step in whole if not state or step["state"] == state]
    else:
        found = asked.workspace.steps(run["id"], after=after, limit=_ROWS + 1)
        made = page(found, _ROWS, lambda step: step["id"])
    return {"steps": made["items"], "next": made["next"], "state": state, "words": path}


def _whole(asked: Asked, run: RunView, number: int) -> StepView | None:
    return next(iter(asked.workspace.chosen_steps(run["id"], [number])), None)


def _question(asked: Asked, wait: WaitView) -> Question:
    return question_of(asked.workspace, wait, asked.name, asked.is_administrator)


def _step(asked: Asked, run: RunView, number: int) -> dict[str, Any] | None:
    found = _whole(asked, run, number)
    if found is None:
        return None
    waits = [wait for wait in asked.workspace.waits(run["id"]) if wait["step"] == number]
    brief = asked.server.run_steps.of(asked.workspace, run)
    known = {step["id"]: step for step in brief}
    attempts = asked.workspace.attempts(run["id"], number)
    text, offset = "", 0
    if attempts:
        chunk = asked.workspace.ask("log", run=run["id"], step=number, attempt=attempts[-1]["number"], offset=0)
        text, offset = chunk["text"], chunk["next_offset"]
    return {
        "step": found, "attempts": attempts, "explanation": asked.workspace.explain(run["id"], number),
        "question": next((_question(asked, wait) for wait in waits[:1] if wait["kind"] in ASKED), None),
        "log": text, "offset": offset, "reported": series_of(asked.workspace.reports(run["id"], number)),
        "inputs": [known[source] for source in dict.fromkeys(found["inputs"]) if source in known][:50],
        "readers": [step for step in brief if number in step["inputs"]][:50],
        "parent": known.get(found["parent"]) if found["parent"] > 0 else None,
    }  # fmt: skip


def _step_in(text: str) -> int | None:
    """The step that a form names; None: it names none.

    Raises:
        RequestError: it is no number of a step.
    """
    if not text:
        return None
    number = whole_number(text, (1 << 32) - 1) if text.isdecimal() else None
    if number is None:
        raise RequestError(f"{text[:40]!r} is no number of a step")
    return number


@routes.changes("/runs/{run}/cancel", needs="runs:cancel")
async def cancel(asked: Asked, run: str) -> Response:
    """Stop the run, or a step of it."""
    form = await asked.request.form()
    is_forced, step = bool(form.get("force")), _step_in(str(form.get("step", "")))

    def act() -> None:
        asked.workspace.cancel(run, step=step, force=is_forced)
        asked.note("run.cancel", run, force=is_forced, step=step)

    await asked.in_thread(lambda workspace: act())
    return moved(f"/runs/{quote(run)}")


@routes.changes("/runs/{run}/rerun", needs="runs:rerun")
async def rerun(asked: Asked, run: str) -> Response:
    """Run it once more, from a step on where one is said."""
    form = await asked.request.form()
    step = _step_in(str(form.get("step", "")))
    afresh = [] if step is None else [step]
    body = RerunBody(same_code=bool(form.get("same_code")), afresh=afresh).model_dump()
    made = await asked.server.launching.rerun_waiting(asked, run, body, str(form.get("key", ""))[:200])
    return moved(f"/runs/{made['id']}")


@routes.changes("/runs/{run}/resume", needs="runs:resume")
def resume(asked: Asked, run: str) -> Response:
    """Let it go on."""
    asked.workspace.resume(run)
    asked.note("run.resume", run)
    return moved(f"/runs/{quote(run)}")
