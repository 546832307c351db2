"""A worker behind a real executor, given the source of a task's module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.artifacts.sealing import seal_for
from partita.core.records import Profile
from partita.executors.port import Capacity, Launchable, Message
from partita.executors.process import ProcessExecutor
from partita.protocol.messages import DONE, FAILED, REQUEST, Order
from partita.protocol.secrets import SECRET
from partita.testing.executor_contract import Desk
from partita.values import pack, unpack


class Bench(Desk):
    """Calls functions of a module written by the test, one lane for all."""

    def __init__(self, executor: ProcessExecutor, folder: Path) -> None:
        super().__init__(executor, folder)
        self.module = 0
        self.number = 0
        self.secrets: dict[str, str] = {}  # that are stored
        self.answered: list[list[int]] = []

    def write(self, source: str) -> None:
        self.module += 1
        (self.bundle / f"module{self.module}.py").write_text(source)

    def start(
        self,
        function: str,
        *values: Any,
        extra: dict[str, Any] | None = None,
        nodes: list[Any] | None = None,
        inputs: list[Any] | None = None,
        folder: Path | None = None,
        **fields: Any,
    ) -> Order:
        """Order `function` of the module written last, with plain values or with nodes and inputs."""
        if not self.number or self.closed(self.number):
            self.number = self.lane()
        self._profiles += 1
        profile = Profile(f"module{self.module}:{function}", function, **fields)
        workspace = str(self.folder / "workspace")
        launchable = Launchable(profile, str(self.bundle), str(folder or self.bundle), workspace)
        self.executor.introduce(self._profiles, launchable)
        order = self.order(self._profiles, *values, extra=extra)
        if nodes is not None:
            order = order._replace(arguments=pack([nodes, [], []]), inputs=[pack(node) for node in inputs or []])
        self.executor.submit(self.number, [order])
        return order

    def until(self, condition: Callable[[], object]) -> None:
        """Take what comes until the condition holds; who asks for a secret is told as the engine would."""

        def answered() -> object:
            for message in self.messages:
                if message[0] == REQUEST and message[3] == SECRET and message[1:3] not in self.answered:
                    self.answered.append(message[1:3])
                    _, ticket, request, _, asked = message
                    value = self.secrets.get(asked["name"])
                    sealed = value and {"sealed": seal_for(asked["key"], value, asked["name"])}
                    self.executor.reply(ticket, request, True, sealed)
            return condition()

        super().until(answered)

    def call(self, function: str, *values: Any, **more: Any) -> Message:
        """Order `function` of the module written last, and wait for the end of it."""
        return self.end_of(self.start(function, *values, **more).ticket)

    def result(self, function: str, *values: Any, **fields: Any) -> Any:
        message = self.call(function, *values, **fields)
        assert message[0] == DONE, message
        return unpack(message[2])[1]

    def error(self, function: str, *values: Any, **fields: Any) -> dict[str, Any]:
        message = self.call(function, *values, **fields)
        assert message[0] == FAILED, message
        error: dict[str, Any] = message[2]
        return error

    def log(self, message: Message) -> str:
        """What the attempt that ended with the message has printed."""
        if message[-1] is None:
            return ""
        segment, start, end = message[-1]
        data = (self.folder / "workspace" / "logs" / "run" / segment).read_bytes()
        text: str = data[start:end].decode()
        return text


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    executor = ProcessExecutor(Capacity(2, 2**30), workspace=tmp_path / "workspace", spare=1)
    try:
        yield Bench(executor, tmp_path)
    finally:
        executor.close()


BenchMaker = Callable[[dict[str, str]], Bench]


@pytest.fixture
def bench_with(tmp_path: Path) -> Iterator[BenchMaker]:
    """Makes a bench whose workers have more variables."""
    executors: list[ProcessExecutor] = []

    def make(variables: dict[str, str]) -> Bench:
        environment = {**os.environ, **variables}
        executor = ProcessExecutor(
            Capacity(2, 2**30), workspace=tmp_path / "workspace", spare=0, environment=environment
        )
        executors.append(executor)
        return Bench(executor, tmp_path)

    yield make
    for executor in executors:
        executor.close()
