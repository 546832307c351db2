"""Moving an alias to another version, if what has to hold does; and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partita.artifacts.codecs.plain import plain_value
from partita.errors import GateError, NotFoundError
from partita.models.access import ask, encoder, running_attempt
from partita.models.gates import Candidate, Gate, Verdict, judge, parse_gate
from partita.models.registry import Version
from partita.protocol.models import added_metrics, checked_name, metric_numbers, parse_name
from partita.values import unpack

__all__ = ["gates_of", "judged", "promote", "rollback", "set_gates"]

#: Under which a model's tags keep the gates of an alias.
_TAG = "gates:"
#: So often it is judged anew, where the alias moved meanwhile.
_TRIES = 5


def promote(
    version: Version | str,
    alias: str = "champion",
    *,
    gates: Sequence[Gate | str] | None = None,
    why: str = "",
    force: bool = False,
    approval: Any = None,
) -> list[Verdict]:
    """Let an alias name this version, if every gate is met.

    In a task, a version that the task itself has registered gets the alias with the outcome of the step; for any other it is
    done at once.

    Args:
        gates: what has to hold, as records or texts (`partita.models.gates`); default: those that were set for the alias.
        why: kept in the history.
        force: move it though a gate is not met; `why` has to say why.
        approval: what a person said: the `Decision` of an approval, or a map with "by" and "comment".

    Returns:
        The verdict of each gate.

    Raises:
        GateError: a gate is not met; lists all of them with their numbers. That is kept in the history.
        NotFoundError: there is no such version.
    """
    checked_name(alias, "an alias")
    if force and not why:
        raise GateError("what is forced needs a reason: give why=")
    told = ""
    for _ in range(_TRIES):
        try:
            return _promoted(version, alias, gates, why, force, _approval(approval))
        except _MovedError as error:
            told = str(error)
    raise GateError(
        f"{alias} was moved {_TRIES} times while {version} was judged; try once more. The last time: {told}"
    )


def rollback(name: str, alias: str = "champion", *, why: str = "") -> Version:
    """Let an alias name the version that it named before; gives that. No gate is asked: this is the way out.

    Raises:
        NotFoundError: it has named no other version that is still there.
        GateError: somebody else has moved it in the same moment; says who.
    """
    checked_name(name)
    moves = ask("model_moves", name=name, alias=alias, limit=1000)
    held: list[int] = []  # what it has named, one upon the other
    for move in reversed(moves):
        if move["record"].get("rollback"):
            held.pop()
        elif move["before"] != move["after"]:
            held.append(move["after"])
    if len(held) < 2 or not held[-2]:
        raise NotFoundError(
            f"{name}@{alias} has named no other version before; `partita models show {name}` tells its history"
        )
    now, before = held[-1], held[-2]
    _move({"name": name, "alias": alias, "before": now, "after": before, "why": why, "record": {"rollback": True}})
    return Version(name, before)


def set_gates(name: str, alias: str, gates: Sequence[Gate | str]) -> list[str]:
    """Say what has to hold before a version of the model gets the alias; none: nothing has to.

    Raises:
        OptionError: a text says no gate.
    """
    texts = [str(parse_gate(gate) if isinstance(gate, str) else gate) for gate in gates]
    ask("model_describe", name=checked_name(name), tags={_TAG + checked_name(alias, "an alias"): "; ".join(texts)})
    return texts


def gates_of(name: str, alias: str) -> list[str]:
    """The gates that were set for an alias of a model."""
    told: str = ask("models", name=name)[0]["tags"].get(_TAG + alias, "")
    return [gate for gate in told.split("; ") if gate]


def judged(
    version: Version | str, alias: str = "champion", gates: Sequence[Gate | str] | None = None, *, approval: Any = None
) -> list[Verdict]:
    """What the gates say of a version, without moving anything."""
    view = _view(version)
    rival = _aliases(view["model"]).get(alias, 0)
    return _verdicts(view, alias, rival, gates, _approval(approval))


class _MovedError(Exception):
    """The alias names another version than the one that it was judged against."""


def _promoted(
    version: Version | str,
    alias: str,
    gates: Sequence[Gate | str] | None,
    why: str,
    force: bool,
    approval: dict[str, str] | None,
) -> list[Verdict]:
    view = _view(version)
    name, number = view["model"], view["number"]
    before = _aliases(name).get(alias, 0)
    verdicts = _verdicts(view, alias, before, gates, approval)
    failed = [verdict for verdict in verdicts if not verdict["is_met"]]
    record: dict[str, Any] = {"gates": [dict(verdict) for verdict in verdicts]}
    if approval:
        record["approval"] = approval
    move = {"name": name, "alias": alias, "before": before, "after": number, "why": why, "record": record}
    if failed and not force:
        _refuse(move, view)
        raise GateError(_refusal(f"{name}:{number}", alias, verdicts))
    if failed:
        record["forced"] = True
    if view.get("is_kept"):
        attempt = running_attempt()
        assert attempt is not None
        attempt.keep(["move", move])
        return verdicts
    try:
        _move(move)
    except GateError as error:
        raise _MovedError(str(error)) from error
    return verdicts


def _refuse(move: dict[str, Any], view: Mapping[str, Any]) -> None:
    """Keep in the history what was refused; of a version that is not there yet, nothing."""
    if not view.get("is_kept"):
        _move({**move, "record": {**move["record"], "refused": True}})


def _move(move: dict[str, Any]) -> None:
    ask("model_change", what="move", fields=move)


def _verdicts(
    view: Mapping[str, Any], alias: str, rival: int, gates: Sequence[Gate | str] | None, approval: dict[str, str] | None
) -> list[Verdict]:
    name = view["model"]
    chosen = gates if gates is not None else (gates_of(name, alias) if _knows(name) else [])
    if not chosen:
        return []
    other = _candidate(_view(Version(name, rival)), None) if rival else None
    return judge(chosen, _candidate(view, approval), other)


def _knows(name: str) -> bool:
    """Whether the registry has the model."""
    try:
        return bool(ask("models", name=name))
    except NotFoundError:
        return False


def _candidate(view: Mapping[str, Any], approval: dict[str, str] | None) -> Candidate:
    if view.get("is_kept"):
        found = view["found"]
    else:
        found = {
            item["title"]: plain_value(unpack(item["value"]), encoder().blobs)
            for item in ask("model_evaluations", name=view["model"], number=view["number"])
        }
    return Candidate(view["name"], view["metrics"], view["size_bytes"], found, approval)


def _view(version: Version | str) -> dict[str, Any]:
    """The version's record; that of one that this attempt itself registers, as far as it goes."""
    attempt, asked = running_attempt(), parse_name(str(version))
    if attempt is not None and not asked.alias:
        kept = [fields for what, fields in attempt.kept if what == "version" and fields["name"] == asked.name]
        own = next((fields for fields in reversed(kept) if asked.number in (0, fields["number"])), None)
        if own is not None:
            return _kept_view(attempt.kept, own)
    view: dict[str, Any] = ask("model_load" if attempt is not None else "model_find", name=str(version))["version"]
    return view


