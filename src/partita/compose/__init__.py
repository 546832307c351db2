"""Many models made into one better one: compositions, each an estimator of scikit-learn."""

from __future__ import annotations

from partita.compose.auto import Auto
from partita.compose.blend import Blend
from partita.compose.cascade import Cascade
from partita.compose.contributions import Report, report
from partita.compose.explaining import Explanation, explain
from partita.compose.select import Select
from partita.compose.stack import Stack
from partita.compose.vote import Vote

__all__ = ["Auto", "Blend", "Cascade", "Explanation", "Report", "Select", "Stack", "Vote", "explain", "report"]
