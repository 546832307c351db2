"""A stage for remote executors: launchers and agents that the test plays, through the agents' own end of a mailbox."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Any

from partita.artifacts.objects import open_objects
from partita.errors import PartitaError
from partita.executors.port import Capacity
from partita.executors.remote.executor import RemoteExecutor
from partita.executors.remote.mailbox import Mailbox, Pace
from partita.executors.remote.port import GONE, News, WorkerOrder
from partita.protocol.messages import DONE, READY, Order
from partita.protocol.remote import ticket_text
from partita.testing.executor_contract import Desk
from partita.values import PLAIN, pack
from partita.worker.agent.mailbox import MailboxPost

__all__ = ["KEY", "USAGE", "Hand", "Stage", "done"]

KEY = bytes(range(32))
USAGE = [1.0, 2.0, 0.5, 100]


class Hand:
    """A launcher whose workers the test plays."""

    def __init__(self) -> None:
        self.started: list[WorkerOrder] = []
        self.stopped: list[str] = []
        self.left: list[str] | PartitaError | None = []  # what a survey finds; None: it is not known yet
        self.fault: OSError | None = None
        self._news: deque[News] = deque()
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def start(self, worker: WorkerOrder) -> None:
        if self.fault is not None:
            raise self.fault
        self.started.append(worker)

    def stop(self, session: str, grace_s: float = 0.0) -> None:
        self.stopped.append(session)

    def tell(self, session: str, reason: str, detail: str = "") -> None:
        self._news.append(News(session, GONE, reason, detail))
        os.eventfd_write(self._event, 1)

    def survey(self) -> list[str] | None:
        if isinstance(self.left, PartitaError):
            raise self.left
        return self.left

    def find(self, *sessions: str) -> None:
        """Know what was left."""
        self.left = list(sessions)
        os.eventfd_write(self._event, 1)

    def news(self) -> list[News]:
        found, self._news = list(self._news), deque()
        return found

    def filenos(self) -> list[int]:
        return [self._event]

    def close(self) -> None:
        os.close(self._event)


class Stage:
    """An executor, and agents by the names of their sessions."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mailbox = folder, os.fspath(folder / "mailbox")
        self.agents: dict[str, MailboxPost] = {}
        self.heard: dict[str, list[list[Any]]] = {}
        self.executors: list[RemoteExecutor] = []
        self.hand = Hand()
        self.desk = Desk(self.executor(self.hand), folder)

    def executor(self, hand: Hand, **options: Any) -> RemoteExecutor:
        post = Mailbox(open_objects(self.mailbox), KEY, lease_s=30.0, pace=Pace(0.002, 0.02))
        made = RemoteExecutor(
            Capacity(4, 2**30), workspace=self.folder / "workspace", launcher=hand, post=post,
            **{"share": lambda bundle: None, "lease_s": 30.0, **options},
        )  # fmt: skip
        self.executors.append(made)
        return made

    def agent(self, lane: int) -> str:
        """Let the worker of a lane be up; the name of its session."""
        session = self.desk.executor.place(lane)
        if session not in self.agents:
            post = MailboxPost(open_objects(self.mailbox), session, KEY, lease_s=30.0, pace=Pace(0.002, 0.02))
            self.agents[session], self.heard[session] = post, []
            self.say(session, [READY, 1, {}])
            self.desk.until(lambda: self.of(session).is_up)
        return session

    def say(self, session: str, *messages: list[Any]) -> None:
        self.agents[session].send(messages, is_durable=True)

    def hears(self, session: str, tag: int, count: int = 1) -> list[list[Any]]:
        """What the engine has told a session, once there are so many messages of this tag."""

        def found() -> list[list[Any]]:
            self.heard[session] += self.agents[session].receive()
            return [message for message in self.heard[session] if message[0] == tag]

        self.desk.until(lambda: len(found()) >= count)
        return found()

    def order(self, lane: int, **fields: Any) -> tuple[int, str]:
        """Order a step; its ticket, and its name between engine and agents."""
        order: Order = self.desk.order(self.desk.profile("add", **fields), 1, 2)
        self.desk.executor.submit(lane, [order])
        return order.ticket, ticket_text("run", order.ticket, 1)

    def of(self, session: str) -> Any:
        return self.desk.executor._sessions[session]  # type: ignore[attr-defined]

    def close(self) -> None:
        for agent in self.agents.values():
            agent.close()
        for executor in self.executors:
            executor._sessions.clear()
            executor.close()


def done(name: str, log: Any = None) -> list[Any]:
    return [DONE, name, pack([PLAIN, None]), USAGE, log]
