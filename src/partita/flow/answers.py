"""What a wait comes to in a plain call of a flow: times pass, and a test or the person at the terminal answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from partita.errors import CheckError, DefinitionError, Skip
from partita.protocol.forms import filled
from partita.protocol.waits import WaitSpec, nothing_came

__all__ = ["answering", "awaited"]

_answers: ContextVar[Callable[[str], Any] | Mapping[str, Any] | None] = ContextVar("partita_answers", default=None)


@contextmanager
def answering(answers: Callable[[str], Any] | Mapping[str, Any]) -> Iterator[None]:
    """Answer the waits of flows that are called plainly, so that no time passes and nobody is asked.

    Args:
        answers: by question or name of event, or a function of it: True or False to an approval, the answer, or the event's
            data. What has none runs out of time. Times to sleep are over at once.
    """
    token = _answers.set(answers)
    try:
        yield
    finally:
        _answers.reset(token)


def awaited(spec: WaitSpec, show: Any) -> Any:
    """The value of a wait.

    Raises:
        DefinitionError: nobody is there to answer.
        TimeoutError: nobody has answered, and that is a failure.
        Skip: likewise, and it is none.
    """
    answers = _answers.get()
    if spec["kind"] in ("sleep", "until"):
        if answers is None:
            time.sleep(max(spec.get("seconds", 0.0) or spec.get("at", 0.0) - time.time(), 0.0))
        return None
    if answers is not None:
        return _given(spec, answers)
    if spec["kind"] != "event" and sys.stdin is not None and sys.stdin.isatty():
        return _asked(spec, show)
    raise DefinitionError(
        f"{spec['name']!r} waits for an answer, which a plain call cannot wait for; run the flow with .run(...), or give "
        f"the answers with partita.testing.answering({{{spec['name']!r}: ...}})"
    )


def _given(spec: WaitSpec, answers: Callable[[str], Any] | Mapping[str, Any]) -> Any:
    try:
        given = answers(spec["name"]) if callable(answers) else answers[spec["name"]]
    except KeyError:
        return _out_of_time(spec)
    if spec["kind"] == "approval":
        return _decision(spec, bool(given), "test", "")
    return filled(spec["form"], given) if spec["kind"] == "answer" else given


def _out_of_time(spec: WaitSpec) -> Any:
    how = spec.get("on_timeout") or ["fail"]
    if how[0] == "value":
        return how[1]
    if how[0] in ("approve", "reject"):
        return _decision(spec, how[0] == "approve", "", "nobody answered in time")
    if how[0] == "skip":
        raise Skip(f"{nothing_came(spec)} in time")
    raise TimeoutError(f"{nothing_came(spec)} in time")


def _decision(spec: WaitSpec, is_approved: bool, by: str, comment: str) -> Any:
    from partita.flow.waits import Decision

    if not is_approved and spec["on_reject"] != "continue":
        text = f"{by or 'nobody'} rejected {spec['name']!r}" + (f": {comment}" if comment else "")
        if spec["on_reject"] == "skip":
            raise Skip(text)
        raise RuntimeError(text)
    return Decision(is_approved, by, comment, time.time() if by else 0.0)


def _asked(spec: WaitSpec, show: Any) -> Any:
    if show is not None:
        print(show)
    if spec["kind"] == "approval":
        return _decision(spec, input(f"{spec['name']} [y/n] ").strip().lower().startswith("y"), "you", "")
    while True:
        try:
            return filled(spec["form"], input(f"{spec['name']} "))
        except CheckError as error:
            print(error)
