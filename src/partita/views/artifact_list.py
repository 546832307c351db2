"""Artifacts a page at a time: where few of very many fit, a page ends when its time is up and says where to go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from partita.errors import RequestError
from partita.protocol.artifacts import ArtifactView

__all__ = ["ArtifactPage", "Wanted", "artifact_page", "checked_place"]

#: Seconds that looking for one page may take.
PATIENCE_S = 1.0


class Wanted(NamedTuple):
    """Which artifacts."""

    run: str = ""  # of this run
    flow: str = ""  # of runs of this flow
    kind: str = ""  # of this type or codec
    least_bytes: int = 0
    since: float = 0.0  # made then or later, in seconds since the epoch
    until: float = 0.0  # made before; 0: whenever

    def fits(self, view: ArtifactView) -> bool:
        """Whether it is one of them, as far as its run does not say that already."""
        made_at = view["made_at"] or 0.0
        return (
            (not self.kind or self.kind in (view["codec"], view["type"]))
            and view["size_bytes"] >= self.least_bytes
            and made_at >= self.since
            and (not self.until or made_at < self.until)
        )


class ArtifactPage(NamedTuple):
    """A page of them."""

    items: list[ArtifactView]
    place: list[int] | None  # where to go on; None: there are no more
    is_whole: bool  # else the time was up before the page was full


def artifact_page(
    ask: Callable[..., Any],
    wanted: Wanted,
    place: list[int] | None,
    limit: int,
    clock: Callable[[], float] = time.monotonic,
) -> ArtifactPage:
    """The next artifacts, the newest run first.

    Args:
        ask: asks the engine.
        place: of the page before: number of the run, the step after which it goes on, and how many artifacts of the next step
            were shown already. A step's value never changes, so nothing is shown twice or left out while runs go on.
    """
    found: list[ArtifactView] = []
    cursor, shown = (place[:2], place[2]) if place else (None, 0)
    until = clock() + PATIENCE_S
    while True:
        page = ask("artifacts", run=wanted.run, flow=wanted.flow, cursor=cursor)
        step, of_step, last = -1, 0, [0, 0]
        for number, view in enumerate(page["artifacts"]):
            of_step = of_step + 1 if view["step"] == step else 1
            step = view["step"]
            if number < shown or not wanted.fits(view):
                continue
            if len(found) == limit:
                run = cursor[0] if cursor else ask("run", run=found[-1]["run"])["number"]
                # The one after the page is of the same run, or else the page would have ended with its run.
                return ArtifactPage(found, [run, last[0] - 1, last[1]], True)
            found.append(view)
            last = [step, of_step]
        cursor, shown = page["cursor"], 0
        if cursor is None:
            return ArtifactPage(found, None, True)
        if len(found) == limit:
            return ArtifactPage(found, [*cursor, 0], True)
        if clock() >= until:
            return ArtifactPage(found, [*cursor, 0], False)


def checked_place(place: Any) -> list[int]:
    """A place that came back from a client.

    Raises:
        RequestError: it is none.
    """
    if (
        isinstance(place, list)
        and len(place) == 3
        and all(type(part) is int and -1 <= part < 1 << 53 for part in place)
        and place[2] >= 0
    ):
        return place
    raise RequestError("this is no cursor of the list of artifacts; take it from the page before")
