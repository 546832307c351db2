"""What people write into forms."""

from __future__ import annotations

import pytest

from partita.errors import OptionError
from partita.web.forms import Form, artifact_address, moment_of


@pytest.mark.parametrize(
    "text, moment",
    [("1970-01-02", 86400.0), ("1970-01-01T00:01", 60.0), ("1970-01-01T01:00+01:00", 0.0), ("1970-01-01 00:00:05", 5.0), ("2m", 80.0), ("7d", 0.0)],
)  # fmt: skip
def test_moments_are_of_utc_unless_they_say_otherwise(text: str, moment: float) -> None:
    assert moment_of(text, 200.0) == moment


@pytest.mark.parametrize("text", ["yesterday", "2026", "2026-13-01", "soons"])
def test_what_is_no_moment_is_told(text: str) -> None:
    with pytest.raises(OptionError, match=r"no moment|not a duration"):
        moment_of(text, 0.0)


def test_all_that_is_wrong_is_told_at_once() -> None:
    form = Form()
    assert (form.size("10MB"), form.size(""), form.duration("2h"), form.duration(" ")) == (10_000_000, 0, 7200.0, None)
    assert form.problems == []
    assert (form.moment("soon"), form.size("big"), form.duration("long")) == (0.0, 0, None)
    assert len(form.problems) == 3


def test_names_of_artifacts_stand_in_addresses_whatever_they_hold() -> None:
    assert (
        artifact_address('RUN:a/b[3]["x&y"]', "/file")
        == "/artifacts/item/file?name=RUN%3Aa%2Fb%5B3%5D%5B%22x%26y%22%5D"
    )
