"""When a run will be done, with its spread, and how that estimate went while the run did."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from partita.api.asking import Asked
from partita.drawing.run_charts import sparkline
from partita.protocol.requests import RunView
from partita.units import duration_text
from partita.web.pages import pages_of

__all__ = ["finish_of", "planned_of"]

#: Estimates from so many on are worth a picture.
_FEW = 3
#: Closer moments are told with their seconds.
_CLOSE_S = 600.0


def finish_of(asked: Asked, run: RunView, is_asking: bool = False) -> dict[str, Any] | None:
    """What a page says of the finish of a run that goes on; None: nobody knows it, or it is over.

    Args:
        is_asking: a person has to answer first: nobody knows when, and so no time of the clock is told.
    """
    told, held_by = run["notes"].get("forecast"), run["notes"].get("held_by")
    if not (told or held_by) or run["ended_at"] is not None:
        return None
    now, tell = time.time(), pages_of(asked).texts(asked.request)
    if held_by == "event":
        return {"left": tell("after an event that it waits for"), "early": "", "late": "", "trend": ""}
    if is_asking or not told:
        return {"left": tell("after somebody has answered"), "early": "", "late": "", "trend": ""}
    is_close = told["p90"] - now < _CLOSE_S
    left = tell("about {time} left", time=duration_text(max(told["p50"] - now, 0.0)))
    found: dict[str, Any] = {"left": left, "early": "", "late": "", "trend": ""}
    if told["p90"] > told["p10"]:
        found["early"], found["late"] = (_moment(told[name], is_close) for name in ("p10", "p90"))
    estimates = asked.workspace.run_estimates(run["id"])
    if len(estimates) >= _FEW:
        began = run["started_at"] or run["created_at"]
        whole = [each["p50"] - began for each in estimates]
        title = tell("The whole run was thought to take {first} at first, and now {last}", first=duration_text(whole[0]),
                     last=duration_text(whole[-1]))  # fmt: skip
        found["trend"] = sparkline(whole, title=title, is_told=False, width=90, height=20)
    return found


def planned_of(asked: Asked, run: RunView) -> str:
    """How long the first forecast thought that the run would take; empty: there was none."""
    told, began = run["notes"].get("planned"), run["started_at"] or run["created_at"]
    if not told:
        return ""
    low, middle, high = (duration_text(told[name] - began) for name in ("p10", "p50", "p90"))
    if low == high:
        return middle
    tell = pages_of(asked).texts(asked.request)
    return tell("{middle} ({low} to {high})", middle=middle, low=low, high=high)


def _moment(at: float, is_close: bool) -> Markup:
    """The clock's time, which a script makes that of whoever looks."""
    whole = datetime.fromtimestamp(at, UTC)
    return Markup('<time datetime="{}" title="{}" data-clock="{}">{}</time>').format(
        whole.isoformat(timespec="seconds"), whole.strftime("%Y-%m-%d %H:%M:%S UTC"), "seconds" if is_close else "minutes",
        whole.strftime("%H:%M:%S UTC" if is_close else "%H:%M UTC"),
    )  # fmt: skip
