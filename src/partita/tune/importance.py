"""Which parameters matter."""

from __future__ import annotations

from partita.tune.proposing import Proposer
from partita.tune.record import StudyRecord
from partita.tune.spaces import Space

__all__ = ["importance_of"]


def importance_of(record: StudyRecord) -> dict[str, float]:
    """By parameter, its share of what the first objective varies by, the largest first; empty where too few trials tell.

    Raises:
        MissingExtraError: Optuna is not installed.
    """
    space = record.space()
    proposer = Proposer(
        record.directions, "random", "none", 0, space if not any(t.space for t in record.trials) else Space({})
    )
    proposer.restore(record.trials)
    found = proposer.importance()
    return dict(sorted(found.items(), key=lambda item: -item[1]))
