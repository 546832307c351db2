"""The port of what engines that share a store need of it, to share its runs and to speak with each other.

Laws, held by the contract suite in `partita.testing`:

1. A run that has not ended has one engine, and only that one's turns are written. `take_over` moves the runs of engines that
   have ended, or whose lease is over, in one transaction; of two that take over at once, one gets a run.
2. An engine whose lease was taken is refused whatever it writes (FencedError), also what it had sent and not committed.
3. A lease is renewed by every turn and by `renew`, and is measured by the store's clock alone.
4. Two turns that move aliases of one model are taken one after the other, as `Store.commit` says. Of a named limit engines that
   are up never have more together than there is. A message is received once. What is claimed has one engine, as long as that
   one is up.
5. What one engine should know of another arrives as news within moments, and nothing is asked for meanwhile. After a lost
   connection there is always news.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

__all__ = ["ENGINES", "EVENTS", "MESSAGES", "SLOTS", "Message", "Peer", "Peers", "Wire"]

#: What news may be about: an engine began, ended or was taken over; an event for any run was sent; a message came;
#: somebody wants of a limit, or has given back.
ENGINES, EVENTS, MESSAGES, SLOTS = "engines", "events", "message", "slots"


class Peer(NamedTuple):
    """Another engine."""

    id: int
    owner: str  # "host:pid"
    left_s: float  # seconds until its lease is over; none are left of one that has ended
    works: bool  # on runs; else it hands on to others what is launched at it


class Message(NamedTuple):
    """What another engine asked or answered."""

    number: int
    sender: int  # id of an engine
    reply_to: int  # number of the message that it answers; 0: it asks
    body: bytes


class Wire(NamedTuple):
    """A connection, as a selector takes it."""

    descriptor: int

    def fileno(self) -> int:
        return self.descriptor


class Peers(Protocol):
    """The other engines of a store, as the engine sees them that has a lease there."""

    @property
    def id(self) -> int:
        """This engine's own id."""
        ...

    @property
    def renewed_at_s(self) -> float:
        """When its lease was last renewed, by a turn or otherwise, on the monotonic clock."""
        ...

    def renew(self) -> None:
        """Renew the lease.

        Raises:
            FencedError: it was taken.
            StoreError: the store cannot be reached; it may be tried again.
        """
        ...

    def others(self) -> list[Peer]:
        """Engines that are up, as far as is known; not this one."""
        ...

    def take_over(self) -> int:
        """Take the runs of engines that have ended or whose lease is over; how many."""
        ...

    def owner_of(self, run: int) -> Peer | None:
        """The engine that works on the run, or did last; None: nobody did."""
        ...

    def send(self, recipient: int, body: bytes, reply_to: int = 0) -> int:
        """Send a message; its number."""
        ...

    def receive(self) -> list[Message]:
        """The messages that have come; each is given once."""
        ...

    def tell(self, what: str) -> None:
        """Give all engines news."""
        ...

    def claim(self, name: str) -> int:
        """The engine that is to make what goes by that name: this one, unless another that is up has claimed it before."""
        ...

    def claim_event(self, number: int, run: int, step: int) -> bool:
        """Take an event for a step, at once and for good; False: another step has it."""
        ...

    def event_of(self, run: int, step: int) -> tuple[int, bytes] | None:
        """Number and data of the event that was taken for the step."""
        ...

    def take_slots(self, name: str, wanted: int, capacity: int) -> int:
        """Have `wanted` of a named limit for this engine's steps, where all have `capacity` together; how much it has now."""
        ...

    def give_slots(self, name: str, left: int) -> None:
        """Give back what this engine has of a limit beyond `left`."""
        ...

    def wire(self) -> Wire | None:
        """What becomes readable when there is news; None: the connection is lost. `news` makes a new one, another object."""
        ...

    def news(self) -> set[str]:
        """What there is news of since the last time."""
        ...
