"""Task classes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partita import TaskClass, flow, task
from partita.errors import DefinitionError, OptionError
from partita.flow.entry import lay_out
from partita.flow.loading import load
from partita.testing import memory_workspace


class Greet(TaskClass, retries=3, tags=["text"]):
    """Greet somebody."""

    word: str
    sign: str = "!"

    def run(self, name: str, times: int = 1) -> str:
        return " ".join([self.phrase(name)] * times)

    def phrase(self, name: str) -> str:
        return f"{self.word} {name}{self.sign}"


class Shout(Greet, retries=5):
    loud: bool = True

    def phrase(self, name: str) -> str:
        return super().phrase(name).upper() if self.loud else super().phrase(name)


class Wait(TaskClass):
    by: int = 1

    async def run(self, number: int) -> int:
        await asyncio.sleep(0)
        return number + self.by


greet = Greet(word="Hello").task()
shout = Shout(word="Hey", sign="?").task(timeout=30)
later = Wait(by=5).task()


@task
def word(text: str) -> str:
    return text * 2


@flow
def greetings(names: list[str]) -> Any:
    made = Greet(word=word("ho")).task()  # a promise as a field
    return greet.map(names), shout(names[0], times=2), made("you"), later(1), Greet.definition("a", word="b")


def test_a_task_has_the_parameters_of_run_and_the_options_of_the_class() -> None:
    assert greet("you") == "Hello you!"
    assert [p.name for p in greet.signature.positional] == ["name", "times"]
    assert greet.options.retries == 3 and greet.options.tags == ("text",)
    assert greet.name == "Greet" and greet.reference.endswith(":Greet.definition")
    assert greet.signature.returns is str and greet.signature.by_name["times"].annotation is int


def test_a_class_below_takes_over_and_changes() -> None:
    assert shout("you") == "HEY YOU?"
    assert (shout.options.retries, shout.options.timeout, shout.options.tags) == (5, 30, ("text",))
    assert Shout(word="Hey", loud=False).task()("you") == "Hey you!"
    assert greet.options.retries == 3


EXPECTED = (["Hello a!", "Hello b!"], "HEY A? HEY A?", "hoho you!", 6, "b a!")


def test_in_a_run() -> None:
    with memory_workspace():
        assert greetings.run(["a", "b"]).result() == EXPECTED


def test_a_worker_finds_the_class(encode: Any) -> None:
    layout = lay_out(greetings, [["a"]], encode=encode)
    references = {profile.function for profile in layout.profiles}
    assert {name.rpartition(":")[2] for name in references} >= {"Greet.definition", "Shout.definition"}
    reference = Greet.definition.reference
    assert load(reference) is Greet.definition or load(reference)("you", word="Ho") == "Ho you!"


def test_its_objects_are_frozen_and_equal_by_their_fields() -> None:
    made = Greet(word="a")
    with pytest.raises(AttributeError):
        made.word = "b"  # type: ignore[misc]
    assert made == Greet(word="a", sign="!") != Greet(word="b")
    with pytest.raises(TypeError, match="word"):
        Greet()  # type: ignore[call-arg]


def test_fields_are_checked() -> None:
    with pytest.raises(DefinitionError, match="'word' got"):
        Greet(word=3).task()  # type: ignore[arg-type]


def test_what_cannot_be_a_task_class_says_why() -> None:
    with pytest.raises(DefinitionError, match="a field 'task'"):

        class Named(TaskClass):
            task: str  # type: ignore[assignment]

    with pytest.raises(DefinitionError, match="parameter 'a', which is a field too"):

        class Twice(TaskClass):
            a: int

            def run(self, a: int) -> int:
                return a

    with pytest.raises(OptionError, match="there is no option 'retry'"):

        class Wrong(TaskClass, retry=3):
            def run(self) -> int:
                return 1

    class Abstract(TaskClass):
        a: int = 1

    with pytest.raises(DefinitionError, match="has no method `run`"):
        Abstract().task()  # type: ignore[misc]


CLASS = """
from partita import TaskClass
class A(TaskClass):
    def run(self) -> int:
        return self.inner()
    def inner(self) -> int:
        return {}
wanted = A.definition
"""

PARTIAL = """
from partita import task
@task
def add(a: int, b: int) -> int:
    return a + b
more = add.partial(a={})
@task
def wanted(b: int) -> int:
    return more(b)
"""


@pytest.mark.parametrize("source", [CLASS, PARTIAL], ids=["class", "partial"])
def test_a_change_of_it_changes_the_fingerprint(tmp_path: Path, source: str) -> None:
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, '.'); import mod; "
        "from partita.artifacts.code.fingerprint import Fingerprinter; "
        "print(Fingerprinter(Path('.').resolve(), 'b').of(mod.wanted))"
    )
    found = []
    for number in (1, 1, 2):
        (tmp_path / "mod.py").write_text(source.format(number))
        done = subprocess.run([sys.executable, "-B", "-c", program], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found.append(done.stdout)
    assert found[0] == found[1] != found[2]


TYPED = """
from partita import Task, TaskClass, task

class Ask(TaskClass, retries=2):
    address: str
    timeout_s: float = 3.0
    def run(self, path: str, times: int = 1) -> bytes:
        return b""

class More(Ask):
    extra: int = 0

ask = More(address="x", extra=3).task()
good: bytes = ask("a", times=2)
text: str = ask("a")
ask(3)
More(addres="x")
Ask(address="x", extra=1)

@task
def add(a: int, b: int) -> int:
    return a + b

number: int = add.partial(a=1)(2)
wrong: str = add.partial(a=1)(2)
"""


def test_a_type_checker_sees_through_it(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="needs the extra 'lint'")
    (tmp_path / "typed.py").write_text(TYPED)
    words = ["--strict", "--no-error-summary", "--cache-dir", str(tmp_path / "cache"), "typed.py"]
    done = subprocess.run([sys.executable, "-m", "mypy", *words], cwd=tmp_path, capture_output=True, text=True)
    lines = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    written = TYPED.splitlines()
    assert {written[number - 1] for number in lines} == {
        "text: str = ask(\"a\")", "ask(3)", 'More(addres="x")', 'Ask(address="x", extra=1)', "wrong: str = add.partial(a=1)(2)",
    }, done.stdout  # fmt: skip
