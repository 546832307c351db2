"""How fast the server is, over a workspace of 100,000 finished runs and a live run of 10,000 steps.

    python benchmarks/server.py [--only pages,usable,visible,streams,lists,load] [--runs 100000] [--steps 10000]

Prints JSON lines:

- "pages": milliseconds until each page's HTML is there, measured by a client on this machine over one kept connection: median
  and 95th percentile of 60 requests each, while the live run goes on.
- "usable": milliseconds in headless Chromium from asking for a page until it is loaded and its scripts have run: the median of 5.
- "visible": milliseconds from the moment a step's state is stored until an open page shows it, median and most of 20.
- "streams": steps a second of the engine with no stream open and with 200, in turns within one run of the benchmark, and the
  loss as a share.
- "lists": requests a second that a list of 50 runs answers, by 16 clients of 2 processes.
- "load": a minute of launches offered as fast as 64 clients can: accepted a second, percentiles of their acceptance, how many
  were refused, whether every one that was accepted has finished, and the most memory of engine and server.

Needs `partita[server]`; "usable" and "visible" need playwright and Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import selectors
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import urllib3

from partita.workspace import open_workspace

FLOWS = """
import time

from partita import flow, task


@task
def nothing(x: int) -> int:
    return x


@task
def pause(x: int, seconds: float) -> int:
    time.sleep(seconds)
    return x


@task
def total(xs: list[int]) -> int:
    return len(xs)


@flow
def small(n: int = 1) -> int:
    return nothing(n)


@flow
def wide(n: int = 10000, seconds: float = 0.01) -> int:
    return total(pause.map(list(range(n)), seconds=seconds))


@flow
def many(n: int = 10000) -> int:
    return total(nothing.map(list(range(n))))
"""
#: Steps of the run that is followed: long enough that opening the streams does not count.
STREAMED = 40_000
_TOKEN = re.compile(r"partita_[0-9a-z]{12}_[0-9A-Za-z_-]{43}")
PAGES = (
    "/", "/runs", "/runs?state=failed", "/runs?text=small", "/runs/{live}", "/runs/{live}?view=steps",
    "/runs/{live}?view=steps&state=ready", "/runs/{live}?view=steps&state=failed", "/runs/{live}?view=gantt", "/runs/{done}",
    "/flows", "/approvals", "/models", "/studies", "/artifacts", "/executors", "/audit", "/settings",
)  # fmt: skip


class Server:
    """A server of a project in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "partita.cli", "server", "--port", "0"], cwd=folder, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self.token, self.url = "", ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := _TOKEN.search(line):
                self.token = self.token or found[0]
            if found := re.search(r"https?://\S+", line):
                self.url = self.url or found[0]
            if "Ctrl-C ends" in line:
                break
        threading.Thread(target=lambda: [None for _ in self.process.stdout or ()], daemon=True).start()
        file = folder / "token"
        if self.token:
            file.write_text(self.token)
        self.token = self.token or file.read_text()
        self.http = urllib3.PoolManager(maxsize=64, headers={"authorization": f"Bearer {self.token}"})

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        return self.http.request("GET", self.url + path, redirect=False, retries=False, timeout=60.0)

    def launch(self, flow: str, **inputs: Any) -> str:
        body = json.dumps({"flow": f"flows.py:{flow}", "inputs": inputs}).encode()
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.token}"}
        answer = self.http.request("POST", f"{self.url}/api/v1/runs", body=body, headers=headers, retries=False)
        assert answer.status == 201, answer.data
        return str(answer.json()["id"])

    def session(self) -> str:
        """What the cookie of a browser holds that has signed in."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        form = urlencode({"token": self.token}).encode()
        answer = urllib3.request("POST", f"{self.url}/sign-in", body=form, headers=headers, redirect=False)
        return answer.headers["set-cookie"].partition("=")[2].partition(";")[0]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def tell(part: str, **figures: Any) -> None:
    print(json.dumps({"part": part, **figures}), flush=True)


def fill(folder: Path, runs: int) -> None:
    """So many finished runs: one real run, copied row by row in the store's file."""
    workspace = open_workspace(folder)
    run = workspace.launch("flows.py:small", texts={"n": "1"})
    workspace.wait(run, 60)
    broken = workspace.launch("flows.py:small", texts={"n": "x"})
    workspace.wait(broken, 60)
    workspace.stop_engine()
    workspace.close()
    time.sleep(1)
    store = sqlite3.connect(folder / ".partita" / "store.db")
    columns = [row[1] for row in store.execute("pragma table_info(run)")]
    others = ", ".join(
        column for column in columns if column not in ("number", "id", "created_at", "started_at", "ended_at")
    )
    with store:
        store.execute(
            "with recursive n(i) as (select 10 union all select i + 1 from n where i < ?) "
            f"insert into run (number, id, created_at, started_at, ended_at, {others}) "
            "select i, 'copy' || i, r.created_at - (? - i) * 60, r.started_at - (? - i) * 60, r.ended_at - (? - i) * 60, "
            f"{', '.join('r.' + c for c in others.split(', '))} from n join run r on r.number = iif(i % 50, 1, 2)",
            (runs + 9, runs, runs, runs),
        )
        for table, key in (("step", "key"), ("attempt", "step")):
            names = [row[1] for row in store.execute(f"pragma table_info({table})") if row[1] != key]
            store.execute(
                f"insert into {table} ({key}, {', '.join(names)}) select r.number << 32 | (s.{key} & 4294967295), "
                f"{', '.join('s.' + name for name in names)} from run r "
                f"join {table} s on s.{key} >= (iif(r.number % 50, 1, 2) << 32) and s."
                + key
                + " < ((iif(r.number % 50, 1, 2) + 1) << 32) where r.number >= 10"
            )
    store.close()


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure_pages(server: Server, names: dict[str, str]) -> None:
    for page in PAGES:
        path = page.format(**names)
        if server.get(path).status != 200:
            tell("pages", page=page, status=server.get(path).status)
            continue
        took = []
        for _ in range(60):
            began = time.perf_counter()
            server.get(path)
            took.append(1000 * (time.perf_counter() - began))
            time.sleep(0.02)
        tell("pages", page=page, median_ms=round(statistics.median(took), 1), p95_ms=round(percentile(took, 0.95), 1))


