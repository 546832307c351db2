"""What a WAIT step waits for, as the plain map that its layout sends, and what is told of it.

    kind        "sleep", "until", "event", "approval" or "answer"
    name        of the event, or the question; empty for a time
    seconds     of a sleep
    at          of an until: seconds since the epoch
    key         which event of that name, None: one without a key
    scope       of an event: "run" (sent to this run) or "workspace" (sent to whoever waits for it)
    by          names of persons who may say; empty: anybody; "administrator": whoever is one
    not_by      of an approval: names of persons who may not approve; "launcher": whoever launched the run
    required    of an approval: how many different persons have to approve
    on_reject   of an approval: "fail", "skip" or "continue" (the flow looks at the decision)
    form        of an answer: see `protocol.forms`
    timeout_s   seconds until it is over without anything having come, None: never
    on_timeout  what it is then: ["fail"], ["skip"], ["value", packed node], ["approve"] or ["reject"]
    show        node of what is to be shown, whose INPUT nodes stand for the step's inputs; None: nothing

The value of a sleep is None, that of an event its data, that of an answer the plain data that the form admits, that of
an approval a `Decision`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

from partita.errors import AnswerError

__all__ = [
    "ADMINISTRATOR", "ASKED", "DECISION", "LAUNCHER", "WaitSpec", "WaitView", "may_say", "nothing_came", "only_wait",
]  # fmt: skip

#: Class of an approval's value: the engine makes it from plain data, without knowing the class.
DECISION = "partita.flow.waits:Decision"

#: In `not_by`: whoever launched the run, or the run that launched it.
LAUNCHER = "launcher"

#: The kinds of waits that a person ends.
ASKED = ("approval", "answer")

#: In `by`: whoever has that role on a server; who works in the project's folder counts as one.
ADMINISTRATOR = "administrator"


class WaitSpec(TypedDict, total=False):
    """See the module's docstring."""

    kind: str
    name: str
    seconds: float
    at: float
    key: str | None
    scope: str
    by: list[str]
    not_by: list[str]
    required: int
    on_reject: str
    form: dict[str, Any]
    timeout_s: float | None
    on_timeout: list[Any]
    show: list[Any] | None


class WaitView(TypedDict):
    """A wait, for people and programs."""

    run: str
    number: int  # of the run
    flow: str  # title of the run's flow
    step: int
    path: str
    kind: str
    name: str
    key: str | None
    by: list[str]  # who may say; empty: anybody
    not_by: list[str]  # who may not approve
    required: int
    form: dict[str, Any] | None
    opened_at: float
    due_at: float | None
    on_timeout: str  # first word of the spec's
    votes: list[dict[str, Any]]  # maps of "by", "verdict", "comment", "at"
    outcome: str  # empty while it is open
    closed_at: float | None
    previews: list[list[str]]  # [name, text] of what is to be shown
    show: NotRequired[bytes | None]  # packed node of it


def may_say(by: Sequence[str], name: str, is_administrator: bool) -> bool:
    """Whether somebody of a name may say where these are asked."""
    if not by:
        return True
    # A person who is called so is none by that.
    return (ADMINISTRATOR in by and is_administrator) or (name in by and name != ADMINISTRATOR)


def nothing_came(spec: WaitSpec) -> str:
    """In words, that a wait was in vain."""
    return f"no event {spec['name']!r} came" if spec["kind"] == "event" else f"nobody answered {spec['name']!r}"


def only_wait(waits: list[WaitView], kind: str, run: str) -> int:
    """The step of the only open wait of a kind among those of a run.

    Raises:
        AnswerError: there is none, or there are several.
    """
    found = [wait for wait in waits if wait["kind"] == kind and not wait["outcome"]]
    if len(found) == 1:
        return found[0]["step"]
    what = {"approval": "an approval", "answer": "an answer"}.get(kind, kind)
    closed = [wait for wait in waits if wait["kind"] == kind and wait["outcome"]]
    if not found and closed:
        said = "; ".join(f"{vote['by'] or 'somebody'} {vote['verdict']}" for vote in closed[-1]["votes"])
        raise AnswerError(f"{closed[-1]['name']!r} is not open any more: {said or closed[-1]['outcome']}")
    if not found:
        raise AnswerError(f"run {run} waits for {what} nowhere; `partita waits` shows what does")
    some = ", ".join(f"{wait['step']} ({wait['name']})" for wait in found[:5])
    raise AnswerError(f"run {run} waits for {what} at {len(found)} steps; say which: {some}")
