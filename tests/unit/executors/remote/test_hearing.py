"""What an agent may say of a step that has done something to the model registry."""

from __future__ import annotations

from typing import Any

import pytest

from partita.errors import ProtocolError
from partita.executors.remote.hearing import checked
from partita.protocol.messages import DONE
from partita.values import PLAIN, pack

USAGE = [1.0, 2.0, 0.5, 100]


def test_an_outcome_may_carry_effects() -> None:
    plain: list[Any] = [DONE, "ticket", pack([PLAIN, 1]), USAGE, None]
    assert checked("session", plain) is plain
    with_effects: list[Any] = [*plain[:3], [["note", {}]], *plain[3:]]
    assert checked("session", with_effects) is with_effects


@pytest.mark.parametrize("effects", [{"version": 1}, "version", None, 3])
def test_effects_are_a_list(effects: Any) -> None:
    with pytest.raises(ProtocolError, match="part 3"):
        checked("session", [DONE, "ticket", pack([PLAIN, 1]), effects, USAGE, None])
