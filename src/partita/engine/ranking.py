"""How much lies behind each step of a run: what the ready queue orders by.

A step's rank is its upward rank (Topcuoglu, Hariri and Wu, 2002): the seconds from its start to the end of the run on the longest
way, as far as the steps are known and by what they are thought to take. Steps are ranked once, when their layout is complete:
what a flow that is laid out later adds is thought of as one step until then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.core.states import Kind
from partita.engine.expecting import SIZED_S, UNKNOWN_S

if TYPE_CHECKING:
    from partita.engine.expecting import Expecting
    from partita.engine.live import Live

__all__ = ["rank_steps"]

#: In larger runs each step is taken to be as its like are: asking of one by one would hold the engine up.
_EACH = 2000


def rank_steps(live: Live, first: int, end: int, base: int, expecting: Expecting) -> None:
    """Rank the steps from `first` to before `end`; those from `end` on are ranked already.

    Args:
        base: the first step of their layout: what stands before has begun to be waited for, and keeps its rank.
        expecting: knows how long steps are thought to take.
    """
    steps, behind, ranks = live.run.steps, live.behind, live.ranks
    seconds: dict[int, float] = {}
    for number in range(end - 1, first - 1, -1):
        step = steps.get(number)
        if step is None:
            continue
        is_flow = step.kind == Kind.FLOW
        # What a flow gives is awaited by those behind it, and so is what its steps give.
        after = behind.get(number, 0.0) if is_flow else behind.pop(number, 0.0)
        if step.parent >= 0:
            after = max(after, behind.get(step.parent, 0.0))
        if is_flow:
            behind[number] = after
        if step.profile >= 0 and not (is_flow and step.alias is not None):
            taken_s = seconds.get(step.profile)
            if taken_s is None:
                taken_s = seconds[step.profile] = expecting.typical(live, step.profile).mean_s or UNKNOWN_S
            placed = expecting.at_place(live, step) if taken_s >= SIZED_S and len(steps) <= _EACH else None
            after += taken_s if placed is None else placed.median
        ranks[number] = after
        for source in step.inputs:
            before = source[0]
            if before >= base and after > behind.get(before, 0.0):
                behind[before] = after
