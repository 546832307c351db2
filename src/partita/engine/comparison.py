"""What two runs are compared by: their inputs and options, and of each step its code, its state and what its value holds."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from partita.core.states import Kind, State
from partita.engine.book import Book
from partita.engine.live import profile_from
from partita.engine.reading import Reading, node_text
from partita.store.port import StepRow
from partita.values import PLAIN, Node, identity, pack, unpack

__all__ = ["Comparison"]

_ROWS = 1000


class Comparison:
    """Answers requests; `verbs` names them."""

    def __init__(self, book: Book, reading: Reading) -> None:
        self._book = book
        self._reading = reading
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "traits": self.traits,
            "step_traits": self.step_traits,
            "step_profiles": self.step_profiles,
        }

    def traits(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A run's inputs as texts by name, its options, and by number the code of its tasks and what they ask for.

        Of the latter [title, [cores, bytes of memory, GPUs], whether it is cached, executor, slots].
        """
        row = self._reading.find(fields["run"])
        options = unpack(row.options) if row.options else {}
        inputs = {name: str(text) for name, text in (options.get("texts") or {}).items()}
        profiles = [profile_from(unpack(stored.packed)) for stored in self._book.store.profiles(row.number)]
        if row.inputs:
            nodes, names, named = unpack(row.inputs)
            parameters = profiles[0].parameters if profiles else ()
            labels = [parameters[i] if i < len(parameters) else f"input {i + 1}" for i in range(len(nodes))]
            inputs |= {label: _told(node) for label, node in zip([*labels, *names], [*nodes, *named], strict=True)}
        told = {name: options[name] for name in ("executor", "tags", "refresh") if options.get(name)}
        return {
            "view": self._reading.run(row.id), "inputs": inputs, "options": told,
            "profiles": [[profile.function, profile.fingerprint, profile.version] for profile in profiles],
            "asked": [
                [profile.title, list(demand[:3]), profile.is_cached, profile.executor, [list(pair) for pair in demand.slots]]
                for profile in profiles for demand in [profile.elements or profile.demand]
            ],
            "reports": self._reports(row.number),
        }  # fmt: skip

    def _reports(self, run: int) -> list[list[Any]]:
        """[step, name, last value] of what steps reported."""
        last = {(row.step, row.name): row.value for row in self._book.store.reports(run)}
        return [[step, name, value] for (step, name), value in last.items()]

    def step_traits(self, fields: dict[str, Any]) -> list[list[Any]]:
        """A page of [id, parent, name, kind, state, profile, hash of its value, its preview, attempts, seconds]."""
        row = self._reading.find(fields["run"])
        steps = self._book.store.steps(row.number, after=fields.get("after", -1), limit=_ROWS)
        if not steps:
            return []
        times = self._book.store.durations(row.number, steps[0].id, steps[-1].id + 1)
        return [_traits(step, times.get(step.id)) for step in steps]

    def step_profiles(self, fields: dict[str, Any]) -> list[list[int]]:
        """A page of [id, number of its profile], of all steps."""
        row = self._reading.find(fields["run"])
        steps = self._book.store.steps(row.number, after=fields.get("after", -1), limit=_ROWS)
        return [[step.id, step.profile] for step in steps]


def _traits(step: StepRow, seconds: float | None) -> list[Any]:
    node = unpack(step.value) if step.value is not None and step.kind == Kind.TASK else None
    digest = blake2b(pack(identity(node)), digest_size=12).hexdigest() if node is not None else ""
    return [
        step.id, step.parent, step.name, Kind(step.kind).name.lower(), State(step.state).name.lower(), step.profile, digest,
        node_text(node)[:120] if node is not None else "", step.attempts, seconds,
    ]  # fmt: skip


def _told(node: Node) -> str:
    """An input as a text, so that two can be compared."""
    text = node_text(node)
    digest = blake2b(pack(identity(node)), digest_size=4).hexdigest()
    return text if node[0] == PLAIN and len(text) < 200 else f"{text} ({digest})"
