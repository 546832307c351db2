"""What agents say, looked at before it is believed.

An agent runs beside code of users, on a machine of somebody else's. One that is broken, or taken over, may harm the attempts
that it was given, and neither those of other agents nor the engine.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

from partita.core.standing import said
from partita.errors import OptionError, ProtocolError
from partita.executors.port import CLOSED, LOST, RETURNED, Message
from partita.protocol.messages import BOUNDS, DONE, FAILED, FRAME, LAID, PROGRESS, READY, REPORT, REQUEST
from partita.protocol.remote import ALIVE, BEGUN, HELD, PRINTING, SEGMENT
from partita.values import is_value

__all__ = ["checked"]

#: What a store can keep.
_LARGEST = 2**63 - 1
#: In one layout.
_MOST_STEPS = 10_000_000

_Check = Callable[[str, Any], bool]  # given the session


def checked(session: str, message: Message) -> Message:
    """The message, which has the form that its tag asks for.

    Raises:
        ProtocolError: it has not, or speaks of what is not its own.
    """
    tag = message[0]
    form = _FORMS.get(tag) if type(tag) is int else None
    if form is None:
        raise ProtocolError(f"no message of an agent begins with {tag!r}"[:200])
    if tag == DONE and len(message) == 1 + len(_DONE_WITH_EFFECTS):
        form = _DONE_WITH_EFFECTS
    if len(message) != 1 + len(form):
        raise ProtocolError(f"a message {tag} of {len(message)} parts")
    for position, (check, part) in enumerate(zip(form, message[1:], strict=True), 1):
        if not check(session, part):
            raise ProtocolError(f"part {position} of a message {tag} is {part!r}"[:200])
    return message


def _is_text(session: str, part: Any) -> bool:
    return type(part) is str


def _is_bytes(session: str, part: Any) -> bool:
    return type(part) is bytes


def _is_value(session: str, part: Any) -> bool:
    return type(part) is bytes and is_value(part)


def _is_list(session: str, part: Any) -> bool:
    return type(part) is list


def _is_map(session: str, part: Any) -> bool:
    return type(part) is dict


def _is_anything(session: str, part: Any) -> bool:
    return True


def _is_count(session: str, part: Any) -> bool:
    return type(part) is int and 0 <= part <= _LARGEST


def _is_total(session: str, part: Any) -> bool:
    return _is_count(session, part) and part <= _MOST_STEPS


def _is_number(session: str, part: Any) -> bool:
    return type(part) is float or (type(part) is int and abs(part) <= _LARGEST)


def _is_finite(session: str, part: Any) -> bool:
    return _is_number(session, part) and math.isfinite(part)


def _is_number_or_none(session: str, part: Any) -> bool:
    return part is None or _is_number(session, part)


def _are_texts(session: str, part: Any) -> bool:
    return type(part) is list and all(_is_text(session, each) for each in part)


def _is_usage(session: str, part: Any) -> bool:
    return type(part) is list and len(part) == 4 and all(_is_finite(session, each) for each in part)


def _is_run(session: str, part: Any) -> bool:
    """It becomes the name of a folder."""
    return type(part) is str and not {os.sep, "\0"} & set(part) and part not in ("", ".", "..")


def _is_segment(session: str, part: Any) -> bool:
    """A file of logs that is this session's."""
    return type(part) is str and not {os.sep, "\0"} & set(part) and part.startswith(f"{session}-")


def _is_log(session: str, part: Any) -> bool:
    if part is None:
        return True
    return type(part) is list and len(part) == 3 and _is_segment(session, part[0]) and all(
        _is_count(session, each) for each in part[1:]
    )  # fmt: skip


def _is_error(session: str, part: Any) -> bool:
    return (
        type(part) is dict
        and _is_text(session, part.get("type"))
        and type(part.get("message")) is str
        and (part.get("delay_s") is None or (_is_number(session, part["delay_s"]) and part["delay_s"] >= 0))
        and all(type(part.get(name, "")) is str for name in ("traceback", "blob"))
    )


def _are_bounds(session: str, part: Any) -> bool:
    if type(part) is not dict or part.get("overrun") not in ("warn", "stop"):
        return False
    try:
        said(part)
    except OptionError:
        return False
    return all(
        part.get(name) is None or (_is_finite(session, part[name]) and 0 <= part[name] <= _LARGEST)
        for name in ("deadline_s", "budget")
    )


_FORMS: dict[int, tuple[_Check, ...]] = {
    DONE: (_is_text, _is_value, _is_usage, _is_log),
    FAILED: (_is_text, _is_error, _is_usage, _is_log),
    FRAME: (_is_text, _is_total, _is_list, _is_list),
    LAID: (_is_text, _is_bytes, _is_list, _is_usage, _is_log),
    LOST: (_is_text, _is_text, _is_text, _is_usage, _is_log),
    RETURNED: (_is_text,),
    CLOSED: (),
    BOUNDS: (_is_text, _are_bounds),
    PROGRESS: (_is_text, _is_number, _is_number_or_none, _is_anything),
    REPORT: (_is_text, _is_text, _is_number, _is_finite, _is_finite),
    REQUEST: (_is_text, _is_count, _is_text, _is_map),
    READY: (_is_anything, _is_anything),
    ALIVE: (),
    BEGUN: (_are_texts,),
    HELD: (_are_texts,),
    SEGMENT: (_is_run, _is_segment, _is_count, _is_bytes),
    PRINTING: (_is_text, _is_segment, _is_count),
}

#: The engine looks at each effect itself.
_DONE_WITH_EFFECTS: tuple[_Check, ...] = (_is_text, _is_value, _is_list, _is_usage, _is_log)
