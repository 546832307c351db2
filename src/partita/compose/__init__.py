"""Many models made into one better one: compositions, each an estimator of scikit-learn."""

from __future__ import annotations

from partita.compose.auto import Auto
from partita.compose.bag import Bag
from partita.compose.blend import Blend
from partita.compose.calibration import calibrated
from partita.compose.cascade import Cascade
from partita.compose.chain import Chain
from partita.compose.contributions import Report, report
from partita.compose.distil import Distil
from partita.compose.explaining import Explanation, explain
from partita.compose.route import Route
from partita.compose.select import Select
from partita.compose.severity import Severity
from partita.compose.soup import Soup, stir
from partita.compose.stack import Stack
from partita.compose.tensors import share
from partita.compose.vote import Vote

__all__ = [
    "Auto",
    "Bag",
    "Blend",
    "Cascade",
    "Chain",
    "Distil",
    "Explanation",
    "Report",
    "Route",
    "Select",
    "Severity",
    "Soup",
    "Stack",
    "Vote",
    "calibrated",
    "explain",
    "report",
    "share",
    "stir",
]
