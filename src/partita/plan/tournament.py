"""The best of many whose standings change one at a time, and the best of those that have room: a tournament tree.

Each match remembers who won it, and the least that anybody below it asks for. So the best is known at once, a change is one walk
from a leaf to the root, and a search for the best that has room passes over whole branches none of which has any: it looks
at a few of hundreds of lines, not at all of them.

Tournaments nest: the members of one may be tournaments themselves, which stand by their best member and by what they have had.
"""

from __future__ import annotations

import heapq
import math
from typing import Any, Protocol

__all__ = ["NOBODY", "Asked", "Gate", "Member", "Standing", "Tournament"]

#: What is asked of resources: (what names the resource, amount).
Asked = tuple[tuple[Any, float], ...]

#: What is smaller is better: (urgency, what else counts ..., the place of the member).
Standing = tuple[float, ...]

#: The standing of a member that offers nothing.
NOBODY: Standing = (math.inf,)

#: The members are arranged anew when more than so many are where they came, and so large a share of the places.
_FEW, _SHARE = 8, 8


class Gate(Protocol):
    """Says who has room."""

    def may_pass(self, least: Asked, shortest_s: float) -> bool:
        """False: nobody has room that asks for as much as this, and takes as long."""
        ...

    def passes(self, line: Any) -> bool:
        """Whether what the line offers has room."""
        ...


class Member(Protocol):
    """Takes part in a tournament."""

    place: int  # in its tournament; -1: in none

    @property
    def shortest_s(self) -> float:
        """Seconds that what it offers takes at least."""
        ...

    @property
    def least(self) -> Asked | None:
        """What it asks for at least; None: nothing is known of it yet, as it offers nothing."""
        ...

    def standing(self) -> Standing:
        """How it stands now; `NOBODY`, if it offers nothing."""
        ...

    def standing_of(self, leaf: Member) -> Standing:
        """How it would stand if its best were this one of those below it."""
        ...

    def find(self, gate: Gate) -> Member | None:
        """The best below it that passes."""
        ...


