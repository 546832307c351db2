"""The process executor keeps the laws of executors."""

from __future__ import annotations

from pathlib import Path

from partita.executors.port import Capacity, Executor
from partita.executors.process import ProcessExecutor
from partita.testing.executor_contract import ExecutorContract


class TestProcessExecutor(ExecutorContract):
    def make_executor(self, workspace: Path) -> Executor:
        return ProcessExecutor(Capacity(2, 2**30), workspace=workspace, spare=1)
