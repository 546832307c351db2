"""Waits: steps that hold no worker until a time comes, an event arrives, or a person answers.

A wait may be given promises: then it begins when they have come true. With `after=` it begins when others have ended.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, Literal, TypeVar

from partita.errors import DefinitionError, OptionError
from partita.flow.ambient import current_caller
from partita.flow.arguments import holds_refs
from partita.flow.flow import Flow, flow
from partita.flow.forms import form_of, is_plain_type, plain_of
from partita.flow.inputs import convert_plain
from partita.flow.task import Task, task
from partita.flow.types import type_name
from partita.protocol.forms import Form
from partita.protocol.waits import ADMINISTRATOR, WaitSpec
from partita.units import duration_s

__all__ = ["Decision", "approval", "ask", "ask_form", "sleep", "until", "wait_for"]

T = TypeVar("T")
Duration = float | str | timedelta


class _Nothing:
    def __repr__(self) -> str:
        return "no default"

    def __reduce__(self) -> str:
        return "NOTHING"


NOTHING = _Nothing()


@dataclass(frozen=True, slots=True)
class Decision:
    """What persons said to an approval."""

    approved: bool
    by: str  # names, separated by commas; empty: nobody answered in time
    comment: str
    at: float  # seconds since the epoch; 0: nobody answered in time


def sleep(duration: Duration, *, after: Any = ()) -> None:
    """Wait for a time: seconds, "90s", "5m", "2d" or a timedelta.

    The result is a promise of None that others can come `after`.
    """
    if holds_refs(duration):
        return _deferred(_sleep_known, after, sys._getframe(1), duration)  # type: ignore[no-any-return]
    spec: WaitSpec = {"kind": "sleep", "name": "", "seconds": duration_s(duration, "sleep")}
    found: None = _wait(spec, None, after, type(None), "sleep", sys._getframe(1))
    return found


def until(moment: datetime | str, *, after: Any = ()) -> None:
    """Wait until a moment: a datetime, or an ISO text such as "2026-01-31T09:30:00+01:00".

    One without a time zone is in the local time of where the flow is laid out. A moment that is past ends the wait at once.
    """
    if holds_refs(moment):
        return _deferred(_until_known, after, sys._getframe(1), moment)  # type: ignore[no-any-return]
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise OptionError(f"until({moment!r}): this is no ISO time; write 2026-01-31T09:30:00+01:00") from None
    if not isinstance(moment, datetime):
        raise OptionError(f"until({moment!r}): give a datetime, or an ISO text")
    spec: WaitSpec = {"kind": "until", "name": "", "at": moment.timestamp()}
    found: None = _wait(spec, None, after, type(None), "until", sys._getframe(1))
    return found


def wait_for(
    event: str,
    *,
    key: str | int | None = None,
    type: type[T] | Any = Any,
    timeout: Duration | None = None,
    on_timeout: Literal["fail", "skip"] = "fail",
    default: Any = NOTHING,
    scope: Literal["run", "workspace"] = "run",
    after: Any = (),
) -> T:
    """Wait for an event that `partita send` or `run.send(...)` sends; the value is the event's data.

    Events go to waits of the same name and key, each to one, in the order in which they were sent. One that comes before
    its wait is kept until the run ends; a second one with the same id is dropped.

    Args:
        event: its name.
        key: tells events of one name apart; an event with a key goes to waits with that key only.
        type: what its data become.
        timeout: how long to wait at most.
        on_timeout: whether the step then fails, or is skipped with what needs it.
        default: the value when the time is over, instead.
        scope: "run": events sent to this run; "workspace": events sent to no run, which go to whichever waits first.
        after: promises that must have come true before the wait begins.
    """
    frame = sys._getframe(1)
    if holds_refs([event, key, timeout, default]):
        keywords = {"key": key, "type": type, "timeout": timeout, "on_timeout": on_timeout, "scope": scope}
        if default is not NOTHING:
            keywords["default"] = default
        return _deferred(_wait_for_known, after, frame, event, **keywords)  # type: ignore[no-any-return]
    if not isinstance(event, str) or not event:
        raise OptionError(f"wait_for({event!r}): give the name of an event")
    if scope not in ("run", "workspace"):
        raise OptionError(f"wait_for({event!r}): scope={scope!r} is neither 'run' nor 'workspace'")
    spec: WaitSpec = {"kind": "event", "name": event, "key": None if key is None else str(key), "scope": scope}
    spec |= _ending("wait_for", timeout, on_timeout, default)
    return _typed(spec, None, after, type, event.replace("/", "-"), frame)  # type: ignore[no-any-return]


def approval(
    question: str,
    *,
    show: Any = None,
    approvers: str | Sequence[str] = (),
    not_by: str | Sequence[str] = (),
    required: int = 1,
    timeout: Duration | None = None,
    on_timeout: Literal["fail", "skip", "approve", "reject"] = "fail",
    on_reject: Literal["fail", "skip", "continue"] = "fail",
    after: Any = (),
) -> Decision:
    """Wait until persons approve or reject, by `partita approve` and `partita reject`; the value is a `Decision`.

    Args:
        question: what is asked.
        show: values that are shown beside it; the wait begins when they are there.
        approvers: names of who may say; default: anybody. "administrator": whoever is one on the server.
        not_by: names of who may not approve; "launcher": whoever launched the run, or the run that launched it. They may reject.
        required: how many different persons have to approve; one rejection is enough to reject.
        timeout: how long to wait at most.
        on_timeout: what it is then: failed, skipped, approved or rejected.
        on_reject: whether the step then fails, is skipped with what needs it, or goes on with a `Decision` that says so.
        after: promises that must have come true before the wait begins.
    """
    frame = sys._getframe(1)
    if holds_refs([question, approvers, required, timeout]):
        keywords = {"show": show, "approvers": approvers, "required": required, "timeout": timeout}
        keywords |= {"on_timeout": on_timeout, "on_reject": on_reject, "not_by": not_by}
        return _deferred(_approval_known, after, frame, question, **keywords)  # type: ignore[no-any-return]
    persons = [approvers] if isinstance(approvers, str) else list(approvers)
    if not isinstance(required, int) or isinstance(required, bool) or required < 1:
        raise OptionError(f"approval({question!r}): required={required!r} is not a number of persons")
    may = set(persons) - ({not_by} if isinstance(not_by, str) else set(not_by))
    if persons and required > len(may) and ADMINISTRATOR not in may:
        raise OptionError(f"approval({question!r}): {required} have to approve, but only {len(may)} may")
    if on_reject not in ("fail", "skip", "continue"):
        raise OptionError(f"approval({question!r}): on_reject={on_reject!r}; give 'fail', 'skip' or 'continue'")
    spec: WaitSpec = {"kind": "approval", "name": str(question), "by": persons, "required": required}
    spec |= {"on_reject": on_reject}
    if excluded := [not_by] if isinstance(not_by, str) else list(not_by):
        spec["not_by"] = excluded
    spec |= _ending("approval", timeout, on_timeout, NOTHING, ("fail", "skip", "approve", "reject"))
    found: Decision = _wait(spec, show, after, Decision, "approval", frame)
    return found


def ask(
    question: str,
    type: type[T] | Any = str,
    *,
    show: Any = None,
    by: str | Sequence[str] = (),
    timeout: Duration | None = None,
    on_timeout: Literal["fail", "skip"] = "fail",
    default: Any = NOTHING,
    after: Any = (),
) -> T:
    """Wait for a person's answer, by `partita answer`; the value is of the type that is asked for.

    Args:
        question: what is asked.
        type: a text, number, bool, date, Literal, Enum, a list of one of these, or a dataclass of them, which makes a form.
        show: values that are shown beside it; the wait begins when they are there.
        by: names of who may answer; default: anybody.
        timeout: how long to wait at most.
        on_timeout: whether the step then fails, or is skipped with what needs it.
        default: the value when the time is over, instead.
        after: promises that must have come true before the wait begins.

    Raises:
        DefinitionError: nobody can be asked for a value of that type.
    """
    frame = sys._getframe(1)
    if holds_refs([question, by, timeout, default]):
        keywords = {"show": show, "by": by, "timeout": timeout, "on_timeout": on_timeout}
        if default is not NOTHING:
            keywords["default"] = default
        return _deferred(_ask_known, after, frame, question, type, **keywords)  # type: ignore[no-any-return]
    spec = _answer_spec(question, form_of(type), by, timeout, on_timeout, default)
    return _typed(spec, show, after, type, "ask", frame)  # type: ignore[no-any-return]


def ask_form(
    question: str,
    form: Form,
    *,
    show: Any = None,
    by: str | Sequence[str] = (),
    timeout: Duration | None = None,
    on_timeout: Literal["fail", "skip"] = "fail",
    default: Any = NOTHING,
    after: Any = (),
) -> Any:
    """As `ask`, by a form that only the flow knows, as `partita.protocol.forms` has it; the value is plain data."""
    spec = _answer_spec(question, form, by, timeout, on_timeout, default)
    return _wait(spec, show, after, Any, "ask", sys._getframe(1))


def _answer_spec(
    question: str, form: Form, by: str | Sequence[str], timeout: Duration | None, on_timeout: str, default: Any
) -> WaitSpec:
    persons = [by] if isinstance(by, str) else list(by)
    spec: WaitSpec = {"kind": "answer", "name": str(question), "by": persons, "form": form}
    return spec | _ending("ask", timeout, on_timeout, default)


def _ending(
    name: str, timeout: Duration | None, on_timeout: str, default: Any, admitted: tuple[str, ...] = ("fail", "skip")
) -> WaitSpec:
    if on_timeout not in admitted:
        raise OptionError(f"{name}: on_timeout={on_timeout!r} is none of {', '.join(admitted)}")
    if timeout is None:
        if default is not NOTHING or on_timeout != "fail":
            raise OptionError(f"{name}: without timeout= it waits for ever; say how long")
        return {"timeout_s": None, "on_timeout": ["fail"]}
    told: list[Any] = [on_timeout] if default is NOTHING else ["value", plain_of(default)]
    return {"timeout_s": duration_s(timeout, "timeout"), "on_timeout": told}


def _wait(spec: WaitSpec, show: Any, after: Any, type_: Any, name: str, frame: FrameType) -> Any:
    caller = current_caller(name)
    if caller is None:
        from partita.flow.eager import EAGER

        caller = EAGER
    return caller.wait(spec, show, _listed(after), type_, name, frame)


def _typed(spec: WaitSpec, show: Any, after: Any, type_: Any, name: str, frame: FrameType) -> Any:
    # An answer was compared with its form; what an event brings was not.
    is_known = is_plain_type(type_) if "form" in spec else type_ is Any
    raw = _wait(spec, show, after, type_ if is_known else Any, name, frame)
    if is_known:
        return raw
    caller = current_caller(name)
    if caller is None:
        return convert_plain(raw, type_)
    return caller.call(_received(type_), (raw, type_), {}, frame)


def _received(type_: Any) -> Task[..., Any]:
    return received.with_options(name=f"as {type_name(type_)}".replace("/", "-"))


@task
def received(data: Any, type: Any) -> Any:
    """What a person or an event gave, as a value of its type."""
    return convert_plain(data, type)


def _listed(after: Any) -> tuple[Any, ...]:
    return tuple(after) if isinstance(after, (list, tuple)) else (after,)


def _deferred(target: Flow[..., Any], after: Any, frame: FrameType, *args: Any, **keywords: Any) -> Any:
    """The wait as a flow of its own, whose body runs when what it was given is known."""
    caller = current_caller(target.name)
    if caller is None:
        raise DefinitionError(f"{target.name} was given a promise outside a flow")
    return caller.call(target.after(*_listed(after)), args, keywords, frame)


@flow(name="sleep")
def _sleep_known(duration: Any) -> Any:
    return sleep(duration)


@flow(name="until")
def _until_known(moment: Any) -> Any:
    return until(moment)


@flow(name="wait_for")
def _wait_for_known(event: Any, **keywords: Any) -> Any:
    return wait_for(event, **keywords)


@flow(name="approval")
def _approval_known(question: Any, **keywords: Any) -> Any:
    return approval(question, **keywords)


@flow(name="ask")
def _ask_known(question: Any, type: Any, **keywords: Any) -> Any:
    return ask(question, type, **keywords)
