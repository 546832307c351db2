"""Gates of published flows: which run checks them, what they found, and the move that follows when all are met.

A check is a run like any other. What it was launched to check stands in its options ("checks"): the version, the stage (empty:
before it counts as published), which version the stage had then, and every gate. Its attempts say what each gate has found;
the last one asks for the move, which is refused unless every gate was met in that very run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from partita.core.states import State
from partita.engine.book import Book
from partita.engine.live import Live
from partita.engine.published import Published, move_view
from partita.errors import GateError, NotFoundError, ProtocolError
from partita.protocol.models import metric_numbers
from partita.protocol.publications import GateStateView, GateView, checked_flow_name, checked_stage, parse_publication
from partita.store.port import RunRow
from partita.store.publications import GateCheckRow, GateFindingRow, StageMoveRow
from partita.values import unpack

__all__ = ["Gates", "checked_checks"]

_TOLD = 2000  # characters of what a gate says
_GATES = 100

_Move = Callable[[str, str, int, int, str, str, dict[str, Any]], StageMoveRow]


def checked_checks(given: Any) -> dict[str, Any]:
    """What a run is launched to check.

    Raises:
        ProtocolError: it cannot be understood.
    """
    try:
        gates = [[str(gate), str(asks)] for gate, asks in given["gates"]]
        if not 0 < len(gates) <= _GATES:
            raise ValueError(f"{len(gates)} gates")
        stage = str(given["stage"])
        return {
            "name": checked_flow_name(given["name"]), "number": int(given["number"]),
            "stage": checked_stage(stage) if stage else "",
            "before": int(given.get("before") or 0),  # -1: nothing is moved
            "why": str(given.get("why") or ""), "gates": gates,
        }  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"gates to be checked cannot be understood: {type(error).__name__}: {error}") from error


class Gates:
    """Knows what gates found, and answers the attempts that check them."""

    def __init__(self, book: Book, published: Published, move: _Move) -> None:
        self._book = book
        self._published = published
        self._move = move

    def begin(self, run: str, checks: Mapping[str, Any], author: str) -> None:
        """A run is launched that checks a version."""
        row = self._published.need(checks["name"], checks["number"])
        if checks["stage"]:
            self._published.usable(row)
        self._book.turn.publishing.checks.append(
            GateCheckRow(
                run, checks["name"], checks["number"], checks["stage"], author, checks["why"], self._book.now
            )
        )  # fmt: skip

    def state(self, fields: dict[str, Any]) -> GateStateView:
        """How a version stands before a stage, or, for the stage "", before it counted as published."""
        row = self._published.find(parse_publication(fields["name"]), fields.get("default") or "")
        stage = fields.get("stage") or ""
        book = self._book
        fresh = [
            check for check in book.turn.publishing.checks if check[1:4] == (row.name, row.number, stage)
        ]  # fmt: skip
        stored = book.store.gate_checks(row.name, row.number, limit=1000)
        check = next((found for found in [*reversed(fresh), *stored] if found.stage == stage), None)
        run = book.store.run(check.run) if check is not None else None
        live = book.live(check.run) if check is not None else None
        asked = _asked_of(live.row if live is not None else run)
        found = {item.gate: item for item in self._published.findings(row.name, row.number) if item.stage == stage}
        names = list(asked) or list(found)
        gates = [self._gate(gate, asked.get(gate, ""), found.get(gate), check) for gate in names]
        return GateStateView(
            version=f"{row.name}@{row.number}", stage=stage, gates=gates, run=check.run if check is not None else "",
            has_stage=stage in self._published.having(row.name, row.number), state=_state_of(live, run),
            by=check.author if check is not None else "", why=check.why if check is not None else "",
            asked_at=check.asked_at if check is not None else None,
        )  # fmt: skip

    def _gate(self, gate: str, asks: str, found: GateFindingRow | None, check: GateCheckRow | None) -> GateView:
        """What a gate has found; what it found in an earlier check says nothing of the one that goes on."""
        if found is None or (check is not None and found.run != check.run):
            return GateView(gate=gate, asks=asks, is_met=None, told="", run="", step=-1, found_at=None)
        return GateView(
            gate=gate, asks=asks, is_met=found.is_met, told=found.told, run=found.run, step=found.step,
            found_at=found.found_at,
        )  # fmt: skip

    # What attempts ask

    def asked(self, run: str, step: int, verb: str, fields: dict[str, Any]) -> Any:
        """What an attempt of a run asks."""
        if verb == "gate_found":
            return self._found(run, step, fields)
        if verb == "gates_passed":
            return self._passed(run)
        if verb == "gate_facts":
            return self._facts(run, fields)
        raise NotFoundError(f"an attempt asked for {verb!r}, which this engine does not know")

    def _checks(self, run: str) -> dict[str, Any]:
        live = self._book.live(run)
        checks = live.options.get("checks") if live is not None else None
        if not checks:
            raise GateError(
                f"run {run} checks no gates: a stage is moved by `partita flows promote`, and not by a rerun of its check"
            )
        return dict(checks)

    def _found(self, run: str, step: int, fields: dict[str, Any]) -> None:
        checks = self._checks(run)
        gate = str(fields["gate"])
        if gate not in {name for name, _ in checks["gates"]}:
            raise GateError(f"run {run} was not launched to check {gate!r}")
        self._book.turn.publishing.findings.append(
            GateFindingRow(
                checks["name"], checks["number"], checks["stage"], gate, bool(fields["is_met"]),
                str(fields.get("told") or "")[:_TOLD], run, step, self._book.now,
            )
        )  # fmt: skip
        self._book.news.add("flows", checks["name"])

    def _passed(self, run: str) -> Any:
        """Every gate was asked: move the stage."""
        checks = self._checks(run)
        name, number, stage = checks["name"], checks["number"], checks["stage"]
        found = {
            item.gate: item for item in self._published.findings(name, number)
            if item.stage == stage and item.run == run
        }  # fmt: skip
        unmet = [gate for gate, _ in checks["gates"] if gate not in found or not found[gate].is_met]
        if unmet:
            raise GateError(f"{name}@{number} does not go to {stage}: {', '.join(unmet)} not met")
        if not stage or checks["before"] < 0:
            return None
        told = [[gate, found[gate].is_met, found[gate].told] for gate, _ in checks["gates"]]
        author = next(
            (check.author for check in [*self._book.turn.publishing.checks] if check.run == run), None
        )  # fmt: skip
        row = self._book.store.gate_check(run)
        author = author if author is not None else row.author if row is not None else ""
        record = {"run": run, "gates": told}
        before, why = checks["before"], checks["why"]
        return move_view(self._move(name, stage, before, number, author, why, record))

    def _facts(self, run: str, fields: dict[str, Any]) -> dict[str, Any]:
        """What a run of the version measured: one that the check started, or the last one that succeeded."""
        checks, store = self._checks(run), self._book.store
        name, number = checks["name"], checks["number"]
        row: RunRow | None
        if fields.get("run"):
            row = store.run(str(fields["run"]))
            options = unpack(row.options) if row is not None and row.options else {}
            if row is None or (options.get("parent") or [""])[0] != run:
                raise NotFoundError(f"run {run} has started no run {fields['run']!r}")
        else:
            row = next(iter(store.published_runs(name, number, states=[State.SUCCEEDED], limit=1)), None)
        if row is None:
            return {"run": "", "metrics": {}, "took_s": 0.0}
        metrics: dict[str, float] = {}
        for report in store.reports(row.number):
            metrics[report.name] = report.value
        for version in store.versions_made(row.id):
            for metric, value in metric_numbers(unpack(version.metrics)).items():
                metrics[metric] = metrics[f"{version.name}.{metric}"] = value
        known = {metric: value for metric, value in metrics.items() if math.isfinite(value)}
        took_s = (row.ended_at or self._book.now) - (row.started_at or row.created_at)
        return {"run": row.id, "metrics": known, "took_s": took_s}


def _asked_of(row: RunRow | None) -> dict[str, str]:
    """What each gate of a check asks for; empty: its run is not there any more."""
    options = unpack(row.options) if row is not None and row.options else {}
    return dict((options.get("checks") or {}).get("gates") or ())


def _state_of(live: Live | None, row: RunRow | None) -> str:
    if live is not None:
        return State(live.run.state if live.is_final else State.RUNNING).name.lower()
    return State(row.state).name.lower() if row is not None else ""
