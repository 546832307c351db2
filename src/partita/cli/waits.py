"""`partita waits`, `send`, `approve`, `reject` and `answer`: what steps wait for, and what ends it."""

from __future__ import annotations

import json as json_format
import sys
import time
from typing import Annotated, Any

import typer

from partita.cli import statuses
from partita.cli.fields import asked_fields, csv_fields
from partita.cli.inputs import parse_call
from partita.cli.options import Json, RunName
from partita.cli.output import Cell, Output
from partita.cli.session import Session
from partita.errors import AnswerError, NotFoundError
from partita.protocol.waits import WaitView, only_wait
from partita.units import duration_text, whole_number
from partita.workspace.naming import me

__all__ = ["register"]

_Step = Annotated[
    str,
    typer.Argument(
        metavar="[STEP]",
        help="Its number or path, or what only it waits in; nothing where only one waits.",
        show_default=False,
    ),
]
_Run = Annotated[
    str, typer.Argument(metavar="[RUN]", help="A run; nothing where only one waits for a person.", show_default=False)
]
_By = Annotated[str, typer.Option("--by", help="Whose name it is said in; default: who is logged in here.")]
_Comment = Annotated[str, typer.Option("--comment", help="Why.")]


def register(app: typer.Typer) -> None:
    app.command("waits")(waits)
    app.command("send", epilog=statuses.LEGEND)(send)
    app.command("approve", epilog=statuses.LEGEND)(approve)
    app.command("reject", epilog=statuses.LEGEND)(reject)
    app.command("answer", epilog=statuses.LEGEND, context_settings={"ignore_unknown_options": True})(answer)


def waits(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="All waits of one run.", show_default=False)] = "",
    json: Json = False,
) -> int:
    """List what waits for a time, an event or a person."""
    session: Session = context.obj
    found = session.workspace.waits(run)
    if json:
        session.output.document([{name: value for name, value in wait.items() if name != "show"} for wait in found])
    elif not found:
        session.output.note("Nothing waits for a time, an event or a person.")
    else:
        _tell(session.output, found)
    return statuses.SUCCESS


def _tell(output: Output, found: list[WaitView]) -> None:
    now = time.time()
    rows: list[list[Cell | str]] = [
        [Cell(wait["run"], "bold"), str(wait["step"]), wait["path"], _about(wait), _left(wait, now), _so_far(wait)]
        for wait in found
    ]  # fmt: skip
    output.table(["RUN", "STEP", "PATH", "WAITS FOR", "TIME LEFT", "SO FAR"], rows, flexible=3)
    for wait in found:
        if wait["kind"] in ("approval", "answer") and not wait["outcome"]:
            _tell_question(output, wait)


def _about(wait: WaitView) -> str:
    key = f" (key {wait['key']})" if wait["key"] is not None else ""
    words = {"sleep": "a time", "until": "a moment", "event": f"the event {wait['name']}{key}"}
    return words.get(wait["kind"], wait["name"])


def _left(wait: WaitView, now: float) -> str:
    if wait["outcome"]:
        return ""
    return "" if wait["due_at"] is None else duration_text(max(wait["due_at"] - now, 0.0))


def _so_far(wait: WaitView) -> str:
    said = ", ".join(f"{vote['verdict']} by {vote['by'] or 'somebody'}" for vote in wait["votes"])
    return said or wait["outcome"]


def _tell_question(output: Output, wait: WaitView) -> None:
    output.line()
    output.line(output.paint(wait["name"], "bold"))
    for name, text in wait["previews"]:
        output.line(f"  {output.paint(f'{name:<12}', 'dim')} {text}" if name else f"  {text}")
    if wait["by"]:
        required = f", {wait['required']} of them" if wait["required"] > 1 else ""
        output.line(f"  {output.paint('who may say', 'dim')}  {', '.join(wait['by'])}{required}")
    place = f"{wait['run']} {wait['step']}"
    if wait["kind"] == "approval":
        output.line(f"  partita approve {place}    or    partita reject {place} --comment WHY")
    else:
        output.line(f"  partita answer {place} {_example(wait['form'] or {})}")


def _example(form: dict[str, Any]) -> str:
    if form.get("type") != "object":
        return _placeholder(form)
    return " ".join(f"{field['name']}={_placeholder(field['form'])}" for field in form["fields"])


def _placeholder(form: dict[str, Any]) -> str:
    if form.get("type") == "choice":
        return "|".join(map(str, form["choices"]))
    return str(form.get("type", "value")).upper()


