"""Steps of runs to be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from partita.protocol.requests import STATES, StepView

__all__ = ["Run", "runs", "step"]


def step(
    number: int,
    parent: int,
    name: str,
    kind: str = "task",
    state: str = "pending",
    inputs: Iterable[int] = (),
    **more: Any,
) -> StepView:
    view = {
        "id": number, "parent": parent, "name": name, "path": name, "kind": kind, "state": state, "marks": [], "attempts": 1,
        "place": "flows.py:7", "inputs": list(inputs), "fallback_of": -1, "started_at": None, "ended_at": None, "due_at": None,
        "preview": "", "error": None, "progress": None,
    }  # fmt: skip
    return view | more  # type: ignore[return-value]


class Run:
    """Steps as a layout adds them."""

    def __init__(self, title: str = "main", state: str = "running") -> None:
        self.steps: list[StepView] = [step(0, -1, title, "flow", state)]
        self._names: set[tuple[int, str]] = set()

    def add(
        self,
        name: str,
        kind: str = "task",
        state: str = "succeeded",
        inputs: Iterable[int] = (),
        parent: int = 0,
        **more: Any,
    ) -> int:
        number, base, count = len(self.steps), name, 1
        while (parent, name) in self._names:
            count += 1
            name = f"{base}#{count}"
        self._names.add((parent, name))
        around = self.steps[parent]["path"] + "/" if parent else ""
        self.steps.append(step(number, parent, name, kind, state, inputs, path=around + name, **more))
        return number

    def map(
        self, name: str, states: Sequence[str], parent: int = 0, inputs: Iterable[int] = (), gathers: bool = True
    ) -> list[int]:
        """Elements of a map over what is known, and the step that gathers them last."""
        needed = list(inputs)
        numbers = [
            self.add(f"{name}[{key}]", state=state, inputs=needed, parent=parent) for key, state in enumerate(states)
        ]
        return [*numbers, self.add(f"{name}[]", "gather", "pending", numbers, parent)] if gathers else numbers


_NAMES = (
    "a",
    "fit",
    "b#2",
    "fit[0]",
    "fit[1]",
    "fit[x/y]#2",
    "g[]",
    "load",
    "improve",
    "undo fit[0]",
    "wait [2]",
    "<&\"'\x00\ud800>",
)


@st.composite
def runs(draw: st.DrawFn, most: int = 25) -> list[StepView]:
    """Any steps: what lies in what and what needs what is drawn, sensible or not."""
    made = Run(draw(st.sampled_from(["main", "improve"])))
    for number in range(1, draw(st.integers(1, most))):
        flows = [view["id"] for view in made.steps if view["kind"] == "flow"]
        made.add(
            draw(st.sampled_from(_NAMES)),
            draw(st.sampled_from(["task", "task", "flow", "flow", "gather", "settle", "wait"])),
            draw(st.sampled_from(STATES)),
            draw(st.lists(st.integers(0, number), max_size=4)),
            draw(st.sampled_from(flows)),
            fallback_of=draw(st.sampled_from([-1, -1, -1, number - 1])),
        )
    return made.steps
