"""Members of composed models that are registered models."""

from __future__ import annotations

from typing import Any, cast

from partita.protocol.models import VersionView
from partita.views.members import version_of


def version(name: str, title: str, **record: Any) -> VersionView:
    return cast(VersionView, {"name": name, "title": title, "record": record})


LINE = version("line:1", "Ridge", parameters={"alpha": 2.0})
OTHER = version("line:2", "Ridge", parameters={"alpha": 1.0})


def test_a_member_is_the_version_that_consists_of_the_same() -> None:
    member = {"name": "line", "title": "Ridge", "parameters": {"alpha": 2.0}}
    assert version_of(member, [OTHER, LINE]) is LINE
    assert version_of({**member, "title": "Lasso"}, [OTHER, LINE]) is None
    assert version_of({**member, "parameters": {"alpha": 3.0}}, [OTHER, LINE]) is None


def test_where_several_are_the_same_none_is_told() -> None:
    again = version("copy:1", "Ridge", parameters={"alpha": 2.0})
    assert version_of({"name": "line", "title": "Ridge", "parameters": {"alpha": 2.0}}, [LINE, again]) is None


def test_a_composition_is_the_same_if_its_members_are() -> None:
    members = [{"name": "a", "title": "Ridge", "parameters": {"alpha": 2.0}, "weight": 1.0}]
    made = version("both:1", "Blend of a", parameters={"cv": 5}, members=members)
    assert (
        version_of({"name": "b", "title": "Blend", "parameters": {"cv": 5}, "members": members}, [made, LINE]) is made
    )
    assert version_of({"name": "b", "title": "Blend", "parameters": {"cv": 5}, "members": []}, [made]) is None


def test_of_what_nothing_is_known_nothing_is_the_same() -> None:
    assert version_of({"name": "odd", "title": "Odd"}, [version("odd:1", "Odd")]) is None
