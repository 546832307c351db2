"""How engines that share a schema of PostgreSQL know of each other: leases by the server's clock, `LISTEN` and `NOTIFY`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from partita.errors import FencedError, StoreError
from partita.store.peers import ENGINES, EVENTS, MESSAGES, SLOTS, Message, Peer, Wire

if TYPE_CHECKING:
    import psycopg

__all__ = ["PostgresPeers", "channel_of", "session_name"]

_ALL = frozenset({ENGINES, EVENTS, MESSAGES, SLOTS})
_RECONNECT_S = 0.5


def channel_of(schema: str) -> str:
    """The channel on which engines of the schema tell each other news; channels are of the whole database."""
    return f"partita_{blake2b(schema.encode(), digest_size=8).hexdigest()}"


def session_name(schema: str, engine: int) -> str:
    """What the server calls the sessions of an engine."""
    return f"{channel_of(schema)} {engine}"


class PostgresPeers:
    """Satisfies `Peers`. It is used by the thread that has the store."""

    def __init__(
        self, schema: str, lease: tuple[int, int], read: Callable[..., list[Any]], try_read: Callable[..., list[Any]],
        connect: Callable[[], psycopg.Connection[Any]], fenced: Callable[[], FencedError],
    ) -> None:  # fmt: skip
        """
        Args:
            lease: id and epoch of this engine.
            read: runs a statement, and waits where the server is away.
            try_read: runs a statement once.
            connect: makes a connection of its own.
        """
        self._schema = schema
        self._lease = lease
        self._read, self._try_read, self._connect, self._fenced = read, try_read, connect, fenced
        self._channel = channel_of(schema)
        self._listener: psycopg.Connection[Any] | None = None
        self._wire: Wire | None = None
        self._try_again_at_s = 0.0
        self._is_unheard = False  # news may have been missed
        self.renewed_at_s = time.monotonic()

    @property
    def id(self) -> int:
        """This engine's own id."""
        return self._lease[0]

    def renew(self) -> None:
        """Renew the lease."""
        begun_at_s = time.monotonic()
        if not self._try_read("renew", *self._lease):
            raise self._fenced()
        self.renewed_at_s = begun_at_s

    def others(self) -> list[Peer]:
        """Engines that are up."""
        return [Peer(*row) for row in self._try_read("others", self.id)]

    def take_over(self) -> int:
        """Take the runs of engines that have ended or are dead."""
        for peer in self.others():
            if peer.left_s <= 0:
                self._try_read("end_sessions", session_name(self._schema, peer.id))
        moved: int = self._try_read("take_over", *self._lease, self._channel)[0][0]
        return moved

    def owner_of(self, run: int) -> Peer | None:
        """The engine that works on the run."""
        rows = self._read("owner_of", run)
        return Peer(*rows[0]) if rows else None

    def send(self, recipient: int, body: bytes, reply_to: int = 0) -> int:
        """Send a message."""
        number: int = self._read("send_message", self.id, recipient, reply_to, body, self._channel)[0][0]
        return number

    def receive(self) -> list[Message]:
        """The messages that have come."""
        return sorted(Message(*row) for row in self._try_read("receive_messages", self.id))

    def tell(self, what: str) -> None:
        """Give all engines news."""
        self._read("tell", self._channel, f"{what} {self.id}")

    def claim(self, name: str) -> int:
        """The engine that is to make it."""
        engine: int = self._read("claim", name, self.id)[0][0]
        return engine

    def claim_event(self, number: int, run: int, step: int) -> bool:
        """Take an event for a step."""
        return bool(self._read("claim_event", number, run, step))

    def event_of(self, run: int, step: int) -> tuple[int, bytes] | None:
        """The event that was taken for the step."""
        rows = self._read("event_of", run, step)
        return rows[0] if rows else None

    def take_slots(self, name: str, wanted: int, capacity: int) -> int:
        """Have so much of a limit."""
        held: int = self._try_read("take_slots", self.id, name, wanted, capacity, self._channel)[0][0]
        return held

    def give_slots(self, name: str, left: int) -> None:
        """Give back what is beyond."""
        self._try_read("give_slots", self.id, name, left, self._channel)

    def wire(self) -> Wire | None:
        """What becomes readable when there is news."""
        return self._wire if self._listener is not None and not self._listener.closed else None

    def news(self) -> set[str]:
        """What there is news of."""
        if self.wire() is None and not self._listen():
            return set()
        found = set(_ALL) if self._is_unheard else set()
        self._is_unheard = False
        assert self._listener is not None
        connection = self._listener.pgconn
        try:
            connection.consume_input()
            while (notice := connection.notifies()) is not None:
                what, _, who = notice.extra.decode("ascii", "replace").partition(" ")
                is_own = who == str(self.id)
                if is_own if what == MESSAGES else not (is_own and what == SLOTS):
                    found.add(what)
        except Exception:  # whatever is wrong with it, a new one is made
            self.close()
            return self.news() if self._listen() else found
        return found

    def close(self) -> None:
        """Listen no more."""
        if self._listener is not None:
            with suppress(Exception):
                self._listener.close()
            self._listener = None

    def _listen(self) -> bool:
        now_s = time.monotonic()
        if now_s < self._try_again_at_s:
            return False
        self._try_again_at_s = now_s + _RECONNECT_S
        try:
            self._listener = self._connect()
            self._listener.execute(f"listen {self._channel}")
            self._wire = Wire(self._listener.fileno())
        except StoreError:
            self.close()
            return False
        except Exception:
            self.close()
            return False
        self._is_unheard = True
        return True