def _kept_view(kept: list[list[Any]], own: Mapping[str, Any]) -> dict[str, Any]:
    from partita.values import size_of

    name, number = own["name"], own["number"]
    mine = [(what, fields) for what, fields in kept if (fields["name"], fields.get("number")) == (name, number)]
    metrics: dict[str, Any] = {}
    for what, fields in mine:
        if what in ("version", "note"):
            metrics = added_metrics(metrics, fields["metrics"], fields["data"])
    found = {
        fields["title"]: plain_value(unpack(fields["value"]), encoder().blobs)
        for what, fields in mine
        if what == "evaluation"
    }
    return {
        "model": name, "number": number, "name": f"{name}:{number}", "metrics": metric_numbers(metrics),
        "size_bytes": size_of(own["value"]), "is_kept": True, "found": found,
    }  # fmt: skip


def _aliases(name: str) -> dict[str, int]:
    try:
        return dict(ask("models", name=name)[0]["aliases"])
    except NotFoundError:
        return {}


def _approval(given: Any) -> dict[str, str] | None:
    if given is None:
        return None
    told = (
        given
        if isinstance(given, Mapping)
        else {name: getattr(given, name, "") for name in ("by", "comment", "approved")}
    )
    if told.get("approved") is False:
        return None
    return {"by": str(told.get("by") or ""), "comment": str(told.get("comment") or "")}


def _refusal(name: str, alias: str, verdicts: Sequence[Verdict]) -> str:
    lines = [
        f"{'met' if verdict['is_met'] else 'NOT MET'}  {verdict['gate']}: {verdict['told']}" for verdict in verdicts
    ]
    failed = sum(not verdict["is_met"] for verdict in verdicts)
    head = f"{name} does not become {alias}: {failed} of {len(verdicts)} gates {'is' if failed == 1 else 'are'} not met"
    return "\n".join([f"{head}; make it better, or force it and say why", *lines])
