"""Rerun: finished steps of an earlier run, taken over where nothing that they depend on has changed.

A step is adopted only if its path, its code fingerprint and what its inputs hold are all the same as then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from partita.core.graph import Input, Run, Step
from partita.core.resolve import resolve, sources
from partita.core.states import Kind, Mark, State
from partita.engine.book import Book
from partita.engine.live import Live
from partita.store.port import RunRow
from partita.values import blobs_of, unpack

__all__ = ["Adoption"]


class Adoption:
    """What a run that is run again has to give."""

    def __init__(self, book: Book, source: tuple[RunRow, Run], afresh: Iterable[int] = ()) -> None:
        """
        Args:
            afresh: steps of the earlier run that are to be done again, whatever has changed, with all that came of them.
        """
        self._book = book
        self._row, self._run = source
        again = _and_what_came_of(self._run, afresh)
        self._afresh = {full_path(self._run, self._run.steps[number]) for number in again}
        stand = (step for step in self._run.steps.values() if _stands(step) and step.id not in again)
        self._by_path = {full_path(self._run, step): step for step in stand}

    def is_afresh(self, live: Live, step: Step) -> bool:
        """Whether the step is to be done again though a cache may have its value."""
        return bool(self._afresh) and full_path(live.run, step) in self._afresh

    def value_for(self, live: Live, step: Step) -> bytes | None:
        """The value that the step had then; None where it has to run."""
        path = full_path(live.run, step)
        old = self._by_path.get(path)
        if old is None:
            return None
        now, then = live.run.profiles[step.profile], self._run.profiles[old.profile]
        if now.fingerprint != then.fingerprint or now.function != then.function or now.version != then.version:
            return None
        try:
            if self._inputs(live.run, step, live.arguments.get(step.id)) != self._inputs(self._run, old, None):
                return None
            value = self._book.values.get(self._run.number, old.id)
        except LookupError:
            return None
        if not all(self._book.has_blob(digest) for digest, _ in blobs_of(unpack(value))):
            return None  # somebody cleared the artifacts: it has to be made again
        return value

    def _inputs(self, run: Run, step: Step, arguments: bytes | None) -> tuple[Any, ...]:
        if arguments is None:
            arguments = self._book.store.arguments(run.number, step.id)
        inputs: tuple[Input, ...] = step.inputs
        values = self._book.values.get_many(run.number, sources(run, inputs))
        return arguments, [resolve(run, source, values.__getitem__) for source in inputs]

    def summary(self, live: Live) -> dict[str, Any]:
        """What is to be said of it when the run has ended: how much was adopted, and what vanished."""
        paths = {full_path(live.run, step) for step in live.run.steps.values() if step.kind == Kind.TASK}
        vanished = sorted(path for path in self._by_path if path not in paths)
        adopted = sum(bool(step.marks & Mark.ADOPTED) for step in live.run.steps.values())
        return {"adopted": adopted, "vanished": vanished[:1000], "rerun_of": self._row.id}


def _and_what_came_of(run: Run, chosen: Iterable[int]) -> set[int]:
    """Steps with all that took their values, directly or by way of others, and all inside of these."""
    readers: dict[int, list[int]] = {}
    for step in run.steps.values():
        for source, _, _ in step.inputs:
            readers.setdefault(source, []).append(step.id)
    inside: dict[int, list[int]] = {}
    for step in run.steps.values():
        inside.setdefault(step.parent, []).append(step.id)
    found: set[int] = set()
    passed: set[int] = set()  # flows around what was found: what reads their value reads of it
    ahead = [number for number in chosen if number in run.steps]
    while ahead:
        number = ahead.pop()
        if number in found:
            continue
        found.add(number)
        ahead += readers.get(number, []) + inside.get(number, [])
        around = run.steps[number].parent
        while around > 0 and around not in passed:
            passed.add(around)
            ahead += readers.get(around, [])
            around = run.steps[around].parent
    return found


def _stands(step: Step) -> bool:
    """Whether what the step did is there: it finished, and was not undone."""
    return step.kind == Kind.TASK and step.state == State.SUCCEEDED and not step.marks & Mark.COMPENSATED


def full_path(run: Run, step: Step) -> str:
    """The step's path with every name, unlike `path_of`, which shortens for people."""
    names = []
    current: Step | None = step
    while current is not None and current.parent >= 0:
        names.append(current.name)
        current = run.steps.get(current.parent)
    return "/".join(reversed(names))
