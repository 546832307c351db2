"""The commands, and how what they end with becomes an exit status."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from partita.cli import statuses
from partita.cli.output import Output
from partita.cli.session import Opener, Session
from partita.errors import CheckError, PartitaError

if TYPE_CHECKING:
    import typer

    from partita.workspace.port import Workspace

__all__ = ["build_app", "main"]

#: First word of the command line -> the module that registers it, in the order of the help.
_MODULES = {
    "init": "init",
    "run": "run",
    "check": "check",
    "graph": "graph",
    "plan": "plan",
    "advise": "advise",
    "publish": "publish",
    "flows": "flows",
    "ci": "ci",
    "runs": "runs",
    "tune": "tune",
    "studies": "studies",
    "waits": "waits",
    "send": "waits",
    "approve": "waits",
    "reject": "waits",
    "answer": "waits",
    "artifacts": "artifacts",
    "models": "models",
    "secrets": "secrets",
    "cache": "cache",
    "history": "history",
    "environments": "environments",
    "components": "components",
    "server": "server",
    "dev": "server",
    "login": "login",
    "logout": "login",
    "whoami": "login",
    "engine": "engine",
    "executors": "executors",
    "tokens": "tokens",
    "users": "users",
    "audit": "audit",
    "prune": "prune",
    "backup": "backup",
    "restore": "backup",
    "build": "build",
    "store": "store",
    "convert": "convert",
    "export": "export",
    "schema": "schema",
    "doctor": "doctor",
    "version": "version",
}


def main(arguments: Sequence[str] | None = None, *, open_workspace: Opener | None = None) -> int:
    """Run one command; gives its exit status.

    Args:
        arguments: the words after "partita"; default: those of this process.
        open_workspace: how the workspace is opened; default: the one of the current folder's project.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    output = Output(is_json="--json" in words)
    session = Session(open_workspace or _open, output, os.environ.get("PARTITA_SERVER", ""))
    try:
        status = _invoke(words, session)
        output.flush()
    except BrokenPipeError:
        # Whoever read our output has enough; the interpreter's own flush at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    finally:
        session.close()
    return status


def _open(arguments: Mapping[str, Any]) -> Workspace:
    if arguments.get("server"):
        from partita.client import open_remote

        return open_remote(arguments["server"])
    from partita.cli.recording import Recording
    from partita.workspace import open_workspace

    return cast("Workspace", Recording(open_workspace()))


def _invoke(words: list[str], session: Session) -> int:
    try:
        result = _command(words)(args=words, prog_name="partita", standalone_mode=False, obj=session)
    except PartitaError as error:
        return _tell_error(session.output, error, statuses.of_error(error))
    except KeyboardInterrupt:
        return statuses.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        return _tell_other(session.output, error)
    return result if isinstance(result, int) else statuses.SUCCESS


def _command(words: Sequence[str]) -> Any:
    import typer.main

    from partita.cli.quick import quicken

    return quicken(typer.main.get_command(build_app(_first_word(words))))


def _first_word(words: Sequence[str]) -> str | None:
    """The command's name: the first word, but for what says where it works."""
    at = 0
    while at < len(words) and words[at].startswith("--server"):
        at += 1 if "=" in words[at] else 2
    return words[at] if at < len(words) else None


def build_app(first_word: str | None = None) -> typer.Typer:
    """The app with the command that the first word names, or with all of them where it names none."""
    import typer

    from partita.cli.root import root

    app = typer.Typer(
        name="partita",
        help="Typed Python flows that run durably.",
        epilog=statuses.LEGEND,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
        add_completion=first_word not in _MODULES,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    names = [first_word] if first_word is not None and first_word in _MODULES else list(_MODULES)
    for module in dict.fromkeys(_MODULES[name] for name in names):
        importlib.import_module(f"partita.cli.{module}").register(app)
    return app


def _tell_error(output: Output, error: PartitaError, status: int) -> int:
    if _wants_traceback():
        raise error
    if output.is_json:
        told: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
        if isinstance(error, CheckError):
            told["problems"] = [_problem_map(problem) for problem in error.problems]
        output.document({"error": told, "exit_status": status})
    else:
        from partita.cli.failures import in_project

        _tell(output, in_project(str(error)) or type(error).__name__)
    return status


def _problem_map(problem: Any) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("message", "place", "remedy", "is_warning")}


def _tell_other(output: Output, error: Exception) -> int:
    """What Typer refuses, what the machine refuses, and faults of ours."""
    import typer

    if isinstance(error, typer.Exit):
        return error.exit_code
    if (
        type(error).__name__ == "NoArgsIsHelpError"
    ):  # a group was named without a command: its help is what was asked for
        print(error.format_message(), file=output.out)  # type: ignore[attr-defined]
        return statuses.SUCCESS
    if isinstance(error, typer.Abort):
        return statuses.INTERRUPTED
    if _wants_traceback():
        raise error
    message = str(error)
    if isinstance(error, typer.TyperException):
        status = statuses.WRONG_USE
        message = error.format_message()
        context = getattr(error, "ctx", None)
        if context is not None:
            message += f"\n`{context.command_path} --help` tells what can be given."
    elif isinstance(error, OSError):
        status = statuses.TROUBLE
        message = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else message
    else:
        status = statuses.TROUBLE
        message = (
            f"Partita itself failed: {type(error).__name__}: {error}\n"
            f"Set PARTITA_DEBUG=1 to see where, and please report it."
        )
    if output.is_json:
        output.document({"error": {"type": type(error).__name__, "message": message}, "exit_status": status})
    else:
        _tell(output, message)
    return status


def _tell(output: Output, message: str) -> None:
    from partita.drawing.cells import clean

    head, *rest = message.split("\n")
    output.note(output.paint("error:", "bad", output.err) + " " + clean(head))
    for line in rest:
        output.note("  " + clean(line) if not line.startswith(" ") else line.rstrip())


def _wants_traceback() -> bool:
    return os.environ.get("PARTITA_DEBUG", "") not in ("", "0")
