"""A real engine over a small project, for what the server's pages read and follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from partita.views.following import Following
from partita.views.line import Line
from partita.workspace import open_workspace
from partita.workspace.local import LocalWorkspace

FLOWS = '''
import time
from pathlib import Path

from partita import approval, context, flow, settle, task


@task
def one(x: int) -> int:
    return x


@task
def agreed(x: int, said: object) -> int:
    return x


@task
def total(xs: list[int]) -> int:
    return sum(xs)


@flow
def many(n: int) -> int:
    return total(one.map(list(range(n))))


@flow
def unfolded(n: int) -> int:
    return total([one(number) for number in range(n)])


@flow
def grows(n: int) -> int:
    """What it consists of is known once somebody has agreed."""
    return unfolded(agreed(n, approval("go on?")))


@task
def broken() -> int:
    raise ValueError("it is")


@flow
def fails() -> int:
    return broken()


@flow
def asks() -> int:
    """Stands still twice."""
    first = agreed(1, approval("first?"))
    return agreed(first, approval("second?", show=first))


@task
def odd(x: int) -> int:
    if x == 30:
        raise ValueError("thirty")
    return x


@flow
def stops_short(n: int) -> int:
    """One of many fails, and somebody is asked before the rest counts."""
    start = agreed(0, approval("go on?"))
    parts = [settle(odd(agreed(number, start))) for number in range(n)]
    return agreed(0, approval("really?", show=[*parts]))


@task(retries=1)
def fickle(folder: str) -> int:
    """Fails twice, each time when it is told to."""
    again = (Path(folder) / "tried").exists()
    name = "second" if again else "first"
    (Path(folder) / "tried").touch()
    print(f"the {name} attempt begins", flush=True)
    if again:
        context().progress(1, 2, "half of it")
    while not (Path(folder) / name).exists():
        time.sleep(0.01)
    print(f"the {name} attempt ends", flush=True)
    raise ValueError("it fails, too" if again else "at first it fails")


@task
def other(folder: str) -> int:
    while not (Path(folder) / "other").exists():
        time.sleep(0.01)
    return 1


@flow
def tries(folder: str) -> int:
    """Something else goes on meanwhile."""
    other(folder)
    return fickle(folder)


@task
def talk(folder: str, size: int) -> int:
    """Prints much, and waits to be told to end."""
    line = "x" * 99 + "\\n"
    for number in range(size // 100):
        print(line, end="")
    print("said all", flush=True)
    while not (Path(folder) / "end").exists():
        time.sleep(0.01)
    return size


@flow
def talks(folder: str, size: int) -> int:
    return talk(folder, size)
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("followed") / "shop"
    folder.mkdir()
    (folder / "partita.toml").touch()
    (folder / "flows.py").write_text(FLOWS)
    yield folder
    workspace = open_workspace(folder)
    workspace.stop_engine()
    workspace.close()


@pytest.fixture
def looked_at(project: Path) -> Iterator[LocalWorkspace]:
    """A client of the engine; it starts one where none is up."""
    made = open_workspace(project)
    yield made
    made.close()


class CountedLine(Line):
    """A line to the engine that tells what was asked, and that can be held up."""

    def __init__(self, workspace: LocalWorkspace) -> None:
        super().__init__(workspace.state, lambda: workspace.ask("engine"))
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.open = asyncio.Event()  # nothing is asked while it is not set
        self.open.set()

    async def ask(self, verb: str, **fields: Any) -> Any:
        self.asked.append((verb, fields))
        await self.open.wait()
        return await super().ask(verb, **fields)

    def count(self, verb: str) -> int:
        return sum(asked == verb for asked, _ in self.asked)


@asynccontextmanager
async def following(
    workspace: LocalWorkspace, *, is_started: bool = False
) -> AsyncIterator[tuple[Following, CountedLine]]:
    """What a server tells its clients by, over a line to the real engine."""
    line = CountedLine(workspace)
    made = Following(line)
    if is_started:
        made.start()
    try:
        yield made, line
    finally:
        await made.close()
        await line.close()
