"""`partita ci`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.naming import find_flow
from partita.cli.options import Json
from partita.cli.output import Cell, Output
from partita.cli.session import Session
from partita.protocol.publications import CiFlowView, CiReport

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command("ci", epilog=statuses.LEGEND)(ci)


def ci(
    context: typer.Context,
    flows: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FLOW]...", help="Flows; default: the setting `ci`, or all.", show_default=False),
    ] = None,
    branch: Annotated[
        str, typer.Option("--branch", metavar="NAME", help="Instead of what CI or Git says.", show_default=False)
    ] = "",
    tag: Annotated[str, typer.Option("--tag", metavar="NAME", help="Likewise.", show_default=False)] = "",
    check: Annotated[bool, typer.Option("--check", help="Only check; publish nothing.")] = False,
    json: Json = False,
) -> int:  # fmt: skip
    """In CI: check the flows, and publish and promote them as the rules say for this branch or tag.

    Where a server is named, they are published and promoted there.
    """
    from partita.workspace.ci import run_ci

    session: Session = context.obj
    named = [find_flow(session.local, flow) for flow in flows or ()]
    say = (lambda line: None) if json else session.output.note
    report = run_ci(
        session.local, os.environ, branch=branch, tag=tag, flows=named, only_check=check, say=say,
        to=session.workspace if session.workspace.is_remote else None,
    )  # fmt: skip
    status = statuses.SUCCESS if report["is_good"] else statuses.FAILED
    if report["summary_file"]:
        with Path(report["summary_file"]).open("a", encoding="utf-8") as opened:
            opened.write(_markdown(report))
    if json:
        session.output.document({**report, "exit_status": status})
    else:
        _tell(session.output, report)
    return status


def _tell(output: Output, report: CiReport) -> None:
    output.line(_head(report), "bold")
    rows: list[list[Cell | str]] = [
        [_cell(output, report, flow), flow["flow"], flow["version"], flow["error"].split("\n")[0] or _gates(flow)]
        for flow in report["flows"]
    ]
    output.table(["STATE", "FLOW", "VERSION", "TOLD"], rows, flexible=3)
    output.flush()
    for flow in report["flows"]:
        if "\n" in flow["error"]:
            output.note(flow["error"])


def _cell(output: Output, report: CiReport, flow: CiFlowView) -> Cell:
    symbol, style = ("failed", "bad") if flow["error"] else ("succeeded", "good")
    return Cell(f"{output.symbol(symbol)} {_state(report, flow)}", style)


def _head(report: CiReport) -> str:
    what = (
        f"tag {report['tag']}" if report["tag"] else f"branch {report['branch']}" if report["branch"] else "no branch"
    )
    why = report["rule"] or (
        "a proposal, which is only checked" if report["is_proposal"] else "no rule fits: only checked"
    )
    return f"{what} at {report['commit'][:10] or 'no commit'}: {why}"


def _state(report: CiReport, flow: CiFlowView) -> str:
    if flow["error"]:
        return "failed"
    if not report["rule"]:
        return "checked"
    if flow["stage"]:
        return f"in {flow['stage']}" if flow["is_moved"] else f"waits before {flow['stage']}"
    return "published" if flow["is_new"] else "as published"


def _gates(flow: CiFlowView) -> str:
    words = {True: "met", False: "not met", None: "not said"}
    told = ", ".join(f"{gate['gate']} {words[gate['is_met']]}" for gate in flow["gates"])
    return f"{told} (run {flow['run']})" if told and flow["run"] else told


def _markdown(report: CiReport) -> str:
    """The summary as Markdown."""
    rows = [
        f"| {_safe(_state(report, flow))} | `{_safe(flow['flow'])}` | {_safe(flow['version'])} | "
        f"{_safe(flow['error'].split(chr(10))[0] or _gates(flow))} |"
        for flow in report["flows"]
    ]
    lines = [
        f"### Partita: {_safe(_head(report))}",
        "",
        "| State | Flow | Version | Told |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
    for flow in report["flows"]:
        if flow["gates"]:
            lines += ["", f"Gates of {_safe(flow['version'])}:", ""]
            lines += [
                f"- {'met' if gate['is_met'] else 'not said' if gate['is_met'] is None else '**not met**'}: "
                f"{_safe(gate['gate'])}: {_safe(gate['told'] or gate['asks'])}"
                for gate in flow["gates"]
            ]
    return "\n".join(lines) + "\n\n"


def _safe(text: str) -> str:
    """A text in a cell of a table, where it must neither end the cell nor be markup."""
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), ("|", "&#124;"), ("`", "&#96;"), ("\n", " "), ("[", "&#91;")):
        text = text.replace(sign, written)
    return text
