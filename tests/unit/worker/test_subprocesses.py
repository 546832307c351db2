"""Tasks may use processes of their own, in every way that Python has."""

from __future__ import annotations

from typing import Any

import pytest

_SOURCE = """
import multiprocessing, os
from concurrent.futures import ProcessPoolExecutor

def square(n):
    return n * n

def pool(method):
    with multiprocessing.get_context(method).Pool(2) as workers:
        return workers.map(square, range(5))

def executor(method):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as workers:
        return list(workers.map(square, range(5)))

def process_id():
    return os.getpid()
"""


@pytest.mark.parametrize("way", ["pool", "executor"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_of_processes_work(bench: Any, way: str, method: str) -> None:
    bench.write(_SOURCE)
    pid = bench.result("process_id")
    assert bench.result(way, method) == [0, 1, 4, 9, 16]
    assert bench.result(way, method) == [0, 1, 4, 9, 16]
    assert bench.result("process_id") == pid
