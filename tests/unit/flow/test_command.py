"""Command tasks."""

from __future__ import annotations

import os
import pickle
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from partita.errors import CheckError, DefinitionError, OptionError
from partita.flow.command import CommandError, CommandResult, command
from partita.flow.context import attempting, context
from partita.flow.flow import flow
from partita.flow.settle import settle
from partita.flow.task import task

say = command("echo {text}; echo more >&2")
listed = command(["printf", "%s,", "{first}", "{rest}"], parameters={"first": str, "rest": list[str]})


@task
def size(result: CommandResult) -> int:
    return len(result.stdout)


def test_output_and_status_are_the_result(capfd):
    result = say("hello")
    assert result == CommandResult(0, "hello\n", "more\n", "echo hello; echo more >&2")


def test_output_is_printed_too(capsys):
    say("hello")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("hello\n", "more\n")


@pytest.mark.parametrize("text", ["a b", "$(touch hacked)", "'; touch hacked; '", "*", "a\nb", "{x}", "", "-n"])
def test_values_are_quoted(text: str, tmp_path: Path):
    show = command("printf %s {text}", folder=str(tmp_path))
    assert show(text=text).stdout == text
    assert list(tmp_path.iterdir()) == []


def test_a_list_of_arguments_needs_no_shell():
    assert listed("$HOME", ["a b", "c"]).stdout == "$HOME,a b,c,"


def test_braces_are_doubled():
    assert command("echo '{{}}' {n}")(3).stdout == "{} 3\n"


def test_an_exit_status_that_is_not_allowed_fails():
    failing = command("echo lost >&2; exit {status}", allowed_statuses=(0, 3))
    assert failing(3).exit_status == 3
    with pytest.raises(CommandError, match=r"ended with exit status 4:\nlost") as caught:
        failing(4)
    assert caught.value.result is not None and caught.value.result.exit_status == 4
    assert pickle.loads(pickle.dumps(caught.value)).result == caught.value.result
    with pytest.raises(CommandError, match="was ended by signal 9"):
        command("kill -9 $$")()


def test_its_parameters_are_typed(lay, evaluate):
    typed = command("seq {count}", parameters={"count": int}, retries=2)

    @flow
    def outer() -> int:
        return size(typed(count=3))

    layout = lay(outer)
    assert layout.profiles[0].title == "seq" and layout.profiles[0].retries == 2

    @flow
    def wrong() -> None:
        typed("x")
        typed(cuont=3)
        size(settle(typed(1)))  # type: ignore[arg-type]

    with pytest.raises(CheckError) as caught:
        lay(wrong)
    text = str(caught.value)
    assert "seq's count takes int, and got 'x'" in text
    assert "seq has no parameter 'cuont'; did you mean 'count'?" in text
    assert "step settle gives Outcome[CommandResult]" in text or "gives Outcome[CommandResult]" in text


def test_its_fingerprint_is_that_of_its_line(lay):
    @flow
    def outer() -> None:
        say("a")
        say.with_options(retries=1)("b")
        listed("a", ["b"])

    first, again, other = [profile.fingerprint for profile in lay(outer).profiles]
    assert first == again != other and first


def test_a_command_is_found_by_its_name():
    assert say.reference == f"{__name__}:say"


@pytest.mark.parametrize("line", ["", [], "   "])
def test_an_empty_line_is_refused(line: Any):
    with pytest.raises(DefinitionError, match="names no program"):
        command(line)


def test_wrong_placeholders_and_options_are_refused():
    with pytest.raises(DefinitionError, match="is not a parameter's name"):
        command("echo {0}")
    with pytest.raises(DefinitionError, match="its parameters name it"):
        command("echo {a}", parameters={"b": int})
    with pytest.raises(OptionError, match="did you mean 'retries'"):
        command("echo", retrys=1)


class Stopping:
    """An attempt that is asked to stop once the program has said who it is."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def should_stop(self) -> bool:
        return self.file.exists() and bool(self.file.read_text().strip())


def test_cancelling_ends_the_program_and_its_children(tmp_path: Path):
    file = tmp_path / "pid"
    program = command(f"sleep 60 & echo $! > {file}; wait; sleep 60")
    started = time.monotonic()
    with attempting(Stopping(file)), pytest.raises(CommandError, match="was ended by signal"):  # type: ignore[arg-type]
        program()
    assert time.monotonic() - started < 10
    assert _is_gone(int(file.read_text()))


def test_an_interruption_ends_the_program(tmp_path: Path):
    file = tmp_path / "pid"
    program = command(f"echo $$ > {file}; exec sleep 60")

    def interrupt(number: int, frame: Any) -> None:
        if file.exists() and file.read_text().strip():  # the program has said who it is
            raise InterruptedError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3, 0.1)
    try:
        with pytest.raises(InterruptedError):
            program()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert _is_gone(int(file.read_text()))


def _is_gone(process: int) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            os.kill(process, 0)
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "Z":  # nobody has reaped the orphan yet, but it runs no more
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)
    return False


def test_a_context_outside_an_attempt_harms_nothing():
    here = context()
    assert (here.run, here.step, here.attempt, here.deadline) == ("local", "local", 1, None)
    assert here.should_stop() is False
    here.progress(1, 2, "half")
    here.report("loss", 0.5, 3)
    (here.checkpoint / "state").write_text("x")
    assert (context().checkpoint / "state").read_text() == "x"