@contextlib.contextmanager
def chromium(server: Server) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": "partita-session", "value": server.session(), "url": server.url}])
        yield context
        browser.close()


def measure_usable(server: Server, names: dict[str, str]) -> None:
    with chromium(server) as context:
        page = context.new_page()
        for each in PAGES:
            took = []
            for _ in range(5):
                began = time.perf_counter()
                page.goto(server.url + each.format(**names), wait_until="load")
                page.wait_for_function("document.documentElement.classList.contains('has-scripts')")
                took.append(1000 * (time.perf_counter() - began))
            tell("usable", page=each, median_ms=round(statistics.median(took)), most_ms=round(max(took)))


def measure_visible(server: Server) -> None:
    workspace = open_workspace(server.folder)
    with chromium(server) as context:
        page = context.new_page()
        run = server.launch("wide", n=40, seconds=0.7)
        page.goto(f"{server.url}/runs/{run}?open=pause[]")
        page.evaluate(
            "() => { window.seen = []; new MutationObserver(() => { const done = document.querySelectorAll("
            "'[data-step].is-succeeded').length; const last = window.seen.at(-1); if (!last || last[0] != done) "
            "window.seen.push([done, Date.now()]); }).observe(document.getElementById('main'), "
            "{subtree: true, childList: true, attributes: true}); }"
        )
        workspace.wait(run, 120)
        page.wait_for_timeout(1500)
        seen = page.evaluate("window.seen")
        ended = sorted(view["ended_at"] for view in workspace.attempts(run) if view["ended_at"])
        # The k-th end of an attempt is visible when at least as many steps (but for the layout) are shown as done.
        delays = []
        for count, at in enumerate(ended[1:-1], 1):
            shown = next((moment for done, moment in seen if done >= count), None)
            if shown is not None:
                delays.append(shown - 1000 * at)
        delays = delays or [float("nan")]
        tell(
            "visible",
            changes=len(delays),
            median_ms=round(statistics.median(delays)),
            p95_ms=round(percentile(delays, 0.95)),
            most_ms=round(max(delays)),
        )
    workspace.close()


def measure_streams(server: Server, repeats: int) -> None:
    workspace = open_workspace(server.folder)
    rates: dict[int, list[float]] = {0: [], 200: []}
    for _ in range(repeats):
        for count in rates:
            run = server.launch("many", n=STREAMED)
            streams = Streams(server, run, count)
            workspace.wait(run, 300)
            view = workspace.run(run)
            rates[count].append(STREAMED / (view["ended_at"] - view["started_at"]))
            streams.close()
    medians = {count: statistics.median(values) for count, values in rates.items()}
    tell(
        "streams",
        steps_a_second={str(count): round(value) for count, value in medians.items()},
        loss=round(1 - medians[200] / medians[0], 3),
    )
    workspace.close()


class Streams:
    """So many open streams of a run, read by one thread with as little work as there can be."""

    def __init__(self, server: Server, run: str, count: int) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        head = f"GET /api/v1/runs/{run}/events HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {server.token}\r\n\r\n"
        self._selector = selectors.DefaultSelector()
        self._sockets = [socket.create_connection((host, int(port))) for _ in range(count)]
        for each in self._sockets:
            each.sendall(head.encode())
            self._selector.register(each, selectors.EVENT_READ)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._is_over.is_set():
            for key, _ in self._selector.select(0.1):
                with contextlib.suppress(OSError):
                    if not key.fileobj.recv(1 << 18):  # type: ignore[union-attr]
                        self._selector.unregister(key.fileobj)

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()
        for each in self._sockets:
            each.close()