def send(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help='A run, or "any": whichever waits for the event.')],
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The event's name.")],
    data: Annotated[str, typer.Option("--data", help="Its data, as JSON; a text that is no JSON is a text.")] = "null",
    key: Annotated[str | None, typer.Option("--key", help="For waits with this key only.")] = None,
    id: Annotated[str, typer.Option("--id", help="A second event with it is dropped.")] = "",
    by: _By = "",
    json: Json = False,
) -> int:
    """Send an event to a run."""
    session: Session = context.obj
    target = "" if run == "any" else session.workspace.run(run)["id"]
    is_new = session.workspace.send(target, event, _parsed(data), key=key, id=id, by=by or me())
    if json:
        session.output.document({"run": target, "event": event, "is_duplicate": not is_new})
    else:
        whom = f"the run {target}" if target else "whichever run waits for it"
        session.output.line(f"{event} was sent to {whom}." if is_new else f"{event} was sent before with this id.")
    return statuses.SUCCESS


def _parsed(text: str) -> Any:
    try:
        return json_format.loads(text)
    except ValueError:
        return text


def approve(
    context: typer.Context, run: _Run = "", step: _Step = "", comment: _Comment = "", by: _By = "", json: Json = False
) -> int:
    """Approve what a run asks for."""
    return _decide(context.obj, run, step, True, comment, by)


def reject(
    context: typer.Context, run: _Run = "", step: _Step = "", comment: _Comment = "", by: _By = "", json: Json = False
) -> int:
    """Reject what a run asks for."""
    return _decide(context.obj, run, step, False, comment, by)


def _decide(session: Session, run: str, step: str, is_approved: bool, comment: str, by: str) -> int:
    run, number = _meant(session, run, step, "approval")
    workspace, by = session.workspace, by or me()
    view = (workspace.approve if is_approved else workspace.reject)(run, number, comment=comment, by=by)
    missing = view["required"] - sum(vote["verdict"] == "approved" for vote in view["votes"])
    told = view["outcome"] or f"approved by {by}; {missing} more have to approve"
    return _conclude(session, view, f"{view['name']}: {told}.")


def answer(
    context: typer.Context,
    run: RunName,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STEP] VALUE | [STEP] FIELD=VALUE...", help="The answer.", show_default=False),
    ] = None,
    inputs: Annotated[
        str, typer.Option("--inputs", help='Its fields from a JSON or CSV file; "-" reads JSON here.')
    ] = "",
    by: _By = "",
    json: Json = False,
) -> int:
    """Answer what a run asks for: a value, or the fields of a form; a terminal asks for those of a form one by one."""
    session: Session = context.obj
    rest = list(words or ())
    open_waits = [wait for wait in session.workspace.waits(run) if wait["kind"] == "answer" and not wait["outcome"]]
    step = ""
    names = [(str(wait["step"]), wait["path"]) for wait in open_waits]
    is_named = rest and any(rest[0] in name or name[1].startswith(f"{rest[0]}/") for name in names)
    if is_named and (len(rest) > 1 or inputs):
        step = rest.pop(0)
    run, number = _meant(session, run, step, "answer")
    wait = next((wait for wait in open_waits if wait["step"] == number), None)
    form = (wait["form"] if wait is not None else None) or {}
    value: Any
    if form.get("type") == "object" and not rest and not inputs and wait is not None and sys.stdin.isatty():
        value = asked_fields(session.output, wait)
    elif form.get("type") == "object" and inputs.lower().endswith(".csv"):
        value = {**csv_fields(inputs), **parse_call(["", *rest]).texts}
    elif form.get("type") == "object" and (inputs or not rest or "=" in rest[0]):
        value = parse_call(["", *rest], inputs).texts
    elif len(rest) == 1:
        value = rest[0]
    else:
        raise typer.BadParameter(f"give the answer ({_example(form)})")
    view = session.workspace.answer(value, run, number, by=by or me())
    return _conclude(session, view, f"{view['name']}: answered.")


def _meant(session: Session, run: str, step: str, kind: str) -> tuple[str, int]:
    """The run and the step: where the words name none, the only ones that wait."""
    if step and not step.isdecimal():
        from partita.cli.listing import find_step

        run = session.workspace.run(run)["id"]
        below = [
            wait["step"] for wait in session.workspace.waits(run)
            if wait["kind"] == kind and not wait["outcome"] and wait["path"].startswith(f"{step}/")
        ]  # fmt: skip
        return run, below[0] if len(below) == 1 else find_step(session, run, step)["id"]
    if run:
        run = session.workspace.run(run)["id"]
        if not step:
            return run, only_wait(session.workspace.waits(run), kind, run)
        number = whole_number(step, (1 << 32) - 1)
        if number is None:
            raise NotFoundError(f"the run {run} has no step number {step[:40]}; `partita waits` lists what waits")
        return run, number
    found = session.workspace.waits(kinds=(kind,))
    if len(found) != 1:
        how_many = "Nothing waits" if not found else f"{len(found)} steps wait"
        raise AnswerError(
            f"{how_many} for {'an approval' if kind == 'approval' else 'an answer'}; `partita waits` lists them"
        )
    return found[0]["run"], found[0]["step"]


def _conclude(session: Session, view: WaitView, text: str) -> int:
    if session.output.is_json:
        session.output.document({name: value for name, value in view.items() if name != "show"})
    else:
        session.output.line(text)
    return statuses.SUCCESS
