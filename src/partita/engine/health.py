"""How an executor does: what it adds to attempts, and whether it loses them. Who may choose among several goes by that."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BRIEF_S", "Health"]

#: A step counts as brief, and may wait behind another one in a lane, while its like take less than so many seconds.
BRIEF_S = 0.02
#: However long orders take to get to an executor: what takes longer is not brief.
_MOST_BRIEF_S = 0.5
#: Gain of what an executor is thought to add to its attempts.
_OVERHEAD_WEIGHT = 0.25
#: After so many losses in succession, what can run elsewhere does, for so many seconds, doubled with each further one.
_LOSSES, _SHUN_S, _SHUN_MOST_S = 3, 15.0, 600.0


@dataclass(slots=True)
class Health:
    """How an executor has done lately: what it adds to attempts, and whether it loses them."""

    overhead_s: float = 0.0  # between handing an order out and hearing of its end, beside the attempt itself: typical
    cold_s: float = 0.0  # the same of the first order of a lane, whose worker may have to start
    count: int = 0  # of these
    cold_count: int = 0
    brief_s: float = BRIEF_S  # what takes less may wait behind another order: it would not get there sooner by itself
    losses: int = 0  # attempts that it lost, one after the other
    lost_s: float = 0.0  # monotonic time of the last one

    def ended(self, overhead_s: float | None, *, is_first: bool) -> None:
        """An attempt came to an end of its own.

        Args:
            overhead_s: beside the attempt itself; None: it waited behind another one, so that it is not known.
            is_first: it was the first one of its lane.
        """
        self.losses = 0
        if overhead_s is None:
            return
        added_s = max(overhead_s, 0.0)
        if is_first:
            self.cold_count += 1
            self.cold_s += (_OVERHEAD_WEIGHT if self.cold_count > 1 else 1.0) * (added_s - self.cold_s)
        else:
            self.count += 1
            self.overhead_s += (_OVERHEAD_WEIGHT if self.count > 1 else 1.0) * (added_s - self.overhead_s)
            self.brief_s = max(BRIEF_S, min(self.overhead_s, _MOST_BRIEF_S))

    def lost(self, now_s: float) -> None:
        """The machinery failed an attempt."""
        self.losses += 1
        self.lost_s = now_s

    def is_shunned(self, now_s: float) -> bool:
        """Whether what can run elsewhere had better not come here: it has lost attempt after attempt."""
        if self.losses < _LOSSES:
            return False
        return now_s - self.lost_s < min(_SHUN_S * 2.0 ** min(self.losses - _LOSSES, 16), _SHUN_MOST_S)