class Tournament:
    """Who competes for one thing. It is itself a member of the tournament above, if there is one.

    Attributes:
        had: what those in it have had, so that of equal urgency who has had less goes first.
        is_contested: more than one takes part, so that it matters how each stands.
    """

    __slots__ = (
        "_count",
        "_free",
        "_leasts",
        "_members",
        "_shortest",
        "_size",
        "_standings",
        "_unsorted",
        "above",
        "had",
        "is_contested",
        "place",
    )

    def __init__(self, above: Tournament | None = None, had: float = 0.0) -> None:
        self.above, self.had, self.place = above, had, -1
        self._members: list[Member | None] = [None]  # by place
        self._free = [0]  # places without a member
        self._count, self.is_contested = 0, False
        self._size, self._unsorted = 1, 0
        # Heaps in shape: the root is 1, the match of 2n and 2n + 1 is n, and a member's place is counted from the size on.
        self._standings: list[Standing] = [NOBODY, NOBODY]
        self._leasts: list[Asked | None] = [None, None]
        self._shortest = [0.0, 0.0]
        if above is not None:
            above.enter(self)

    @property
    def least(self) -> Asked | None:
        return self._leasts[1]

    @property
    def shortest_s(self) -> float:
        return self._shortest[1]

    @property
    def is_empty(self) -> bool:
        """Whether nobody takes part."""
        return not self._count

    def standing(self) -> Standing:
        best = self._standings[1]
        return (best[0], self.had, self.place) if best is not NOBODY else NOBODY

    def standing_of(self, leaf: Member) -> Standing:
        return leaf.standing()[0], self.had, self.place

    def enter(self, member: Member) -> None:
        """Let somebody take part."""
        alone = None if self.is_empty or self.is_contested else self.best()
        self._unsorted += 1
        if not self._free or self._unsorted > _FEW + self._size // _SHARE:
            self._arrange([each for each in self._members if each is not None])
        member.place = self._free.pop()
        self._count += 1
        self.is_contested = self._count > 1
        self._members[member.place] = member
        self.ask(member)
        self.stand(member)
        if alone is not None:
            self.stand(alone)  # nobody may have told how it stands while there was nobody else

    def leave(self, member: Member) -> None:
        """Somebody does not take part any more."""
        at, place = self._size + member.place, member.place
        self._members[place] = None
        self._free.append(place)
        self._count -= 1
        self.is_contested = self._count > 1
        self._rise(at, NOBODY)
        self._set_least(at, None)
        member.place = -1

    def _arrange(self, members: list[Member]) -> None:
        """Let neighbours be those that ask for alike, so that whole branches have no room, and make places."""
        members.sort(key=lambda member: member.least or ())
        size, count = self._size if self._free else 2 * self._size, len(members)
        self._size, self._unsorted = size, 0
        self._free = list(range(size - 1, count - 1, -1))
        self._members = [*members, *([None] * (size - count))]
        self._standings, self._leasts, self._shortest = [NOBODY] * (2 * size), [None] * (2 * size), [0.0] * (2 * size)
        for place, member in enumerate(members):
            member.place = place
            self._standings[size + place] = member.standing()
            self._leasts[size + place] = member.least
        for at in range(size - 1, 0, -1):
            self._standings[at] = min(self._standings[2 * at], self._standings[2 * at + 1])
            self._leasts[at] = _less(self._leasts[2 * at], self._leasts[2 * at + 1])

    # What changes

    def stand(self, member: Member) -> None:
        """The standing of a member has changed."""
        self._rise(self._size + member.place, member.standing())

    def _rise(self, at: int, standing: Standing) -> None:
        standings = self._standings
        urgency = standings[1][0]
        standings[at] = standing
        while at > 1:
            other = standings[at ^ 1]
            at >>= 1
            if other < standing:
                standing = other
            if standings[at] is standing:
                return
            standings[at] = standing
        if standing[0] != urgency and self.above is not None:
            self.above.stand(self)

    def ask(self, member: Member) -> None:
        """The least that a member asks for has changed."""
        self._set_least(self._size + member.place, member.least)

    def _set_least(self, at: int, least: Asked | None) -> None:
        leasts = self._leasts
        while leasts[at] != least:
            leasts[at] = least
            if at == 1:
                if self.above is not None:
                    self.above.ask(self)
                break
            least = _less(least, leasts[at ^ 1])
            at >>= 1

    def forget(self, member: Member) -> None:
        """What a member offers is new: nobody knows how long it takes."""
        at, shortest = self._size + member.place, self._shortest
        while at:
            shortest[at] = 0.0
            at >>= 1
        if self.above is not None:
            self.above.forget(self)

    # What is asked

    def best(self) -> Any:
        """The best member; None: nobody offers anything."""
        standing = self._standings[1]
        return self._members[int(standing[-1])] if standing is not NOBODY else None

    def find(self, gate: Gate) -> Any:
        """The best that passes, of whatever tournament below; None: nobody does.

        The branches are looked at in the order of their best (best-first search), but for those in which nobody may pass.
        """
        standing = self._standings[1]
        if standing is NOBODY:
            return None
        if not self.is_contested:
            only: Any = self._members[int(standing[-1])]
            best = only.find(gate)
            if best is None:
                self._lengthen(self._size + only.place, only.shortest_s)
            return best
        standings, leasts, shortest, size = self._standings, self._leasts, self._shortest, self._size
        at = 1
        others: list[tuple[Standing, int]] = []  # a heap of branches that may be looked at yet, and of what was found
        found: dict[int, Any] = {}  # the best of members that are tournaments, by place
        while True:
            if at < 0:
                return found[-at]
            if at >= size:
                member: Any = self._members[at - size]
                best = member.find(gate)
                if best is None:
                    self._lengthen(at, member.shortest_s)
                else:
                    standing = member.standing_of(best)
                    if not others or standing <= others[0][0]:
                        return best
                    found[at] = best
                    heapq.heappush(others, (standing, -at))
            else:
                known_s, count = math.inf, len(others)
                for branch in (2 * at, 2 * at + 1):
                    least = leasts[branch]
                    if standings[branch] is NOBODY or least is None:
                        continue
                    if gate.may_pass(least, shortest[branch]):
                        heapq.heappush(others, (standings[branch], branch))
                    elif shortest[branch] < known_s:
                        known_s = shortest[branch]
                if len(others) == count:
                    self._lengthen(at, known_s)
            if not others:
                return None
            standing, at = heapq.heappop(others)

    def _lengthen(self, at: int, seconds: float) -> None:
        """What is offered there takes at least so long, as was found."""
        standings, shortest = self._standings, self._shortest
        while seconds > shortest[at]:
            shortest[at] = seconds
            if at == 1:
                break
            other = shortest[at ^ 1]
            if other < seconds and standings[at ^ 1] is not NOBODY:
                seconds = other
            at >>= 1


def _less(one: Asked | None, other: Asked | None) -> Asked | None:
    """What both ask for at least."""
    if one is None or other is None or one == other:
        return other if one is None else one
    amounts = dict(other)
    return tuple((name, min(amount, amounts[name])) for name, amount in one if name in amounts)
