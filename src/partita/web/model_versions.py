"""Pages of versions of models: one whole, and several side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Query
from starlette.responses import Response

from partita.api.asking import Asked, Asking
from partita.api.model_gates import gates_of
from partita.api.routes import Routes
from partita.drawing.composition import composition_picture
from partita.drawing.picture_style import STYLE
from partita.errors import NotFoundError
from partita.models.given_data import data_behind, data_first, is_data
from partita.protocol.artifacts import ArtifactView, LineageNode, LineageView
from partita.protocol.models import VersionView, checked_name
from partita.units import whole_number
from partita.views.members import version_of, versions_behind
from partita.web.models import MOST_VERSION, address_of, tags_of
from partita.web.pages import moved, pages_of
from partita.web.texts import Texts

__all__ = ["routes"]

routes = Routes()

_MOST = 6
#: The card is a whole page of its own, any text of which may come from elsewhere: nothing in it runs, or asks for anything.
_CARD_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox"
)


class Row(NamedTuple):
    """Something that versions may differ in."""

    name: str
    values: list[Any]  # of each version; None: it has none
    differs: bool
    best: int  # place of the best value where that can be told, -1: it cannot


@routes.reads("/models/{name}/-/compare", needs="models:read")
def compare(asked: Asked, name: str, v: Annotated[list[int] | None, Query(max_length=50)] = None) -> Response:
    """Versions of a model side by side."""
    numbers = sorted(dict.fromkeys(v or ()))[:_MOST]
    if len(numbers) < 2:
        return moved(address_of(name))
    views = [asked.workspace.model_version(f"{checked_name(name)}:{number}")[0] for number in numbers]
    tell = pages_of(asked).texts(asked.request)
    parts: list[tuple[str, Callable[[VersionView], dict[str, Any]]]] = [
        ("Metrics", lambda view: dict(view["metrics"])),
        ("Parameters", _parameters),
        ("Members", _members),
        ("Signature", lambda view: _signature(view, tell)),
        ("What it was made of", lambda view: _origin(view, tell)),
        ("Packages", lambda view: _packages(view["record"])),
        ("Tags", lambda view: dict(tags_of(view))),
    ]
    tables = [(title, _rows([told(view) for view in views], title == "Metrics")) for title, told in parts]
    return pages_of(asked).show(
        asked.request, "model_compare.html", name=name, views=views, tables=[table for table in tables if table[1]],
        address=address_of(name),
    )  # fmt: skip


def _rows(told: Sequence[dict[str, Any]], is_ranked: bool) -> list[Row]:
    names = dict.fromkeys(name for one in told for name in one)
    found = []
    for name in names:
        values = [one.get(name) for one in told]
        differs = any(value != values[0] for value in values)
        found.append(Row(name, values, differs, _best(name, values) if is_ranked and differs else -1))
    return found


def _best(name: str, values: Sequence[Any]) -> int:
    from partita.models.metric_losses import metric_loss

    losses = [
        (metric_loss(name, value), place)
        for place, value in enumerate(values)
        if isinstance(value, int | float) and value == value
    ]
    return min(losses)[1] if len(losses) > 1 else -1


def _parameters(view: VersionView) -> dict[str, Any]:
    return dict(view["record"].get("parameters") or {})


def _members(view: VersionView) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def walk(members: Sequence[dict[str, Any]], around: str) -> None:
        for member in members:
            name = f"{around}{member['name']}"
            weight = f", {member['weight']:.4g}" if "weight" in member else ""
            found[name] = f"{member['title']}{weight}"
            found.update({f"{name}.{key}": value for key, value in (member.get("parameters") or {}).items()})
            walk(member.get("members") or (), f"{name}/")

    walk(view["record"].get("members") or (), "")
    return found


def _signature(view: VersionView, tell: Texts) -> dict[str, Any]:
    told = view["record"].get("signature") or {}
    inputs = {str(one[0]) or tell("input"): _typed(one) for one in told.get("inputs") or ()}
    outputs = ", ".join(_typed(one) for one in told.get("outputs") or ())
    classes = ", ".join(map(str, told.get("classes") or ()))
    return {**inputs, **({"→": outputs} if outputs else {}), **({tell("classes"): classes} if classes else {})}


def _typed(one: Sequence[Any]) -> str:
    shape = " × ".join("?" if size is None else str(size) for size in one[2][1:]) if len(one) > 2 else ""
    return f"{one[1]}{f' ({shape})' if shape else ''}"


def _origin(view: VersionView, tell: Texts) -> dict[str, Any]:
    record = view["record"]
    data = "; ".join(f"{shown} {digest[:10]}" for _, digest, _, shown in record.get("data") or ())
    return {
        tell("What it is"): view["title"], tell("Format"): record.get("format"), tell("Task"): record.get("task"),
        tell("Run"): view["run"], tell("Code"): (record.get("fingerprint") or record.get("bundle") or "")[:16],
        tell("Data"): data, tell("Bytes"): view["size_bytes"], tell("By"): view["author"],
    }  # fmt: skip


def _packages(record: dict[str, Any]) -> dict[str, Any]:
    return {"python": record.get("python"), **(record.get("packages") or {})}


@routes.reads("/models/{name}/{version}", needs="models:read")
def version(asked: Asked, name: str, version: str) -> Response:
    """A version: by its number, or by an alias."""
    found = _find(asked, name, version)
    if version != str(found["number"]):
        return moved(address_of(found["model"], found["number"]))
    view, evaluations = asked.workspace.model_version(found["name"])
    model, versions, moves = asked.workspace.model(found["model"])
    gates, tell = gates_of(model), pages_of(asked).texts(asked.request)
    lineage = asked.workspace.model_lineage(found["name"])
    behind = _behind(asked, view, lineage)
    return pages_of(asked).show(
        asked.request, "model_version.html", model=model, view=view, evaluations=evaluations,
        moves=[move for move in moves if found["number"] in (move["before"], move["after"])],
        came_from=_in_order(lineage, view), behind=behind,
        given=data_first(view["record"].get("data") or (), has_other=bool(behind)),
        lineage=lineage, composition=_composition(asked, view, lineage), style=STYLE, tags=tags_of(view),
        signature=_signature(view, tell),
        packages=_packages(view["record"]), verdicts=_verdicts(asked, found, list(gates)), gates=gates,
        address=address_of(found["model"]), best_earlier=_earlier(versions, view),
    )  # fmt: skip


def _in_order(lineage: LineageView | None, view: VersionView) -> list[LineageNode]:
    """The steps that it came from as they ran: those of earlier runs first."""
    nodes = lineage["nodes"] if lineage is not None else []
    return sorted(nodes, key=lambda node: (node["run"] == view["run"], node["run"], node["step"]))


def _behind(asked: Asking, view: VersionView, lineage: LineageView | None) -> list[ArtifactView]:
    """The data of the steps behind it, where its own was given none: it may have got only a model and what was measured."""
    if lineage is None or any(is_data(one[0]) for one in view["record"].get("data") or ()):
        return []
    return data_behind(lineage, lambda run, most: asked.workspace.artifacts(run=run, limit=most))


def _composition(asked: Asking, view: VersionView, lineage: LineageView | None) -> str:
    """Its members, and what becomes of them, as a picture; empty: it has none."""
    members = view["record"].get("members") or ()
    if not members:
        return ""
    known = versions_behind(asked.workspace, view, lineage)

    def named(member: Mapping[str, Any]) -> tuple[str, str] | None:
        version = version_of(member, known)
        return (version["name"], address_of(version["model"], version["number"])) if version is not None else None

    tell = pages_of(asked).texts(asked.request)
    outputs = (view["record"].get("signature") or {}).get("outputs") or ()
    output = ", ".join(str(one[0]) or _typed(one) for one in outputs) or tell("prediction")
    return composition_picture(view["title"], members, output, named, tell=tell)


def _find(asked: Asking, name: str, version: str) -> VersionView:
    if version.isdecimal():
        return asked.workspace.model_version(_numbered(name, version))[0]
    return asked.workspace.model_version(f"{checked_name(name)}@{version}")[0]


def _numbered(name: str, version: str) -> str:
    """A version's name by its number.

    Raises:
        NotFoundError: there cannot be so many.
    """
    if whole_number(version, MOST_VERSION) is None:
        raise NotFoundError(f"model {name} has no version {version[:40]!r}; versions are numbers from 1")
    return f"{checked_name(name)}:{version}"


def _verdicts(asked: Asking, view: VersionView, aliases: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """What the gates of each alias say of the version."""
    return {alias: asked.workspace.judge_model(view["name"], alias) for alias in aliases[:8]}


def _earlier(versions: Sequence[VersionView], view: VersionView) -> VersionView | None:
    """The version before, to compare with."""
    return next((one for one in versions if one["number"] < view["number"]), None)


@routes.reads("/models/{name}/{version}/-/card", needs="models:read", kind="text/html")
def card(asked: Asked, name: str, version: str) -> Response:
    """A version's model card, as a page in which nothing runs."""
    if not version.isdecimal():
        raise NotFoundError(f"the card of {name} is that of a version; write its number")
    html = asked.workspace.model_card(_numbered(name, version), html=True)
    headers = {"content-security-policy": _CARD_POLICY, "x-frame-options": "SAMEORIGIN"}
    return Response(html.encode("utf-8", "replace"), media_type="text/html; charset=utf-8", headers=headers)
