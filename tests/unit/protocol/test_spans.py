"""W3C Trace Context, as headers say it."""

from __future__ import annotations

import pytest

from partita.protocol.spans import TraceContext, context_of, traceparent_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(("flags", "is_sampled"), [("01", True), ("00", False), ("03", True), ("02", False)])
def test_a_header_is_understood_and_written_again(flags: str, is_sampled: bool) -> None:
    found = context_of(f"00-{TRACE}-{SPAN}-{flags}")
    assert found == TraceContext(bytes.fromhex(TRACE), bytes.fromhex(SPAN), is_sampled)
    assert traceparent_of(found) == f"00-{TRACE}-{SPAN}-{'01' if is_sampled else '00'}"


def test_a_later_version_may_say_more() -> None:
    assert context_of(f"01-{TRACE}-{SPAN}-01-what-comes-later") is not None


@pytest.mark.parametrize(
    "header",
    [
        "", "nonsense", f"00-{TRACE}-{SPAN}", f"00-{TRACE}-{SPAN}-01-more", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE[:-1]}g-{SPAN}-01", f"00-{TRACE}-{SPAN}-1",
    ],
)  # fmt: skip
def test_what_is_no_header_is_ignored(header: str) -> None:
    assert context_of(header) is None
