"""Studies for people: pictures, tables in notebooks, and lines for other programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from partita.drawing.charts import Bar, Tick, below_each_other, dot_chart, interval_chart, parallel_chart
from partita.errors import DefinitionError
from partita.protocol.studies import StudyView, TrialView
from partita.units import duration_text

__all__ = ["PICTURES", "counts_text", "study_csv", "study_html", "study_picture", "values_text"]

_MOST_SLICES = 8
Tell = Callable[[str], str]
#: Marks on the axis of trials at most, and how close to an end of an axis there is none, as a share of it.
_MOST_TICKS, _TICK_ROOM = 8, 0.08


def study_picture(study: StudyView, kind: str, parameter: str = "", *, tell: Tell = str) -> str:
    """A picture as SVG.

    Args:
        study: with its trials; for "importance" with that.
        kind: one of `PICTURES`.
        parameter: of "slices", only this one.
        tell: gives words in the reader's language.

    Raises:
        DefinitionError: there is no such picture, or nothing to be drawn in it.
    """
    if kind not in PICTURES:
        raise DefinitionError(f"there is no picture {kind!r} of a study; there are {', '.join(PICTURES)}")
    if kind != "importance" and not _done(study):
        raise DefinitionError(
            f"no trial of the study {study['name']!r} has succeeded yet, so there is nothing to be drawn"
        )
    return _slices(study, parameter, tell) if kind == "slices" else _DRAWN[kind](study, tell)


def _done(study: StudyView) -> list[TrialView]:
    return [trial for trial in study["trials"] if trial["state"] == "succeeded"]


def _first(study: StudyView) -> tuple[str, int]:
    """Name of the first objective, and 1 where more is better, else -1."""
    name, way = next(iter(study["objectives"].items()))
    return name, 1 if way == "maximize" else -1


def _history(study: StudyView, tell: Tell) -> str:
    name, sign = _first(study)
    dots = [(float(trial["number"]), trial["values"][name]) for trial in _done(study)]
    steps: list[tuple[float, float]] = []
    for at, value in dots:
        if not steps or sign * value > sign * steps[-1][1]:
            steps += [(at, steps[-1][1]), (at, value)] if steps else [(at, value)]
    last = float(max(trial["number"] for trial in study["trials"]))
    steps.append((last, steps[-1][1]))
    nothing = [
        f"{count:,} {tell(state)}"
        for state, count in study["counts"].items()
        if state in ("pruned", "failed", "cancelled")
    ]
    told = f"{tell('trial')} ({', '.join(nothing)})" if nothing else tell("trial")
    every = next(10**power * step for power in range(9) for step in (1, 2, 5) if last <= 10**power * step * _MOST_TICKS)
    ticks = [(float(number), f"{number:,}") for number in range(0, int(last) + 1, every)]
    return dot_chart(
        tell("{name}: history").format(name=study["name"]), dots, x_label=told, y_label=name, guide=steps, x_ticks=ticks
    )


def _importance(study: StudyView, tell: Tell) -> str:
    found = study.get("importance") or {}
    if not found:
        raise DefinitionError("too few trials tell which parameters matter; at least 3 that differ have to succeed")
    bars = [Bar(name, share, 0.0, share) for name, share in found.items()]
    return interval_chart(
        tell("{name}: importance").format(name=study["name"]),
        bars,
        x_label=tell("share of what the objective varies by"),
        guide=0.0,
    )


def _front(study: StudyView, tell: Tell) -> str:
    names = list(study["objectives"])
    if len(names) < 2:
        raise DefinitionError(f"the study {study['name']!r} has one objective; a front is drawn of several")
    x, y = names[:2]
    dots = [(trial["values"][x], trial["values"][y]) for trial in _done(study)]
    line = sorted((trial["values"][x], trial["values"][y]) for trial in study["best"])
    return dot_chart(
        tell("{name}: {y} against {x}").format(name=study["name"], y=y, x=x), dots,
        x_label=_with_way(study, x, tell), y_label=_with_way(study, y, tell),
        guide=line if len(line) > 1 else (),
    )  # fmt: skip


def _with_way(study: StudyView, name: str, tell: Tell) -> str:
    is_more = study["objectives"][name] == "maximize"
    return f"{name} ({tell('maximized' if is_more else 'minimized')})"


class _Scale:
    """Where the values of a parameter lie on an axis."""

    def __init__(self, dimension: Mapping[str, Any]) -> None:
        self.labels = list(dimension.get("choices", ()))
        self.is_log = bool(dimension.get("log"))
        if self.labels:
            self.span = (-0.5, len(self.labels) - 0.5)
        else:
            self.span = (self.at(dimension["low"]), self.at(dimension["high"]))

    def at(self, label: Any) -> float:
        if self.labels:
            return float(self.labels.index(label))
        return math.log10(label) if self.is_log else float(label)

    def height(self, label: Any) -> float:
        low, high = self.span
        return (self.at(label) - low) / ((high - low) or 1.0)

    def ticks(self) -> list[Tick]:
        """What is to be written at which place; nothing: the numbers themselves."""
        if self.labels:
            return [(float(number), str(label)) for number, label in enumerate(self.labels)]
        if not self.is_log:
            return []
        low, high = self.span
        room = (high - low) * _TICK_ROOM
        inner = [float(power) for power in range(math.ceil(low), math.floor(high) + 1)]
        places = [low, *(power for power in inner if low + room < power < high - room), high]
        return [(at, f"{10**at:.4g}") for at in places]


def _slices(study: StudyView, parameter: str, tell: Tell) -> str:
    name, _ = _first(study)
    space = study["space"]
    if parameter and parameter not in space:
        raise DefinitionError(f"the study {study['name']!r} has no parameter {parameter!r}; it has {', '.join(space)}")
    pictures = []
    for searched in [parameter] if parameter else list(space)[:_MOST_SLICES]:
        scale = _Scale(space[searched])
        dots = [
            (scale.at(trial["parameters"][searched]), trial["values"][name])
            for trial in _done(study)
            if searched in trial["parameters"]
        ]
        title = f"{study['name']}: {searched}"
        pictures.append(dot_chart(title, dots, x_label=searched, y_label=name, x=scale.span, x_ticks=scale.ticks()))
    return (
        pictures[0]
        if len(pictures) == 1
        else below_each_other(tell("{name}: slices").format(name=study["name"]), pictures)
    )


def _parallel(study: StudyView, tell: Tell) -> str:
    name, sign = _first(study)
    done = _done(study)
    values = [trial["values"][name] for trial in done]
    low, high = min(values), max(values)
    scales = {searched: _Scale(dimension) for searched, dimension in study["space"].items()}
    axes: list[tuple[str, Sequence[Tick]]] = [
        (searched, [(_share(at, scale.span), text) for at, text in scale.ticks() or _ends(scale)])
        for searched, scale in scales.items()
    ]
    ends = [(0.0, f"{low if sign > 0 else high:.4g}"), (1.0, f"{high if sign > 0 else low:.4g}")]
    lines: list[list[float | None]] = [
        [
            *(scale.height(trial["parameters"][s]) if s in trial["parameters"] else None for s, scale in scales.items()),
            (value - low if sign > 0 else high - value) / ((high - low) or 1.0),
        ]
        for trial, value in zip(done, values, strict=True)
    ]  # fmt: skip
    title = tell("{name}: parameters and {result}, the best in orange").format(name=study["name"], result=name)
    return parallel_chart(title, [*axes, (name, ends)], lines)


def _share(at: float, span: tuple[float, float]) -> float:
    return (at - span[0]) / ((span[1] - span[0]) or 1.0)


def _ends(scale: _Scale) -> list[Tick]:
    return [(end, f"{end:g}") for end in scale.span]


_DRAWN: dict[str, Callable[[StudyView, Tell], str]] = {
    "history": _history, "importance": _importance, "parallel": _parallel, "front": _front,
}  # fmt: skip
PICTURES = (*_DRAWN, "slices")


def counts_text(study: StudyView) -> str:
    """ "12 succeeded, 2 pruned, 1 failed"."""
    told = [f"{count:,} {state}" for state, count in study["counts"].items()]
    if study["again"]:
        told.append(f"{study['again']:,} of them as before")
    return ", ".join(told) or "no trials"


def values_text(trial: TrialView) -> str:
    """ "score 0.93, seconds 2.1"."""
    return ", ".join(f"{name} {value:.6g}" for name, value in trial["values"].items())


def study_csv(study: StudyView) -> str:
    """A line for each trial, with a header."""
    names = list(study["space"])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["number", "state", *names, *study["objectives"], "run", "same_as", "started_at", "ended_at", "cost", "error"]
    )
    for trial in study["trials"]:
        writer.writerow(
            [trial["number"], trial["state"], *(trial["parameters"].get(name, "") for name in names),
             *(trial["values"].get(name, "") for name in study["objectives"]), trial["run"],
             "" if trial["same_as"] is None else trial["same_as"], trial["started_at"], trial["ended_at"] or "",
             trial["cost"], trial["error"]]
        )  # fmt: skip
    return stream.getvalue()


def study_html(study: StudyView) -> str:
    """What a notebook shows: how it stands, the best trials, and the history."""
    ways = ", ".join(f"{name} ({way}d)" for name, way in study["objectives"].items())
    rows = "".join(
        f"<tr><td>{trial['number']}</td><td>{escape(values_text(trial))}</td>"
        f"<td>{escape(', '.join(f'{name} = {value}' for name, value in trial['parameters'].items()))}</td></tr>"
        for trial in study["best"][:10]
    )
    head = (
        f"<p><b>{escape(study['name'])}</b> of {escape(study['title'])}, {escape(study['state'])}"
        f"{': ' + escape(study['reason']) if study['reason'] else ''}<br>{escape(ways)}; {escape(counts_text(study))}; "
        f"{duration_text(study['took_s'])}</p>"
    )
    table = f"<table><tr><th>trial</th><th>values</th><th>parameters</th></tr>{rows}</table>" if rows else ""
    drawn = _history(study, str) if study.get("trials") and _done(study) else ""
    return head + table + drawn
