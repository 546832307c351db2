"""What other engines of the store tell of their changes, for the servers that follow the workspace here.

An engine tells others only what changed by itself, so that no change goes round. It is asked as long as somebody follows here,
and answers when there is news.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgpack

from partita.engine.news import News
from partita.store.peers import Message, Peer, Peers

__all__ = ["Hearing"]

#: Seconds that another engine waits for news before it says that there is none.
PATIENCE_S = 20.0
#: It is asked anew where it has not answered so much later.
_LATE_S = 10.0
#: So long after somebody asked here for news, there is somebody who follows.
_FOLLOWED_S = 30.0


@dataclass(slots=True)
class _Teller:
    """Another engine that is asked."""

    version: int = -1  # of its news, up to which is known here
    message: int = 0  # that it has not answered; 0: it has
    until_s: float = 0.0  # monotonic: when it is asked anew without an answer


class Hearing:
    """Asks other engines for their news."""

    def __init__(self, peers: Peers, own: News) -> None:
        self._peers = peers
        self._own = own
        #: All that servers are told: the changes of this engine, and those of others.
        self.told = own.outer = News(own.origin / 1e6)
        self._tellers: dict[int, _Teller] = {}  # by the engine's id
        self._followed_until_s = 0.0

    def follow(self, now_s: float) -> bool:
        """Somebody asks here for news; whether nobody did before."""
        is_new = now_s >= self._followed_until_s
        self._followed_until_s = now_s + _FOLLOWED_S
        return is_new

    def step(self, others: list[Peer], now_s: float) -> None:
        """Ask those that are up and are not asked yet."""
        up = {peer.id for peer in others if peer.left_s > 0}
        for id in self._tellers.keys() - up:
            del self._tellers[id]
            self.told.add("all")  # its runs are another one's now
        if now_s >= self._followed_until_s:
            return
        for id in up:
            teller = self._tellers.setdefault(id, _Teller())
            if not teller.message or now_s >= teller.until_s:
                self._ask(id, teller, now_s)

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until somebody has to be asked anew; None: it is not known."""
        if now_s >= self._followed_until_s or not self._tellers:
            return None
        return max(min(teller.until_s for teller in self._tellers.values()) - now_s, 0.0)

    def hears(self, message: Message, now_s: float) -> bool:
        """Take an answer in, where the message is one, and ask on."""
        teller = self._tellers.get(message.sender)
        if teller is None or not teller.message or message.reply_to != teller.message:
            return False
        teller.message = 0
        is_ok, news = msgpack.unpackb(message.body, raw=False, strict_map_key=False)
        if not is_ok:  # it cannot say, as long as it cannot store: it is asked anew later
            teller.message, teller.until_s = -1, now_s + _LATE_S
            self.told.add("all")
            return True
        if not news["is_whole"]:
            self.told.add("all")
        for topic, key in news["changes"]:
            self.told.add(topic, key)
        teller.version = news["version"]
        if now_s < self._followed_until_s:
            self._ask(message.sender, teller, now_s)
        return True

    def _ask(self, id: int, teller: _Teller, now_s: float) -> None:
        body = msgpack.packb(["news", {"version": teller.version, "timeout_s": PATIENCE_S}], use_bin_type=True)
        teller.message = self._peers.send(id, body)
        teller.until_s = now_s + PATIENCE_S + _LATE_S
