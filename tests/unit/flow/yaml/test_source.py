from __future__ import annotations

import pytest

from partita.flow.yaml.source import name_in


@pytest.mark.parametrize(
    ("text", "name"),
    [("name: nightly", "nightly"), ("name:nightly", ""), ("name: [a]", ""), ("name: 'a", ""), ("steps: {}", "")],
)
def test_the_name_of_a_file_that_may_be_wrong(text: str, name: str) -> None:
    assert name_in(f"{text}\nsteps: {{}}") == name
