"""What engine and agents say to each other, beside the messages of `protocol.messages`: MessagePack arrays in batches.

A ticket is a text here, "RUN:STEP:ATTEMPT", so that a later engine knows what an answer is about. Engine to agent:

    [ORDER, ...], [PROFILE, ...], [REPLY, ...]  as they stand in `protocol.messages`
    [CANCEL, ticket, reason, grace_s]   stop the attempt, and kill it after the grace
    [STOP]                              end, with all that runs
    [TAKE_BACK]                         give back what has not begun
    [LANE, bundle, cpu, memory, gpu]    orders that follow are of this bundle and hold this; what comes between CLOSED and
                                        this is returned
    [ATTACH]                            a later engine speaks: numbers of profiles begin anew; what nobody answered is asked again

Agent to engine, beside the messages of executors (`executors.port`; CLOSED without a number):

    [READY, process, about]             the agent is up; about: a map for people
    [ALIVE]                             nothing else was to be said for a while
    [BEGUN, tickets]                    these are about to begin; one that never was among them has not
    [HELD, tickets]                     the answer to ATTACH: all that has not ended
    [SEGMENT, run, segment, offset, data]  a part of what attempts print
    [PRINTING, ticket, segment, offset] where the output of an attempt lies that is running

A batch is signed with the executor's key: nobody who lacks it can speak as one of its workers, nor give them orders.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgpack

from partita.errors import ProtocolError

__all__ = [
    "ALIVE", "ATTACH", "BEGUN", "HELD", "LANE", "PRINTING", "SEGMENT", "TAKE_BACK", "lease_name", "open_batch",
    "seal_batch", "ticket_text",
]  # fmt: skip

TAKE_BACK, LANE, ATTACH = 5, 6, 7
ALIVE, BEGUN, HELD, SEGMENT, PRINTING = range(80, 85)

_SIGNATURE_BYTES = 32


def ticket_text(run: str, step: int, attempt: int) -> str:
    """How an attempt is named between engine and agents."""
    return f"{run}:{step}:{attempt}"


def lease_name(key: bytes) -> str:
    """The name of the object that an executor renews; another executor with the same folder has another key."""
    return f"lease-{hmac.digest(key, b'lease', sha256)[:8].hex()}"


def seal_batch(key: bytes, place: str, messages: Sequence[Sequence[Any]]) -> bytes:
    """The messages as bytes that only who has the key can have made.

    Args:
        place: which batch of which session and direction this is: as another one it is not accepted.
    """
    packed: bytes = msgpack.packb(messages, use_bin_type=True)
    return hmac.digest(key, place.encode() + b"\0" + packed, sha256) + packed


def open_batch(key: bytes, place: str, data: bytes) -> list[list[Any]]:
    """The messages of a batch.

    Raises:
        ProtocolError: it was made by somebody who lacks the key, or for another place, or is damaged.
    """
    signature, packed = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(hmac.digest(key, place.encode() + b"\0" + packed, sha256), signature):
        raise ProtocolError(f"the message {place} is not signed with the executor's key, and is not read")
    try:
        found = msgpack.unpackb(packed, raw=False, strict_map_key=False, use_list=True)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise ProtocolError(f"the message {place} cannot be read: {error}") from error
    if type(found) is not list or not all(type(message) is list and message for message in found):
        raise ProtocolError(f"the message {place} holds no messages")
    return found
