"""Names of models and of published flows: what they ask for, and what nothing can be called."""

from __future__ import annotations

import pytest

from partita.errors import NotFoundError
from partita.protocol.models import ModelName, parse_name
from partita.protocol.publications import PublicationName, parse_publication

#: Python itself refuses to read so many digits (`sys.get_int_max_str_digits`).
VERY_MANY = "9" * 5000


def test_a_version_is_named_by_its_number() -> None:
    assert parse_name("churn:3") == ModelName("churn", 3)
    assert parse_publication("train@3") == PublicationName("train", 3)


@pytest.mark.parametrize("number", ["0", str(2**31), VERY_MANY])
def test_a_number_that_no_version_has_is_not_found(number: str) -> None:
    with pytest.raises(NotFoundError) as of_model:
        parse_name(f"churn:{number}")
    with pytest.raises(NotFoundError) as of_flow:
        parse_publication(f"train@{number}")
    assert len(str(of_model.value)) < 400 and len(str(of_flow.value)) < 400
