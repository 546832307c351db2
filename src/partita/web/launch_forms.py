"""The form that starts a run: what was typed into it, what is wrong with that, and starting the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from partita.api.asking import Asking
from partita.drawing.outline import outline_of
from partita.drawing.run_graph import GraphLinks, run_graph
from partita.errors import BusyError, CheckError, NotFoundError, PartitaError
from partita.protocol.requests import StepView
from partita.units import whole_number
from partita.web.fields import Field, read_texts
from partita.web.pages import moved, new_key, pages_of, refused

__all__ = ["INPUT", "Launch", "graph_of", "launched", "options_of", "typed_in"]

#: Before the names of inputs in forms and addresses.
INPUT = "in."
#: A run's priority is no further from 0.
_MOST_PRIORITY = 1_000_000
#: Parameters of pages that are no inputs, unless they stand after "in.".
_OWN = frozenset({"open", "language", "version", "against"})


@dataclass(frozen=True, slots=True)
class Launch:
    """What was typed into the form that starts a run, and what is wrong with it."""

    typed: Mapping[str, str]  # by the names of elements
    wrong: Mapping[str, str]
    problem: str = ""  # with no field of its own
    status: int = 200


def typed_in(query: Mapping[str, str], fields: Sequence[Field]) -> dict[str, str]:
    """What an address says of inputs: by "in.n", or by "n" where the page means nothing else by that."""
    found = {}
    for field in fields:
        for name in (field.name, field.label):
            if name in query and name not in _OWN:
                found[field.name] = query[name]
                break
    return found


def options_of(asked: Asking) -> dict[str, Any]:
    """What the form offers beside inputs."""
    return {"executors": [view["name"] for view in asked.workspace.executors()], "key": new_key()}


def graph_of(asked: Asking, steps: Sequence[StepView], opened: Sequence[str] | None, title: str) -> str:
    """The picture of a flow's steps before they run."""
    chosen = None if opened is None else frozenset(opened) - {""}
    url = asked.request.url

    def toggle(key: str) -> str:
        now = outline_of(steps).opened_at_first() if chosen is None else chosen
        wanted = sorted(now ^ {key}) or [""]
        kept = url.remove_query_params(["open"])
        return f"{url.path}?" + "&".join(filter(None, [kept.query, urlencode([("open", item) for item in wanted])]))

    links = GraphLinks(toggle=toggle)
    return run_graph(steps, links, opened=chosen, title=title, tell=pages_of(asked).texts(asked.request))


def launched(
    asked: Asking, flow: str, fields: Sequence[Field], given: Mapping[str, str], again: Callable[[Launch], Response]
) -> Response:
    """Start a run of what was typed, and go to its page; or `again` shows the form with what is wrong.

    Args:
        flow: a reference, or a version of a published flow.
        again: gives the page for a `Launch`.
    """
    typed = {name: text for name, text in given.items() if name != "csrf"}
    tell = pages_of(asked).texts(asked.request)
    # A box that is not ticked sends nothing: what is not there then is said, too.
    typed |= {field.name: "" for field in fields if field.kind == "switch" and field.name not in typed}
    texts, wrong = read_texts(fields, typed, tell)
    priority = given.get("priority", "").strip()
    number = whole_number(priority, _MOST_PRIORITY)
    if priority and number is None:
        wrong["priority"] = tell("Give a whole number, not {given}.", given=repr(priority[:40]))
    if wrong:
        return again(Launch(typed, wrong, status=422))
    if given.get("act") == "check":
        kept = [(name, value) for name, value in asked.request.query_params.items() if name == "version"]
        said = [(field.name, typed.get(field.name, "")) for field in fields if _is_said(field, typed)]
        return moved(f"{asked.request.url.path}?{urlencode([*kept, *said])}#graph")
    body = {
        "flow": flow, "inputs": {name.removeprefix(INPUT): text for name, text in texts.items()},
        "executor": given.get("executor", ""), "tags": _tags(given.get("tags", "")), "refresh": bool(given.get("refresh")),
        "owner": "", "weight": None, "priority": number,
    }  # fmt: skip
    try:
        run = asked.server.launching.launch(asked, body, given.get("key", ""))
    except NotFoundError:
        raise
    except PartitaError as error:
        status = 429 if isinstance(error, BusyError) else 422 if isinstance(error, CheckError) else 409
        return again(Launch(typed, {}, refused(asked, error), status))
    return moved(f"/runs/{run}")


def _is_said(field: Field, typed: Mapping[str, str]) -> bool:
    """Whether what was typed is other than the default."""
    text = typed.get(field.name, "")
    return ((text or "false") if field.kind == "switch" else text) != field.default


def _tags(text: str) -> list[str]:
    return [tag.strip()[:200] for tag in text.split(",") if tag.strip()][:50]