def _ask_many(url: str, token: str, seconds: float) -> int:
    count = 0
    pool = urllib3.PoolManager(maxsize=8, headers={"authorization": f"Bearer {token}"})
    until = time.monotonic() + seconds

    def ask() -> int:
        done = 0
        while time.monotonic() < until:
            assert pool.request("GET", f"{url}/api/v1/runs?limit=50", retries=False).status == 200
            done += 1
        return done

    with ThreadPoolExecutor(8) as threads:
        count = sum(threads.map(lambda _: ask(), range(8)))
    return count


def measure_lists(server: Server, seconds: float) -> None:
    with ProcessPoolExecutor(2) as processes:
        began = time.perf_counter()
        done = sum(processes.map(_ask_many, [server.url] * 2, [server.token] * 2, [seconds] * 2))
        tell("lists", requests_a_second=round(done / (time.perf_counter() - began)))


def _offer(url: str, token: str, seconds: float, clients: int) -> tuple[list[tuple[str, float]], int, list[str]]:
    pool = urllib3.PoolManager(maxsize=clients)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    until = time.monotonic() + seconds
    accepted: list[tuple[str, float]] = []
    refused = 0
    wrong: list[str] = []

    def offer(number: int) -> None:
        nonlocal refused
        while time.monotonic() < until:
            body = json.dumps({"flow": "flows.py:small", "inputs": {"n": number}}).encode()
            began = time.perf_counter()
            answer = pool.request("POST", f"{url}/api/v1/runs", body=body, headers=headers, retries=False, timeout=60.0)
            if answer.status == 201:
                accepted.append((answer.json()["id"], time.perf_counter() - began))
            elif answer.status == 429 and answer.headers.get("retry-after"):
                refused += 1
                time.sleep(0.05)
            else:
                wrong.append(f"{answer.status} {answer.data[:200]!r}")
                time.sleep(0.05)

    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(offer, range(clients)))
    return accepted, refused, wrong


def measure_load(server: Server, seconds: float) -> None:
    most = {"server": 0, "engine": 0}
    is_over = threading.Event()
    workspace = open_workspace(server.folder)
    engine = workspace.engine()
    watched = {
        "server": psutil.Process(server.process.pid),
        "engine": psutil.Process(engine["pid"]) if engine else None,
    }

    def watch() -> None:
        while not is_over.wait(0.25):
            for name, process in watched.items():
                if process is not None:
                    most[name] = max(most[name], process.memory_info().rss)

    threading.Thread(target=watch, daemon=True).start()
    began = time.monotonic()
    with ProcessPoolExecutor(2) as processes:
        parts = list(processes.map(_offer, [server.url] * 2, [server.token] * 2, [seconds] * 2, [32] * 2))
    offered_s = time.monotonic() - began
    accepted = [item for part in parts for item in part[0]]
    took = [1000 * seconds for _, seconds in accepted]
    while (workspace.engine() or {"runs": 0})["runs"] > 0 and time.monotonic() - began < 900:
        time.sleep(0.5)
    finished_s = time.monotonic() - began
    states: dict[str, int] = {}
    for run, _ in accepted:
        state = workspace.run(run)["state"]
        states[state] = states.get(state, 0) + 1
    is_over.set()
    tell(
        "load", offered_s=round(offered_s, 1), accepted=len(accepted), accepted_a_second=round(len(accepted) / offered_s),
        median_ms=round(statistics.median(took)), p99_ms=round(percentile(took, 0.99)), refused=sum(part[1] for part in parts),
        wrong=[item for part in parts for item in part[2]][:3], states=states, finished_after_s=round(finished_s, 1),
        most_mb={name: round(value / 1e6) for name, value in most.items()},
    )  # fmt: skip
    workspace.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="pages,usable,visible,streams,lists,load")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the load")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the workspace here, and use it again")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    with contextlib.ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "project"
        if not (folder / "flows.py").exists():
            folder.mkdir(parents=True)
            (folder / "partita.toml").touch()
            (folder / "flows.py").write_text(FLOWS)
            began = time.perf_counter()
            fill(folder, arguments.runs)
            tell("filled", runs=arguments.runs, seconds=round(time.perf_counter() - began, 1))
        server = Server(folder)
        stack.callback(server.stop)
        workspace = open_workspace(folder)
        try:
            if "streams" in parts:
                measure_streams(server, arguments.repeats)
            if "lists" in parts:
                measure_lists(server, 10.0)
            if "visible" in parts:
                measure_visible(server)
            if {"pages", "usable"} & set(parts):
                live = server.launch("wide", n=arguments.steps, seconds=0.5)
                while sum(workspace.run(live)["counts"].values()) < arguments.steps:
                    time.sleep(0.2)
                names = {"live": live, "done": "copy50"}
                if "pages" in parts:
                    measure_pages(server, names)
                if "usable" in parts:
                    measure_usable(server, names)
                workspace.cancel(live, force=True)
                workspace.wait(live, 60)
            if "load" in parts:
                measure_load(server, arguments.seconds)
        finally:
            workspace.stop_engine()
            workspace.close()


if __name__ == "__main__":
    main()
