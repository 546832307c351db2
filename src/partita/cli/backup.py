"""`partita backup` and `partita restore`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.session import Session
from partita.drawing.cells import clean
from partita.units import size_text

__all__ = ["register"]

_VARIABLE = "PARTITA_BACKUP_PASSPHRASE"
_PAUSE_S = 0.1
_SHOWN = 20

PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help='A file whose first line seals the keys; "-" reads it here.')
]
WithoutKeys = Annotated[bool, typer.Option("--without-keys", help="Leave the workspace's keys out.")]


def register(app: typer.Typer) -> None:
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    context: typer.Context,
    place: Annotated[
        Path, typer.Argument(metavar="FILE|FOLDER", help="name.tar.zst, name.tar.gz, name.tar; or a folder.")
    ],
    passphrase_file: PassphraseFile = None,
    without_keys: WithoutKeys = False,
    json: Json = False,
) -> int:
    """Back the workspace up while it is in use: runs, values, code, logs and settings, as of one moment."""
    session: Session = context.obj
    passphrase = None if without_keys or session.server else _passphrase(passphrase_file, json, is_new=True)
    with _progress(session) as told:
        report = session.workspace.backup(place.absolute(), passphrase, told)
    if json:
        session.output.document(report._asdict())
        return statuses.SUCCESS
    output = session.output
    shared = f"; {report.shared:,} were there already" if report.shared else ""
    output.line(
        f"{report.place} has {_many(report.runs, 'run')}, {report.unfinished:,} of them unfinished: "
        f"{_many(report.files, 'file')} written, {size_text(report.written_bytes)}{shared}."
    )
    output.flush()
    if without_keys:
        output.note(
            "Without the keys, pickled values and secrets of a restored workspace cannot be opened; keep the keys elsewhere."
        )
    if report.artifacts:
        output.note(f"Values at {clean(report.artifacts)} stay there; they are not in the backup.")
    _tell_absent(session, report.absent)
    return statuses.SUCCESS


def restore(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="What `partita backup` wrote.")],
    into: Annotated[Path | None, typer.Option("--into", help="The project's folder; default: this one.")] = None,
    snapshot: Annotated[str, typer.Option("--snapshot", help="Which one, of a folder; default: the latest.")] = "",
    passphrase_file: PassphraseFile = None,
    without_keys: WithoutKeys = False,
    replace: Annotated[bool, typer.Option("--replace", help="Put a workspace that is there aside.")] = False,
    json: Json = False,
) -> int:
    """Make a workspace from a backup; every file is compared with its hash before anything is put in place."""
    session: Session = context.obj
    passphrase = None if without_keys or session.server else _passphrase(passphrase_file, json, is_new=False)
    with _progress(session) as told:
        report = session.workspace.restore(
            source.absolute(), into.absolute() if into else None, passphrase, snapshot=snapshot, replaces=replace,
            progress=told,
        )  # fmt: skip
    if json:
        session.output.document(report._asdict())
        return statuses.SUCCESS
    output = session.output
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(report.made_at))
    output.line(
        f"{report.state} is as it was on {made}: {_many(report.runs, 'run')}, {report.unfinished:,} of them unfinished; "
        f"{_many(report.files, 'file')} compared."
    )
    output.flush()
    if report.aside:
        output.note(f"What was there before lies in {clean(report.aside)}.")
    if report.keys != "restored":
        output.note(
            "The keys were left out: pickled values and secrets cannot be opened until the keys are put into the folder."
        )
    if report.settings.endswith(".restored"):
        output.note(
            f"The settings name a store or a place of values; look at them in {clean(report.settings)} before you use them."
        )
    if report.artifacts:
        output.note(f"Values at {clean(report.artifacts)} are not in the backup; set `artifacts` to that place.")
    if report.unfinished:
        output.note("Unfinished runs go on as soon as an engine is up: `partita runs list` starts one.")
    _tell_absent(session, report.absent)
    return statuses.SUCCESS


def _passphrase(file: Path | None, is_json: bool, *, is_new: bool) -> str:
    """What seals the keys. It is not asked for where a server is named, which refuses backups."""
    if file is not None:
        lines = (sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")).splitlines()
        if not lines or not lines[0]:
            raise typer.BadParameter(f"{file} has no passphrase in its first line")
        return lines[0]
    if os.environ.get(_VARIABLE):
        return os.environ[_VARIABLE]
    if is_json or not sys.stdin.isatty():
        raise typer.BadParameter(
            f"the workspace's keys are sealed with a passphrase: give --passphrase-file or {_VARIABLE}, or --without-keys"
        )
    asked: str = typer.prompt("Passphrase of the keys", hide_input=True, confirmation_prompt=is_new, err=True)
    return asked


@contextmanager
def _progress(session: Session) -> Any:
    """A line on the terminal that counts."""
    output, told_at = session.output, 0.0

    def told(what: str, done: int, total: int) -> None:
        nonlocal told_at
        now = time.monotonic()
        if output.is_live and now - told_at >= _PAUSE_S:
            told_at = now
            of = f"/{total:,}" if total else ""
            output.err.write(f"\r{what}: {done:,}{of}\x1b[K")
            output.err.flush()

    shown: Callable[[str, int, int], None] = told
    try:
        yield shown
    finally:
        if told_at:
            output.err.write("\r\x1b[K")


def _tell_absent(session: Session, absent: list[str]) -> None:
    for what in absent[:_SHOWN]:
        session.output.note(f"not there when the backup was made: {clean(what)}")
    if len(absent) > _SHOWN:
        session.output.note(f"and {len(absent) - _SHOWN:,} more")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
