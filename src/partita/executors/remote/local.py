"""Remote workers as processes of this machine, which outlive the engine: for tests, and for machines that share a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from partita.executors.inbox import Inbox
from partita.executors.machine import marked_processes
from partita.executors.remote.port import GONE, UP, AgentCommand, News, WorkerOrder
from partita.executors.worker_process import exit_in_words, kill_marked

__all__ = ["ProcessLauncher"]

_MARK = "PARTITA_AGENT"


class ProcessLauncher:
    """Satisfies `partita.executors.remote.port.Launcher`."""

    def __init__(self, agent: AgentCommand, origin: str, variables: Mapping[str, str], folder: Path) -> None:
        """
        Args:
            origin: names the executor; processes of an earlier launcher of the same are found again.
            variables: of the processes, beside those of the agent.
            folder: working directory of the processes.
        """
        self._agent, self._origin, self._folder = agent, origin, folder
        self._variables = {**variables, **agent.variables, **agent.secrets}
        self._inbox: Inbox[News] = Inbox()
        self._pids: dict[str, int] = {}

    def start(self, worker: WorkerOrder) -> None:
        """Have a worker started."""
        command = [sys.executable, "-P", "-m", "partita.worker.agent", *self._agent.arguments]
        command += ["--session", worker.session, "--attempts", str(worker.attempts)]
        variables = {**self._variables, _MARK: self._mark(worker.session)}
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self._folder,
            start_new_session=True, env=variables,
        )  # fmt: skip
        self._pids[worker.session] = process.pid
        self._say(News(worker.session, UP))
        self._watch(worker.session, process)

    def stop(self, session: str, grace_s: float = 0.0) -> None:
        """End a worker."""
        pid = self._pids.get(session)
        if pid is None:
            return
        if grace_s <= 0:
            self._kill(session)
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        timer = threading.Timer(grace_s, self._kill, (session,))
        timer.daemon = True
        timer.start()

    def survey(self) -> list[str]:
        """Sessions that an earlier launcher has left running."""
        found = {}
        for pid in marked_processes(f"{_MARK}={self._origin}/"):
            with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
                for variable in file.read().split(b"\0"):
                    name, _, value = variable.decode(errors="replace").partition("=")
                    if name == _MARK and os.getpgid(pid) == pid:
                        found[value.rpartition("/")[2]] = pid
        for session, pid in found.items():
            self._pids[session] = pid
            threading.Thread(target=self._follow, args=(session, pid), daemon=True).start()
        return list(found)

    def news(self) -> list[News]:
        """What has happened since."""
        return self._inbox.take()

    def filenos(self) -> list[int]:
        """Readable when there is news."""
        return [self._inbox.bell.fileno()]

    def close(self) -> None:
        """Stop watching."""
        self._inbox.close()

    def _mark(self, session: str) -> str:
        return f"{self._origin}/{session}"

    def _kill(self, session: str) -> None:
        if session in self._pids:
            kill_marked(f"{_MARK}={self._mark(session)}")

    def _watch(self, session: str, process: subprocess.Popen[bytes]) -> None:
        def watch() -> None:
            assert process.stderr is not None
            with process.stderr:
                told = process.stderr.read()[-2000:].decode(errors="replace").strip()
            status = process.wait()
            kill_marked(f"{_MARK}={self._mark(session)}")
            ending = exit_in_words(status) + (f": {told}" if told else "")
            self._say(News(session, GONE, "died" if status else "ended", f"the worker died: {ending}", status))

        threading.Thread(target=watch, name="partita-watch", daemon=True).start()

    def _follow(self, session: str, pid: int) -> None:
        """Wait for the end of a process that is not our child."""
        with suppress(ProcessLookupError, OSError):
            file = os.pidfd_open(pid)
            try:
                import select

                select.select([file], [], [])
            finally:
                os.close(file)
        kill_marked(f"{_MARK}={self._mark(session)}")
        self._say(News(session, GONE, "died", "the worker died: its process has ended"))

    def _say(self, news: News) -> None:
        if news.what == GONE:
            self._pids.pop(news.session, None)
        self._inbox.put([news])
