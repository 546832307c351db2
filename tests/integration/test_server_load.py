"""More launches than the machine takes: some are refused in words, none that was taken is lost, whoever dies."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import urllib3

from partita.workspace import open_workspace
from tests.serving import serving

FLOWS = """
from partita import flow, task

@task
def one(n: int) -> int:
    return n

@flow
def brief(n: int) -> int:
    return one(n)
"""
#: Threads, each of which launches as fast as it can: more than have a place.
OFFERING = 110
SECONDS = 5.0


class Offering:
    """Launches from many threads, while there is a server and while there is none."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.url = ""
        self.taken: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.took_s: list[float] = []
        self.taken_at_s: list[float] = []
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._offer, args=(number,)) for number in range(OFFERING)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)

    def _offer(self, number: int) -> None:
        pool = urllib3.PoolManager(maxsize=1, retries=False)
        count = 0
        while not self._is_over.is_set():
            count += 1
            key = f"{number}-{count}"
            body = json.dumps({"flow": "flows.py:brief", "inputs": {"n": count}}).encode()
            headers = {
                "authorization": f"Bearer {self.token}", "content-type": "application/json", "idempotency-key": key,
            }  # fmt: skip
            began = time.monotonic()
            try:
                answer = pool.request("POST", f"{self.url}/api/v1/runs", body=body, headers=headers, timeout=30.0)
            except urllib3.exceptions.HTTPError:
                self._is_over.wait(0.05)  # the server was killed
                continue
            with self._lock:
                self.statuses[answer.status] += 1
                if answer.status == 201:
                    self.taken.append(answer.json()["id"])
                    self.taken_at_s.append(time.monotonic())
                    self.took_s.append(self.taken_at_s[-1] - began)
                elif answer.status not in (429, 503) or not answer.headers.get("retry-after", "").isdigit():
                    self.wrong.append(f"{answer.status} {answer.data[:200]!r}")


def test_none_is_lost_and_the_rest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(FLOWS)
    (tmp_path / "partita.toml").write_text("")
    served = serving(tmp_path)
    offering = Offering(served.token)
    offering.url = served.url
    try:
        served.wait(served.launch("flows.py:brief", n=0))
        before = psutil.Process(served.process.pid).memory_info().rss
        offering.start()
        time.sleep(SECONDS)
        grown = psutil.Process(served.process.pid).memory_info().rss - before
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait(20)
        assert served.process.stdout is not None
        served.process.stdout.close()
        token, served = served.token, serving(tmp_path)
        served.token = token
        offering.url = served.url
        time.sleep(SECONDS / 2)
        killed_at_s = time.monotonic()
        os.kill(json.loads((tmp_path / ".partita/engine.json").read_text())["pid"], signal.SIGKILL)
        time.sleep(SECONDS)
        assert served.process.poll() is None, "the server has ended with the engine"
    finally:
        offering.stop()
    try:
        print(offering.statuses, f"{sorted(offering.took_s)[len(offering.took_s) * 99 // 100]:.3f} s p99")
        assert not offering.wrong, offering.wrong[:5]
        assert offering.statuses[201] > 50
        assert max(offering.taken_at_s) > killed_at_s + 1, "nothing was taken after the engine's death"
        assert offering.statuses[429] > 0, "there was room for all"
        assert grown < 200 << 20, f"{grown:,} bytes more"
        workspace = open_workspace(tmp_path)
        until = time.monotonic() + 120
        while (left := workspace.runs(states=["pending", "ready", "running"], limit=1)) and time.monotonic() < until:
            time.sleep(0.2)
        assert not left, "not every run has ended"
        found = {run["id"]: run["state"] for run in workspace.runs(limit=1_000_000)}
        workspace.close()
        assert len(set(offering.taken)) == len(offering.taken)
        assert {found.get(id) for id in offering.taken} == {"succeeded"}
    finally:
        served.stop()
