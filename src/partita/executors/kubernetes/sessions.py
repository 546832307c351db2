"""What is known of each worker, and what follows from what is heard. No I/O and no clock: times are passed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from partita.executors.kubernetes.facts import (
    Created,
    Fact,
    Heard,
    Hindered,
    Listed,
    Removed,
    Said,
    Server,
    Vanished,
)
from partita.executors.kubernetes.fates import LONG, NO_WAIT, SHORT, Fate, PodState, Trouble
from partita.executors.remote.port import GONE, PENDING, UP, News
from partita.units import duration_text

__all__ = ["LEAST_GRACE_S", "Removal", "Sessions"]

#: A pod that is deleted with less is taken from the API before its processes have ended.
LEAST_GRACE_S = 1.0

_LEAVING_MARGIN_S = 60.0  # beyond a pod's grace, until its node is taken to be lost
_REMEMBERED = 10_000
_UNTIL_STARTED = ("volume", "sandbox")  # troubles that pods' documents do not know
_NO_POD = Trouble("no pod", "the cluster has made no pod for it yet; does its controller manager run?", LONG)
_DELETED = "somebody or something has deleted its pod"


class Removal(NamedTuple):
    """The Job and pods of a session are to be deleted."""

    session: str
    grace_s: float  # 0: they are taken from the API, whether their node answers or not


@dataclass(slots=True)
class _Session:
    name: str
    is_made: bool = False  # its Job is there
    is_over: bool = False  # its Job was found to have ended
    is_up: bool = False
    is_stopping: bool = False
    grace_s: float = 0.0  # of stopping
    uid: str = ""  # of its pod
    told: str | None = None  # the detail of the last PENDING
    trouble: Trouble | None = None
    troubled_at: float = 0.0
    leaves_by: float | None = None  # when it is given up, though its pod is still there
    taken_by: str = ""  # why it is taken away


class Sessions:
    """Takes facts, and gives news and removals."""

    def __init__(self, pending_timeout_s: float, start_timeout_s: float) -> None:
        self._pending_timeout_s = pending_timeout_s
        self._start_timeout_s = start_timeout_s
        self._sessions: dict[str, _Session] = {}
        self._past: dict[str, None] = {}  # the latest that are gone
        self._news: list[News] = []
        self._removals: list[Removal] = []
        self.server_trouble = ""  # why the API server cannot be watched; empty: it can

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def is_waiting(self) -> bool:
        """Whether time alone may change something."""
        return any(one.trouble is not None or one.leaves_by is not None for one in self._sessions.values())

    def take_news(self) -> list[News]:
        """What is to be told since the last time."""
        news, self._news = self._news, []
        return news

    def take_removals(self) -> list[Removal]:
        """What is to be deleted since the last time."""
        removals, self._removals = self._removals, []
        return removals

    def has_had(self, session: str) -> bool:
        """Whether it is, or was lately, one of these."""
        return session in self._sessions or session in self._past

    def start(self, session: str) -> None:
        """A worker is to be started."""
        self._sessions[session] = _Session(session)

    def found(self, session: str, now: float, *, is_over: bool) -> None:
        """An earlier launcher has started this one. If it is over, it may well have no pod any more."""
        self._sessions[session] = one = _Session(session, is_made=True, is_over=is_over)
        one.trouble, one.troubled_at = _NO_POD, now

    def stop(self, session: str, grace_s: float) -> None:
        """A worker is to end."""
        one = self._sessions.get(session)
        if one is None or (one.is_stopping and one.grace_s <= grace_s):
            return
        one.is_stopping, one.grace_s, one.trouble = True, grace_s, None
        self._removals.append(Removal(session, max(LEAST_GRACE_S, grace_s)))

    def hear(self, fact: Fact, now: float) -> None:
        """Something has happened."""
        match fact:
            case Created(session):
                self._created(session, now)
            case Hindered(session, trouble):
                self._hindered(session, trouble, now)
            case Removed(names):
                self._removed(names, now)
            case Heard(pod):
                self._heard(pod, now)
            case Vanished(pod):
                self._vanished(pod)
            case Listed(pods):
                self._listed(pods, now)
            case Said(session, trouble, taken_by):
                self._said(session, trouble, taken_by, now)
            case Server(trouble):
                self.server_trouble = trouble

    def due(self, now: float) -> None:
        """Give up what has waited too long."""
        for one in list(self._sessions.values()):
            if one.leaves_by is not None and now >= one.leaves_by:
                self._given_up(one)
            elif one.trouble is not None and not (self.server_trouble and one.is_made):
                short = one.trouble.patience == SHORT
                limit = self._start_timeout_s if short else self._pending_timeout_s
                if now - one.troubled_at >= limit:
                    self._end(
                        one, "refused", f"it waited {duration_text(limit)} and did not start: {one.trouble.detail}"
                    )

    # What happens

    def _created(self, session: str, now: float) -> None:
        one = self._sessions.get(session)
        if one is None:
            self._remove_past(session)
        elif not one.is_made:
            one.is_made = True
            if not one.uid and not one.is_stopping:
                one.trouble, one.troubled_at = _NO_POD, now
                self._say_pending(one, "")

    def _hindered(self, session: str, trouble: Trouble, now: float) -> None:
        one = self._sessions.get(session)
        if one is not None and not one.is_stopping and not one.uid:
            self._troubled(one, trouble, now)

    def _removed(self, names: Iterable[str], now: float) -> None:
        for name in names:
            one = self._sessions.get(name)
            if one is not None and one.is_stopping:
                if one.uid:
                    one.leaves_by = now + one.grace_s + _LEAVING_MARGIN_S
                else:
                    self._end(one, "ended", "it was stopped", is_removed=True)

    def _listed(self, pods: tuple[PodState, ...], now: float) -> None:
        there = {pod.uid for pod in pods}
        for pod in pods:
            self._heard(pod, now)
        for one in list(self._sessions.values()):
            if one.uid not in there and (one.uid or one.is_over):
                self._left(one, None)

    def _heard(self, pod: PodState, now: float) -> None:
        one = self._sessions.get(pod.session)
        if one is None:
            if not pod.is_leaving:
                self._remove_past(pod.session)
            return
        if not one.uid:
            one.uid, one.is_made = pod.uid, True
        if pod.uid != one.uid:
            return  # a second pod, made in the place of one that is leaving: it goes with the Job
        if pod.is_leaving and one.leaves_by is None:
            one.leaves_by = now + pod.grace_s + _LEAVING_MARGIN_S
        one.taken_by = pod.reads_as or one.taken_by
        if pod.fate.what == GONE:
            self._left(one, pod)
        elif one.is_stopping:
            return
        elif pod.is_leaving:
            self._removals.append(Removal(one.name, max(LEAST_GRACE_S, pod.grace_s)))
        elif pod.fate.what == UP:
            self._is_up(one)
        elif pod.fate.trouble is not None:
            self._troubled(one, pod.fate.trouble, now)
        elif one.trouble is None or one.trouble.kind not in _UNTIL_STARTED:
            one.trouble = None
            self._say_pending(one, "")

    def _vanished(self, pod: PodState) -> None:
        one = self._sessions.get(pod.session)
        if one is not None and (not one.uid or one.uid == pod.uid):
            one.taken_by = pod.reads_as or one.taken_by
            self._left(one, pod)

    def _said(self, session: str, trouble: Trouble | None, taken_by: str, now: float) -> None:
        one = self._sessions.get(session)
        if one is None:
            return
        one.taken_by = taken_by or one.taken_by
        if trouble is not None and not one.is_up and not one.is_stopping:
            concerns_pod = trouble.kind in _UNTIL_STARTED
            if concerns_pod == bool(one.uid):
                self._troubled(one, trouble, now)

    # What follows

    def _is_up(self, one: _Session) -> None:
        one.trouble = None
        if not one.is_up:
            one.is_up = True
            self._news.append(News(one.name, UP))

    def _troubled(self, one: _Session, trouble: Trouble, now: float) -> None:
        if trouble.patience == NO_WAIT:
            self._end(one, "refused", trouble.detail)
            return
        if one.trouble is None or one.trouble.kind != trouble.kind:
            one.troubled_at = now
        one.trouble = trouble
        self._say_pending(one, trouble.detail)

    def _say_pending(self, one: _Session, detail: str) -> None:
        if one.told != detail and not one.is_up:
            one.told = detail
            self._news.append(News(one.name, PENDING, "", detail))

    def _left(self, one: _Session, pod: PodState | None) -> None:
        """Its pod has ended, or is gone."""
        fate = (
            pod.fate if pod is not None and pod.fate.what == GONE else Fate(GONE, "evicted", one.taken_by or _DELETED)
        )
        if one.is_stopping:
            self._end(one, "ended", "it was stopped", fate.exit_status)
        elif pod is not None and pod.is_leaving and fate.reason in ("ended", "died"):
            self._end(one, "evicted", one.taken_by or _DELETED, fate.exit_status)
        else:
            self._end(one, fate.reason, fate.detail, fate.exit_status)

    def _given_up(self, one: _Session) -> None:
        self._removals.append(Removal(one.name, 0.0))
        if one.is_stopping:
            self._end(one, "ended", "it was stopped; its node does not answer", is_removed=True)
        else:
            told = one.taken_by or "its pod was deleted, and its node does not answer"
            self._end(one, "evicted", told, is_removed=True)

    def _end(
        self, one: _Session, reason: str, detail: str, exit_status: int | None = None, *, is_removed: bool = False
    ) -> None:
        del self._sessions[one.name]
        self._past[one.name] = None
        if len(self._past) > _REMEMBERED:
            self._past.pop(next(iter(self._past)))
        self._news.append(News(one.name, GONE, reason, detail, exit_status))
        if not is_removed and not one.is_stopping:
            # What never ran has nothing to finish, and a kubelet takes a minute to take leave of it.
            self._removals.append(Removal(one.name, 0.0 if reason == "refused" and not one.is_up else LEAST_GRACE_S))

    def _remove_past(self, session: str) -> None:
        """Something of a session that is gone is there after all: its Job was created when nobody waited for it any more."""
        if session in self._past:
            self._removals.append(Removal(session, LEAST_GRACE_S))
