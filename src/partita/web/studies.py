"""Pages of studies: all of them, and one while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from partita.api.asking import Asked, Asking
from partita.api.routes import Routes
from partita.drawing.studies import PICTURES, study_csv, study_picture, values_text
from partita.errors import DefinitionError, NotFoundError
from partita.protocol.studies import TRIAL_STATES, StudyView, TrialView
from partita.web.chart_files import chart
from partita.web.pages import pages_of, refused

__all__ = ["routes"]

routes = Routes()

_ROWS = 100
#: What pictures show, for those who do not see them.
_WORDS = {
    "history": "What each trial came to", "importance": "How much each parameter matters",
    "parallel": "Parameters of each trial beside what it came to", "front": "One objective against the other",
    "slices": "What trials came to, by {name}",
}  # fmt: skip
Text = Annotated[str, Query(max_length=100)]


@routes.reads("/studies", needs="studies:read")
def studies(asked: Asked) -> Response:
    """All studies, the newest first."""
    _watch(asked)
    found = list(reversed(asked.workspace.studies()))
    return pages_of(asked).show(asked.request, "studies.html", studies=found, values_text=values_text)


def _watch(asked: Asking) -> None:
    asked.server.studies.look(asked.workspace.state / "studies")


def _study(asked: Asking, name: str, *, importance: bool = False) -> StudyView:
    """
    Raises:
        NotFoundError: there is none of this name.
    """
    workspace = asked.workspace
    file = workspace.state / "studies" / f"{name}.jsonl"
    try:
        about = file.stat()
    except (OSError, ValueError):  # a name with a zero in it is no name of a file
        raise NotFoundError(f"there is no study {name[:100]!r}; `partita tune` makes one") from None
    key = ("study", name, importance, about.st_size, about.st_mtime_ns)
    if importance:  # which takes longer than all the rest, and changes with the trials only
        found: StudyView = asked.server.kept.get(key, lambda: workspace.study(name, importance=True))
        return found
    return workspace.study(name)


@routes.reads("/studies/{name}", needs="studies:read")
def study(
    asked: Asked,
    name: str,
    sort: Text = "",
    order: Text = "",
    state: Text = "",
    first: Annotated[int, Query(ge=0, lt=1 << 31)] = 0,
) -> Response:
    """A study: how it stands, the best of it, what matters, and its trials."""
    _watch(asked)
    found = _study(asked, name)
    sorting = sort if sort in _sortable(found) else "number"
    is_down = order == "down"
    trials = [trial for trial in found["trials"] if not state or trial["state"] == state]
    trials.sort(key=lambda trial: _rank(found, trial, sorting), reverse=is_down)
    best = {trial["number"] for trial in found["best"]}
    return pages_of(asked).show(
        asked.request, "study.html", study=found, trials=trials[first : first + _ROWS], total=len(trials), first=first,
        rows=_ROWS, best=best, sort=sorting, is_down=is_down, state=state, states=TRIAL_STATES,
        pictures=_pictures(found), picture_words=_WORDS, values_text=values_text,
        stamp=f"{len(found['trials'])}-{found['counts']}",
    )  # fmt: skip


def _sortable(study: StudyView) -> list[str]:
    return ["number", "state", "took", *(f"value {name}" for name in study["objectives"]), *study["space"]]


def _rank(study: StudyView, trial: TrialView, sorting: str) -> tuple[Any, ...]:
    """Where a trial stands: what has no such value comes last, texts are kept from numbers."""
    if sorting == "took":
        value: Any = None if trial["ended_at"] is None else trial["ended_at"] - trial["started_at"]
    elif sorting.startswith("value "):
        value = trial["values"].get(sorting.removeprefix("value "))
    elif sorting in ("number", "state"):
        value = trial["number"] if sorting == "number" else trial["state"]
    else:
        value = trial["parameters"].get(sorting)
    is_number = isinstance(value, int | float)
    return (value is None, not is_number, value if is_number else str(value), trial["number"])


def _pictures(study: StudyView) -> list[tuple[str, str]]:
    """(kind, parameter) of what can be drawn by now."""
    done = sum(trial["state"] == "succeeded" for trial in study["trials"])
    if not done:
        return []
    kinds = [kind for kind in PICTURES if kind not in ("importance", "front", "slices")]
    found = [(kind, "") for kind in kinds]
    if done >= 3:
        found.insert(1, ("importance", ""))
    if len(study["objectives"]) > 1:
        found.append(("front", ""))
    return [*found, *(("slices", name) for name in list(study["space"])[:12])]


@routes.reads("/studies/{name}/-/picture.svg", needs="studies:read", kind="image/svg+xml")
def picture(asked: Asked, name: str, kind: Text, parameter: Annotated[str, Query(max_length=200)] = "") -> Response:
    """A picture of a study."""
    found = _study(asked, name, importance=kind == "importance")
    try:
        return chart(asked, study_picture(found, kind, parameter, tell=pages_of(asked).texts(asked.request)))
    except DefinitionError as error:
        return chart(asked, _nothing(refused(asked, error)))


def _nothing(reason: str) -> str:
    from html import escape

    lines = [reason[place : place + 80] for place in range(0, min(len(reason), 240), 80)]
    told = "".join(f'<text x="16" y="{30 + 20 * number}">{escape(line)}</text>' for number, line in enumerate(lines))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="90" viewBox="0 0 640 90"><style>svg{font:13px sans-serif;'
        "background:#ffffff}text{fill:#5b6774}@media (prefers-color-scheme: dark) {svg{background:#14181d}text{fill:#9aa6b2}}"
        f"</style>{told}</svg>"
    )


@routes.reads("/studies/{name}/-/trials.csv", needs="studies:read", kind="text/csv")
def trials_csv(asked: Asked, name: str) -> Response:
    """The trials of a study as lines for other programs."""
    found = _study(asked, name)
    headers = {"content-disposition": f'attachment; filename="{found["name"]}.csv"'}
    return Response(study_csv(_safe(found)).encode(), media_type="text/csv; charset=utf-8", headers=headers)


def _safe(study: StudyView) -> StudyView:
    """Texts that spreadsheets would take for formulas begin with an apostrophe."""

    def told(value: Any) -> Any:
        return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value

    trials: Sequence[TrialView] = [
        {
            **trial, "parameters": {key: told(value) for key, value in trial["parameters"].items()},
            "error": told(trial["error"]),
        }
        for trial in study["trials"]
    ]  # fmt: skip
    return {**study, "trials": list(trials)}
